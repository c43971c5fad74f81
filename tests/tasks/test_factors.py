"""The factors of a structured derivative stand for exactly the array that is answered otherwise."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.errors import LimitError
from service.tasks.compute import compute
from service.tasks.messages import Answer, Block, Declaration, Kind, Layout, Limits, Task
from tests.diff.expressions import SHAPES, programs
from tests.factors import dense_from

Shapes = Mapping[str, tuple[int, ...]]
LARGER: Shapes = {"x": (6,), "y": (6,), "X": (4, 5), "A": (5, 5), "B": (4, 4), "W": (2, 6)}
VECTORS = (
    "x", "sin(x)", "x*y", "x[::-1]", "concatenate([x[:3], y[3:]])", "x*(x @ y)", "softmax(x)", "W.T @ tanh(W @ x)",
    "concatenate([0*x[:1], x[1:] - x[:-1]])", "y*sum(x)", "logsumexp(x)*x", "x/norm(3 + x*x)", "outer(x, y) @ x",
    "concatenate([x[::2], x[1::2]])", "concatenate([x[1:4]*x[2:5], y[:3]])", "diag(outer(x, y))", "x[0]*x", "(W.T@W)@x",
)  # fmt: skip
MATRICES = (
    "X", "X*X", "sin(X)", "B @ X", "X @ A", "B @ X @ A", "softmax(X, axis=1)", "softmax(X, axis=0)", "X[::-1]",
    "X - mean(X, axis=1, keepdims=True)", "X*sum(X)", "concatenate([X[1:], X[:1]])", "diag(X[:, 0]) @ X", "X*X[:, :1]",
    "(X @ X.T) @ X", "tanh(X @ A)", "concatenate([X[:2]*X[1:3], X[2:]])", "outer(X[:, 0], X[1])",
)  # fmt: skip
OF_VECTORS = (
    "{0}", "{0} - 2*{1}", "{0}*{1}", "{0}[1:]*{1}[:-1]", "stack([{0}, {1}])", "outer({0}, {1})", "diag({0})",
    "{0}[4:1:-1]", "kron({0}, {1})", "concatenate([{0}, {1}])", "{0}[:, None]*W.T", "reshape({0}, (2, 3))",
)  # fmt: skip
OF_MATRICES = (
    "{0}", "{0} - 3*{1}", "{0}*{1}", "{0}.T", "vec({0})", "reshape({0}, (20,))", "{0}[:, 1:3]", "sum({0}*{1}, axis=1)",
    "stack([{0}, {1}])", "{0}[:, None, :]", "logsumexp({0}, axis=1)", "diag({0} @ A)",
)  # fmt: skip
SCALARS = (
    "sum({0}**2)", "sum({0}*{1})", "sum(exp({0}))", "logsumexp({0})", "sum(({0} + {1})**2)", "sum({0})**2",
    "log(1 + sum({0}*{0}))",
)  # fmt: skip
LAYOUTS = st.sampled_from(["numerator", "denominator"])


def answer(kind: Kind, text: str, shapes: Shapes, structure: str, batch: int | None = None, **more: object) -> Answer:
    """The answer at a random point, or at a batch of them in which every other variable is shared."""
    rng = np.random.default_rng(5)
    lead = () if batch is None else (batch,)
    at = {
        name: rng.normal(size=(lead if place % 2 == 0 else ()) + shape)
        for place, (name, shape) in enumerate(shapes.items())
    }
    variables = {name: Declaration(shape) for name, shape in shapes.items()}
    return compute(Task(kind, text, variables=variables, at=at, forms=(), structure=structure, **more))  # type: ignore[arg-type]


def rows_of(block: Block, rank: int, shapes: Shapes, layout: str) -> int:
    """How many of a block's first axes are the rows of its matrix."""
    *before, last = (len(shapes[name]) for name in block.wrt)
    if layout == "numerator":
        return rank + sum(before)
    return sum(before) if before else last


