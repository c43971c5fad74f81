"""The ways of naming a function in a request: text, a graph, a registered function, a document of another tool."""

from __future__ import annotations

import base64
import http.client
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from service.frontends.write_graph import write_graph
from tests.diff.random_programs import draw
from tests.functions import Function
from tests.service_process import HOST

REGISTERED = range(16)
VARIABLE = "FUZZED_FUNCTIONS"  # has the ids of the registered programs, by their numbers
Point = Mapping[str, Any]


@dataclass(frozen=True)
class Named:
    """The fields that name a function, its point, and the shape of its output."""

    fields: dict[str, Any]
    point: Point
    shape: tuple[int, ...]


def as_text(number: int, *, is_scalar: bool) -> Named:
    """A random program, summed to a scalar or as it is."""
    program = draw(number)
    if not is_scalar:
        return Named({"expression": program.text}, program.point, program.shape)
    weights = {"weights": np.ones(program.shape)} if program.shape else {}
    return Named({"expression": program.scalar}, {**program.point, **weights}, ())


@cache
def as_graph(number: int, *, is_scalar: bool) -> Named:
    """The same as a graph."""
    named = as_text(number, is_scalar=is_scalar)
    shapes = {name: np.shape(value) for name, value in named.point.items()}
    graph = write_graph([Function(named.fields["expression"], shapes).user], list(shapes.items()))
    return Named({"graph": graph}, named.point, named.shape)


def registered() -> tuple[Named, ...]:
    """The functions that `register` made known to the service."""
    ids = json.loads(os.environ.get(VARIABLE, "{}"))
    return tuple(
        Named({"function_id": function_id}, as_text(int(number), is_scalar=True).point, ())
        for number, function_id in ids.items()
    )


def register(port: int) -> dict[str, str]:
    """Makes some programs known to a service; what the environment of the run needs to name them."""
    ids = {}
    for number in REGISTERED:
        connection = http.client.HTTPConnection(HOST, port, timeout=60)
        body = json.dumps(as_graph(number, is_scalar=True).fields)
        connection.request("POST", "/v1/functions", body, {"Content-Type": "application/json"})
        ids[number] = json.loads(connection.getresponse().read())["function_id"]
        connection.close()
    return {VARIABLE: json.dumps(ids)}


def onnx_file() -> bytes:
    """A layer of a net."""
    tensor, double = onnx.helper.make_tensor_value_info, onnx.TensorProto.DOUBLE
    weights = numpy_helper.from_array(np.arange(6.0).reshape(3, 2) / 5, "w")
    nodes = [
        onnx.helper.make_node("MatMul", ["x", "w"], ["z"]),
        onnx.helper.make_node("Tanh", ["z"], ["y"]),
    ]
    graph = onnx.helper.make_graph(nodes, "layer", [tensor("x", double, [3])], [tensor("y", double, [2])], [weights])
    written = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    return bytes(written.SerializeToString())


def _model(form: str, content: Any, shape: tuple[int, ...] = (), **point: Any) -> Named:
    return Named({"model": {"format": form, "content": content}}, point, shape)


_ROOT = {"type": "*", "args": ["x", {"type": "node", "index": 1}]}
_NODES = [{"type": "log", "args": ["y"]}]
MODELS = (
    _model("mathjson", ["Add", ["Power", "x", 2], ["Sin", ["Multiply", "x", "y"]]], x=0.5, y=2.0),
    _model("mathjson", ["Divide", ["Exp", "x"], ["Add", 1, ["Square", "y"]]], x=0.5, y=2.0),
    _model("mathoptformat", {"type": "ScalarNonlinearFunction", "root": _ROOT, "node_list": _NODES}, x=3.0, y=2.0),
    _model("onnx", base64.b64encode(onnx_file()).decode(), (2,), x=np.ones(3)),
)
