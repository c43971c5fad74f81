"""ONNX operators that make constants, tell shapes or change the element type."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from service.errors import ParseError, UnsupportedOperationError
from service.frontends.builder import array_of_numbers
from service.frontends.onnx.operators import Call, known
from service.frontends.onnx.tensors import AS_KIND, Content, ElementType, element_type
from service.frontends.onnx.values import Known, ModelBuilder, Tensor, Value, whole, whole_numbers
from service.ir import size
from service.ir.leaves import constant

Source = Callable[[Call, ModelBuilder], Value | None]


def constant_value(content: Content, builder: ModelBuilder) -> Value:
    """A tensor that stands in the model as a value: floats as a node, others as they are."""
    if content.kind != "float":
        return known(content)
    node = array_of_numbers(content.shape, content.entries) if content.shape else constant(content.entries[0])
    return Tensor(builder, builder.keep(node))


def _constant(call: Call, builder: ModelBuilder) -> Value:
    ((name, given),) = call.attributes.items() if len(call.attributes) == 1 else [("", ())]
    if isinstance(given, Content):
        return constant_value(given, builder)
    kinds = {"value_float": "float", "value_floats": "float", "value_int": "int", "value_ints": "int"}
    if name not in kinds:
        message = "a constant has one of value, value_float, value_floats, value_int and value_ints"
        raise UnsupportedOperationError(message)
    shape = (len(given),) if isinstance(given, tuple) else ()
    entries = given if isinstance(given, tuple) else (given,)
    return constant_value(Content(kinds[name], shape, entries), builder)  # type: ignore[arg-type]


def _constant_of_shape(call: Call, builder: ModelBuilder) -> Value:
    shape = whole(call.inputs[0]) or ()
    content: Content = call.attributes.get("value") or Content("float", (1,), (0.0,))
    if len(content.entries) != 1:
        message = "the value of ConstantOfShape has one entry"
        raise ParseError(message)
    if content.kind == "float":
        return Tensor(builder, builder.keep(constant(float(content.entries[0]), shape)))
    numbers = whole_numbers(shape) or ()
    builder.spend(size.bulk(numbers))
    return Known(content.kind, numbers, tuple(content.entries) * int(size.count(numbers)))  # type: ignore[arg-type]


def _shape(call: Call, _: ModelBuilder) -> Value:
    (value,) = call.inputs
    shape = tuple(value.shape if value else ())[call.attributes.get("start", 0) : call.attributes.get("end")]
    return Known("int", (len(shape),), shape)


def _size(call: Call, _: ModelBuilder) -> Value:
    (value,) = call.inputs
    return Known("int", (), (size.count(value.shape if value else ()),))


def _cast(call: Call, builder: ModelBuilder) -> Value | None:
    value, to = call.inputs[0], element_type(call.attributes["to"], "the cast")
    if isinstance(value, Known):
        return _cast_known(value, to, builder)
    if value is None or to.kind == value.kind:
        return value
    if to.kind == "float":
        return _exact(value) if value.kind == "int" else Tensor(builder, value.node)
    if to.kind == "bool":
        return Tensor(builder, value.call("not_equal", 0).node, "bool")
    if value.kind == "bool":
        return Tensor(builder, value.node, "int")
    message = "a cast to integers is refused where the value is no constant: it has no derivative"
    raise UnsupportedOperationError(message)


def _exact(value: Tensor) -> Tensor:
    """Integers as floats; NaN where a client has sent other numbers for them."""
    return value.call("equal", value.call("round")).where(value, math.nan)


def _cast_known(value: Known, to: ElementType, builder: ModelBuilder) -> Value:
    if to.kind == "float":
        return Tensor(builder, value.tensor(builder).node)
    if to.kind == "bool":
        return Known("bool", value.shape, tuple(int(entry != 0) for entry in whole_numbers(value) or ()))
    if not all(to.holds(entry) for entry in value.entries if isinstance(entry, int)):
        message = f"an integer is beyond the range of {to.name}"
        raise UnsupportedOperationError(message)
    return Known(to.kind, value.shape, value.entries)


def _cast_like(call: Call, builder: ModelBuilder) -> Value:
    like = call.inputs[1]
    kind = "float" if like is None else like.kind
    value = call.inputs[0]
    if isinstance(value, Known):
        return _cast_known(value, AS_KIND[kind], builder)
    if value is None or value.kind != kind:
        message = f"a cast to {kind} is refused where the value is no constant"
        raise UnsupportedOperationError(message)
    return value


SOURCES: Mapping[str, Source] = {
    "Cast": _cast,
    "CastLike": _cast_like,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Shape": _shape,
    "Size": _size,
}
