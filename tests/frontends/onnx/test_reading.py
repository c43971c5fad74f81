"""What becomes of names, sizes, constants and versions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from service.errors import FluxionError
from service.frontends.graph import read_graph
from service.frontends.onnx.names import clean_names, is_name
from service.frontends.onnx.tensors import read_tensor
from service.ir.size import named
from service.tasks.compute import compute
from service.tasks.messages import Limits, Task
from tests.frontends.onnx.making import graph_of, model, node, values
from tests.tasks.asking import ask

X = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -6.0]])


@given(st.lists(st.text(max_size=80)), st.lists(st.text(max_size=80)))
def test_names_are_valid_and_apart(given_names: list[str], sizes: list[str]) -> None:
    """Any texts become different names, in one way; what is a name stays."""
    own, of_sizes = clean_names(given_names, sizes)
    assert clean_names(given_names, sizes) == [own, of_sizes]
    made = [*own.values(), *of_sizes.values()]
    assert len(set(made)) == len(made) == len(set(given_names)) + len(set(sizes))
    assert all(map(is_name, made))
    assert all(own[name] == name for name in given_names if is_name(name))


def test_valid_names_come_before_cleaned_ones() -> None:
    """A name that is cleaned does not take one that is in the model."""
    assert clean_names(["a/b", "a_b", "1", ""], ["a_b"]) == [
        {"a_b": "a_b", "a/b": "a_b_2", "1": "v1", "": "v"},
        {"a_b": "a_b_3"},
    ]


def test_nodes_have_the_names_of_the_model() -> None:
    """Those of the values that nodes give; what comes between has numbers."""
    made = model([node("Softsign", "x", output="h/1"), node("Neg", "h/1")], {"x": [3]})
    assert [entry["name"] for entry in graph_of(made)["nodes"]] == ["n1", "n2", "h_1", "y"]


def test_initializers_are_constants_with_their_names() -> None:
    """Those of floats, used or not, also where they are inputs; equal ones stay apart."""
    constants: dict[str, Any] = {
        "w.1": np.ones(2), "w2": np.ones(2), "unused": np.float32(0.1), "shape": np.array([1]),
    }  # fmt: skip
    nodes = [node("Add", "x", "w.1"), node("Mul", "y", "w2", output="z")]
    made = model(nodes, {"x": [2], "w.1": [2]}, outputs=["z"], **constants)
    found = graph_of(made)
    assert [entry["name"] for entry in found["inputs"]] == ["x"]
    assert {entry["name"]: entry["data"] for entry in found["constants"]} == {
        "w_1": [1.0, 1.0],
        "w2": [1.0, 1.0],
        "unused": [float(np.float32(0.1))],
    }


def test_sizes_are_numbers_names_or_unknown() -> None:
    """A name that is also that of a value becomes another; each unknown size has a name of its own."""
    made = model([node("MatMul", "x", "w")], {"x": ["x", "batch size"], "w": [None, 3]})
    found = graph_of(made, None, w=["batch", 3], x=["m", "batch"])
    assert [entry["shape"] for entry in found["inputs"]] == [["m", "batch"], ["batch", 3]]
    plain = graph_of(model([node("Neg", "x")], {"x": ["x", "batch size", None, 4]}))
    assert plain["inputs"][0]["shape"] == ["x_2", "batch_size", "x_axis_2", 4]
    reading = read_graph(plain, Limits())
    assert reading.outputs[0].shape == (named("x_2"), named("batch_size"), named("x_axis_2"), 4)


def test_shapes_are_computed_with_named_sizes() -> None:
    """What exporters write for a reshape: parts of a shape, put together again."""
    nodes = [
        node("Shape", "x", output="s"),
        node("Gather", "s", "zero", output="n"),
        node("Unsqueeze", "n", "axis", output="rows"),
        node("Concat", "rows", "rest", output="t", axis=0),
        node("Reshape", "x", "t"),
    ]
    made = model(nodes, {"x": ["n", 2, 3]}, zero=np.array(0), axis=np.array([0]), rest=np.array([-1]))
    assert read_graph(graph_of(made), Limits()).outputs[0].shape == (named("n"), 6)


@pytest.mark.parametrize(("opset", "kind"), [(12, "flat"), (13, "along")])
def test_softmax_changed_with_version_13(opset: int, kind: str) -> None:
    """Before, it went over the axis and all after it."""
    x = np.stack([X, X**2])
    powers = np.exp(x)
    total = powers.sum(axis=(1, 2) if kind == "flat" else 1, keepdims=True)
    made = model([node("Softmax", "x", axis=1)], {"x": [2, 2, 3]}, opset)
    assert values(made, x=x) == pytest.approx(powers / total, rel=1e-14)


OLD_AND_NEW: dict[str, tuple[Any, Any]] = {
    "Slice": (
        model([node("Slice", "x", starts=[-1], ends=[2**31], axes=[1])], {"x": [2, 3]}, 9),
        model([node("Slice", "x", "a", "b", "c")], {"x": [2, 3]}, a=np.array([-1]), b=np.array([2**62]),
              c=np.array([1])),
    ),
    "Unsqueeze": (
        model([node("Unsqueeze", "x", axes=[0, -1])], {"x": [2, 3]}, 11),
        model([node("Unsqueeze", "x", "a")], {"x": [2, 3]}, a=np.array([0, -1])),
    ),
    "ReduceSum": (
        model([node("ReduceSum", "x", axes=[1], keepdims=0)], {"x": [2, 3]}, 12),
        model([node("ReduceSum", "x", "a", keepdims=0)], {"x": [2, 3]}, a=np.array([-1])),
    ),
    "Clip": (
        model([node("Clip", "x", max=2.0)], {"x": [2, 3]}, 10),
        model([node("Clip", "x", "", "a")], {"x": [2, 3]}, a=np.array(2.0)),
    ),
    "Pad": (
        model([node("Pad", "x", pads=[0, 1, 0, 2], value=1.5)], {"x": [2, 3]}, 10),
        model([node("Pad", "x", "a", "b", "c")], {"x": [2, 3]}, a=np.array([1, 2]), b=np.array(1.5), c=np.array([1])),
    ),
    "Split": (
        model([helper.make_node("Split", ["x"], ["y", "z"], axis=1, split=[1, 2])], {"x": [2, 3]}, 12, ["z"]),
        model([helper.make_node("Split", ["x", "a"], ["y", "z"], axis=1)], {"x": [2, 3]}, 13, ["z"],
              a=np.array([1, 2])),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OLD_AND_NEW)
def test_attributes_that_became_inputs(name: str) -> None:
    """The same function in both versions."""
    old, new = OLD_AND_NEW[name]
    assert np.array_equal(values(old, x=X), values(new, x=X))
    assert values(old, x=X).size


@pytest.mark.parametrize("number", [TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16])
@pytest.mark.parametrize("raw", [False, True])
def test_floats_are_read_exactly(number: int, raw: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Every type of floats, in either place; ONNX's own reading is the other opinion."""
    entries = [0.0, -0.0, 1.5, -2.25, 65504.0, 6e-8, float("inf"), float("-inf")]
    made = helper.make_tensor("t", number, [2, 4], entries)
    if raw:
        content = numpy_helper.to_array(made).tobytes()
        made = TensorProto(name="t", data_type=number, dims=[2, 4], raw_data=content)
    found = read_tensor(made, "it", Limits())
    assert found.shape == (2, 4)
    assert list(found.entries) == list(numpy_helper.to_array(made).astype(np.float64).ravel())


