"""What is assumed of variables: the forms it shortens, and what contradicts it."""

# ruff: noqa: E501 - a row is a line, so that both layouts are seen at once

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from service.api.graphs import Fact
from service.errors import FluxionError, InvalidRequestError, ShapeError
from service.tasks.compute import compute
from service.tasks.facts import _CHECKS
from service.tasks.messages import Array, Block, Declaration, Layout, Task
from tests.assumed import satisfying

SIZES = {"n": 3, "m": 2}
RTOL = 1e-9
Assumed = tuple[tuple[str, ...], str]


@dataclass(frozen=True)
class Row:
    """A derivative under facts, its text in numerator and, where it differs, in denominator layout."""

    text: str
    kind: str
    wrt: str
    variables: Mapping[str, Assumed]
    assumptions: tuple[str, ...]
    numerator: str
    denominator: str = ""


def of(**variables: str) -> Mapping[str, Assumed]:
    """Shapes with facts, written `nn symmetric`."""
    parts = {name: said.split() for name, said in variables.items()}
    return {name: (tuple(shape.strip(".")), " ".join(facts)) for name, (shape, *facts) in parts.items()}


# fmt: off
ROWS = (
    Row("x.T @ A @ x", "gradient", "x", of(x="n", A="nn symmetric"), ("A is symmetric",), "2*A @ x"),
    Row("x.T @ A @ x", "hessian", "x x", of(x="n", A="nn symmetric"), ("A is symmetric",), "2*A"),
    Row("x.T @ A @ x", "hessian", "x x", of(x="n", A="nn positive_definite"), ("A is positive definite",), "2*A"),
    Row("x.T @ A @ x", "gradient", "A", of(x="n", A="nn symmetric"), (), "outer(x, x)"),
    Row("(x - B @ s) @ W @ (x - B @ s)", "gradient", "s", of(x="n", B="nm", s="m", W="nn symmetric"), ("W is symmetric",), "-2*(x - B @ s) @ W @ B", "-2*B.T @ W @ (x - B @ s)"),
    Row("logdet(X)", "gradient", "X", of(X="nn positive_definite"), ("X is positive definite",), "inv(X)"),
    Row("trace(inv(X) @ A)", "gradient", "X", of(X="nn symmetric", A="nn symmetric"), ("X is symmetric", "A is symmetric"), "-inv(X) @ A @ inv(X)"),
    Row("x.T @ inv(A + eye(3)) @ x", "gradient", "x", of(x="3", A="33 symmetric"), ("A is symmetric",), "2*inv(eye(3) + A) @ x"),
    Row("logdet(B.T @ A @ B)", "gradient", "B", of(B="nm", A="nn positive_definite"), ("A is positive definite",), "2*A @ B @ inv(B.T @ A @ B)"),
    Row("sum(exp(A @ x))", "hessian", "x x", of(x="n", A="nn symmetric"), ("A is symmetric",), "A @ diag(exp(A @ x)) @ A"),
    Row("x.T @ A @ x", "gradient", "x", of(x="n", A="nn diagonal"), ("A is diagonal",), "2*A @ x"),
    Row("x.T @ inv(A) @ x", "gradient", "x", of(x="n", A="nn diagonal"), ("A is diagonal",), "2*x/diag(A)"),
    Row("x.T @ (A @ C - C @ A) @ y", "gradient", "x", of(x="n", y="n", A="nn diagonal", C="nn diagonal"), ("A is diagonal", "C is diagonal"), "zeros(n)"),
    Row("sum((Q @ x)**2)", "gradient", "x", of(x="n", Q="nn orthogonal"), ("Q is orthogonal",), "2*x"),
    Row("exp(norm(Q @ x))", "gradient", "x", of(x="n", Q="nn orthogonal"), ("Q is orthogonal",), "exp(norm(x))*x/norm(x)"),
    Row("trace(Q.T @ X @ Q @ X)", "gradient", "X", of(X="nn", Q="nn orthogonal"), (), "Q @ X.T @ Q.T + Q.T @ X.T @ Q"),
    Row("det(Q)", "gradient", "Q", of(Q="nn orthogonal"), ("Q is orthogonal",), "det(Q)*Q"),
    Row("x.T @ inv(Q) @ A @ Q @ x", "gradient", "x", of(x="n", Q="nn orthogonal", A="nn symmetric"), ("Q is orthogonal", "A is symmetric"), "2*Q.T @ A @ Q @ x"),
    Row("norm(x, 1)", "gradient", "x", of(x="n positive"), ("x is positive",), "ones(n)"),
    Row("sum(abs(x)**y)", "gradient", "x", of(x="n positive", y="n"), ("x is positive",), "y*x**(y - 1)"),
    Row("sum(sqrt(x**2*y))", "gradient", "x", of(x="n positive", y="n positive"), ("x is positive",), "sqrt(y)"),
    Row("sum(relu(x)*y)", "gradient", "x", of(x="n positive", y="n"), ("x is positive",), "y"),
    Row("sum(maximum(x, 0)**2)", "hessian", "x x", of(x="n positive"), ("x is positive",), "2*eye(n)"),
    Row("s*log(s*t) - s*log(t)", "gradient", "s", of(s=". positive", t=". positive"), ("s is positive",), "log(s) + 1"),
    Row("sum(x*y)", "gradient", "x", of(x="n positive", y="n"), (), "y"),
)
# fmt: on
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.text} {row.kind} {row.wrt} {row.variables}")
each_layout = pytest.mark.parametrize("layout", ["numerator", "denominator"])


