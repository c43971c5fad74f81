"""Integers that are sent with each request: labels of a loss, places of an embedding, classes to be marked."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from service.errors import UnsupportedOperationError
from service.frontends.onnx import read_onnx
from service.tasks.compute import compute
from service.tasks.messages import Limits, Task
from tests.frontends.onnx.points import numbers

jax.config.update("jax_enable_x64", True)

SAME = 1e-13  # a few roundings
LOGITS = numbers((6, 4), 0.3)
LABELS = np.array([0, 3, 1, 1, 2, 0])


def model_of(nodes: list[Any], inputs: dict[str, Any], out: list[str | int], opset: int = 20) -> Any:
    """A model with the output `f`; inputs of integers are int64."""
    given = [
        helper.make_tensor_value_info(
            name, TensorProto.INT64 if value.dtype.kind == "i" else TensorProto.DOUBLE, value.shape
        )
        for name, value in inputs.items()
    ]
    result = helper.make_tensor_value_info("f", TensorProto.DOUBLE, out)
    graph = helper.make_graph(nodes, "g", given, [result])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def value_of(model: Any, point: dict[str, Any], **task: Any) -> Any:
    """The service's answer to a model."""
    graph = read_onnx(model.SerializeToString(), Limits())
    at = {name: np.asarray(value, np.float64) for name, value in point.items()}
    return compute(Task(task.pop("kind", "evaluate"), graph=graph, at=at, forms=(), **task))


def agrees(nodes: list[Any], inputs: dict[str, Any], opset: int = 20) -> None:
    """Asserts that the value is that of ONNX's own evaluator."""
    model = model_of(nodes, inputs, [], opset)
    evaluator: Any = ReferenceEvaluator(model)
    (expected,) = evaluator.run(None, inputs)
    found = value_of(model, inputs).values[0]
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(found, expected, SAME)


def node(op_type: str, inputs: str, output: str = "f", /, **attributes: Any) -> Any:
    """A node of a model."""
    return helper.make_node(op_type, inputs.split(), [output], **attributes)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("ignored", [None, 1])
@pytest.mark.parametrize("loss", ["SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss"])
def test_losses(loss: str, ignored: int | None, reduction: str) -> None:
    """Cross entropy with labels, some of which may count for nothing."""
    more = {} if ignored is None else {"ignore_index": ignored}
    agrees([node(loss, "x t", reduction=reduction, **more)], {"x": LOGITS, "t": LABELS})


def test_a_weighted_loss() -> None:
    """Classes may have weights."""
    weights = np.array([1.0, 2.0, 0.5, 3.0])
    agrees([node("SoftmaxCrossEntropyLoss", "x t w")], {"x": LOGITS, "t": LABELS, "w": weights})


def test_a_loss_of_pixels() -> None:
    """Labels may have axes of their own."""
    labels = np.array([[[0, 1], [2, 3]], [[3, 3], [0, 2]]])
    agrees([node("SoftmaxCrossEntropyLoss", "x t")], {"x": numbers((2, 4, 2, 2), 0.1), "t": labels})


def test_the_gradient_of_a_loss() -> None:
    """By the logits it is JAX's; by the labels it is 0."""
    model = model_of([node("SoftmaxCrossEntropyLoss", "x t")], {"x": LOGITS, "t": LABELS}, [])
    answer = value_of(model, {"x": LOGITS, "t": LABELS}, kind="gradient", wrt=("x", "t"))

    def loss(x: Any) -> Any:
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x, axis=1), LABELS[:, None], axis=1))

    np.testing.assert_allclose(answer.blocks[0].value, jax.grad(loss)(LOGITS), SAME, 1e-16)
    assert not answer.blocks[1].value.any()


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("indices", [np.array(1), np.array([2, 0, -1]), np.array([[0, -2], [1, 1]])])
def test_gather(axis: int, indices: Any) -> None:
    """Rows of an embedding, from the front and from the end."""
    agrees([node("Gather", "x i", axis=axis)], {"x": numbers((3, 4), 0.2), "i": indices})


@pytest.mark.parametrize("axis", [0, 1])
def test_gather_elements(axis: int) -> None:
    """Entry by entry."""
    indices = np.array([[0, -1, 2, 1], [1, 0, 0, 2], [2, 2, -3, 1]])
    agrees([node("GatherElements", "x i", axis=axis)], {"x": numbers((3, 4), 0.2), "i": indices})


@pytest.mark.parametrize("axis", [-1, 0])
def test_one_hot(axis: int) -> None:
    """What is out of range is marked nowhere."""
    depth = helper.make_node("Constant", [], ["d"], value_int=4)
    values = helper.make_node("Constant", [], ["v"], value=onnx.numpy_helper.from_array(np.array([-0.5, 2.0])))
    agrees([depth, values, node("OneHot", "i d v", axis=axis)], {"i": np.array([0, 3, -1, 9, -5])})


def test_labels_that_are_none() -> None:
    """No number is made up for an index that is not whole, or beyond the axis."""
    model = model_of([node("Gather", "x i", axis=0)], {"x": numbers((3,), 0.2), "i": LABELS[:3]}, [3])
    found = value_of(model, {"x": numbers((3,), 0.2), "i": np.array([0.5, 3.0, -4.0])})
    assert np.isnan(found.values[0]).all()
    cast = model_of([node("Cast", "i", to=TensorProto.DOUBLE)], {"i": LABELS[:2]}, [2])
    np.testing.assert_array_equal(value_of(cast, {"i": np.array([2.0, 2.5])}).values[0], [2.0, np.nan])


def test_arithmetic_of_integers() -> None:
    """Their division cuts off what that of floats does not."""
    half = [node("Div", "i i", "h"), node("Cast", "h", to=TensorProto.DOUBLE)]
    with pytest.raises(UnsupportedOperationError, match=r"Div.*integers that are no constants"):
        read_onnx(model_of(half, {"i": LABELS}, [6]).SerializeToString(), Limits())
