"""Models that were made to be refused, and models that were damaged: nothing but our own errors, soon."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, SparseTensorProto, TrainingInfoProto, helper

from service.errors import FluxionError, LimitError, ParseError, ShapeError, UnknownNameError, UnsupportedOperationError
from service.frontends.onnx import read_onnx
from service.frontends.onnx.values import MOST_KNOWN
from service.tasks.messages import Limits
from tests.frontends.onnx.bombs import (
    branching,
    calling_itself,
    calling_often,
    chain,
    changed,
    deep,
    doubling,
    external,
    many_outputs,
    one,
    referring,
    wide_pool,
    with_tensor,
)
from tests.frontends.onnx.making import graph_of, model, node

MODELS = sorted((Path(__file__).parent / "models").glob("*.onnx"))
LONGEST_DETAIL = 1000


REFUSED: Mapping[str, tuple[Callable[[], ModelProto], type[FluxionError], str]] = {
    "external data": (lambda: external("/etc/passwd"), UnsupportedOperationError, "initializer 'w': .* never read"),
    "a graph inside": (branching, UnsupportedOperationError, r"node 'N' \('If'\): operators with graphs inside"),
    "an input from nowhere": (lambda: one("Neg", "z"), ParseError, r"node 'N' \('Neg'\): the input 'z' is made by no"),
    "a cycle": (lambda: one("Neg", "y"), ParseError, "node 'N' .*own output"),
    "a node without a name": (lambda: model([node("Neg", "z")], {"x": []}), ParseError, r"node number 0 \('Neg'\)"),
    "a name twice": (lambda: model([node("Neg", "x"), node("Abs", "x", name="N")], {"x": []}), ParseError,
                     "node 'N' .* 'y' of an output is taken"),
    "two outputs of one name": (many_outputs, ParseError, "node 'N' .* 'y' of an output is taken"),
    "an input twice": (lambda: changed(lambda made: made.graph.input.append(made.graph.input[0])), ParseError,
                       "input 'x' is declared twice"),
    "an initializer twice": (lambda: changed(lambda made: made.graph.initializer.append(made.graph.initializer[0])),
                             ParseError, "initializer 'w': its name is taken"),
    "an unknown operator": (lambda: one("Negg"), UnsupportedOperationError, "node 'N' .*did you mean Neg"),
    "an operator that is not read": (lambda: one("Mod", "x", "x", attributes={"fmod": 1}), UnsupportedOperationError,
                                     "node 'N' .*constants of integers"),
    "another domain": (lambda: one("Neg", attributes={"domain": "com.example"}), UnsupportedOperationError,
                       "node 'N' .*domain 'com.example'"),
    "an operator of a later version": (lambda: one("Gelu", opset=19), UnsupportedOperationError,
                                       "node 'N' .*version 19"),
    "an old version": (lambda: one("Neg", opset=6), UnsupportedOperationError, "version 6 .* 7 to"),
    "a future version": (lambda: one("Neg", opset=1000), UnsupportedOperationError, "version 1000"),
    "no version": (lambda: changed(lambda made: made.ClearField("opset_import")), ParseError, "0 versions"),
    "an unknown attribute": (lambda: one("Neg", attributes={"alpha": 1.0}), ParseError,
                             "node 'N' .*no attribute 'alpha'"),
    "an attribute of a wrong type": (lambda: one("Elu", attributes={"alpha": 1}), ParseError,
                                     "node 'N' .*'alpha' has the wrong type"),
    "a missing attribute": (lambda: one("Concat"), ParseError, "node 'N' .*'axis' is missing"),
    "too many inputs": (lambda: one("Neg", "x", "x"), ParseError, "node 'N' .*2 inputs, the operator takes 1 to 1"),
    "a missing input": (lambda: one("Add", "", "x"), ParseError, "node 'N' .*input A is missing"),
    "kinds that differ": (lambda: one("Add", "x", "w", w=np.array([1])), ParseError, "node 'N' .*of kind int"),
    "a condition in a sum": (lambda: one("Abs", "w", w=np.array([True])), ParseError, "node 'N' .*of kind bool"),
    "integers that are no constants": (lambda: one("Reshape", "x", "x"), ParseError, "node 'N' .*kind float"),
    "a cast to integers": (lambda: one("Cast", attributes={"to": 7}), UnsupportedOperationError,
                           "node 'N' .*derivative"),
    "shapes that do not fit": (lambda: one("Add", "x", "w", w=np.ones(2)), ShapeError, "node 'N' .*cannot broadcast"),
    "an axis out of range": (lambda: one("Gather", "x", "w", w=np.array(3)), ShapeError, "node 'N' .*out of range"),
    "a way to approximate that is none": (lambda: one("Gelu", attributes={"approximate": "tan"}), ParseError,
                                          "node 'N' .*got 'tan'"),
    "axes of size 1 that may be more": (lambda: one("Squeeze", shape=["n", 1]), UnsupportedOperationError,
                                        "node 'N' .*not known"),
    "indices beyond the other axes": (lambda: one("GatherElements", "x", "w", shape=[1, 3], attributes={"axis": 1},
                                                  w=np.array([[0], [1]])), ShapeError, "node 'N' .*do not fit"),
    "a product of batches": (lambda: one("Gemm", "x", "x", shape=[2, 2, 2]), ShapeError, "node 'N' .*two matrices"),
    "an input of conditions": (lambda: changed(
        lambda made: made.graph.input.append(helper.make_tensor_value_info("k", 9, []))),
        UnsupportedOperationError, "input 'k': .*must be an initializer"),
    "an input without a shape": (lambda: model([node("Neg", "x")], {"x": None}), UnsupportedOperationError,
                                "input 'x': "),
    "a negative size": (lambda: one("Neg", shape=[-1]), ShapeError, "input 'x': .*negative"),
    "an immense size": (lambda: one("Neg", shape=[2**40]), LimitError, "input 'x': "),
    "too many axes": (lambda: one("Neg", shape=[1] * 99), LimitError, "input 'x': axes"),
    "a sequence": (lambda: changed(
        lambda made: made.graph.input.append(helper.make_tensor_sequence_value_info("s", 11, [2]))),
        UnsupportedOperationError, "input 's': inputs are tensors"),
    "a sparse initializer": (lambda: changed(lambda made: made.graph.sparse_initializer.append(SparseTensorProto())),
                             UnsupportedOperationError, "sparse initializers"),
    "training": (lambda: changed(lambda made: made.training_info.append(TrainingInfoProto())),
                 UnsupportedOperationError, "training information"),
    "a function that calls itself": (calling_itself, UnsupportedOperationError, "node 'N' .*nested more than"),
    "functions that double": (doubling, LimitError, "node 'N' .*nodes"),
    "functions within functions": (deep, UnsupportedOperationError,
                                   r"^node 'N' \('F0'\): node 'n{70}' \('Nope'\): the op"),
    "a long constant of a function": (lambda: calling_often(100), LimitError, "node_bytes"),
    "a long attribute of a call": (lambda: referring(10**5), LimitError, "node 'N' .*node_bytes"),
    "an average of many windows": (wide_pool, LimitError, "node 'N' .*known_entries"),
    "a power that is none": (lambda: one("LpPool", shape=[1, 1, 3], attributes={"kernel_shape": [1], "p": 0}),
                             ParseError, "node 'N' .*p is at least 1"),
    "a flag that is neither": (lambda: one("ReduceSum", attributes={"keepdims": 2}), ParseError,
                               "node 'N' .*'keepdims' is 0 or 1, got 2"),
    "an axis sliced twice": (lambda: one("Slice", "x", "w", "w", "a", w=np.array([0, 1]), a=np.array([1, -1])),
                             ShapeError, "node 'N' .*axis 1 is sliced twice"),
    "outputs that are not as many": (lambda: one("Split", attributes={"axis": 0, "num_outputs": 2}), ShapeError,
                                     "node 'N' .*num_outputs is 2, for 1 outputs"),
    "a reduction that is none": (lambda: one("NegativeLogLikelihoodLoss", "x", "w", w=np.array([0, 1]),
                                             attributes={"reduction": ""}), ParseError,
                                 "node 'N' .*'reduction' is one of none, sum, mean"),
    "a division by 0": (lambda: one("Celu", attributes={"alpha": 0.0}), ParseError, "node 'N' .*alpha is 0"),
    "data in two fields": (lambda: with_tensor(data_type=11, dims=[1], raw_data=bytes(8), double_data=[1.0]),
                           ParseError, "initializer 'w': .*more than one field"),
    "an integer beyond its type": (lambda: with_tensor(data_type=2, dims=[1], int32_data=[256]), ParseError,
                                   "initializer 'w': .*no uint8"),
    "no outputs": (lambda: changed(lambda made: made.graph.ClearField("output")), ParseError, "no outputs"),
    "an output from nowhere": (lambda: model([node("Neg", "x")], {"x": []}, outputs=["q"]), ParseError, "output 'q'"),
    "too little data": (lambda: with_tensor(data_type=11, dims=[2], raw_data=b"12345678"), ParseError,
                        "initializer 'w': .*2 entries, but data for 1"),
    "broken data": (lambda: with_tensor(data_type=11, dims=[1], raw_data=b"12345"), ParseError,
                    "initializer 'w': raw_data"),
    "dims whose product overflows": (lambda: with_tensor(data_type=11, dims=[2**62, 4], raw_data=b""), LimitError,
                                     "initializer 'w': elements"),
    "dims that hide behind a 0": (lambda: with_tensor(data_type=11, dims=[0, 2**62], raw_data=b""), LimitError,
                                  "initializer 'w': elements"),
    "an unknown element type": (lambda: with_tensor(data_type=99, dims=[0]), UnsupportedOperationError, "'w': .* 99"),
    "texts": (lambda: with_tensor(data_type=8, dims=[1], string_data=[b"a"]), UnsupportedOperationError, "'w': .* 8"),
    "10**5 nodes": (lambda: chain(10**5), LimitError, "nodes"),
    "a million fields": (lambda: changed(lambda made: made.graph.node[0].input.extend(["x"] * 2 * 10**6)), LimitError,
                         "model_fields"),
    "immense constants": (lambda: one("Expand", "w", "s", w=np.array([1]), s=np.array([2**30])), LimitError,
                          "node 'N' .*known_entries"),
    "an immense filling": (lambda: one("EyeLike", shape=[10**5, 10**5]), LimitError, "node 'N' .*known_entries"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    """With an error of the right kind, which names the node, and is short."""
    made, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message) as caught:
        graph_of(made())
    assert len(caught.value.detail) < LONGEST_DETAIL
    assert str(caught.value) == caught.value.detail


def test_shapes_that_the_model_does_not_allow() -> None:
    """Of an input that is not there, of other numbers, and two numbers for one name."""
    made = model([node("Add", "x", "z")], {"x": ["n", 3], "z": ["n", 3]})
    with pytest.raises(UnknownNameError, match="no input 'w'"):
        graph_of(made, None, w=[3])
    for shapes in ({"x": [2, 4]}, {"x": [2]}, {"x": [2, 3], "z": [4, 3]}):
        with pytest.raises(ShapeError, match="not one that the model allows"):
            graph_of(made, None, **shapes)


def test_bytes_are_bounded_before_they_are_read() -> None:
    """The bound goes with that on the entries of an array."""
    with pytest.raises(LimitError, match="model_bytes: 9 is over the limit of 8"):
        read_onnx(bytes(9), Limits(elements=1))


def test_the_work_on_constants_is_bounded() -> None:
    """Many nodes that each look at a long constant."""
    count = MOST_KNOWN // 2**16
    nodes = [node("Neg", "w", output=f"y{k}", name=f"N{k}") for k in range(count + 1)]
    made = model(nodes, {"x": []}, outputs=["x"], w=np.ones(2**16, np.int64))
    with pytest.raises(LimitError, match="known_entries"):
        graph_of(made)


def test_the_work_on_nodes_that_are_there_already_is_bounded() -> None:
    """Many nodes that each take the same entries, one by one."""
    scattered = np.arange(2000) % 3 // 2
    nodes = [node("Gather", "x", "w", output=f"y{k}", name=f"N{k}") for k in range(60)]
    with pytest.raises(LimitError, match="model_operations"):
        graph_of(model(nodes, {"x": [2]}, outputs=["y0"], w=scattered))


@pytest.mark.parametrize("content", [b"", b"\x00", b"{}", b"\x3a\x02", bytes(100), b"\x80" * 100])
def test_what_is_no_model(content: bytes) -> None:
    """Other bytes."""
    with pytest.raises(ParseError):
        read_onnx(content, Limits())


def test_names_that_are_no_text() -> None:
    """ONNX's texts are UTF-8."""
    content = model([node("Neg", "abcd")], {"abcd": []}).SerializeToString().replace(b"abcd", b"ab\xff\xfe")
    with pytest.raises(ParseError, match=r"name of a ValueInfoProto, at byte|input of a NodeProto, at byte"):
        read_onnx(content, Limits())


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(MODELS), st.data())
def test_damaged_models(path: Path, data: Any) -> None:
    """Cut off anywhere, and with any bytes changed: a graph, or an error of ours."""
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    kept = data.draw(st.one_of(st.none(), st.integers(0, len(content))))
    with suppress(FluxionError):
        assert read_onnx(bytes(content[:kept]), Limits())["outputs"]
