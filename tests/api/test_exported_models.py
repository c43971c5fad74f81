"""A net that PyTorch exported, over HTTP: its gradients are PyTorch's, in numbers and as a model for onnxruntime."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from tests.api.test_models import MODEL, ask
from tests.frontends.onnx.test_exported import MODELS, TORCH
from tests.onnx_models import run_model
from tests.service_process import running_service

THREE_LAYERS = ("squares_dynamo", "squares_script", "entropy_dynamo")  # each with a batch of 1000
SAME = 1e-10  # of the largest entry: sums over the batch in another order


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a service in processes of its own."""
    with running_service() as number:
        yield number


@pytest.mark.parametrize("name", THREE_LAYERS)
def test_there_and_back(port: int, name: str) -> None:
    """By every weight at once: the numbers, and what onnxruntime makes of the gradient's own model."""
    with np.load(MODELS / f"{name}.npz") as expected:
        wanted = {key.replace(".", "_"): expected[key] for key in expected}
    loss, point = wanted.pop("loss"), TORCH[name]
    content = base64.b64encode((MODELS / f"{name}.onnx").read_bytes()).decode()
    body: dict[str, Any] = {"model": {"format": "onnx", "content": content}, "wrt": [*wanted], "forms": []}
    at = {key: value.tolist() for key, value in point.items()}
    status, _, answered = ask(port, "/v1/gradient", {**body, "at": at})
    assert status == 200, answered
    answer = json.loads(answered)
    assert answer["value"]["data"] == [pytest.approx(loss, rel=1e-13)]
    status, _, model = ask(port, "/v1/gradient", body, **MODEL)
    assert status == 200, model
    weights = {key: value for key, value in weights_of(name).items() if key in wanted}
    run = run_model(model, {**point, **weights})
    for block in answer["derivatives"]:
        (key,) = block["wrt"]
        for found in (np.reshape(block["value"]["data"], block["value"]["shape"]), run[f"d_{key}"]):
            assert np.max(np.abs(found - wanted[key])) < SAME * max(1, np.max(np.abs(wanted[key]))), key
    assert {block["wrt"][0] for block in answer["derivatives"]} == wanted.keys()


def weights_of(name: str) -> dict[str, Any]:
    """The initializers of a model, under the names that they have as variables."""
    model = onnx.load(MODELS / f"{name}.onnx")
    return {one.name.replace(".", "_"): numpy_helper.to_array(one) for one in model.graph.initializer}