def task(row: Row, layout: Layout, text: str = "", **more: Any) -> Task:
    """A request for the row's derivative, or for another text over its variables."""
    declared = {
        name: Declaration(tuple(int(n) if n.isdigit() else n for n in shape), tuple(facts.split()))
        for name, (shape, facts) in row.variables.items()
    }
    return Task(more.pop("kind", row.kind), text or row.text, variables=declared, layout=layout, **more)


def derivative(row: Row, layout: Layout, **more: Any) -> Block:
    """The row's block."""
    found = compute(task(row, layout, wrt=tuple(dict.fromkeys(row.wrt.split())), **more)).blocks
    return next(block for block in found if block.wrt == tuple(row.wrt.split()))


def point(row: Row, seed: int) -> dict[str, Array]:
    """Values of which the facts hold."""
    return {
        name: satisfying(tuple(SIZES.get(n) or int(n) for n in shape), facts.split(), seed + k)
        for k, (name, (shape, facts)) in enumerate(row.variables.items())
    }


@each_row
def test_to_the_letter(row: Row) -> None:
    """The text in both layouts, and the facts it rests on."""
    numerator, denominator = derivative(row, "numerator"), derivative(row, "denominator")
    assert (numerator.forms["text"], numerator.assumptions) == (row.numerator, row.assumptions)
    assert (denominator.forms["text"], denominator.assumptions) == (row.denominator or row.numerator, row.assumptions)


@each_row
@each_layout
def test_form_means_the_numbers(row: Row, layout: Layout) -> None:
    """Where the facts hold, the text and the code have the value that free entries give."""
    for seed in range(3):
        at = point(row, 10 * seed)
        block = derivative(row, layout, at=at, forms=("text", "numpy"))
        assert block.value is not None
        (value,) = compute(task(row, layout, block.forms["text"], kind="evaluate", at=at, forms=())).values or ()
        namespace: dict[str, Any] = {}
        exec(compile(block.forms["numpy"], "<form>", "exec"), namespace)  # noqa: S102 - our own output, made to be run
        function = namespace[row.kind]
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        for found in (value, np.asarray(function(*(at[name] for name in names)))):
            assert found.shape == block.value.shape
            np.testing.assert_allclose(found, block.value, RTOL, RTOL)


