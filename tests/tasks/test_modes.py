"""Whether numbers come from the forward or the reverse graph: by cost, said by `plan`, and the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from service.tasks.compute import compute
from service.tasks.messages import Declaration, Layout, Task

RNG = np.random.default_rng(5)
N = 60
STEPS = "h = c @ x\nh = h + tanh(A @ h)\nh = h + tanh(B @ h)\nh"  # sums keep the products of the reverse pass apart
AT = {"A": RNG.normal(size=(N, N)) / N, "B": RNG.normal(size=(N, N)) / N, "c": RNG.normal(size=(N, 2)), "x": np.ones(2)}


def ask(kind: Any, expression: str, wrt: tuple[str, ...], at: dict[str, Any] | None = None, **more: Any) -> Any:
    """The answer at a point, for variables of its shapes."""
    shapes = {name: Declaration(np.shape(value)) for name, value in AT.items()}
    return compute(Task(kind, expression, variables=shapes, at=AT if at is None else at, wrt=wrt, forms=(), **more))


def plan(expression: str, wrt: tuple[str, ...], **more: Any) -> Any:
    """What `plan` says of a Jacobian."""
    return ask("plan", expression, wrt, plan_kind="jacobian", **more).parts["plan"]


@pytest.mark.parametrize("layout", ["numerator", "denominator"])
@pytest.mark.parametrize("count", [None, 5])
def test_a_tall_jacobian(layout: Layout, count: int | None) -> None:
    """Two entries move many: the forward graph takes fewer operations, and its numbers are those of single products."""
    at = AT if count is None else {**AT, "x": RNG.normal(size=(count, 2))}
    said = plan(STEPS, ("x",), at=at)
    assert said["mode"] == "forward"
    assert "forward mode" in said["reason"]
    found = ask("jacobian", STEPS, ("x",), at, layout=layout).blocks[0].value
    columns = [ask("jvp", STEPS, ("x",), at, tangents={"x": unit}).blocks[0].value for unit in np.eye(2)]
    expected = np.stack(columns, axis=-1 if layout == "numerator" else -2)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


def test_a_wide_one() -> None:
    """A scalar, or what is no larger than the variable, is differentiated in reverse mode."""
    assert plan(f"{STEPS.replace('h = c @ x', 'h = A @ c[:, 0]')}[:3]", ("A",))["mode"] == "reverse"
    assert plan("sum(tanh(A @ c @ x))", ("A",))["mode"] == "reverse"


def test_estimates_are_of_what_is_computed() -> None:
    """The operations of the plan are fewer than those in reverse mode, which its reason names."""
    said = plan(STEPS, ("x",))
    reverse = int(said["reason"].split("are ")[1].split(" ")[0].replace(",", ""))
    assert said["operations"] < reverse
