"""Models that PyTorch and scikit-learn wrote: the loss and its gradients by every weight are theirs."""

from __future__ import annotations

import base64
import json
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.frontends.onnx import read_onnx
from service.tasks.compute import compute
from service.tasks.messages import Limits, Task
from tests.frontends.onnx.points import numbers, shares
from tests.service_process import HOST, running_service

MODELS = Path(__file__).parent / "models"
ROWS = numbers((1000, 6), 0.1)
SQUARES = {"x": ROWS, "target": numbers((1000, 3), 0.2)}
PICTURES = {"x": numbers((5, 1, 12, 12), 0.4), "target": shares((5, 3), 0.5)}
TORCH = {
    "squares_dynamo": SQUARES,
    "squares_script": SQUARES,
    "entropy_dynamo": {"x": ROWS, "target": shares((1000, 3), 0.2)},
    "labels_script": {"x": numbers((40, 6), 0.3)},
    "labels_dynamo": {"x": numbers((40, 6), 0.3)},
    "images_script": PICTURES,
    "images_dynamo": PICTURES,
}


def graph_of(name: str) -> dict[str, Any]:
    """A model as a graph."""
    return read_onnx((MODELS / f"{name}.onnx").read_bytes(), Limits())


def derivatives(kind: Any, name: str, point: dict[str, Any], wrt: set[str], **more: Any) -> tuple[Any, dict[str, Any]]:
    """The value of a model and its derivatives by constants of it."""
    graph = graph_of(name)
    weights = [entry for entry in graph["constants"] if entry["name"] in wrt]
    inputs = [{"name": entry["name"], "shape": entry["shape"]} for entry in weights]
    rest = [entry for entry in graph["constants"] if entry["name"] not in wrt]
    at = point | {entry["name"]: np.reshape(entry["data"], entry["shape"]) for entry in weights}
    graph |= {"inputs": [*graph["inputs"], *inputs], "constants": rest}
    answer = compute(Task(kind, graph=graph, at=at, wrt=tuple(wrt), forms=(), **more))
    assert answer.values is not None
    return answer.values[0], {block.wrt[0]: block.value for block in answer.blocks}


def predictions(name: str, x: Any) -> Any:
    """What a model answers to a batch, in one row."""
    answer = compute(Task("evaluate", graph=graph_of(name), at={"X": x}, forms=()))
    assert answer.values is not None
    return np.ravel(answer.values[0])


@pytest.mark.parametrize("name", TORCH)
def test_gradients_are_those_of_torch(name: str) -> None:
    """In float64; the numbers differ by rounding in sums over the batch."""
    with np.load(MODELS / f"{name}.npz") as expected:
        wanted = {key.replace(".", "_"): expected[key] for key in expected}
    loss = wanted.pop("loss")
    value, found = derivatives("gradient", name, TORCH[name], set(wanted))
    assert value == pytest.approx(loss, rel=1e-13)
    for key, want in wanted.items():
        assert found[key].shape == want.shape
        assert np.max(np.abs(found[key] - want)) < 1e-10 * max(1, np.max(np.abs(want))), key


def test_a_regressor_of_scikit_learn() -> None:
    """Predictions, and by their cotangent the gradient of the loss that its own backpropagation has."""
    x = numbers((200, 3), 0.7)
    with np.load(MODELS / "regressor.npz") as expected:
        wanted = dict(expected)
    predicted, target = wanted.pop("predicted"), wanted.pop("target")
    cotangent = (predicted - target).reshape(-1, 1) / len(x)
    value, found = derivatives("vjp", "regressor", {"X": x}, set(wanted), cotangent=cotangent)
    assert np.ravel(value) == pytest.approx(predicted, rel=1e-13, abs=1e-15)
    for key, want in wanted.items():
        assert np.max(np.abs(np.ravel(found[key]) - np.ravel(want))) < 1e-12, key


def test_a_gaussian_process_of_scikit_learn() -> None:
    """Predictions of a model that compares each point with those it was fitted to, and its slope."""
    x = numbers((200, 3), 0.7)
    with np.load(MODELS / "process.npz") as expected:
        predicted = expected["predicted"]
    direction, step = numbers(x.shape, 0.9), 1e-6
    assert predictions("process", x) == pytest.approx(predicted, rel=1e-11)
    ahead, behind = (predictions("process", x + sign * step * direction) for sign in (1, -1))
    found = compute(
        Task("jvp", graph=graph_of("process"), at={"X": x}, tangents={"X": direction}, wrt=("X",), forms=())
    )
    (block,) = found.blocks
    assert block.value is not None
    assert np.ravel(block.value) == pytest.approx((ahead - behind) / (2 * step), rel=1e-6, abs=1e-6)


def test_all_weights_over_http() -> None:
    """A request that names the weights of a net of three layers, with a batch of 1,000 for its inputs."""
    with np.load(MODELS / "squares_dynamo.npz") as expected:
        wanted = {key.replace(".", "_"): expected[key] for key in expected if key != "loss"}
    content = base64.b64encode((MODELS / "squares_dynamo.onnx").read_bytes()).decode()
    at = {name: value.tolist() for name, value in SQUARES.items()}
    body = {"model": {"format": "onnx", "content": content}, "wrt": list(wanted), "at": at, "forms": []}
    headers = {"Content-Type": "application/json"}
    with running_service() as port:
        address = f"http://{HOST}:{port}/v1/gradient"
        with urllib.request.urlopen(urllib.request.Request(address, json.dumps(body).encode(), headers)) as response:
            answer = json.load(response)
    assert [block["wrt"] for block in answer["derivatives"]] == [[name] for name in wanted]
    for block, want in zip(answer["derivatives"], wanted.values(), strict=True):
        found = np.reshape(block["value"]["data"], block["value"]["shape"])
        assert np.max(np.abs(found - want)) < 1e-10