@each_row
def test_values_are_those_of_free_entries(row: Row) -> None:
    """Facts change no number, to the last bit."""
    at = point(row, 7)
    free = {name: Declaration(tuple(at[name].shape)) for name in row.variables}
    wrt = tuple(dict.fromkeys(row.wrt.split()))
    plain = compute(Task(row.kind, row.text, variables=free, wrt=wrt, at=at, forms=()))  # type: ignore[arg-type]
    value = derivative(row, "numerator", at=at).value
    assert value is not None
    assert any(np.array_equal(value, block.value) for block in plain.blocks if block.value is not None)


def test_the_facts_are_those_of_the_schema() -> None:
    """Each can be checked."""
    assert set(typing.get_args(Fact)) == set(_CHECKS)


NN, N3 = ("n", "n"), (3, 3)
MISFITS = [
    ("symmetric", (3,), "only a square matrix (n, n) is symmetric, A has shape (3,)"),
    ("symmetric", (2, 3), "A has shape (2, 3)"),
    ("diagonal", ("m", "n"), "only a square matrix (n, n) is diagonal, A has shape (m, n)"),
    ("positive_definite", (), "is positive definite, A has shape ()"),
    ("orthogonal", (2, 3, 3), "is orthogonal, A has shape (2, 3, 3)"),
]


@pytest.mark.parametrize(("fact", "shape", "message"), MISFITS)
def test_a_fact_that_no_such_array_has(fact: str, shape: tuple[Any, ...], message: str) -> None:
    """It is refused where it stands, in text and graph alike, whatever is asked for."""
    with pytest.raises(ShapeError) as caught:
        compute(Task("plan", "sum(A)", variables={"A": Declaration(shape, (fact,))}))
    assert message in caught.value.detail
    assert caught.value.pointer == "/variables/A/assume"
    inputs = [{"name": "s", "shape": []}, {"name": "A", "shape": list(shape), "assume": [fact]}]
    with pytest.raises(ShapeError) as caught:
        compute(Task("gradient", graph=graph(inputs)))
    assert caught.value.pointer == "/graph/inputs/1/assume"


def graph(inputs: list[dict[str, Any]]) -> dict[str, Any]:
    """The sum of A's entries, as a graph."""
    return {"version": 1, "inputs": inputs, "nodes": [{"name": "o", "op": "sum", "inputs": ["A"]}], "outputs": ["o"]}


BAD = [
    ("symmetric", [[1, 2], [3, 4]], "entry [0, 1] is 2 and entry [1, 0] is 3"),
    ("symmetric", [[1, 1e9], [1e9 + 2, 4]], "entry [0, 1]"),
    ("symmetric", [[1, np.nan], [np.nan, 4]], "entry [0, 1] is nan"),
    ("positive", [[1, 2], [0, 4]], "entry [1, 0] is 0"),
    ("positive", [[1, 2], [3, np.nan]], "entry [1, 1] is nan"),
    ("positive_definite", [[1, 2], [2, 1]], "its least eigenvalue is -1"),
    ("positive_definite", [[1, 2], [3, 10]], "entry [0, 1] is 2 and entry [1, 0] is 3"),
    ("positive_definite", [[1, 0], [0, np.inf]], "entry [1, 1] is inf"),
    ("diagonal", [[1, 0], [1e-300, 2]], "entry [1, 0] is 1e-300"),
    ("orthogonal", [[1, 1], [0, 1]], "the product of its columns 0 and 1 is 1"),
    ("orthogonal", [[2, 0], [0, 2]], "the product of its columns 0 and 0 is 4"),
]


@pytest.mark.parametrize(("fact", "value", "message"), BAD)
def test_a_value_that_contradicts_its_fact(fact: str, value: list[list[float]], message: str) -> None:
    """It is refused with the entry that is furthest off; in a batch, with the point too."""
    good = satisfying((2, 2), [fact], 1)
    for at, declared, also in (
        (np.array(value), (2, 2), ""),
        (np.stack([good, np.array(value)]), NN, "point 1 of the batch"),
    ):
        with pytest.raises(InvalidRequestError) as caught:
            compute(Task("evaluate", "sum(A)", variables={"A": Declaration(declared, (fact,))}, at={"A": at}))
        assert message in caught.value.detail
        assert also in caught.value.detail
        assert caught.value.pointer == "/at/A"


