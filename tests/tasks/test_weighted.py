"""Hessian products of functions that are no scalars: a cotangent weighs their entries."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from service.errors import FluxionError, InvalidRequestError, ShapeError, UnsupportedOperationError
from service.tasks.compute import compute
from service.tasks.messages import Block, Task
from tests.tasks.asking import ask

jax.config.update("jax_enable_x64", True)

EXACT = 1e-12  # relative: both sides are exact but for the rounding of a few operations
SHAPES: dict[str, tuple[int | str, ...]] = {"A": ("m", "n"), "x": ("n",), "s": ()}
TEXT = "s*sin(A @ x) + x[0]*s**2"
AT = {"A": [[0.1, 0.2, 0.3], [0.4, -0.5, 0.6]], "x": [1.0, -2.0, 0.5], "s": 0.7}
WEIGHTS = np.array([1.0, -2.0])
TANGENTS = {"A": np.arange(6.0).reshape(2, 3), "x": np.array([1.0, 0.5, -1.0]), "s": np.array(2.0)}


def number(block: Block) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The block's numbers, which it has."""
    assert block.value is not None
    return block.value


def oracle(values: dict[str, Any], weights: Any = WEIGHTS) -> Any:
    """The weighted sum in JAX."""
    a, x, s = values["A"], values["x"], values["s"]
    return jnp.dot(weights, s * jnp.sin(a @ x) + x[0] * s**2)


def exact(at: dict[str, Any], moved: tuple[str, ...], wrt: str, weights: Any = WEIGHTS) -> Any:
    """The derivative of a gradient along the tangents of some names."""
    zeros = {name: np.zeros_like(TANGENTS[name]) for name in TANGENTS}
    point = {name: np.asarray(value, float) for name, value in at.items()}
    tangents = zeros | {name: TANGENTS[name] for name in moved}
    return jax.jvp(jax.grad(lambda values: oracle(values, weights)), (point,), (tangents,))[1][wrt]


@pytest.mark.parametrize("moved", [("x",), ("A",), ("s",), ("A", "x", "s")])
def test_every_block(moved: tuple[str, ...]) -> None:
    """By any names, along the tangents of any others; the value is the weighted sum."""
    tangents = {name: TANGENTS[name] for name in moved}
    answer = ask("hvp", TEXT, SHAPES, at=AT, wrt=tuple(SHAPES), tangents=tangents, cotangent=WEIGHTS)
    assert answer.values is not None
    np.testing.assert_allclose(answer.values[0], oracle({name: np.array(v) for name, v in AT.items()}), rtol=EXACT)
    for block in answer.blocks:
        np.testing.assert_allclose(number(block), exact(AT, moved, *block.wrt), rtol=EXACT, atol=EXACT)


def test_it_is_the_derivative_of_the_vjp() -> None:
    """The same function, differentiated in the other order, as a closed form and as numbers."""
    pulled = ask("vjp", TEXT, SHAPES, wrt=("x",), forms=("graph",)).blocks[0].forms["graph"]
    pushed = compute(
        Task(
            "jvp",
            graph=pulled,
            at={name: np.asarray(value, float) for name, value in AT.items()} | {"cotangent": WEIGHTS},
            tangents={"s": TANGENTS["s"]},
        )
    )
    answer = ask("hvp", TEXT, SHAPES, at=AT, wrt=("x",), tangents={"s": TANGENTS["s"]}, cotangent=WEIGHTS)
    np.testing.assert_allclose(number(answer.blocks[0]), number(pushed.blocks[0]), rtol=EXACT)


def test_a_batch_of_weights() -> None:
    """Each row has weights of its own, along the batch of the point or alone."""
    rows = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, -1.0]])
    answer = ask("hvp", TEXT, SHAPES, at=AT, wrt=("x",), tangents={"x": TANGENTS["x"]}, cotangent=rows)
    assert answer.batch_size == 3
    for found, weights in zip(number(answer.blocks[0]), rows, strict=True):
        np.testing.assert_allclose(found, exact(AT, ("x",), "x", weights), rtol=EXACT, atol=EXACT)
    batched = AT | {"x": [AT["x"], AT["x"]]}
    with pytest.raises(InvalidRequestError, match="one length"):
        ask("hvp", TEXT, SHAPES, at=batched, tangents={"x": TANGENTS["x"]}, cotangent=rows)


def test_a_scalar_may_have_a_weight() -> None:
    """It multiplies."""
    plain = ask("hvp", "exp(x)", at={"x": 1.0}, tangents={"x": np.array(1.0)})
    twice = ask("hvp", "exp(x)", at={"x": 1.0}, tangents={"x": np.array(1.0)}, cotangent=np.array(2.0))
    assert float(number(twice.blocks[0])) == 2 * float(number(plain.blocks[0]))


