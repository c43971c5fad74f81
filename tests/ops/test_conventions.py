"""Operations that carry a number convention equal their ordinary formula wherever that has a value."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import numpy as np
import pytest

from service.ir.leaves import variable
from service.ir.node import make
from service.ir.op import Op, operations
from service.ops.special import exprel_kernel
from tests.functions import run

RTOL = 1e-13
FORMULA = 1e-12  # the ordinary formula may cancel a digit
FORMULAS = [op for op in operations().values() if op.plain is not None]
ORDERS = {"order": (0, 1, 2), "n": (0, 1, 2), "count": (1, 2)}


def attributes_of(op: Op) -> list[dict[str, int]]:
    """The attributes to try: those of the kernel, by their names."""
    assert op.kernel is not None
    code = getattr(op.kernel, "__code__", None)
    names = [name for name in ORDERS if code and name in code.co_varnames[: code.co_argcount]]
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*(ORDERS[name] for name in names))]


CASES = [
    pytest.param(op, attributes, id=f"{op.name} {attributes or ''}")
    for op in FORMULAS for attributes in attributes_of(op)
    if not (op.name.startswith("power_") and attributes["order"] == 0)
]  # fmt: skip


def test_the_conventions_are_declared() -> None:
    """Every internal elementwise operation has an ordinary formula, or no closed form could show it."""
    internal = {op.name for op in operations().values() if op.internal and op.is_elementwise}
    assert internal
    assert internal <= {op.name for op in FORMULAS}


@pytest.mark.parametrize(("op", "attributes"), CASES)
def test_kernel_is_the_formula(op: Op, attributes: dict[str, int]) -> None:
    """At ordinary points, and so do the derivatives that follow from either."""
    points = np.random.default_rng(5).uniform(0.4, 1.6, (2, 3, 4))
    count = max(len(op.partials), 1)
    names, values = ["x", "y"][:count], {"x": points[0], "y": points[1]}
    inputs = tuple(variable(name, (3, 4)) for name in names)
    assert op.plain is not None
    formula = op.plain(*inputs, **attributes)
    assert formula is not None
    node = make(op, inputs, tuple(attributes.items()), formula.shape)
    kernel, wanted = run([node, formula], {name: values[name] for name in names})
    np.testing.assert_allclose(kernel, wanted, FORMULA)


@pytest.mark.parametrize("order", [0, 1, 2, 5, 9])
@pytest.mark.parametrize("x", [-800.0, -41.0, -39.5, -3.0, -1e-9, 0.0, 1e-12, 0.7, 39.5, 41.0, 600.0])
def test_exprel_to_many_digits(order: int, x: float) -> None:
    """Against the integral that defines it, on both sides of where the method changes."""
    with mpmath.workdps(50):
        wanted = mpmath.quad(lambda t: t**order * mpmath.exp(x * t), mpmath.linspace(0, 1, 40))
    value: Any = exprel_kernel(np.float64(x), order)
    assert float(value) == pytest.approx(float(wanted), rel=RTOL)
