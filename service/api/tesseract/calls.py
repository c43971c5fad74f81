"""The calls of the protocol: how each reads its fields, which compute request it becomes, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from service.api.problems import pointer
from service.api.tesseract.arrays import answered, expect_dtype, expect_keys, expect_shape, read, sent
from service.api.tesseract.signatures import Shapes, Signature
from service.errors import InvalidRequestError, ShapeError, UnknownNameError, nearest, quote
from service.tasks.messages import Array, Kind, Limits

INPUTS, OUTPUTS = "inputs", "outputs"

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Called:
    """A call that was read: the values of the inputs, what they make of named sizes, the names that the call is about.

    `vectors` are those of a product, one for each of these inputs or outputs.
    """

    values: Mapping[str, Array]
    sizes: Mapping[str, int]
    inputs: Sequence[str]
    outputs: Sequence[str]
    vectors: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One call. `kind` is that of its compute request, `asks` has the fields of this that are not the same in all.

    `answers` has the arrays of the answer. `prefix` begins the fields that name inputs and outputs; `vector` is the
    field that has a vector for each of these, `along` says of which.
    """

    kind: Kind
    asks: Callable[[Called, Signature], Fields]
    answers: Callable[[Called, Fields], Mapping[str, Any]]
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
        sizes = signature.sizes({name: value.shape for name, value in values.items()})
        if not self.prefix:
            return Called(values, sizes, (), tuple(signature.outputs))
        inputs, outputs = (
            _names(body[f"{self.prefix}_{what}"], known, f"{self.prefix}_{what}", what.removesuffix("s"))
            for what, known in ((INPUTS, signature.inputs), (OUTPUTS, signature.outputs))
        )
        if not self.vector:
            return Called(values, sizes, inputs, outputs)
        vectors = _arrays(body[self.vector], inputs if self.along == INPUTS else outputs, limits, self.vector)
        return Called(values, sizes, inputs, outputs, vectors)

    def check(self, called: Called, shapes: Shapes) -> None:
        """Refuses (ShapeError) a vector of another shape; one of more axes would be read as several vectors.

        `shapes` are those of what the vectors are along.
        """
        for name, vector in called.vectors.items():
            if [*vector.shape] != [*shapes[name]]:
                message = f"the vector for {name} has the shape {[*vector.shape]}; it takes {[*shapes[name]]}"
                raise ShapeError(message, pointer=pointer(self.vector, name))

    def request(self, called: Called, signature: Signature) -> Fields:
        """The fields of the compute request."""
        at = {name: sent(value) for name, value in called.values.items()}
        return {**self.asks(called, signature), "at": at, "forms": []}


def read_shapes(body: Any, signature: Signature) -> Shapes:
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


def _names(value: Any, known: Mapping[str, Any], field_name: str, what: str) -> tuple[str, ...]:
    """The names of a list in the order of all that there are; one that stands twice counts once."""
    if not isinstance(value, list) or not value:
        message = f"{field_name} is a list with one {what} or more"
        raise InvalidRequestError(message, pointer=pointer(field_name))
    for place, name in enumerate(value):
        if not isinstance(name, str) or name not in known:
            shown = quote(name) if isinstance(name, str) else "this"
            close = nearest(name[:80], known) if isinstance(name, str) else ""
            message = f"{shown} is no {what} of the function{close}"
            raise UnknownNameError(message, pointer=pointer(field_name, place))
    chosen = set(value)
    return tuple(name for name in known if name in chosen)


def _evaluate(called: Called, signature: Signature) -> Fields:
    return signature.function(called.outputs)


def _differentiate(called: Called, signature: Signature) -> Fields:
    return {**signature.function(called.outputs), "wrt": called.inputs}


def _push(called: Called, signature: Signature) -> Fields:
    tangents = {name: sent(vector) for name, vector in called.vectors.items()}
    return {**signature.function(called.outputs), "tangents": tangents}


def _pull(called: Called, signature: Signature) -> Fields:
    """A compute request has one cotangent; that of several outputs is one of the vector of all their entries."""
    vectors = [*called.vectors.values()]
    cotangent = vectors[0] if len(signature.outputs) == 1 else np.concatenate([vector.ravel() for vector in vectors])
    return {**signature.joined(called.outputs), "wrt": called.inputs, "cotangent": sent(cotangent)}


def _values(called: Called, answer: Fields) -> Mapping[str, Any]:
    values = answer.get("values", [answer["value"]])
    return {name: answered(value) for name, value in zip(called.outputs, values, strict=True)}


def _jacobian(called: Called, answer: Fields) -> Mapping[str, Any]:
    blocks = iter(answer["derivatives"])
    return {name: {wrt: answered(next(blocks)["value"]) for wrt in called.inputs} for name in called.outputs}


def _pushed(called: Called, answer: Fields) -> Mapping[str, Any]:
    blocks = zip(called.outputs, answer["derivatives"], strict=True)
    return {name: answered(block["value"]) for name, block in blocks}


def _pulled(called: Called, answer: Fields) -> Mapping[str, Any]:
    blocks = zip(called.inputs, answer["derivatives"], strict=True)
    return {name: answered(block["value"]) for name, block in blocks}


CALLS: Mapping[str, Call] = {
    "apply": Call("evaluate", _evaluate, _values),
    "jacobian": Call("jacobian", _differentiate, _jacobian, "jac"),
    "jacobian_vector_product": Call("jvp", _push, _pushed, "jvp", "tangent_vector", INPUTS),
    "vector_jacobian_product": Call("vjp", _pull, _pulled, "vjp", "cotangent_vector", OUTPUTS),
}
