"""Where a request has its function from: a text, a graph, a model of another tool, or what was registered."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.api.problems import pointer
from service.api.registered import KNOWN, MissingFunctionError
from service.api.tensors import NAMED
from service.errors import InvalidRequestError, UnknownNameError, nearest
from service.frontends.models import BYTES, read_model
from service.tasks.messages import Limits

FUNCTIONS = ("expression", "graph", "model", "function_id")
NAMES = ("wrt", "parameters")  # the fields that may name a constant, beside those that have a tensor for each name


@dataclass(frozen=True)
class Source:
    """A request's graph, if it has one, and where in the request that stands; `values` of constants made variables."""

    graph: Mapping[str, Any] | None = None
    pointer: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


def source(body: Mapping[str, Any], limits: Limits) -> Source:
    """The function of a valid request, which names it in one way.

    Raises:
        MissingFunctionError: it is registered, but this process does not know it.
        FluxionError: what the reader of a foreign format raises.
    """
    if "graph" in body:
        return _with_variables(body["graph"], pointer("graph"), body)
    if "model" in body:
        shapes = {name: declared["shape"] for name, declared in body.get("variables", {}).items()}
        graph = read_model(body["model"]["format"], _content(body["model"]), shapes, limits)
        return _with_variables(graph, pointer("model", "content"), body)
    if "function_id" in body:
        found = KNOWN.get(body["function_id"])
        if found is None:
            raise MissingFunctionError(body["function_id"])
        return Source(found, pointer("function_id"))
    _check_parameters(body, ())
    return Source()


def _content(model: Mapping[str, Any]) -> Any:
    if model["format"] not in BYTES:
        return model["content"]
    try:
        return base64.b64decode("".join(model["content"].split()), validate=True)
    except (AttributeError, ValueError):
        message = "the content is the file in base64, as one text, with neither a path nor `data:` before it"
        raise InvalidRequestError(message, pointer=pointer("model", "content")) from None


def _with_variables(graph: Mapping[str, Any], at: str, body: Mapping[str, Any]) -> Source:
    """The graph, in which every constant that the request names is a variable; its data is the value it then has."""
    named = {*_names(body)}
    constants = graph.get("constants") or []
    _check_parameters(body, [entry["name"] for entry in constants])
    chosen = {entry["name"]: entry for entry in constants if entry["name"] in named}
    if not chosen:
        return Source(graph, at)
    inputs = [{"name": name, "shape": entry["shape"]} for name, entry in chosen.items()]
    kept = [entry for entry in constants if entry["name"] not in chosen]
    values = {name: {"shape": entry["shape"], "data": entry["data"]} for name, entry in chosen.items()}
    return Source({**graph, "inputs": [*graph["inputs"], *inputs], "constants": kept}, at, values)


def _check_parameters(body: Mapping[str, Any], constants: Sequence[str]) -> None:
    left = set(constants)
    for place, name in enumerate(body.get("parameters", ())):
        at = pointer("parameters", place)
        if name not in left:
            if name in constants:
                message = f"{name} stands twice"
                raise InvalidRequestError(message, pointer=at)
            message = f"{name} is no constant of the function{nearest(name, constants)}"
            raise UnknownNameError(message, pointer=at)
        left.remove(name)


def _names(body: Mapping[str, Any]) -> Iterable[str]:
    for place in (*NAMES, *NAMED):
        yield from body.get(place, ())