def require_same(
    kind: Kind, text: str, shapes: Shapes, wrt: tuple[str, ...], layout: Layout, batch: int | None
) -> None:
    """What the factors stand for is the dense value; all three spellings of the request name the same structure."""
    more = {"wrt": wrt, "layout": layout, "batch": batch}
    dense, auto = (answer(kind, text, shapes, structure, **more) for structure in ("dense", "auto"))  # type: ignore[arg-type]
    planned = answer("plan", text, shapes, "dense", plan_kind=kind, **more).parts["plan"]["derivatives"]  # type: ignore[arg-type]
    assert dense.values is not None
    rank = dense.values[0].ndim - (dense.batch_size is not None)
    assert [block.structure for block in dense.blocks] == [block["structure"] for block in planned]
    for whole, block in zip(dense.blocks, auto.blocks, strict=True):
        assert whole.value is not None
        assert whole.structure == block.structure
        if block.structure == "dense":
            assert block.factors is None
            assert np.array_equal(whole.value, block.value, equal_nan=True)  # type: ignore[arg-type]
            continue
        assert block.value is None
        assert block.factors is not None
        rows = rows_of(block, rank, shapes, layout)
        for place in [...] if dense.batch_size is None else range(dense.batch_size):
            factors = {name: a if name == "indices" else a[place] for name, a in block.factors.items()}
            found, expected = dense_from(block.structure, factors, block.shape, rows), whole.value[place]  # type: ignore[arg-type]
            assert np.allclose(found, expected, rtol=1e-10, atol=1e-10 * max(1, np.abs(expected).max(initial=0)))


@st.composite
def requests(draw: st.DrawFn) -> tuple[Kind, str, tuple[str, ...]]:
    """A kind, a text that combines two parts of one shape, and names to differentiate by."""
    vectors = draw(st.booleans())
    parts, name = (VECTORS, "x") if vectors else (MATRICES, "X")
    kind: Kind = draw(st.sampled_from(["jacobian", "hessian", "derivative"]))
    outputs: tuple[str, ...] = OF_VECTORS if vectors else OF_MATRICES
    if kind == "hessian":
        outputs = (*SCALARS, *outputs[:3])
    text = draw(st.sampled_from(outputs)).format(*(f"({draw(st.sampled_from(parts))})" for _ in range(2)))
    if kind != "derivative":
        return kind, text, (name,)
    assume(vectors)
    return kind, text, draw(st.sampled_from([("x", "y"), ("x", "x"), ("y", "x", "x")]))


@given(requests(), LAYOUTS, st.sampled_from([None, 2]))
def test_factors_stand_for_the_dense_value(
    request: tuple[Kind, str, tuple[str, ...]], layout: Layout, batch: int | None
) -> None:
    """In functions that abound in structure, in both layouts and in a batch."""
    kind, text, wrt = request
    require_same(kind, text, LARGER, wrt, layout, batch)


@given(programs(), LAYOUTS, st.sampled_from(["jacobian", "hessian"]))
def test_factors_of_random_programs(text: str, layout: Layout, kind: Kind) -> None:
    """In programs of which nothing is known."""
    require_same(kind, text, SHAPES, ("x", "A", "C"), layout, None)


