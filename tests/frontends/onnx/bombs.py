"""Models that were made to be refused: small to send, long to read."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper

from tests.frontends.onnx.making import model, node


def one(op_type: str, *inputs: str, shape: Any = (2, 3), opset: int = 21, attributes: Any = None, **more: Any) -> Any:
    """A model of one node called N."""
    given_attributes = attributes or {}
    return model([node(op_type, *(inputs or ("x",)), name="N", **given_attributes)], {"x": shape}, opset, **more)


def changed(change: Callable[[Any], object], made: Any = None) -> Any:
    """A model after a change."""
    made = made or one("Neg", w=np.ones(2))
    change(made)
    return made


def calling_itself() -> Any:
    """A function that calls itself."""
    again = helper.make_function("own", "F", ["a"], ["b"], [helper.make_node("F", ["a"], ["b"], domain="own")],
                                 [helper.make_opsetid("", 21)])  # fmt: skip
    return changed(lambda made: made.functions.append(again), one("F", attributes={"domain": "own"}))


def doubling() -> Any:
    """Functions that each call the next twice: 2**30 nodes."""
    made = one("F0", attributes={"domain": "own"})
    for k in range(30):
        twice = [helper.make_node(f"F{k + 1}", ["a" if j == 0 else "c"], ["c" if j == 0 else "b"], domain="own")
                 for j in range(2)]  # fmt: skip
        made.functions.append(helper.make_function("own", f"F{k}", ["a"], ["b"], twice, [helper.make_opsetid("", 21)]))
    made.functions.append(
        helper.make_function("own", "F30", ["a"], ["b"], [helper.make_node("Neg", ["a"], ["b"])],
                             [helper.make_opsetid("", 21)])
    )  # fmt: skip
    return made


def branching() -> Any:
    """A node with graphs inside."""
    inner = helper.make_graph([node("Neg", "x")], "inner", [], [helper.make_tensor_value_info("y", 11, None)])
    return one("If", attributes={"then_branch": inner, "else_branch": inner})


def external(name: str) -> Any:
    """An initializer whose data is in a file."""
    tensor = TensorProto(name="w", data_type=11, dims=[2], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=name)
    return changed(lambda made: made.graph.initializer.append(tensor), one("Neg"))


def with_tensor(**fields: Any) -> Any:
    """A model with an initializer of these fields."""
    return changed(lambda made: made.graph.initializer.append(TensorProto(name="w", **fields)), one("Neg"))


def chain(count: int) -> ModelProto:
    """A node after another."""
    names = ["x", *(f"h{k}" for k in range(1, count)), "y"]
    nodes = [helper.make_node("Neg", [names[k]], [names[k + 1]], name=f"N{k}") for k in range(count)]
    return model(nodes, {"x": []})


def many_outputs() -> ModelProto:
    """Two outputs of one name."""
    split = helper.make_node("Split", ["x"], ["y", "y"], axis=0, name="N")
    return model([split], {"x": [2]})


def calling_often(count: int) -> ModelProto:
    """A function with a long constant, called many times."""
    constant = node("Constant", output="c", value=helper.make_tensor("c", 11, [2**18], np.zeros(2**18)))
    total = node("ReduceSum", "c", output="s", keepdims=0)
    body = [constant, total, node("Add", "a", "s", output="b")]
    names = ["x", *(f"h{k}" for k in range(1, count)), "y"]
    calls = [node("F", one, output=other, domain="own") for one, other in pairwise(names)]
    made = model(calls, {"x": []})
    made.functions.append(helper.make_function("own", "F", ["a"], ["b"], body, [helper.make_opsetid("", 21)]))
    return made


def referring(count: int) -> Any:
    """A function whose nodes all refer to one long attribute of the call."""
    body = [node("Identity", "a", output="b")]
    for k in range(count):
        body.append(node("Constant", output=f"c{k}"))
        body[-1].attribute.add(name="value", ref_attr_name="long", type=4)
    made = one("F", attributes={"domain": "own", "long": helper.make_tensor("c", 11, [2**20], np.zeros(2**20))})
    made.functions.append(
        helper.make_function("own", "F", ["a"], ["b"], [*body[1:], body[0]], [helper.make_opsetid("", 21)], ["long"])
    )
    return made


def deep() -> Any:
    """Functions that call one another, with long names; the innermost has an operator that is not read."""
    made = one("F0", attributes={"domain": "own"})
    for k in range(20):
        inner = node(f"F{k + 1}" if k < 19 else "Nope", "a", output="b", domain="own" if k < 19 else "", name="n" * 70)
        made.functions.append(
            helper.make_function("own", f"F{k}", ["a"], ["b"], [inner], [helper.make_opsetid("", 21)])
        )
    return made


def wide_pool() -> ModelProto:
    """An average over windows that are nearly as many as the entries of the largest array."""
    nodes = [node("Expand", "w", "s", output="e"), node("AveragePool", "e", name="N", kernel_shape=[4000],
                                                       pads=[3999, 3999])]  # fmt: skip
    return model(nodes, {"x": []}, w=np.ones((1, 1, 1)), s=np.array([1, 1, 4 * 10**6]))