GOOD = [
    ("symmetric", [[1, 0.1 + 0.2], [0.3, 2]]),
    ("symmetric", [[1, np.inf], [np.inf, 2]]),
    ("positive", [[5e-324, 1], [np.inf, 2]]),
    ("orthogonal", [[0.6, -0.8], [0.8, 0.6]]),
    ("diagonal", [[0, 0], [0, -1]]),
    ("positive_definite", np.zeros((0, 0))),
    ("symmetric", np.zeros((0, 0))),
    ("orthogonal", np.zeros((0, 0))),
]


@pytest.mark.parametrize(("fact", "value"), GOOD)
def test_a_value_of_which_the_fact_holds(fact: str, value: Any) -> None:
    """Up to what rounding does to it."""
    at = {"A": np.array(value, dtype=float)}
    answer = compute(Task("evaluate", "sum(A)", variables={"A": Declaration(NN, (fact,))}, at=at))
    assert answer.values is not None


def test_facts_of_a_graph() -> None:
    """They stand with its inputs."""
    inputs = [{"name": "A", "shape": ["n", "n"], "assume": ["symmetric"]}, {"name": "x", "shape": ["n"]}]
    nodes = [
        {"name": "Ax", "op": "matmul", "inputs": ["A", "x"]},
        {"name": "q", "op": "dot", "inputs": ["x", "Ax"]},
    ]
    given = {"version": 1, "inputs": inputs, "nodes": nodes, "outputs": ["q"]}
    (block,) = compute(Task("gradient", graph=given, wrt=("x",))).blocks
    assert (block.forms["text"], block.assumptions) == ("2*A @ x", ("A is symmetric",))


def test_a_fact_that_is_none() -> None:
    """A task that no schema has checked is refused all the same."""
    with pytest.raises(InvalidRequestError, match="what may be assumed is symmetric"):
        compute(Task("plan", "x", variables={"x": Declaration((), ("odd",))}))


def test_only_the_facts_that_are_needed() -> None:
    """Of facts that say the same, and of those about other variables, a form names the ones that shorten it."""
    declared = {
        "x": Declaration(("n",), ("positive",)),
        "A": Declaration(NN, ("symmetric", "positive_definite", "symmetric")),
        "z": Declaration((), ("positive",)),
    }
    (block,) = compute(Task("gradient", "z*x.T @ A @ x", variables=declared, wrt=("x",))).blocks
    assert block.forms["text"] == "2*z*(A @ x)"
    assert len(block.assumptions) == 1


def test_the_forms_of_many_facts() -> None:
    """With more facts than there is time to leave out one by one, the form still holds."""
    names = [f"x{k}" for k in range(60)]
    text = f"sqrt(1 + ({' + '.join(f'abs({name})' for name in names)})**2)"
    declared = {name: Declaration((), ("positive",)) for name in names}
    at = {name: np.array(0.1 + k) for k, name in enumerate(names)}
    block = compute(Task("gradient", text, variables=declared, wrt=("x7",), at=at)).blocks[0]
    assert "abs" not in block.forms["text"]
    assert {f"{name} is positive" for name in names} == set(block.assumptions)
    (value,) = compute(Task("evaluate", block.forms["text"], at=at)).values or ()
    assert block.value is not None
    np.testing.assert_allclose(value, block.value, RTOL)


def test_errors_are_ours() -> None:
    """Facts about arrays without entries, of one entry, and of values that overflow are no defects."""
    for value in (np.zeros((0, 0)), np.full((1, 1), 1e300), np.full((2, 2), 1e300)):
        for fact in _CHECKS:
            try:
                compute(Task("gradient", "sum(A @ A)", variables={"A": Declaration(NN, (fact,))}, at={"A": value}))
            except FluxionError as error:
                assert error.pointer == "/at/A"  # noqa: PT017 - either outcome is right
