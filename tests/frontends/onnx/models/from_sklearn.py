"""Makes the models exported by scikit-learn and their reference numbers; the tests read the files.

    python3 -m venv /tmp/sklearn && /tmp/sklearn/bin/pip install scikit-learn skl2onnx
    PYTHONPATH=. /tmp/sklearn/bin/python -m tests.frontends.onnx.models.from_sklearn

`regressor.onnx` is a fitted MLPRegressor in float64; `regressor.npz` has its predictions, and the gradient of half the
mean square error by its coefficients as scikit-learn's own backpropagation has it, summed up as it names the weights.
`process.onnx` is a GaussianProcessRegressor whose kernel is a product of two linear ones, `process.npz` has its
predictions.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from skl2onnx import to_onnx  # type: ignore[import-not-found]
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import DotProduct
from sklearn.neural_network import MLPRegressor

from tests.frontends.onnx.points import numbers

HERE = Path(__file__).parent


def write(name: str, model: Any, x: Any, **expected: Any) -> None:
    """The model for a batch of any length and its numbers."""
    (HERE / f"{name}.onnx").write_bytes(to_onnx(model, x[:1], target_opset=17).SerializeToString())
    np.savez_compressed(HERE / f"{name}.npz", **expected)


def gradients(model: Any, x: Any, y: Any) -> dict[str, Any]:
    """The gradient of half the mean square error by every weight, by scikit-learn's own rules."""
    layers = [x, *(np.empty((len(x), n)) for n in (*model.hidden_layer_sizes, 1))]
    layers = model._forward_pass(layers)
    weights, shifts = model.coefs_, model.intercepts_
    deltas = [np.empty_like(layer) for layer in layers[1:]]
    found = [np.empty_like(value) for value in weights], [np.empty_like(value) for value in shifts]
    ones = {"sample_weight": None} if "sample_weight" in model._backprop.__code__.co_varnames else {}
    model._backprop(x, y.reshape(-1, 1), *ones.values(), layers, deltas, *found)
    named = (("coefficient", found[0]), ("intercepts", found[1]))
    return {f"{name}{k or ''}": value for name, values in named for k, value in enumerate(values)}


def main() -> None:
    """Both models."""
    x = numbers((200, 3), 0.7)
    y = np.sin(x[:, 0]) + x[:, 1] * x[:, 2]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = MLPRegressor(hidden_layer_sizes=(8, 5), activation="tanh", alpha=0.0, max_iter=60, random_state=0).fit(
            x, y
        )
    write("regressor", net, x, predicted=net.predict(x), target=y, **gradients(net, x, y))
    process = GaussianProcessRegressor(DotProduct(1.5) * DotProduct(0.5), alpha=1e-2, optimizer=None).fit(
        x[:12], y[:12]
    )
    write("process", process, x, predicted=process.predict(x))


if __name__ == "__main__":
    main()
