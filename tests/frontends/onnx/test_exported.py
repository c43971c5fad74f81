"""Models that PyTorch and scikit-learn wrote: the loss and its gradients by every weight are theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.frontends.onnx import read_onnx
from service.tasks.compute import compute
from service.tasks.messages import Limits, Task
from tests.frontends.onnx.points import numbers, shares

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


def gradients(name: str, point: dict[str, Any], wrt: set[str]) -> tuple[Any, dict[str, Any]]:
    """The value of a model and its gradient by constants of it."""
    graph = read_onnx((MODELS / f"{name}.onnx").read_bytes(), Limits())
    weights = [entry for entry in graph["constants"] if entry["name"] in wrt]
    inputs = [{"name": entry["name"], "shape": entry["shape"]} for entry in weights]
    rest = [entry for entry in graph["constants"] if entry["name"] not in wrt]
    at = point | {entry["name"]: np.reshape(entry["data"], entry["shape"]) for entry in weights}
    answer = compute(
        Task("gradient", graph=graph | {"inputs": [*graph["inputs"], *inputs], "constants": rest}, at=at,
             wrt=tuple(wrt), forms=())
    )  # fmt: skip
    return answer.values[0], {block.wrt[0]: block.value for block in answer.blocks}


@pytest.mark.parametrize("name", TORCH)
def test_gradients_are_those_of_torch(name: str) -> None:
    """In float64; the numbers differ by rounding in sums over the batch."""
    with np.load(MODELS / f"{name}.npz") as expected:
        wanted = {key.replace(".", "_"): expected[key] for key in expected}
    loss = wanted.pop("loss")
    value, found = gradients(name, TORCH[name], set(wanted))
    assert value == pytest.approx(loss, rel=1e-13)
    for key, want in wanted.items():
        assert found[key].shape == want.shape
        assert np.max(np.abs(found[key] - want)) < 1e-10 * max(1, np.max(np.abs(want))), key
