"""Functions with a body: those of a model, and those that ONNX's schemas give some operators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from service.errors import ParseError, UnsupportedOperationError, quote
from service.frontends.onnx.values import Value
from service.ir.size import Dim

_NUMBERS: Mapping[str, int] = {"float": 11, "int": 7, "bool": 9}  # of double, int64 and bool


def body_of(node: Any, schema: Any, inputs: Sequence[Value | None], opset: int) -> Any:
    """The body that the operator's schema gives this node; what it depends on are attributes and kinds of inputs."""
    if schema.has_function:
        return schema.function_body
    given = [_type_of(value).SerializeToString() for value in inputs]
    import onnx
    from onnx.shape_inference import InferenceError

    versions = [v for v in schema.context_dependent_function_opset_versions if v <= opset]
    try:
        make = schema.get_context_dependent_function_with_opset_version
        content = make(max(versions), node.SerializeToString(), given) if versions else b""
    except (InferenceError, RuntimeError, ValueError) as error:  # what ONNX says of attributes that it finds wrong
        message = f"its body cannot be made: {quote(str(error))}"
        raise ParseError(message) from None
    if not content:
        message = "the operator has no body for these inputs"
        raise UnsupportedOperationError(message)
    function = onnx.FunctionProto()
    function.ParseFromString(content)
    return function


def _type_of(value: Value | None) -> Any:
    import onnx

    found = onnx.TypeProto()
    if value is not None:
        found.tensor_type.elem_type = _NUMBERS[value.kind]
        for entry in value.shape:
            dim = found.tensor_type.shape.dim.add()
            if not isinstance(entry, Dim):
                dim.dim_value = entry
    return found


def entered(function: Any, node: Any, inputs: Sequence[Value | None]) -> tuple[Iterator[Any], dict[str, Value | None]]:
    """The body's nodes with the attributes of the call, and what its inputs stand for."""
    if len(inputs) > len(function.input):
        message = f"the function takes {len(function.input)} inputs, got {len(inputs)}"
        raise ParseError(message)
    missing = [None] * (len(function.input) - len(inputs))
    values = dict(zip(function.input, [*inputs, *missing], strict=True))
    given = {attribute.name: attribute for attribute in function.attribute_proto}
    given |= {attribute.name: attribute for attribute in node.attribute}
    return (_substituted(inner, given) for inner in function.node), values  # one at a time: attributes may be long


def _substituted(node: Any, given: Mapping[str, Any]) -> Any:
    """The node with the call's attributes for those that refer to them; one that the call leaves out is absent."""
    if not any(attribute.ref_attr_name for attribute in node.attribute):
        return node
    import onnx

    found = onnx.NodeProto()
    found.CopyFrom(node)
    del found.attribute[:]
    for attribute in node.attribute:
        if not attribute.ref_attr_name:
            found.attribute.add().CopyFrom(attribute)
        elif attribute.ref_attr_name in given:
            own = found.attribute.add()
            own.CopyFrom(given[attribute.ref_attr_name])
            own.name = attribute.name
    return found
