"""Derivatives from a Fluxion service, as functions of NumPy arrays.

>>> rosenbrock = "sum(100*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)"
>>> fluxion.grad(rosenbrock)(np.zeros(2))
array([-2.,  0.])

`expression` is the function in the service's language, and `wrt` the name, or a tuple of names, of its arguments. All
other names get their values as keywords. `shapes={"x": (2,)}` says that an array with one more axis is a batch of
points, and `service=connect("http://...")` which service is asked.
"""

from __future__ import annotations

from fluxion.derivatives import (
    Derivative,
    evaluate,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    value_and_grad,
    vjp,
)
from fluxion.exchange import AnswerWarning, ProblemError, connect

__all__ = [
    "AnswerWarning",
    "Derivative",
    "ProblemError",
    "connect",
    "evaluate",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "value_and_grad",
    "vjp",
]
