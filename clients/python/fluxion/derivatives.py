"""Functions and their derivatives as callables that take and return arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fluxion.exchange import Array, Service, ask, connect

Shape = Sequence[int | str]
Names = str | tuple[str, ...]


@dataclass(frozen=True)
class Derivative:
    """What an endpoint of the service computes of a function, as a callable: `derivative(x)`.

    The arguments are arrays or numbers for the names in `wrt`, in their order; for products, what is multiplied follows
    them: a tangent for each name, or one cotangent. The other names of the expression have their `values`, which
    keyword arguments of a call replace. A variable with a shape in `shapes` may have one more leading axis, and then
    the result has it too.
    """

    kind: str
    expression: str
    wrt: Names
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    service: Service | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    with_value: bool = False

    def __call__(self, *arguments: Any, **values: Any) -> Any:
        """An array; for several names in `wrt` a tuple, of a Hessian the blocks by pairs of names.

        `with_value` puts it behind the function's value.

        Raises:
            ProblemError: the service refused the request; the error has its words.
            TypeError: too few or too many arguments.
            httpx.HTTPError: no service answered, or something between here and there did.
        """
        arrays = [np.asarray(argument, float) for argument in arguments]
        names = (self.wrt,) if isinstance(self.wrt, str) else self.wrt
        factors = arrays[len(names) :]
        if len(arrays) != len(names) + {"jvp": len(names), "hvp": len(names), "vjp": 1}.get(self.kind, 0):
            message = f"{self.kind} by {', '.join(names)} does not take {len(arrays)} arguments"
            raise TypeError(message)
        others = {name: np.asarray(value, float) for name, value in {**self.values, **values}.items()}
        at = {**others, **dict(zip(names, arrays, strict=False))}
        request = {"expression": self.expression, "wrt": names, "forms": [], **self._declared(at)}
        tensors = {"at": at, **self._multiplied(names, factors)}
        answer = ask(self.service or connect(), self.kind, request, tensors)
        found = self._result(answer)
        return (_plain(answer["value"]), found) if self.with_value else found

    def _declared(self, at: Mapping[str, Array]) -> dict[str, Any]:
        """The field `variables`: without it no variable has a batch, and with it all have to be there."""
        if not self.shapes:
            return {}
        shapes = {name: self.shapes.get(name, array.shape) for name, array in at.items()}
        return {"variables": {name: {"shape": list(shape)} for name, shape in shapes.items()}}

    def _multiplied(self, names: Sequence[str], factors: Sequence[Array]) -> dict[str, Any]:
        if self.kind == "vjp":
            return {"cotangent": factors[0]}
        return {"tangents": dict(zip(names, factors, strict=True))} if factors else {}

    def _result(self, answer: Mapping[str, Any]) -> Any:
        if self.kind == "evaluate":
            return _plain(answer["value"])
        blocks = {tuple(block["wrt"]): _plain(block["value"]) for block in answer["derivatives"]}
        if isinstance(self.wrt, str) or self.kind == "jvp":
            return next(iter(blocks.values()))
        return blocks if self.kind == "hessian" else tuple(blocks.values())


def _plain(array: Array) -> Any:
    """A number where there are no axes."""
    return array[()]


def evaluate(expression: str, wrt: Names = "x", **given: Any) -> Derivative:
    """The function itself: its value."""
    return _made("evaluate", expression, wrt, given)


def grad(expression: str, wrt: Names = "x", **given: Any) -> Derivative:
    """The gradient of a scalar: `jac` of `scipy.optimize.minimize`."""
    return _made("gradient", expression, wrt, given)


def value_and_grad(expression: str, wrt: Names = "x", **given: Any) -> Derivative:
    """The value of a scalar and its gradient, by one request: `fun` of `minimize` with `jac=True`."""
    return _made("gradient", expression, wrt, given, with_value=True)


def jacobian(expression: str, wrt: Names = "x", **given: Any) -> Derivative:
    """The derivative of an array: the axes of the function, then those of the variable."""
    return _made("jacobian", expression, wrt, given)


def hessian(expression: str, wrt: Names = "x", **given: Any) -> Derivative:
    """The second derivatives: `hess` of `minimize`."""
    return _made("hessian", expression, wrt, given)


def hvp(expression: str, wrt: Names = "x", **given: Any) -> Derivative:
    """The Hessian of a scalar times a vector, which is the second argument: `hessp` of `minimize`."""
    return _made("hvp", expression, wrt, given)


def jvp(expression: str, wrt: Names = "x", **given: Any) -> Derivative:
    """The Jacobian times a tangent, which is the second argument."""
    return _made("jvp", expression, wrt, given)


def vjp(expression: str, wrt: Names = "x", **given: Any) -> Derivative:
    """A cotangent, which is the second argument, times the Jacobian."""
    return _made("vjp", expression, wrt, given)


def _made(kind: str, expression: str, wrt: Names, given: dict[str, Any], *, with_value: bool = False) -> Derivative:
    """Of the keywords, `shapes` and `service` are fields; all others are values of variables."""
    shapes, service = given.pop("shapes", {}), given.pop("service", None)
    return Derivative(kind, expression, wrt, shapes, service, given, with_value)
