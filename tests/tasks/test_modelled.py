"""ONNX models of derivatives: whole problems, sizes that are only named, names of outputs, and what is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import pytest

from service.errors import InvalidRequestError, UnsupportedOperationError
from service.tasks.compute import compute
from service.tasks.messages import Answer, Declaration, Kind, Task
from tests.onnx_models import run_model

SAME = 1e-12  # relative to the largest entry: sums in another order
Shapes = Mapping[str, tuple[int | str, ...]]


def model(kind: Kind, expression: str, shapes: Shapes, **more: Any) -> bytes:
    """The model that answers a request."""
    return bytes(asked(kind, expression, shapes, modelled=True, **more).parts["model"])


def asked(kind: Kind, expression: str, shapes: Shapes, **more: Any) -> Answer:
    """The answer to a request without forms."""
    variables = {name: Declaration(shape) for name, shape in shapes.items()}
    return compute(Task(kind, expression, variables=variables, **{"forms": (), **more}))


def drawn(shapes: Shapes, seed: int = 5, **sizes: int) -> dict[str, Any]:
    """A point with numbers for named sizes."""
    draw = np.random.default_rng(seed)
    return {name: draw.uniform(0.2, 1.2, [n if isinstance(n, int) else sizes[n] for n in shape])
            for name, shape in shapes.items()}  # fmt: skip


def agree(found: Any, wanted: Any) -> None:
    """Equal shapes, and numbers equal relative to the largest."""
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, SAME, SAME * np.max(np.abs(wanted), initial=1.0))


def check_model(kind: Kind, expression: str, shapes: Shapes, point: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What a model computes, compared with the service's own numbers."""
    found = run_model(model(kind, expression, shapes, **more), point)
    answer = asked(kind, expression, shapes, at=point, **more)
    assert answer.values is not None
    wanted = [*answer.values, *(block.value for block in answer.blocks)]
    for output, number in zip(found.values(), wanted, strict=True):
        agree(output, number)
    return found


NET = """
h1 = tanh(X @ W1 + b1)
h2 = softplus(h1 @ W2 + b2)
sum((h2 @ W3 + b3 - Y)**2)/1000
"""
OF_NET: Shapes = {
    "X": (1000, 8), "Y": (1000, 2), "W1": (8, 16), "b1": (16,), "W2": (16, 12), "b2": (12,), "W3": (12, 2), "b3": (2,),
}  # fmt: skip


def test_a_net_of_three_layers() -> None:
    """The loss of a batch of 1,000 and its gradient by all weights."""
    weights = tuple(name for name in OF_NET if name not in "XY")
    found = check_model("gradient", NET, OF_NET, drawn(OF_NET), wrt=weights)
    assert list(found) == ["value", *(f"d_{name}" for name in weights)]


LOGISTIC = "sum(log(1 + exp(-y * (X @ w)))) + 0.5*sum(w**2)"
ENTROPY = "-sum(Y*log_softmax(X @ W, axis=1))"
NAMED = [
    ("gradient", LOGISTIC, {"X": ("m", "n"), "y": ("m",), "w": ("n",)}, {"wrt": ("w",)}),
    ("hessian", LOGISTIC, {"X": ("m", "n"), "y": ("m",), "w": ("n",)}, {"wrt": ("w",)}),
    ("hessian", ENTROPY, {"X": ("m", "n"), "Y": ("m", "k"), "W": ("n", "k")}, {"wrt": ("W",)}),
    ("jacobian", "A @ X @ B", {"A": ("m", "n"), "X": ("n", "k"), "B": ("k", "l")}, {"wrt": ("X",)}),
    ("jacobian", "x/sum(x)*eye(n)", {"x": ("n",)}, {}),
    ("jacobian", "reshape(X, m*n)*2", {"X": ("m", "n")}, {}),
    ("jacobian", "kron(X, y)", {"X": ("m", "n"), "y": ("k",)}, {}),
    ("gradient", "sum(x[1:]*x[:-1]) + x[n - 1]**3 + n*x[0]", {"x": ("n",)}, {}),
    ("jacobian", "concatenate([x, x[::-1], zeros(m)])", {"x": ("n",), "y": ("m",)}, {"wrt": ("x",)}),
    ("jacobian", "roll(x, 3)*flip(x) + cumsum(x)", {"x": ("n",)}, {}),
    ("jacobian", "diag(x, 1)", {"x": ("n",)}, {}),
    ("jacobian", "var(X, axis=0) + mean(X, axis=0) + std(X, axis=0, ddof=1)", {"X": ("m", "n")}, {}),
    ("gradient", "logdet(A.T @ A + eye(3))", {"A": ("m", 3)}, {}),
    ("jacobian", "inv(A.T @ A + eye(n))", {"A": ("m", "n")}, {}),
    ("hessian", "sum(tril(A) @ x)**2", {"A": ("n", "n"), "x": ("n",)}, {"wrt": ("x",)}),
    ("jacobian", "expm(A)", {"A": ("n", "n")}, {}),
    ("jvp", LOGISTIC, {"X": ("m", "n"), "y": ("m",), "w": ("n",)}, {}),
    ("derivative", "sum(x)**4", {"x": ("n",)}, {"wrt": ("x", "x", "x")}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "expression", "shapes", "more"), NAMED, ids=lambda value: str(value)[:50])
