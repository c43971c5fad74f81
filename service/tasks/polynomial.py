"""The closed forms of a Taylor polynomial: with numbers in powers of (x - x0), multiplied out, or in the steps d_x."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from service.ir.coefficient import scale
from service.ir.contraction import contract
from service.ir.leaves import array, constant, variable
from service.ir.node import Node
from service.ir.size import Shape
from service.ir.total import total
from service.render.polynomial_form import sum_in_order
from service.rewrite.collect import collect
from service.tasks.closed_forms import nodes_of_text, written_forms
from service.tasks.function import content_of
from service.tasks.joined import Joined
from service.tasks.messages import Array, Form, Task
from service.tasks.remembered import remembered
from service.tasks.sharing import Entry, digests

Inputs = tuple[tuple[str, Shape], ...]
MOST_WRITTEN = 4096  # numbers in a polynomial that is written out


def forms_in_steps(terms: Sequence[Node], inputs: Mapping[str, Shape], task: Task) -> dict[str, Any]:
    """The sum of the terms, in the point's variables and the steps from it."""
    return _in_steps(tuple(terms), tuple(inputs.items()), task.forms, task.kind)


def _content(terms: Sequence[Node], inputs: Inputs, *asked: object) -> list[object]:
    return [digests(terms), content_of(dict(inputs)), *asked]


def _read(data: Any, _: object, __: object, forms: Sequence[Form], *___: object) -> dict[str, Any]:
    return {form: data[form] for form in forms}


_SHARED = Entry("polynomial", _content, lambda written, *_: written, _read)


@remembered(lambda forms: nodes_of_text([forms]), shared=_SHARED)
def _in_steps(terms: tuple[Node, ...], inputs: Inputs, forms: tuple[Form, ...], name: str) -> dict[str, Any]:
    readable = [collect([term])[0] for term in terms]
    shapes = dict(inputs)
    return written_forms(sum_in_order(readable, list(shapes)), shapes, forms, name)


def forms_about(
    centre: Mapping[str, Array], tensors: Sequence[Array], inputs: Mapping[str, Shape], task: Task
) -> dict[str, Any] | None:
    """In powers of the distance from the centre, from D^k f with the output's axes first.

    None where numbers are missing, or are too many to be written.
    """
    if sum(tensor.size for tensor in tensors) > MOST_WRITTEN or not all(
        np.isfinite(tensor).all() for tensor in tensors
    ):
        return None
    return _written(polynomial(centre, tensors), inputs, task)


def expanded_forms(
    centre: Mapping[str, Array], tensors: Sequence[Array], inputs: Mapping[str, Shape], task: Task
) -> dict[str, Any]:
    """In powers of the one scalar variable; {} where there is another, or a coefficient is too large."""
    ((name, x0), *others) = centre.items()
    if others or x0.shape:
        return {}
    rows = np.stack([tensor.ravel() for tensor in tensors], axis=1)
    try:
        shifted = [about_zero([float(value) for value in row], float(x0)) for row in rows]
    except OverflowError:
        return {}
    moved = np.array(shifted).T.reshape(len(tensors), *tensors[0].shape)
    return _written(polynomial({name: np.zeros(())}, list(moved)), inputs, task)


def about_zero(derivatives: Sequence[float], x0: float) -> list[float]:
    """The derivatives at 0 of the polynomial that has these at x0, each the nearest float64 to the exact number.

    Raises OverflowError where one is too large.
    """
    exact = [Fraction(value) for value in derivatives]
    step = -Fraction(x0)
    return [
        float(sum(value * step**k / math.factorial(k) for k, value in enumerate(exact[order:])))
        for order in range(len(exact))
    ]


def polynomial(centre: Mapping[str, Array], tensors: Sequence[Array]) -> list[Node]:
    """The terms by rising degree, one for each choice of variables: kernel graphs of the output's shape."""
    whole = Joined({name: value.shape for name, value in centre.items()})
    rank = tensors[0].ndim
    output = tensors[0].shape
    distances = {name: _distance(name, value) for name, value in centre.items()}
    terms = []
    for order, tensor in enumerate(tensors):
        flat = tensor.reshape(output + (whole.size,) * order)
        for names in combinations_with_replacement(centre, order):
            places: tuple[Any, ...] = (..., *(whole.places[name] for name in names))
            block = flat[places]
            block = block.reshape(output + tuple(size for name in names for size in whole.shapes[name]))
            if not block.any():
                continue
            share = math.prod(math.factorial(count) for count in Counter(names).values())
            labels = [[(place, axis) for axis in range(len(whole.shapes[name]))] for place, name in enumerate(names)]
            factors = [(distances[name], own) for name, own in zip(names, labels, strict=True)]
            terms.append(_weighted(block / share, rank, factors))
    return terms or [constant(0.0, output)]


def _weighted(block: Array, rank: int, factors: Sequence[tuple[Node, Sequence[Any]]]) -> Node:
    """The block contracted with the distances."""
    if not block.shape:
        return contract(factors, (), coefficient=float(block))
    labels = [*range(rank), *(label for _, own in factors for label in own)]
    node = array(np.ascontiguousarray(block, dtype=float).tobytes(), block.shape)
    return contract([(node, labels), *factors], range(rank), dict(enumerate(block.shape[:rank])))


def _distance(name: str, x0: Array) -> Node:
    """The difference x - x0, or x where x0 is 0."""
    x = variable(name, x0.shape)
    if not x0.any():
        return x
    known = array(np.ascontiguousarray(x0, dtype=float).tobytes(), x0.shape) if x0.shape else constant(float(x0))
    return total([x, scale(known, -1.0)], x0.shape)


def _written(terms: Sequence[Node], inputs: Mapping[str, Shape], task: Task) -> dict[str, Any]:
    return written_forms(sum_in_order(terms, list(inputs)), inputs, task.forms, task.kind) if task.forms else {}
