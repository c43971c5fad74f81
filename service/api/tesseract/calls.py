"""The calls of the protocol: how each reads its fields, which compute requests it becomes, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from service.api.problems import pointer
from service.api.tesseract.arrays import answered, expect_dtype, expect_keys, expect_shape, read, sent
from service.api.tesseract.signatures import Signature
from service.errors import InvalidRequestError, ShapeError, UnknownNameError, nearest, quote
from service.tasks.messages import Array, Kind, Limits

INPUTS = "inputs"

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Called:
    """A call that was read: the values of the inputs, the names it is about, and the vectors of a product."""

    values: Mapping[str, Array]
    inputs: Sequence[str]
    outputs: Sequence[str]
    vectors: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One call. `kind` is that of its compute requests.

    `prefix` begins the fields that name inputs and outputs; `vector` is the field that has a vector for each of these,
    `along` says for which. `asks` has the further fields of each compute request with the outputs it is about, and
    `answers` the arrays, in the order of the requests, as they are answered.
    """

    kind: Kind
    asks: Callable[[Called], Iterable[tuple[Sequence[str], Fields]]]
    answers: Callable[[Called, Sequence[Fields]], Mapping[str, Any]]
    prefix: str = ""
    vector: str = ""
    along: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of its body."""
        names = (f"{self.prefix}_inputs", f"{self.prefix}_outputs") if self.prefix else ()
        return (INPUTS, *names, *filter(None, [self.vector]))

    def read(self, body: Any, signature: Signature, limits: Limits) -> Called:
        """The call that a body makes.

        Raises:
            InvalidRequestError: a field is missing or unknown, or an array is none.
            LimitError, UnsupportedOperationError: an array is over a bound, or in an encoding that is not read.
            ShapeError: an array has not the shape of its input.
            UnknownNameError: a name is no input or output.
        """
        expect_keys(body, self.fields, "")
        values = _arrays(body[INPUTS], signature.inputs, limits, INPUTS)
        signature.sizes({name: value.shape for name, value in values.items()})
        if not self.prefix:
            return Called(values, (), tuple(signature.outputs))
        inputs, outputs = (
            _names(body[f"{self.prefix}_{what}"], known, f"{self.prefix}_{what}", what.removesuffix("s"))
            for what, known in (("inputs", signature.inputs), ("outputs", signature.outputs))
        )
        if not self.vector:
            return Called(values, inputs, outputs)
        vectors = _arrays(body[self.vector], inputs if self.along == INPUTS else outputs, limits, self.vector)
        called = Called(values, inputs, outputs, vectors)
        self._check_vectors(called, signature)
        return called

    def _check_vectors(self, called: Called, signature: Signature) -> None:
        """A vector has the shape of what it belongs to; one of more axes would be read as several vectors."""
        for name, vector in called.vectors.items():
            if self.along == INPUTS:
                wanted: Sequence[int | str] = called.values[name].shape
                fits = vector.shape == wanted
            else:
                wanted = signature.outputs[name]
                fits = vector.ndim == len(wanted)
            if not fits:
                message = f"the vector for {name} has the shape {list(vector.shape)}; it takes {list(wanted)}"
                raise ShapeError(message, pointer=pointer(self.vector, name))

    def requests(self, called: Called, signature: Signature) -> list[tuple[Sequence[str], Fields]]:
        """The compute requests, all of this call's kind, each with the outputs that it is about."""
        fixed = {"at": {name: sent(value) for name, value in called.values.items()}, "forms": []}
        return [
            (outputs, {**signature.function(outputs), **fixed, **further}) for outputs, further in self.asks(called)
        ]


def read_shapes(body: Any, signature: Signature) -> dict[str, Sequence[int]]:
    """The shapes of the inputs of an abstract evaluation. Raises InvalidRequestError: there is something else."""
    expect_keys(body, (INPUTS,), "")
    expect_keys(body[INPUTS], signature.inputs, pointer(INPUTS))
    for name, value in body[INPUTS].items():
        at = pointer(INPUTS, name)
        expect_keys(value, ("shape", "dtype"), at)
        expect_shape(value["shape"], f"{at}/shape")
        expect_dtype(value["dtype"], f"{at}/dtype")
    return {name: value["shape"] for name, value in body[INPUTS].items()}


def _arrays(value: Any, names: Iterable[str], limits: Limits, field_name: str) -> dict[str, Array]:
    expect_keys(value, names, pointer(field_name))
    return {name: read(value[name], limits, field_name, name) for name in names}


def _names(value: Any, known: Iterable[str], field_name: str, what: str) -> tuple[str, ...]:
    """The names of a list in the order of all that there are; one that stands twice counts once."""
    known = tuple(known)
    if not isinstance(value, list) or not value:
        message = f"{field_name} is a list with one {what} or more"
        raise InvalidRequestError(message, pointer=pointer(field_name))
    for place, name in enumerate(value):
        if name not in known:
            shown = quote(name) if isinstance(name, str) else "this"
            close = nearest(name[:80], known) if isinstance(name, str) else ""
            message = f"{shown} is no {what} of the function{close}"
            raise UnknownNameError(message, pointer=pointer(field_name, place))
    return tuple(name for name in known if name in value)


def _all_at_once(called: Called, further: Fields) -> list[tuple[Sequence[str], Fields]]:
    return [(called.outputs, further)]


def _one_by_one(called: Called) -> Iterable[tuple[Sequence[str], Fields]]:
    """A request for each output: a compute request has one cotangent, of the output's shape."""
    for name in called.outputs:
        yield (name,), {"wrt": called.inputs, "cotangent": sent(called.vectors[name])}


def _tangents(called: Called) -> Fields:
    return {"tangents": {name: sent(vector) for name, vector in called.vectors.items()}}


def _values(called: Called, found: Sequence[Fields]) -> Mapping[str, Any]:
    values = found[0].get("values", [found[0]["value"]])
    return {name: answered(value) for name, value in zip(called.outputs, values, strict=True)}


def _jacobian(called: Called, found: Sequence[Fields]) -> Mapping[str, Any]:
    blocks = iter(found[0]["derivatives"])
    return {name: {wrt: answered(next(blocks)["value"]) for wrt in called.inputs} for name in called.outputs}


def _pushed(called: Called, found: Sequence[Fields]) -> Mapping[str, Any]:
    blocks = found[0]["derivatives"]
    return {name: answered(block["value"]) for name, block in zip(called.outputs, blocks, strict=True)}


def _pulled(called: Called, found: Sequence[Fields]) -> Mapping[str, Any]:
    """For each input the sum over the outputs."""
    each = zip(*([answered(block["value"]) for block in answer["derivatives"]] for answer in found), strict=True)
    with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinity are answers
        return {name: sum(parts[1:], parts[0]) for name, parts in zip(called.inputs, each, strict=True)}


CALLS: Mapping[str, Call] = {
    "apply": Call("evaluate", lambda called: _all_at_once(called, {}), _values),
    "jacobian": Call("jacobian", lambda called: _all_at_once(called, {"wrt": called.inputs}), _jacobian, "jac"),
    "jacobian_vector_product": Call(
        "jvp", lambda called: _all_at_once(called, _tangents(called)), _pushed, "jvp", "tangent_vector", INPUTS
    ),
    "vector_jacobian_product": Call("vjp", _one_by_one, _pulled, "vjp", "cotangent_vector", "outputs"),
}
