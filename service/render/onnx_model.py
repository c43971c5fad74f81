"""Closed forms as an ONNX model: the user's graph, each operation by the operators that its declaration names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from service.ir.leaves import ARRAY, FILL, SIZE, VARIABLE
from service.ir.node import Node
from service.ir.op import find
from service.ir.size import Dim, Shape, named, numbers
from service.ir.walk import topological
from service.ops.onnx.sheet import CONTRIBUTED, DOUBLE, Sheet, Value, lacking, op

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET, IR_VERSION = 20, 9  # those of ONNX 1.15
PRODUCER = "fluxion"


def onnx_model(
    outputs: Mapping[str, Node], inputs: Mapping[str, Shape], name: str, about: Mapping[str, str] | None = None
) -> bytes:
    """The bytes of a model of all `outputs`, float64 in and out, in the variables `inputs`, used or not.

    A named size is one of the model's own, read off its inputs. `about` is the model's metadata.

    Raises:
        UnsupportedOperationError: ONNX, or onnxruntime in float64, cannot say an operation.
    """
    from onnx import helper

    sheet = Sheet(inputs, _sources(inputs))
    written: dict[Node, Value] = {}
    for node in topological(outputs.values()):
        written[node] = _written(sheet, node, [written[child] for child in node.inputs])
    model = _model(sheet, {output: (node, written[node]) for output, node in outputs.items()}, inputs, name)
    helper.set_model_props(model, dict(about or {}))
    return bytes(model.SerializeToString(deterministic=True))


def _sources(inputs: Mapping[str, Shape]) -> dict[str, tuple[str, int]]:
    """The first axis of the inputs that has each named size."""
    return {
        entry.terms[0][0][0]: (variable, axis)
        for variable, shape in reversed(list(inputs.items()))
        for axis, entry in enumerate(shape)
        if isinstance(entry, Dim) and entry.terms[0][0] and entry == named(entry.terms[0][0][0])
    }


def _written(sheet: Sheet, node: Node, values: list[Value]) -> Value:
    if node.op is VARIABLE:
        return sheet.inputs[str(node.attributes)]
    if 0 in node.shape:
        return sheet.filled(0.0, node.shape)
    if node.op is FILL:
        return sheet.filled(float(node.attributes), node.shape)
    if node.op is ARRAY:
        return sheet.constant(node.attributes.content, numbers(node.shape))
    if node.op is SIZE:
        return sheet.size_as_number(node.attributes)
    if node.op.onnx is None or find(node.op.name) is not node.op:
        raise lacking(node)
    if isinstance(node.op.onnx, str):
        return op(node.op.onnx, *values)
    given: list[Value] | list[Sheet] = values or [sheet]
    found: Value = node.op.onnx(node, *given)
    return found


def _model(
    sheet: Sheet, outputs: Mapping[str, tuple[Node, Value]], inputs: Mapping[str, Shape], name: str
) -> ModelProto:
    from onnx import helper

    nodes = [
        helper.make_node(one.operator, one.inputs, [one.output], domain=one.domain, **dict(one.attributes))
        for one in sheet.nodes.values()
    ]
    nodes += [helper.make_node("Identity", [value.name], [output]) for output, (_, value) in outputs.items()]
    graph = helper.make_graph(
        nodes,
        name,
        [_described(variable, shape) for variable, shape in inputs.items()],
        [_described(output, node.shape) for output, (node, _) in outputs.items()],
        [
            helper.make_tensor(constant, one.type, one.shape, one.content, raw=True)
            for one, constant in sheet.initializers.items()
        ],
    )
    used = {one.domain for one in sheet.nodes.values()}
    opsets = [helper.make_opsetid("", OPSET)] + [helper.make_opsetid(CONTRIBUTED, 1)] * (CONTRIBUTED in used)
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name=PRODUCER)


def _described(name: str, shape: Shape) -> Any:
    from onnx import helper

    return helper.make_tensor_value_info(name, DOUBLE, [n if isinstance(n, int) else repr(n) for n in shape])
