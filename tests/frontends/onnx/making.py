"""Small models for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from service.frontends.onnx import read_onnx
from service.tasks.compute import compute
from service.tasks.messages import Limits, Task

DOUBLE = TensorProto.DOUBLE
Inputs = Mapping[str, Sequence[int | str | None] | None]


def node(op_type: str, *inputs: str, output: str = "y", **attributes: Any) -> NodeProto:
    """A node with one output."""
    return helper.make_node(op_type, inputs, [output], **attributes)


def model(
    nodes: Sequence[NodeProto], inputs: Inputs, opset: int = 21, outputs: Sequence[str] = ("y",), **constants: Any
) -> ModelProto:
    """A model of float64 inputs; a size of an input that is None is unknown."""
    given = [helper.make_tensor_value_info(name, DOUBLE, shape) for name, shape in inputs.items()]
    results = [helper.make_tensor_value_info(name, DOUBLE, None) for name in outputs]
    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "test", given, results, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def graph_of(made: ModelProto, limits: Limits | None = None, **shapes: Any) -> dict[str, Any]:
    """The model as a graph."""
    return read_onnx(made.SerializeToString(), limits or Limits(), shapes)


def values(made: ModelProto, **at: Any) -> Any:
    """The first output at a point."""
    point = {name: np.asarray(value, float) for name, value in at.items()}
    answer = compute(Task("evaluate", graph=graph_of(made), at=point, forms=()))
    assert answer.values is not None
    return answer.values[0]
