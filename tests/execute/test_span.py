"""Numbers whose formula overflows or vanishes on the way: right, or with a warning, never silently wrong."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from service.execute import span
from service.execute.program import compile_program
from service.execute.quiet import Flags
from service.ir.leaves import variable
from service.tasks.compute import compute
from service.tasks.messages import Declaration, Task
from tests.tasks.asking import ask

L = 1e200
SUM, DIFFERENCE = "(exp(x) + exp(-x))", "(exp(x) - exp(-x))"
wide = pytest.mark.skipif(not span.HAS_WIDE, reason="this machine has no wider format than doubles")

RIGHT: list[tuple[str, dict[str, Any], Any]] = [
    (f"{DIFFERENCE}/{SUM}", {"x": 400.0}, 0.0),
    (f"exp(x)/{SUM}", {"x": 400.0}, 0.0),
    ("x[0]/norm(x)", {"x": [L, L]}, [np.sqrt(0.125) / L, -np.sqrt(0.125) / L]),
    ("x[0]/norm(x)", {"x": [1 / L, 1 / L]}, [np.sqrt(0.125) * L, -np.sqrt(0.125) * L]),
    ("x[0]/sum(x)", {"x": [L, L]}, [0.25 / L, -0.25 / L]),
    ("std(x)/mean(x)", {"x": [L, 2 * L]}, [-4 / 9 / L, 2 / 9 / L]),
    ("1/cosh(x)", {"x": 500.0}, -2 * np.exp(-500)),
    ("sqrt(x**2 + 1)", {"x": L}, 1.0),
    ("sqrt(x*x + 1)", {"x": -L}, -1.0),
    ("log(x + sqrt(x**2 + 1))", {"x": L}, 1 / L),
    ("log(prod(x))", {"x": [L, 2 * L]}, [1 / L, 0.5 / L]),
    ("prod(x)", {"x": [L, L, 1 / L, 1 / L]}, [1 / L, 1 / L, L, L]),
    ("log(cosh(x))", {"x": 800.0}, 1.0),
    ("exp(x)[0]/sum(exp(x))", {"x": [1000.0, 1000.0]}, [0.25, -0.25]),
]


@wide
@pytest.mark.parametrize(("expression", "at", "gradient"), RIGHT, ids=[f"{case[0]} at {case[1]}" for case in RIGHT])
def test_right_beyond_the_range_of_doubles(expression: str, at: dict[str, Any], gradient: Any) -> None:
    """What is finite is found, and nothing is to be said of it."""
    answer = ask("gradient", expression, at=at)
    (found,) = [block.value for block in answer.blocks]
    assert found is not None
    np.testing.assert_allclose(found, gradient, rtol=1e-13, atol=1e-18 if "exp" in expression else 0)
    assert not answer.warnings


@wide
def test_a_point_of_a_batch_is_as_alone() -> None:
    """What overflows at one point changes no digit at another."""
    points = [0.3, 1.7, L]
    batch = ask("gradient", "sqrt(x**2 + 0.1)", {"x": ()}, at={"x": points}).blocks[0].value
    alone = [ask("gradient", "sqrt(x**2 + 0.1)", at={"x": x}).blocks[0].value for x in points]
    np.testing.assert_array_equal(batch, alone)


LOST = [
    ("1/(2 + exp(x))", {"x": 20000.0}, "evaluate"),
    ("log(x + sqrt(x**2 + 1))", {"x": -L}, "gradient"),
]


@pytest.mark.parametrize(("expression", "at", "kind"), LOST, ids=[case[0] for case in LOST])
def test_warned_where_no_format_is_wide_enough(expression: str, at: dict[str, Any], kind: Any) -> None:
    """A finite number that rests on what overflowed says so."""
    answer = ask(kind, expression, at=at)
    found = answer.blocks[0].value if answer.blocks else answer.values[0]  # type: ignore[index]
    where = "/derivatives/0/value" if answer.blocks else "/value"
    if found is not None and np.isfinite(found).all():
        assert "overflow" in {notice.code for notice in answer.warnings if notice.where == where}


@pytest.mark.parametrize("expression", ["x*sqrt(x**2 + 1)/(x**2 + 3)", f"{DIFFERENCE}/{SUM}"])
def test_warned_without_a_wider_format(expression: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that has only doubles, what rests on an overflow says so."""
    monkeypatch.setattr(span, "HAS_WIDE", False)
    answer = ask("gradient", expression, at={"x": 400.0 if "exp" in expression else L})
    found = answer.blocks[0].value
    assert found is not None
    codes = {notice.code for notice in answer.warnings if notice.where == "/derivatives/0/value"}
    assert codes == {"overflow"}


