"""Random kernel terms beside their value as a dense array, which is worked out by NumPy alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from service.execute.program import compile_program
from service.ir.contraction import contract
from service.ir.leaves import VARIABLE, constant, delta, selector, unit, variable
from service.ir.node import Node
from service.ir.power import raise_to
from service.ir.reshaping import reshape
from service.ir.total import total
from service.ir.walk import topological
from service.ops.elementwise import entrywise

Array = Any
LABELS = "abcdefg"
SIZES = st.sampled_from([1, 2, 2, 3, 3])
EXPONENTS = (2.0, -1.0, 0.5, -2.0, 1.5)


@dataclass(frozen=True)
class Term:
    """A kernel node and the dense array that it must evaluate to."""

    node: Node
    dense: Array


def values_of(name: str, shape: tuple[int, ...]) -> Array:
    """The fixed value of a variable: positive, so that every power of it exists."""
    seed = sum(ord(letter) * 31**k for k, letter in enumerate(name + repr(shape)))
    return np.random.default_rng(seed % 2**32).uniform(0.5, 2.0, shape)


def evaluate(node: Node) -> Array:
    """What the engine makes of a kernel term."""
    values = {
        leaf.attributes: values_of(leaf.attributes, tuple(n for n in leaf.shape if isinstance(n, int)))
        for leaf in topological([node])
        if leaf.op is VARIABLE
    }
    return compile_program([node]).run(values)[0]


def given(name: str, shape: tuple[int, ...]) -> Term:
    """A variable, its name made unique by its shape."""
    name = f"{name}{'x'.join(map(str, shape))}_"
    return Term(variable(name, shape), values_of(name, shape))


def dense_selector(size: int, count: int, start: int, step: int) -> Array:
    """The 0/1 matrix whose column k is 1 at start + k*step."""
    result = np.zeros((size, count))
    for k in range(count):
        result[start + k * step, k] = 1.0
    return result


@st.composite
def leaves(draw: st.DrawFn, shape: tuple[int, ...]) -> Term:
    """A leaf of this shape: a variable or a power of one, a number, a delta, a unit, a selector."""
    kinds = ["variable", "variable", "power", "number"]
    kinds += ["unit", "unit"] if len(shape) == 1 and shape[0] else []
    if len(shape) == 2:
        kinds += ["selector", "selector"] * (0 < shape[1] <= shape[0])
        kinds += ["delta", "delta"] * (shape[0] == shape[1])
    kind = draw(st.sampled_from(kinds))
    if kind == "unit":
        place = draw(st.integers(0, shape[0] - 1))
        return Term(unit(shape[0], place), np.eye(shape[0])[place])
    if kind == "delta":
        return Term(delta(shape[0]), np.eye(shape[0]))
    if kind == "selector":
        size, count = shape
        reach = (size - 1) // (count - 1) if count > 1 else 2
        step = draw(st.sampled_from([k for k in range(-reach, reach + 1) if k]))
        span = (count - 1) * step
        start = draw(st.integers(max(0, -span), size - 1 - max(0, span)))
        return Term(selector(size, count, start, step), dense_selector(size, count, start, step))
    if kind == "number":
        number = draw(st.sampled_from([0.0, 1.0, -1.0, 2.0, 0.5]))
        return Term(constant(number, shape), np.full(shape, number))
    term = given(draw(st.sampled_from("PQ")), shape)
    if kind == "variable":
        return term
    exponent = draw(st.sampled_from(EXPONENTS))
    return Term(raise_to(term.node, exponent), term.dense**exponent)


def product(
    factors: Sequence[tuple[Term, str]], out: str, sizes: dict[str, int], coefficient: float
) -> tuple[Node, Array]:
    """The engine's contraction, and the same sum by `np.einsum` over dense arrays."""
    node = contract([(term.node, labels) for term, labels in factors], out, sizes, coefficient)
    operands: list[Any] = [np.float64(coefficient), []]
    for term, labels in factors:
        operands += [term.dense, [LABELS.index(label) for label in labels]]
    for label, size in sizes.items():  # one that no factor shows is summed all the same, or is a broadcast axis
        operands += [np.ones(size), [LABELS.index(label)]]
    free: list[int] = []
    for place, label in enumerate(out):
        number = LABELS.index(label)
        if number in free:  # einsum has each output label once: a repeated one is tied to a new one by an identity
            twin = len(LABELS) + place
            operands += [np.eye(sizes[label]), [number, twin]]
            number = twin
        free.append(number)
    return node, np.einsum(*operands, free, optimize=True)


@st.composite
def products(draw: st.DrawFn, pool: Sequence[Term] = (), sizes: st.SearchStrategy[int] = SIZES) -> Term:
    """A contraction of leaves, and of terms of the pool, under random labels."""
    lengths = {label: draw(sizes) for label in LABELS}
    factors: list[tuple[Term, str]] = []
    for _ in range(draw(st.integers(1, 4))):
        if pool and draw(st.sampled_from([True, False])):
            term = draw(st.sampled_from(pool))
            choices = [[label for label in LABELS if lengths[label] == n] for n in term.dense.shape]
            if all(choices):
                factors.append((term, "".join(draw(st.sampled_from(choice)) for choice in choices)))
                continue
        labels = "".join(draw(st.lists(st.sampled_from(LABELS), max_size=3)))
        factors.append((draw(leaves(tuple(lengths[label] for label in labels))), labels))
    out = "".join(draw(st.lists(st.sampled_from(LABELS), max_size=3)))
    coefficient = draw(st.sampled_from([1.0, 1.0, -2.0, 0.5]))
    shown = {label for _, labels in factors for label in labels} | set(out)
    unseen = draw(st.sets(st.sampled_from(LABELS), max_size=2))
    known = {label: n for label, n in lengths.items() if label in shown | unseen}
    return Term(*product(factors, out, known, coefficient))


@st.composite
def reshaped(draw: st.DrawFn, term: Term) -> Term:
    """The term under another shape of as many entries."""
    count, shape = term.dense.size, list[int]()
    for _ in range(draw(st.integers(0, 3))):
        size = draw(st.sampled_from([k for k in range(1, count + 1) if count % k == 0] or [0]))
        shape.append(size)
        count = count // size if size else 0
    shape.append(count)
    return Term(reshape(term.node, tuple(shape)), term.dense.reshape(shape))


@st.composite
def terms(draw: st.DrawFn, steps: int = 4) -> Term:
    """A graph of products, sums, reshapes and entrywise functions."""
    pool = [draw(products())]
    for _ in range(draw(st.integers(0, steps))):
        kind = draw(st.sampled_from(["product", "product", "sum", "reshape", "arctan"]))
        last = pool[-1]
        if kind == "product":
            pool.append(draw(products(pool)))
        elif kind == "sum":
            other = next((term for term in pool[:-1] if term.dense.shape == last.dense.shape), None)
            other = other or draw(leaves(last.dense.shape))
            pool.append(Term(total([last.node, other.node], last.node.shape), last.dense + other.dense))
        elif kind == "reshape":
            pool.append(draw(reshaped(last)))
        else:
            pool.append(Term(entrywise("arctan", last.node), np.arctan(last.dense)))
    return pool[-1]