def test_functions_of_the_model_are_entered() -> None:
    """With their attributes, in the version of the operators that they import."""
    scaled = helper.make_function(
        "own", "Scaled", ["a"], ["c"],
        [helper.make_node("LeakyRelu", ["a"], ["b"]), helper.make_node("ReduceSum", ["b"], ["c"], keepdims=0)],
        [helper.make_opsetid("", 12)], ["alpha"],
    )  # fmt: skip
    reference = scaled.node[0].attribute.add(name="alpha", ref_attr_name="alpha", type=1)
    assert reference.ref_attr_name == "alpha"
    made = model([node("Scaled", "x", domain="own", alpha=0.25)], {"x": [2, 3]})
    made.functions.append(scaled)
    assert values(made, x=X) == 8.5 - 0.25 * 8


def test_an_attribute_is_the_float_that_the_file_has() -> None:
    """ONNX stores attributes in 32 bits."""
    made = model([node("LeakyRelu", "x", alpha=0.1)], {"x": []})
    assert values(made, x=-1.0) == -float(np.float32(0.1))


def test_bodies_and_loss_with_constant_labels() -> None:
    """A training loss by the body of its operator."""
    made = model([node("SoftmaxCrossEntropyLoss", "x", "labels")], {"x": [2, 3]}, labels=np.array([2, 0]))
    logs = X - np.log(np.exp(X).sum(axis=1, keepdims=True))
    assert values(made, x=X) == pytest.approx(-(logs[0, 2] + logs[1, 0]) / 2, rel=1e-14)