QUIET = [
    ("exp(-x**2)", {"x": 40.0}),
    ("exp(-x**2)", {"x": L}),
    ("tanh(x)", {"x": 20000.0}),
    ("sigmoid(x)*softplus(x)", {"x": -1000.0}),
    ("arctan(x**2)", {"x": L}),
    ("erf(x**2)", {"x": L}),
]


@pytest.mark.parametrize("formats", [1, 2])
@pytest.mark.parametrize(("expression", "at"), QUIET, ids=[f"{case[0]} at {case[1]}" for case in QUIET])
def test_nothing_is_said_where_a_limit_is_reached(
    expression: str, at: dict[str, Any], formats: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exponential that vanishes and a function that levels off have lost nothing."""
    monkeypatch.setattr(span, "HAS_WIDE", formats > 1 and span.HAS_WIDE)
    answer = ask("evaluate", expression, at=at)
    assert not answer.warnings


@wide
def test_what_cancels_stays_what_it_was() -> None:
    """The derivative of tanh(x)/x is -inf in doubles near 0 and noise in any other format: it keeps its warning."""
    answer = ask("gradient", "tanh(x)/x", at={"x": 1e-300})
    found = answer.blocks[0].value
    assert found is not None
    assert not np.isfinite(found)
    assert [notice.code for notice in answer.warnings] == ["overflow"]


def test_generated_code_tells_what_vanishes() -> None:
    """A program that is used often is other code: it gives the same numbers, and says what has vanished and divides."""
    x, y = variable("x", ()), variable("y", ())
    program = compile_program([x * y, 1 / y])
    for _ in range(6):
        results, _ = span.run_within_range(program, {"x": np.array(1e-200), "y": np.array(1e-200)}, 1)
        flags = Flags()
        program.run({"x": np.array(1e-200), "y": np.array(1e-200)}, flags=flags)
        assert (results[0], flags.vanished, flags.overflowed) == (0.0, True, False)


VANISHING: list[tuple[str, dict[str, float], float]] = [
    ("x**2*1e300*1e300", {"x": 1e-170}, 1e260),
    ("arctan2(x**2, y**2)", {"x": 1e-170, "y": 2e-170}, math.atan2(1, 4)),
    ("x*y*z", {"x": 1e-200, "y": 1e-200, "z": 1e300}, 1e-100),
    ("(x*y)**0.25", {"x": 1e-200, "y": 1e-200}, 1e-100),
    ("sqrt(x**2 + y**2)", {"x": 3e-162, "y": 4e-162}, 5e-162),
    ("sign(x*y)", {"x": 1e-200, "y": 1e-200}, 1.0),
]


@pytest.mark.parametrize(("expression", "at", "expected"), VANISHING, ids=[case[0] for case in VANISHING])
def test_what_vanishes_is_right_at_every_use(expression: str, at: dict[str, float], expected: float) -> None:
    """Roots and large factors bring back what has vanished: generated code leaves these to what can."""
    point = {name: np.asarray(value) for name, value in at.items()}
    for _ in range(5):
        (found,) = compute(Task("evaluate", expression, at=point)).values or ()
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize(("size", "weight"), [(1e-200, 1e300), (1e200, 1e-300)])
def test_squares_that_leave_the_range(size: float, weight: float) -> None:
    """Products of columns formed once for a batch are as wide as the run."""
    at = {"X": np.full((70, 12), size), "s": np.full((20, 70), weight)}
    shapes = {"X": Declaration((70, 12)), "s": Declaration((70,))}
    answer = compute(Task("evaluate", "X.T @ diag(s) @ X", variables=shapes, at=at))
    np.testing.assert_allclose((answer.values or ())[0], 70 * size * weight * size, rtol=1e-12)


def test_threads_tell_what_overflows() -> None:
    """Flags that another thread's block of a batch raises are seen."""
    x = variable("x", ())
    program = compile_program([x * x], frozenset({"x"}))
    for place in (0, -1):
        points, flags = np.ones(4_000_000), Flags()
        points[place] = L
        program.run({"x": points}, threads=2, flags=flags)
        assert flags.overflowed