def test_named_sizes(kind: Kind, expression: str, shapes: Shapes, more: dict[str, Any]) -> None:
    """One model runs with any sizes; it computes what the service computes for each."""
    content = model(kind, expression, shapes, **more)
    for sizes in ({"m": 5, "n": 4, "k": 3, "l": 2}, {"m": 3, "n": 7, "k": 2, "l": 5}):
        point = drawn(shapes, **sizes)
        moved = {f"d_{name}": value for name, value in drawn(shapes, 6, **sizes).items()} if kind == "jvp" else {}
        found = run_model(content, point | moved)
        tangents = {"tangents": {name.removeprefix("d_"): value for name, value in moved.items()}} if moved else {}
        answer = asked(kind, expression, shapes, at=point, **more, **tangents)
        assert answer.values is not None
        for output, wanted in zip(found.values(), [*answer.values, *(b.value for b in answer.blocks)], strict=True):
            agree(output, wanted)


def test_a_contraction_like_a_kronecker_product() -> None:
    """Second derivatives of a matrix factorisation, whose blocks are contractions of identities and matrices."""
    shapes: Shapes = {"T": (5, 4), "U": (5, 2), "V": (4, 2)}
    found = check_model("hessian", "sum((T - U @ V.T)**2)", shapes, drawn(shapes), wrt=("U", "V"))
    assert list(found) == ["value", "d_U_U", "d_U_V", "d_V_V"]


def test_products_with_derivatives() -> None:
    """Tangents and cotangent are further inputs, under the names that closed forms have for them."""
    shapes: Shapes = {"A": (4, 3), "x": (3,)}
    point = drawn(shapes)
    inputs = {"vjp": {"cotangent": np.arange(4.0)}, "jvp": {"d_x": np.arange(3.0)}}
    for kind, given in inputs.items():
        more: dict[str, Any] = {"cotangent": given["cotangent"]} if kind == "vjp" else {"tangents": {"x": given["d_x"]}}
        content = model(kind, "tanh(A @ x)", shapes, **more)  # type: ignore[arg-type]
        found = run_model(content, point | given)
        answer = asked(kind, "tanh(A @ x)", shapes, at=point, **more)  # type: ignore[arg-type]
        for output, block in zip(list(found.values())[1:], answer.blocks, strict=True):
            agree(output, block.value)


def test_the_metadata_say_what_is_what() -> None:
    """The function's id, and the output and variables of every output of the model."""
    content = model("gradient", "sum(x*y)", {"x": (3,), "y": (3,)})
    about = {entry.key: entry.value for entry in onnx.load_from_string(content).metadata_props}
    assert about["function_id"] == asked("gradient", "sum(x*y)", {"x": (3,), "y": (3,)}).function_id
    assert (about["kind"], about["layout"]) == ("gradient", "numerator")
    assert json.loads(about["outputs"]) == [
        {"name": "value", "output": 0, "wrt": []},
        {"name": "d_x", "output": 0, "wrt": ["x"]},
        {"name": "d_y", "output": 0, "wrt": ["y"]},
    ]