def test_a_model_and_a_text_are_one_function() -> None:
    """With the weights as variables, as a request names them."""
    nodes = [node("Gemm", "x", "W", "b", output="z", transB=1), node("Tanh", "z", output="a"),
             node("ReduceMean", "a", keepdims=0)]  # fmt: skip
    shapes: dict[str, tuple[int | str, ...]] = {"x": ("batch", 2), "W": (1, 2), "b": (1,)}
    graph = graph_of(model(nodes, shapes))
    found = compute(Task("gradient", graph=graph, wrt=("W", "b"), forms=()))
    text = ask("gradient", "mean(tanh(x @ W.T + b))", shapes, wrt=("W", "b"))
    assert found.function_id == text.function_id


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((0, 2**63 - 1, 1), lambda x: x),
        ((1, 2**63 - 1, 1), lambda x: x[1:]),
        ((-2, 2**31 - 1, 1), lambda x: x[-2:]),
        ((-1, -(2**63), -1), lambda x: x[::-1]),
        ((2**63 - 1, -(2**63), -1), lambda x: x[::-1]),
        ((0, -1, 1), lambda x: x[:-1]),
    ],
)
@pytest.mark.parametrize("count", ["n", 5])
def test_slices_of_axes_with_a_name_or_a_number(bounds: Any, expected: Any, count: Any) -> None:
    """The bounds that stand for either end, in both directions."""
    start, stop, step = map(np.array, ([bounds[0]], [bounds[1]], [bounds[2]]))
    made = model([node("Slice", "x", "a", "b", "", "c")], {"x": [count]}, a=start, b=stop, c=step)
    x = np.arange(5.0)
    assert np.array_equal(values(made, x=x), expected(x))


@pytest.mark.parametrize("bounds", [(0, -(2**63), 1), (0, -(2**63), -1), (3, 4, -1)])
def test_slices_that_may_be_empty(bounds: Any) -> None:
    """Are empty, or have the first entry, where the size is a number; with a name they are refused."""
    start, stop, step = map(np.array, ([bounds[0]], [bounds[1]], [bounds[2]]))
    x = np.arange(5.0)
    made = model([node("Slice", "x", "a", "b", "", "c")], {"x": [5]}, a=start, b=stop, c=step)
    assert np.array_equal(values(made, x=x), x[slice(*bounds)])
    with pytest.raises(FluxionError):
        graph_of(model([node("Slice", "x", "a", "b", "", "c")], {"x": ["n"]}, a=start, b=stop, c=step))


