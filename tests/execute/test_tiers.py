"""One program, several ways to run it: the same numbers, bit for bit, whichever way is taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import service.ops  # the operations register themselves
from service.diff.reverse import jacobian
from service.execute import blocks
from service.execute.program import MANY, Program, compile_program
from service.execute.routine import USES_BEFORE_COMPILING
from service.execute.scalars import agreeing
from service.ir.leaves import variable
from service.ir.node import Node
from service.ir.op import lowered
from service.rewrite.simplify import simplify
from tests.diff.random_programs import draw
from tests.functions import Function

X, Y, V, W, A, S = (
    variable(name, shape) for name, shape in {"x": (), "y": (), "v": (5,), "w": (5,), "A": (5, 5), "S": (30, 5)}.items()
)
__all__ = ["service"]

RNG = np.random.default_rng(11)
COUNT = 20_001  # neither one block, nor whole ones


def scalar_graph() -> list[Node]:
    """A value and both derivatives of a function of two numbers with most of what is elementwise."""
    inner = lowered("sin", X * Y) + lowered("exp", -(X**2)) + lowered("tanh", X - Y) + lowered("sqrt", 1 + Y**2)
    value = inner * lowered("cos", X) / (2 + lowered("sigmoid", Y)) + lowered("log", 1 + X**2) ** 3
    return [value, *simplify(jacobian(value, [X, Y]))]


def vector_graph() -> list[Node]:
    """Products that share a matrix over the batch, sums, and functions of entries."""
    product = lowered("matmul", A, V)
    value = lowered("sum", lowered("softplus", product * W)) + lowered("sum", lowered("matmul", S, V) ** 2)
    return [value, *simplify(jacobian(value, [V]))]


def points(*names: str, count: int) -> dict[str, Any]:
    """Random values with a batch axis."""
    return {name: RNG.uniform(-2, 2, (count, *(() if name in {"x", "y"} else (5,)))) for name in names}


def bits(arrays: list[Any]) -> list[bytes]:
    """What must be equal."""
    return [np.ascontiguousarray(array).tobytes() for array in arrays]


def one_by_one(program: Program, values: Mapping[str, Any]) -> list[Any]:
    """Every step on the whole batch at once, as NumPy computes it when nothing is cut, written into or compiled."""
    registers: dict[int, Any] = dict(program.listing.constants)
    registers |= {k: values[name] for name, k in program.inputs.items()}
    with np.errstate(all="ignore"):
        for step in program.steps:
            registers[step.target] = step.run(*(registers[k] for k in step.sources))
    return [np.asarray(registers[k], dtype=float) for k in program.outputs]


@pytest.mark.parametrize("count", [1, 2, 150, 999, COUNT])
def test_interpreted_and_compiled(count: int) -> None:
    """The first use, later ones, and plain NumPy agree for one point, for few, and for several blocks."""
    program, values = compile_program(scalar_graph(), frozenset("xy")), points("x", "y", count=count)
    expected = bits(one_by_one(program, values))
    for _ in range(USES_BEFORE_COMPILING + 3):
        assert bits(program.run(values)) == expected


def test_a_point_without_a_batch() -> None:
    """Numbers alone: arrays first, then code on Python's floats."""
    program = compile_program(scalar_graph())
    values = {"x": np.array(0.3), "y": np.array(-1.7)}
    expected = bits(one_by_one(program, values))
    for _ in range(USES_BEFORE_COMPILING + 3):
        found = program.run(values)
        assert bits(found) == expected
        assert [array.shape for array in found] == [(), (), ()]


def test_each_point_is_what_it_is_alone() -> None:
    """A point has the same numbers in a batch of any length."""
    program, values = compile_program(scalar_graph(), frozenset("xy")), points("x", "y", count=COUNT)
    whole = program.run(values)
    for place in (0, 1, program.rows - 1, program.rows, COUNT - 1):
        part = slice(place, place + 1)
        assert bits(program.run({name: array[part] for name, array in values.items()})) == bits(
            [a[part] for a in whole]
        )


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_threads(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks depend on the batch alone, so that it does not matter who computes them."""
    monkeypatch.setattr("service.execute.program.LEAST_THREADED", 1)
    program, values = compile_program(vector_graph(), frozenset({"v"}), count=MANY), points("v", count=COUNT)
    values |= {"w": RNG.normal(size=5), "A": RNG.normal(size=(5, 5)), "S": RNG.normal(size=(30, 5))}
    expected = bits(program.run(values))
    for _ in range(4):
        assert bits(program.run(values, threads=threads)) == expected


def test_a_watch_sees_every_block() -> None:
    """With its arguments as they were, and the same results."""
    program, values = compile_program(scalar_graph(), frozenset("xy")), points("x", "y", count=COUNT)
    seen: list[int] = []

    def watch(step: Any, arguments: Any, result: Any) -> None:
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(step.run(*arguments), result)
        seen.append(step.target)

    assert bits(program.run(values, watch)) == bits(program.run(values))
    assert len(seen) == len(program.steps) * -(-COUNT // program.rows)


def test_results_are_their_own() -> None:
    """What a run returns is not written to by the next one, though memory is used again in between."""
    program, values = compile_program(scalar_graph(), frozenset("xy")), points("x", "y", count=COUNT)
    first = program.run(values)
    kept = bits(first)
    program.run(points("x", "y", count=COUNT))
    assert bits(first) == kept
    assert blocks._SPARES


def test_python_and_numpy_agree_where_they_are_said_to() -> None:
    """The functions of `math` that stand for NumPy's give its bits at points that the choice was not made by."""
    for ufunc, function in agreeing().items():
        x = np.abs(RNG.normal(scale=30, size=5000)) + 1e-3
        assert ufunc(x).tobytes() == np.array([function(float(value)) for value in x]).tobytes()


@given(st.integers(0, 2**32 - 1))
def test_random_programs(seed: int) -> None:
    """Repeated runs of random programs, whatever operations they have, give one answer."""
    drawn = draw(seed)
    function = Function(drawn.text, {name: np.shape(value) for name, value in drawn.point.items()})
    program = compile_program([function.kernel])
    values = {name: np.asarray(value, dtype=float) for name, value in drawn.point.items()}
    runs = [bits(program.run(values)) for _ in range(USES_BEFORE_COMPILING + 2)]
    assert runs.count(runs[0]) == len(runs)


def test_blocks_bound_memory() -> None:
    """A batch with large results on the way is computed a few points at a time."""
    outer = lowered("outer", V, V)
    large = lowered("sum", lowered("exp", lowered("outer", lowered("reshape", outer, shape=(25,)), V)))
    wide = compile_program([lowered("sum", lowered("inv", lowered("outer", V, V) + A))], frozenset({"v"}))
    assert compile_program([large], frozenset({"v"})).rows == blocks.BLOCK_ENTRIES // 125
    assert wide.rows <= blocks.BLOCK_ENTRIES // 25