LARGE: list[tuple[Kind, str, Shapes, str, dict[str, tuple[int, ...]]]] = [
    ("jacobian", "x*x", {"x": (10_000,)}, "diagonal", {"diagonal": (10_000,)}),
    ("jacobian", "exp(X)*X", {"X": (300, 40)}, "diagonal", {"diagonal": (300, 40)}),
    ("jacobian", "tanh(" * 40 + "x" + ")" * 40, {"x": (10_000,)}, "diagonal", {"diagonal": (10_000,)}),
    ("hessian", "0.5*norm(B @ X @ A.T)**2", {"X": (80, 80), "A": (80, 80), "B": (80, 80)}, "kronecker",
     {"left": (80, 80), "right": (80, 80)}),
    ("jacobian", "X @ B", {"X": (10_000, 3), "B": (3, 2)}, "block_diagonal", {"blocks": (10_000, 2, 3)}),
    ("hessian", "logsumexp(x)", {"x": (10_000,)}, "low_rank",
     {"diagonal": (10_000,), "left": (10_000, 1), "right": (10_000, 1)}),
    ("hessian", "sum(tanh(A @ x))", {"x": (10_000,), "A": (3, 10_000)}, "low_rank",
     {"left": (10_000, 3), "right": (10_000, 3)}),
    ("jacobian", "(x[1:] - x[:-1])**2", {"x": (10_000,)}, "sparse", {"indices": (19_998, 2), "values": (19_998,)}),
    ("hessian", "sum((x[1:] - x[:-1])**2)", {"x": (10_000,)}, "sparse", {"indices": (29_998, 2), "values": (29_998,)}),
    ("jacobian", "softmax(X, axis=1)", {"X": (3000, 4)}, "block_diagonal", {"blocks": (3000, 4, 4)}),
    ("jacobian", "concatenate([x, x[1:]*y])", {"x": (10_001,), "y": (10_000,)}, "sparse",
     {"indices": (20_001, 2), "values": (20_001,)}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "text", "shapes", "name", "expected"), LARGE, ids=[f"{c[0]} {c[1]}"[:40] for c in LARGE]
)
def test_the_dense_array_is_never_formed(
    kind: Kind, text: str, shapes: Shapes, name: str, expected: dict[str, tuple[int, ...]]
) -> None:
    """Derivatives of 10^7 and more entries are answered under a limit of 10^6, and refused with a hint otherwise."""
    wrt, limits = (next(iter(shapes)),), Limits(elements=10**6)
    (block,) = answer(kind, text, shapes, "auto", wrt=wrt, limits=limits).blocks
    assert block.structure == name
    assert block.factors is not None
    assert {factor: array.shape for factor, array in block.factors.items()} == expected
    assert math.prod(map(int, block.shape)) > 10**7
    with pytest.raises(LimitError, match=f'the derivative is {name}: "structure": "auto"'):
        answer(kind, text, shapes, "dense", wrt=wrt, limits=limits)


def test_factors_have_limits() -> None:
    """Factors over a limit are refused as any array is, positions included."""
    with pytest.raises(LimitError, match="elements: 2000 is over the limit of 1500"):
        answer("jacobian", "x*x", {"x": (1000,)}, "auto", batch=2, limits=Limits(elements=1500))
    with pytest.raises(LimitError, match="elements: 1996"):
        answer("jacobian", "x[1:] - x[:-1]", {"x": (500,)}, "auto", limits=Limits(elements=1500))


@pytest.mark.parametrize(
    ("kind", "text", "name", "lost"),
    [
        ("jacobian", "log(x)", "diagonal", {"diagonal": [[0], []]}),
        ("jacobian", "log(x[1:]) - x[:-1]", "sparse", {"values": [[], [6, 7]]}),
        ("jacobian", "log(x)*sum(x)", "low_rank", {"diagonal": [[0], []], "left": [[0], []], "right": [[], []]}),
        ("hessian", "sum(log(x))", "diagonal", {"diagonal": [[0, 1, 2, 3, 4, 5], []]}),
    ],
)
def test_factors_of_what_is_no_number(kind: Kind, text: str, name: str, lost: dict[str, list[list[int]]]) -> None:
    """Where the value is not a number the factors are not, with a warning; other points of the batch are untouched."""
    point = np.array([[-1.0, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]])
    if name == "sparse":
        point[:] = [[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, -5, 6]]
    variables = {"x": Declaration((6,))}
    found = compute(Task(kind, text, variables=variables, at={"x": point}, forms=(), structure="auto"))
    (block,) = found.blocks
    assert block.structure == name
    assert block.factors is not None
    for factor, places in lost.items():
        array = block.factors[factor].reshape(2, -1)
        assert [np.flatnonzero(np.isnan(row)).tolist() for row in array] == places
        assert (f"/derivatives/0/factors/{factor}" in {notice.where for notice in found.warnings}) == any(places)


def test_zero_of_what_is_no_number() -> None:
    """A zero derivative has no factor that could tell that it does not exist at a point; a warning does."""
    at = {"x": np.array(-1.0), "y": np.arange(3.0)}
    found = compute(Task("jacobian", "log(x)*ones(3)", variables={"x": Declaration(()), "y": Declaration((3,))},
                         at=at, wrt=("y",), forms=(), structure="auto"))  # fmt: skip
    assert found.blocks[0].factors == {}
    assert found.blocks[0].value is None
    assert "/derivatives/0/factors" in {notice.where for notice in found.warnings}
