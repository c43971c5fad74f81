"""The calls of the protocol: how each reads its fields, which compute request it becomes, and what it answers of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from service.api.umbridge.refusals import InvalidInputError
from service.api.umbridge.sizes import Layout
from service.frontends.nonfinite import KINDS, NON_FINITE
from service.tasks.messages import Kind

_NUMBERS = {int, float}

Fields = Mapping[str, Any]
Vector = Sequence[Any]


@dataclass(frozen=True)
class Call:
    """One feature: the kind of compute request, the output that it is of, its further fields, and what it answers."""

    kind: Kind
    asks: Callable[[Fields, Layout], tuple[int | None, Fields]]
    answers: Callable[[Fields], bytes]

    def request(self, body: Fields, fields: Fields, layout: Layout) -> Fields:
        """The compute request. Raises InvalidInputError for the first field, in the protocol's order, that is wrong."""
        values = _values(body, layout)
        output, further = self.asks(body, layout)
        kept = {name: value for name, value in fields.items() if name not in {"wrt", "sizes"}}
        return {**_of_output(kept, output), "forms": [], **further, "at": {**kept.get("at", {}), **values}}


def _values(body: Fields, layout: Layout) -> dict[str, Any]:
    """The tensors of the variables that are inputs."""
    vectors, sizes = body.get("input"), layout.input_sizes
    if not isinstance(vectors, list):
        message = "input is missing: a list with a list of numbers for each input"
        raise InvalidInputError(message)
    if len(vectors) != len(sizes):
        message = f"input has {len(vectors)} vectors; the model has {len(sizes)} inputs"
        raise InvalidInputError(message)
    read = [_vector(vector, size, f"input {k}") for k, (vector, size) in enumerate(zip(vectors, sizes, strict=True))]
    return {
        name: {"shape": shape, "data": vector}
        for name, shape, vector in zip(layout.names, layout.shapes, read, strict=True)
    }


def _vector(vector: Any, size: int, what: str) -> Vector:
    """A vector of so many numbers; one number may stand for a vector of one."""
    entries = [vector] if type(vector) in _NUMBERS else vector
    if not isinstance(entries, list):
        message = f"{what} is a list of {size} numbers"
        raise InvalidInputError(message)
    if len(entries) != size:
        message = f"{what} has {len(entries)} entries; it takes {size}"
        raise InvalidInputError(message)
    if not set(map(type, entries)) <= _NUMBERS and any(
        type(entry) not in _NUMBERS and not (isinstance(entry, str) and entry in NON_FINITE) for entry in entries
    ):
        message = f"{what} has an entry that is not a number"
        raise InvalidInputError(message)
    return entries


def _index(body: Fields, name: str, count: int) -> int:
    index = body.get(name)
    if type(index) is not int or not 0 <= index < count:
        message = f"{name} is a whole number from 0 to {count - 1}"
        raise InvalidInputError(message)
    return index


def _of_output(fields: Fields, output: int | None) -> Fields:
    """The function, or one output of a graph; a text has but one."""
    if output is None or "graph" not in fields:
        return fields
    graph = fields["graph"]
    return {**fields, "graph": {**graph, "outputs": [graph["outputs"][output]]}}


def _nothing(_body: Fields, _layout: Layout) -> tuple[None, Fields]:
    return None, {}


def _gradient(body: Fields, layout: Layout) -> tuple[int, Fields]:
    output = _index(body, "outWrt", len(layout.outputs))
    place = _index(body, "inWrt", len(layout.names))
    return output, {"wrt": [layout.names[place]], "cotangent": _weights(body, layout, output)}


def _jacobian(body: Fields, layout: Layout) -> tuple[int, Fields]:
    output = _index(body, "outWrt", len(layout.outputs))
    return output, {"tangents": _tangents(body, layout, _index(body, "inWrt", len(layout.names)))}


def _hessian(body: Fields, layout: Layout) -> tuple[int, Fields]:
    output = _index(body, "outWrt", len(layout.outputs))
    first, second = (_index(body, name, len(layout.names)) for name in ("inWrt1", "inWrt2"))
    weights = _weights(body, layout, output)
    return output, {"wrt": [layout.names[first]], "cotangent": weights, "tangents": _tangents(body, layout, second)}


def _weights(body: Fields, layout: Layout, output: int) -> dict[str, Any]:
    data = _vector(body.get("sens"), layout.output_sizes[output], "sens")
    return {"shape": layout.outputs[output], "data": data}


def _tangents(body: Fields, layout: Layout, place: int) -> dict[str, Any]:
    data = _vector(body.get("vec"), layout.input_sizes[place], "vec")
    return {layout.names[place]: {"shape": layout.shapes[place], "data": data}}


def _values_answered(answer: Fields) -> bytes:
    return b"[%b]" % b",".join(written(value) for value in answer.get("values", [answer["value"]]))


def _product_answered(answer: Fields) -> bytes:
    return written(answer["derivatives"][0]["value"])


CALLS: Mapping[str, Call] = {
    "Evaluate": Call("evaluate", _nothing, _values_answered),
    "Gradient": Call("vjp", _gradient, _product_answered),
    "ApplyJacobian": Call("jvp", _jacobian, _product_answered),
    "ApplyHessian": Call("hvp", _hessian, _product_answered),
}


def written(tensor: Fields) -> bytes:
    """A tensor of an answer as a flat list of numbers, of which the protocol's clients read NaN and Infinity."""
    text = orjson.dumps(tensor["data"])
    marks = sorted(
        (place, KINDS[kind].encode()) for kind, places in tensor.get("nonfinite", {}).items() for place in places
    )
    if not marks:
        return text
    first, *others = text.split(b"null")
    return first + b"".join(token + piece for (_, token), piece in zip(marks, others, strict=True))