def test_whether_named_sizes_are_equal_is_not_guessed() -> None:
    """Two names may be one number; a size is never below 0."""
    nodes = [node("Shape", "x", output="s"), node("Equal", "s", "k", output="c"), node("Where", "c", "k", "s")]
    assert values(model(nodes, {"x": ["n", 3]}, k=np.array([-1])), x=np.ones((2, 3))).tolist() == [2.0, 3.0]
    with pytest.raises(FluxionError, match="whether n is 3 is not known"):
        graph_of(model(nodes, {"x": ["n", 3]}, k=np.array([3])))


ARE_READ_DIFFERENTLY: dict[str, Any] = {
    "backwards to the far end": model(
        [node("Slice", "x", "a", "b", "", "c")], {"x": [5]},
        a=np.array([3]), b=np.array([2**63 - 1]), c=np.array([-1]),
    ),
    "backwards from before the first": model(
        [node("Slice", "x", "a", "b", "", "c")], {"x": [3]},
        a=np.array([-4]), b=np.array([-9]), c=np.array([-1]),
    ),
    "no axes": model([node("Squeeze", "x", "a")], {"x": [1, 3]}, a=np.array([], np.int64)),
    "windows apart": model(
        [node("MaxPool", "x", kernel_shape=[1], strides=[3], auto_pad="SAME_UPPER")], {"x": [1, 1, 6]}
    ),
    "windows with gaps": model(
        [node("AveragePool", "x", kernel_shape=[2], dilations=[2], auto_pad="SAME_LOWER")], {"x": [1, 1, 6]}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ARE_READ_DIFFERENTLY)
def test_what_runtimes_read_differently_is_refused(name: str) -> None:
    """ONNX's own evaluator and onnxruntime have two answers, so that there is none of ours."""
    with pytest.raises(FluxionError, match=r"differ|is not read"):
        graph_of(ARE_READ_DIFFERENTLY[name])


def test_conditions_on_both_sides_of_where() -> None:
    """Constants of conditions are values there, while Pow's second input may be integers."""
    nodes = [node("Greater", "x", "zero", output="c"), node("Where", "c", "p", "q", output="d"),
             node("Where", "d", "x", "zero")]  # fmt: skip
    p = np.array([True, False, True])
    made = model(nodes, {"x": [3]}, zero=np.array(0.0), p=p, q=~p)
    assert values(made, x=[5.0, -6.0, -7.0]).tolist() == [5.0, -6.0, 0.0]


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_parts_that_are_left_out_may_be_anything(value: float) -> None:
    """A causal mask is a triangle of -inf: zeros stand where it is cut off, as numpy and onnxruntime have it."""
    x = np.full((3, 4), value)
    made = model([node("Trilu", "x", "k")], {"x": [3, 4]}, k=np.array(1))
    assert np.array_equal(values(made, x=x), np.triu(x, 1), equal_nan=True)
    rows = [1, 0, 0, 3, 1, 2, 2]
    y = np.where(np.eye(4) > 0, value, np.arange(16.0).reshape(4, 4))
    gathered = model([node("Gather", "x", "rows")], {"x": [4, 4]}, rows=np.array(rows))
    assert np.array_equal(values(gathered, x=y), y[rows], equal_nan=True)


@pytest.mark.parametrize("opset", [11, 13, 21])
@pytest.mark.parametrize(
    ("op_type", "attributes", "shape"),
    [
        ("DepthToSpace", {"blocksize": 2}, (2, 8, 2, 3)),
        ("DepthToSpace", {"blocksize": 2, "mode": "CRD"}, (2, 8, 2, 3)),
        ("SpaceToDepth", {"blocksize": 2}, (2, 3, 4, 6)),
    ],
)
def test_depth_and_space(op_type: str, attributes: dict[str, Any], shape: tuple[int, ...], opset: int) -> None:
    """In every version of the operators: what exporters write of a shuffle of pixels."""
    made = model([node(op_type, "x", **attributes)], {"x": list(shape)}, opset=opset)
    x = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    evaluator: Any = ReferenceEvaluator(made)
    np.testing.assert_array_equal(values(made, x=x), evaluator.run(None, {"x": x})[0])
