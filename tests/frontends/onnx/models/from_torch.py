"""Makes the models exported by PyTorch and their reference numbers; the tests read the files and need no PyTorch.

    python3 -m venv /tmp/torch && /tmp/torch/bin/pip install torch==2.13.0 onnx onnxscript
    PYTHONPATH=. /tmp/torch/bin/python -m tests.frontends.onnx.models.from_torch

Each model is a loss in float64, written by one of PyTorch's two exporters. `NAME.npz` has its value, and its gradient
by each parameter under the parameter's name.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from tests.frontends.onnx.points import numbers, shares

HERE = Path(__file__).parent
BATCH = 1000


class WithLoss(nn.Module):  # type: ignore[misc]
    """A net and the loss of its answers."""

    def __init__(self, net: Any, loss: Any) -> None:
        super().__init__()
        self.net = net
        self.loss = loss

    def forward(self, x: Any, target: Any) -> Any:
        """The loss over a batch."""
        return self.loss(self.net(x), target)


class WithLabels(nn.Module):  # type: ignore[misc]
    """A net and its cross entropy with labels that are part of the model."""

    def __init__(self, net: Any, labels: Any) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("labels", labels)

    def forward(self, x: Any) -> Any:
        """The loss over the batch that the labels are for."""
        return nn.functional.cross_entropy(self.net(x), self.labels)


def layers() -> Any:
    """Three layers."""
    return nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 12), nn.GELU(), nn.Linear(12, 3))


def images() -> Any:
    """A net of convolutions."""
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.ELU(), nn.MaxPool2d(2), nn.Conv2d(3, 4, 3, stride=2, groups=1), nn.Softplus(),
        nn.BatchNorm2d(4), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4, 3), nn.LayerNorm(3),
    )  # fmt: skip


def squared(answer: Any, target: Any) -> Any:
    """Mean squares of what is left."""
    return ((answer - target) ** 2).mean()


def entropy(answer: Any, target: Any) -> Any:
    """The cross entropy with shares of classes."""
    return -(target * torch.log_softmax(answer, dim=1)).sum(dim=1).mean()


def write(name: str, model: Any, point: Mapping[str, Any], **export: Any) -> None:
    """The model and its numbers at a point."""
    model = model.double().eval()
    with torch.no_grad():
        for k, parameter in enumerate(model.parameters()):
            parameter.copy_(torch.from_numpy(numbers(tuple(parameter.shape), 0.5 + k, 0.5)))
    given = tuple(torch.from_numpy(value) for value in point.values())
    loss = model(*given)
    loss.backward()
    found = {key: parameter.grad.numpy() for key, parameter in model.named_parameters()}
    np.savez_compressed(HERE / f"{name}.npz", loss=loss.detach().numpy(), **found)
    path = HERE / f"{name}.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, given, str(path), input_names=list(point), output_names=["loss"], **export)
    path.write_bytes(without_notes(onnx.load(path)).SerializeToString())


def without_notes(made: onnx.ModelProto) -> onnx.ModelProto:
    """The model without what the exporter notes of the machine that it ran on, such as paths."""
    graph = made.graph
    for part in (made, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    return made


def main() -> None:
    """Every model."""
    batch = {"x": numbers((BATCH, 6), 0.1), "target": numbers((BATCH, 3), 0.2)}
    axes = {"x": {0: "batch"}, "target": {0: "batch"}}
    dim = torch.export.Dim("batch")
    dynamic = {"dynamo": True, "dynamic_shapes": ({0: dim}, {0: dim}), "external_data": False, "verbose": False}
    script = {"dynamo": False, "dynamic_axes": axes, "do_constant_folding": False}
    write("squares_dynamo", WithLoss(layers(), squared), batch, **dynamic)
    write("squares_script", WithLoss(layers(), squared), batch, **script)
    write("entropy_dynamo", WithLoss(layers(), entropy), batch | {"target": shares((BATCH, 3), 0.2)}, **dynamic)
    labels = torch.arange(40) * 7 % 3
    write("labels_script", WithLabels(layers(), labels), {"x": numbers((40, 6), 0.3)}, dynamo=False)
    write("labels_dynamo", WithLabels(layers(), labels), {"x": numbers((40, 6), 0.3)}, dynamo=True, external_data=False)
    pictures = {"x": numbers((5, 1, 12, 12), 0.4), "target": shares((5, 3), 0.5)}
    write("images_script", WithLoss(images(), entropy), pictures, dynamo=False)
    write("images_dynamo", WithLoss(images(), entropy), pictures, dynamo=True, external_data=False)


if __name__ == "__main__":
    main()
