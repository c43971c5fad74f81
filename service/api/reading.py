"""From the plain objects of a JSON body to a task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pydantic import ValidationError

from service.api.graphs import Graph, called
from service.api.problems import Fault, FaultyRequestError, pointer
from service.api.requests import FunctionRequest
from service.api.schemas import refusal
from service.api.sources import FUNCTIONS, source
from service.api.tensors import NAMED, SIZE_CAP, decode
from service.errors import InvalidRequestError, LimitError, quote
from service.tasks.messages import Array, Declaration, Kind, Limits, Task


def _values(at: Mapping[str, Any], place: str, limits: Limits) -> dict[str, Array]:
    return {name: decode(value, f"{place}{pointer(name)}", limits) for name, value in at.items()}


def _plain(value: Any, *_: object) -> Any:
    return value


def _tuple(value: Any, *_: object) -> tuple[Any, ...]:
    return tuple(value)


def _number(value: Any, *_: object) -> float:
    return float(value)


def _program(value: str, at: str, limits: Limits) -> str:
    size = len(value.encode("utf-8", "surrogatepass"))
    if size > limits.expression_bytes:
        raise LimitError(limit="expression_bytes", value=size, cap=limits.expression_bytes, pointer=at)
    return value


# How fields are read, from the value and its pointer. One that was not sent is the task's default.
FIELDS: Mapping[str, Callable[[Any, str, Limits], Any]] = {
    "expression": _program,
    "syntax": _plain,
    "function_id": _plain,
    "wrt": _tuple,
    "layout": _plain,
    "forms": _tuple,
    "structure": _plain,
    "verify": _plain,
    "nonsmooth": _plain,
    "kind": _plain,
    "sizes": _plain,
    "order": _plain,
    "evaluate_at": _values,
    "derivatives": _plain,
    "scheme": _plain,
    "step": _number,
    "tolerance": _number,
    "candidate": _program,
    "step_size": _number,
    "mode": _plain,
    "tangents": _values,
    "cotangent": decode,
}
CALLED = {"kind": "plan_kind"}  # by the task, where it has another name


def read(body: Any, kind: Kind, model: type[FunctionRequest], limits: Limits) -> Task:
    """The task of a request body that has the fields of `model`.

    Raises:
        FaultyRequestError: fields are missing, unknown or wrong.
        InvalidRequestError: a tensor is not one.
        LimitError: over a bound that can be seen without computing.
        MissingFunctionError: this process does not know the registered function.
        FluxionError: what the reader of a foreign format raises.
    """
    if not isinstance(body, dict):
        detail = "the body is a JSON object"
        raise InvalidRequestError(detail, pointer="")
    _check_lengths(body, limits)
    request = _validated(body, model)
    _check_one_function(body, model)
    _check_bounds(request, limits)
    given = {
        CALLED.get(field, field): convert(body[field], pointer(field), limits)
        for field, convert in FIELDS.items()
        if field in body
    }
    found = source(body, limits)
    if "at" in body:
        given["at"] = _values({**found.values, **body["at"]}, pointer("at"), limits)
    declared = _declarations(request) if "variables" in body else None
    return Task(kind=kind, graph=found.graph, graph_at=found.pointer, variables=declared, limits=limits, **given)


def _check_lengths(body: dict[str, Any], limits: Limits) -> None:
    """No list or object of names is so long that finding fault with each entry would be work."""
    graph = body.get("graph")
    counted: list[tuple[tuple[str, ...], Any]] = [
        ((field,), body.get(field)) for field in ("variables", "wrt", "forms", "parameters", *NAMED)
    ]
    if isinstance(graph, dict):
        counted += [(("graph", field), graph.get(field)) for field in Graph.model_fields]
    for path, entries in counted:
        if isinstance(entries, dict | list) and len(entries) > limits.nodes:
            raise LimitError(limit="nodes", value=len(entries), cap=limits.nodes, pointer=pointer(*path))


def _validated(body: dict[str, Any], model: type[FunctionRequest]) -> FunctionRequest:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise refusal(error, partial(called, body)) from None


def _check_one_function(body: Mapping[str, Any], model: type[FunctionRequest]) -> None:
    sent = [field for field in FUNCTIONS if field in body]
    if len(sent) != 1:
        found = " and ".join(sent) if sent else "none"
        wanted = ", ".join(field for field in FUNCTIONS if field in model.model_fields)
        detail = f"exactly one of {wanted} is needed; {found} was sent"
        faults = [Fault(pointer(field), detail) for field in sent] or [Fault("", detail)]
        raise FaultyRequestError(detail, faults=faults)


def _check_bounds(request: FunctionRequest, limits: Limits) -> None:
    sent = request.model_fields_set
    if "variables" in sent:
        for name, declared in request.variables.items():
            _check_shape(declared.shape, pointer("variables", name, "shape"), limits)
    if "graph" in sent:
        for index, entry in enumerate(request.graph.inputs):
            what = f"input {quote(entry.name)}: "
            _check_shape(entry.shape, pointer("graph", "inputs", index, "shape"), limits, what)


def _check_shape(shape: list[int | str], at: str, limits: Limits, what: str = "") -> None:
    if len(shape) > limits.axes:
        raise LimitError(limit=f"{what}axes", value=len(shape), cap=limits.axes, pointer=at)
    largest = max((size for size in shape if isinstance(size, int)), default=0)
    if largest > SIZE_CAP:
        raise LimitError(limit=f"{what}size of an axis", value=largest, cap=SIZE_CAP, pointer=at)


def _declarations(request: FunctionRequest) -> dict[str, Declaration]:
    return {
        name: Declaration(tuple(declared.shape), tuple(declared.assume or ()))
        for name, declared in request.variables.items()
    }