def test_names_that_are_taken() -> None:
    """Outputs keep clear of the inputs, and of each other."""
    shapes: Shapes = {"value": (), "d_value": (), "x": (), "x_y": (), "y": ()}
    found = check_model("hessian", "value**2*d_value + x**2*y*x_y**2", shapes, drawn(shapes))
    assert len(found) == 1 + 15
    assert not found.keys() & shapes.keys()


def test_a_variable_that_is_not_used() -> None:
    """It is an input all the same, and an output may be a plain input."""
    shapes: Shapes = {"x": (2,), "y": (3,)}
    check_model("jacobian", "x", shapes, drawn(shapes))


def test_numbers_of_every_kind() -> None:
    """Constants keep their bits: infinities, what is not a number, the smallest and the signed zero."""
    text = "x*0 + [inf, -inf, inf - inf, 5e-324, -0.0, 0.1]"
    (found,) = run_model(model("evaluate", text, {"x": (6,)}), {"x": np.ones(6)}).values()
    np.testing.assert_array_equal(found, [np.inf, -np.inf, np.nan, 5e-324, 0.0, 0.1])


def test_an_empty_axis() -> None:
    """Sums over nothing are 0; onnxruntime's Einsum would end the process."""
    shapes: Shapes = {"A": (3, 0), "x": (0,), "y": (3,)}
    check_model("jacobian", "A @ x + y", shapes, drawn(shapes))


FUSED = [
    "c = X - mean(X, axis=1, keepdims=True)\nc/sqrt(mean(c**2, axis=1, keepdims=True) + 1e-5)",
    "X/sqrt(mean(X**2, axis=1, keepdims=True) + 1e-6)",
    "0.5*X*(1 + tanh(0.7978845608028654*(X + 0.044715*X**3)))",
    "X*sigmoid(1.702*X)",
    "0.5*X*(1 + erf(X/1.4142135623730951))",
    "0.1*(X @ W)/3.7*0.3",
    "0.1*(X.T @ y)/0.7",
    "softmax(X @ X.T/2.83, axis=1) @ X",
    "(1/(1 + exp(-W)))*0.3 + 1/(1 + exp(-W))**2",
]


@pytest.mark.parametrize("expression", FUSED)
def test_what_onnxruntime_joins(expression: str) -> None:
    """Its optimiser knows these formulas, and computes some in float32 or wrongly; here it finds nothing to join."""
    shapes: Shapes = {"X": (5, 8), "W": (8, 3), "y": (5,)}
    check_model("jacobian", expression, shapes, drawn(shapes))


def test_a_hard_point() -> None:
    """A model is the closed form: what is 0/0 there is not a number, and not the convention of the service."""
    found = run_model(model("gradient", "norm(x)", {"x": (2,)}), {"x": np.zeros(2)})
    assert found["value"] == 0.0
    assert np.isnan(found["d_x"]).all()


def test_the_form_of_a_polynomial() -> None:
    """Every form that an answer has is there as a model."""
    shapes: Shapes = {"x": ()}
    answer = asked("taylor", "exp(x)", shapes, at={"x": np.array(0.5)}, order=3, forms=("onnx", "text"))
    content = base64.b64decode(answer.parts["taylor"]["forms"]["onnx"])
    names = [one.name for one in onnx.load_from_string(content).graph.input]
    assert run_model(content, dict.fromkeys(names, np.array(0.5))).keys() == {"taylor"}


def test_layout() -> None:
    """Axes are in the order asked for."""
    shapes: Shapes = {"A": (4, 3), "x": (3,)}
    found = check_model("jacobian", "A @ x", shapes, drawn(shapes), wrt=("x",), layout="denominator")
    assert found["d_x"].shape == (3, 4)


def test_what_cannot_be_written_is_refused() -> None:
    """The operation is named, and why."""
    with pytest.raises(
        UnsupportedOperationError, match=r"eigvalsh of \(3, 3\) cannot be written in ONNX: ONNX has no operator"
    ):
        model("evaluate", "eigvalsh(A)", {"A": (3, 3)})
    with pytest.raises(UnsupportedOperationError, match="not for a named size"):
        model("evaluate", "det(A)", {"A": ("n", "n")})
    with pytest.raises(InvalidRequestError, match="verify"):
        model("gradient", "sum(x)", {"x": (3,)}, verify=True)
