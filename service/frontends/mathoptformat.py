"""MathOptFormat, as JuMP and MathOptInterface write it: a model, or one of its functions, into a JSON graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from service.errors import InvalidRequestError, ShapeError, UnknownNameError, UnsupportedOperationError, quote
from service.frontends.assembling import plain_name
from service.frontends.bounds import NODES, Limits, check_count, is_integer
from service.frontends.fields import Fields, as_list
from service.frontends.mathoptformat_functions import DESCRIBED, Function

__all__ = ["read_mathoptformat"]

MAJOR = 1
MODEL = Fields(
    "a model",
    required=("version", "variables", "objective"),
    optional=("constraints", "name", "author", "description", "has_scalar_nonlinear"),
)
OBJECTIVE = Fields("an objective", required=("sense",), optional=("function", *DESCRIBED))


def read_mathoptformat(
    content: Any,
    limits: Limits,
    shapes: Mapping[str, Sequence[int | str]] | None = None,
    pointer: str = "/model/content",
) -> dict[str, Any]:
    """The graph format's object for a decoded document: the objective of a model, or a function on its own.

    Variables are scalars, and so must their `shapes` say. All of a model's are inputs, in order; of a function, those
    in `shapes`, or without any those that it uses, in order of use. A vector function is one output with an axis.
    Refused is what is not exactly expressible, with the node's number or place.
    """
    if not isinstance(content, Mapping):
        message = "a MathOptFormat document is an object: a model, or a function with a type"
        raise InvalidRequestError(message, pointer=pointer)
    _check_scalars(shapes or {})
    if "type" in content and "objective" not in content:
        given = [(name, f"/variables/{name}") for name in shapes] if shapes else None
        reading = Function(limits, given, by_client=True)
        return reading.assembly.graph([reading.function(content, pointer)])
    variables = _variables(content, limits, pointer)
    reading = Function(limits, variables)
    known = {plain_name(name) for name, _ in variables}
    for name in shapes or {}:
        if name not in known:
            message = f"{quote(name)} is no variable of the model"
            raise UnknownNameError(message, pointer=f"/variables/{name}")
    function = _objective(content, pointer)
    return reading.assembly.graph([reading.function(function, f"{pointer}/objective/function")])


def _check_scalars(shapes: Mapping[str, Sequence[int | str]]) -> None:
    for name, shape in shapes.items():
        if shape:
            message = f"variables of MathOptFormat are scalars, and {quote(name)} is declared with axes"
            raise ShapeError(message, pointer=f"/variables/{name}/shape")


def _objective(content: Mapping[str, Any], pointer: str) -> Any:
    objective = OBJECTIVE.read(content["objective"], f"{pointer}/objective")
    if objective["sense"] not in ("min", "max"):
        message = "the model has no objective: a constraint's function can be sent on its own"
        raise UnsupportedOperationError(message, pointer=f"{pointer}/objective/sense")
    if "function" not in objective:
        message = "the objective needs the field 'function'"
        raise InvalidRequestError(message, pointer=f"{pointer}/objective/function")
    return objective["function"]


def _variables(content: Mapping[str, Any], limits: Limits, pointer: str) -> list[tuple[str, str]]:
    """The names of a model's variables, with where they stand."""
    fields = MODEL.read(content, pointer)
    version = fields["version"]
    major = version.get("major") if isinstance(version, Mapping) else None
    if not is_integer(major) or major != MAJOR:
        message = f"the version of a model is an object, whose 'major' is {MAJOR}"
        raise InvalidRequestError(message, pointer=f"{pointer}/version")
    listed = as_list(fields["variables"], f"{pointer}/variables")
    check_count(NODES, len(listed), limits.nodes, pointer=f"{pointer}/variables")
    what = Fields("a variable", ("name",), ("primal_start",))
    places = [f"{pointer}/variables/{place}" for place in range(len(listed))]
    return [
        (_text(what.read(item, at)["name"], f"{at}/name"), f"{at}/name")
        for item, at in zip(listed, places, strict=True)
    ]


def _text(value: Any, pointer: str) -> str:
    if not isinstance(value, str):
        message = "a name is a text"
        raise InvalidRequestError(message, pointer=pointer)
    return value
