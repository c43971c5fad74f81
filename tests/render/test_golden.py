"""The closed forms of the well-known matrix derivatives: to the letter, and by value against JAX."""

from __future__ import annotations

import math
from typing import Any

import latex2mathml.converter
import numpy as np
import pytest

from service.ir.size import Shape, names
from service.tasks.compute import compute
from service.tasks.messages import Answer, Block, Declaration, Layout, Task
from tests import oracle
from tests.functions import Function, heavy, random_point
from tests.render.golden import GOLDEN, Row

SIZES = {"n": 3, "m": 2, "k": 2, "l": 3, "p": 2, "q": 3}
RTOL = 1e-10  # the gate against JAX in float64
REASSOCIATED = 1e-12  # the closed form multiplies in another order

each_row = pytest.mark.parametrize("row", GOLDEN, ids=lambda row: f"{row.text} {row.kind} {row.wrt}")
each_layout = pytest.mark.parametrize("layout", ["numerator", "denominator"])


def answer(row: Row, layout: Layout, **more: Any) -> Answer:
    """What the service says with sizes named."""
    declared = {
        name: Declaration(tuple(n if isinstance(n, int) else repr(n) for n in shape))
        for name, shape in row.shapes.items()
    }
    wrt = tuple(dict.fromkeys(row.wrt.split()))
    return compute(Task(row.kind, row.text, variables=declared, wrt=wrt, layout=layout, **more))  # type: ignore[arg-type]


def value_of(found: Block) -> Any:
    """The numbers of a block, which are there as a point was given."""
    assert found.value is not None
    return found.value


def block(row: Row, found: Answer) -> Block:
    """The block of the row."""
    return next(block for block in found.blocks if block.wrt == tuple(row.wrt.split()))


def concrete(row: Row) -> dict[str, tuple[int, ...]]:
    """The shapes with numbers for names."""
    return {name: tuple(SIZES[repr(n)] for n in shape) for name, shape in row.shapes.items()}


def point_of(row: Row) -> dict[str, Any]:
    """A point where everything exists: square matrices are far from singular."""
    return heavy(random_point(concrete(row), (-0.5, 0.9), seed=5))


def wanted(row: Row, layout: str) -> Any:
    """JAX's derivative in the layout."""
    function = Function(_with_numbers(row), concrete(row))
    value = np.asarray(oracle.derivative(function.user, point_of(row), *row.wrt.split()))
    rank = len(function.user.shape)
    return value if layout == "numerator" else value.transpose([*range(rank, value.ndim), *range(rank)])


def _with_numbers(row: Row) -> str:
    """The text where `eye(n)` has a number; the oracle knows no named sizes."""
    return row.text.replace("eye(n)", f"eye({SIZES['n']})")


@each_row
def test_to_the_letter(row: Row) -> None:
    """The text of both layouts, blanks included."""
    assert block(row, answer(row, "numerator")).forms["text"] == row.numerator
    assert block(row, answer(row, "denominator")).forms["text"] == (row.denominator or row.numerator)


@each_row
@each_layout
def test_numbers(row: Row, layout: Layout) -> None:
    """Named sizes settled by values give JAX's numbers."""
    found = block(row, answer(row, layout, at=point_of(row)))
    np.testing.assert_allclose(value_of(found), wanted(row, layout), RTOL, RTOL)


@each_row
@each_layout
def test_text_means_the_numbers(row: Row, layout: Layout) -> None:
    """The closed form, evaluated as a function of its own with the sizes settled by values, is the derivative."""
    first = block(row, answer(row, layout, at=point_of(row)))
    declared = {name: Declaration(tuple(map(repr, shape))) for name, shape in row.shapes.items()}
    task = Task("evaluate", first.forms["text"], variables=declared, at=point_of(row), forms=())
    value = (compute(task).values or ())[0]
    assert value.shape == np.shape(value_of(first))
    np.testing.assert_allclose(value, value_of(first), REASSOCIATED, REASSOCIATED)


@each_row
@each_layout
def test_numpy_means_the_numbers(row: Row, layout: Layout) -> None:
    """So does the NumPy form, run as pasted; it is our own output, so running it here is the test and no risk."""
    point = point_of(row)
    found = block(row, answer(row, layout, at=point, forms=("numpy",)))
    namespace: dict[str, Any] = {}
    exec(compile(found.forms["numpy"], "<form>", "exec"), namespace)  # noqa: S102 - the form is made to be run
    function = namespace[row.kind]
    arguments = function.__code__.co_varnames[: function.__code__.co_argcount]
    value = np.asarray(function(*(point[name] for name in arguments)), dtype=float)
    assert value.shape == np.shape(value_of(found))
    np.testing.assert_allclose(value, value_of(found), REASSOCIATED, REASSOCIATED)


@each_row
@each_layout
def test_latex_is_read(row: Row, layout: Layout) -> None:
    """Another program reads the LaTeX, and it names every size that the text names."""
    latex = block(row, answer(row, layout, forms=("latex",))).forms["latex"]
    assert "<math" in latex2mathml.converter.convert(latex)


def test_the_table_is_of_named_sizes() -> None:
    """Every closed form of the table holds for all sizes."""
    shapes: list[Shape] = [shape for row in GOLDEN for shape in row.shapes.values()]
    assert all(names(size) for shape in shapes for size in shape)
    assert math.prod(map(len, shapes)) > 0