def test_the_closed_form_has_the_cotangent() -> None:
    """It is a further variable of the form, with an underscore where the name is taken."""
    taken = {"cotangent": (2,), "d_cotangent": ()}
    text = "cotangent**2*d_cotangent"
    tangents = {"cotangent": np.ones(2)}
    answer = ask("hvp", text, taken, tangents=tangents, cotangent=np.ones(2), forms=("text",))
    assert "cotangent_" in answer.blocks[0].forms["text"]


@pytest.mark.parametrize(
    ("more", "error", "said"),
    [
        ({}, ShapeError, "needs a cotangent"),
        ({"cotangent": np.ones(3)}, ShapeError, "cotangent has shape"),
        ({"cotangent": np.ones(2), "verify": True}, UnsupportedOperationError, "verify"),
    ],
)
def test_refusals(more: dict[str, Any], error: type[FluxionError], said: str) -> None:
    """A cotangent is missing or has another shape, or a check is asked for."""
    with pytest.raises(error, match=said):
        ask("hvp", TEXT, SHAPES, at=AT, tangents={"x": TANGENTS["x"]}, **more)


def test_several_outputs() -> None:
    """One cotangent weighs each of them, if they have one shape."""
    nodes = [{"name": "a", "op": "square", "inputs": ["x"]}, {"name": "b", "op": "exp", "inputs": ["x"]}]
    graph = {"version": 1, "inputs": [{"name": "x", "shape": [2]}], "nodes": nodes, "outputs": ["a", "b"]}
    point, moves = {"x": np.array([0.5, 1.0])}, {"x": np.array([1.0, 3.0])}
    answer = compute(Task("hvp", graph=graph, at=point, tangents=moves, cotangent=WEIGHTS))
    for block, second in zip(answer.blocks, (2.0, np.exp(point["x"])), strict=True):
        np.testing.assert_allclose(number(block), WEIGHTS * second * moves["x"], rtol=EXACT)
    total = [*nodes, {"name": "c", "op": "sum", "inputs": ["a"]}]
    with pytest.raises(ShapeError, match="one shape"):
        compute(
            Task(
                "hvp",
                graph={**graph, "nodes": total, "outputs": ["a", "c"]},
                at=point,
                tangents=moves,
                cotangent=WEIGHTS,
            )
        )


def test_no_hessian_is_formed() -> None:
    """With 10^5 entries it would have 10^10."""
    x = np.linspace(0, 1, 100_000)
    answer = ask("hvp", "exp(x)", {"x": ("n",)}, at={"x": x}, tangents={"x": x}, cotangent=x)
    np.testing.assert_allclose(number(answer.blocks[0]), x * x * np.exp(x), rtol=EXACT)


def planned(shapes: dict[str, tuple[int | str, ...]], **more: Any) -> Any:
    """The shapes that a plan tells, of the inputs and of the outputs."""
    plan = ask("plan", "A @ x", shapes, plan_kind="evaluate", **more).parts["plan"]
    return {entry["name"]: entry["shape"] for entry in plan["inputs"]}, plan["output_shapes"]


def test_a_plan_tells_all_shapes() -> None:
    """With names for sizes, with numbers of some, and with those that values settle."""
    shapes: dict[str, tuple[int | str, ...]] = {"x": ("n",), "A": ("m", "n")}
    assert planned(shapes) == ({"A": ["m", "n"], "x": ["n"]}, [["m"]])
    assert planned(shapes, sizes={"n": 3}) == ({"A": ["m", 3], "x": [3]}, [["m"]])
    assert planned(shapes, sizes={"n": 3, "m": 0}) == ({"A": [0, 3], "x": [3]}, [[0]])
    assert planned(shapes, at={"A": np.ones((2, 5))}) == ({"A": [2, 5], "x": [5]}, [[2]])
    assert planned(shapes, at={"x": np.ones(5)}, sizes={"m": 4}) == ({"A": [4, 5], "x": [5]}, [[4]])


@pytest.mark.parametrize("at", [{"x": np.ones(2)}, {"A": np.ones((1, 2))}])
def test_sizes_and_values_must_agree(at: dict[str, Any]) -> None:
    """A value of another size is none of its variable's."""
    with pytest.raises(ShapeError, match="where n is 3"):
        planned({"x": ("n",), "A": ("m", "n")}, sizes={"n": 3}, at=at)
    with pytest.raises(FluxionError, match="k, which is not a named size"):
        planned({"x": ("n",), "A": ("m", "n")}, sizes={"k": 1})


def test_the_id_and_the_place_are_those_of_what_was_sent() -> None:
    """The id is the function's, not the weighted sum's; an error points at the cotangent."""
    sent: dict[str, Any] = {"at": AT, "tangents": {"x": TANGENTS["x"]}}
    found = ask("hvp", TEXT, SHAPES, cotangent=WEIGHTS, **sent)
    assert found.function_id == ask("evaluate", TEXT, SHAPES, at=AT).function_id
    with pytest.raises(ShapeError) as refused:
        ask("hvp", TEXT, SHAPES, cotangent=np.ones(3), **sent)
    assert refused.value.pointer == "/cotangent"
