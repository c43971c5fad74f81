"""Structure is found by general rules, and the equations between axes are solved exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.execute.program import compile_program
from service.ir.leaves import delta, selector, unit, variable
from service.ir.size import bulk, named, numbers
from service.rewrite.structure import structure_of
from service.rewrite.support import placed, support_of, values_of
from service.rewrite.terms import Factor, Term
from tests.functions import Function

N = 6
CASES = [
    ("x*x", {"x": (N,)}, "x", "diagonal"),
    ("exp(X)*X", {"X": (4, 5)}, "X", "diagonal"),
    ("reshape(X*X, (20,))", {"X": (4, 5)}, "X", "diagonal"),
    ("sum(exp(x))", {"x": (N,)}, "xx", "diagonal"),
    ("tanh(" * 12 + "x" + ")" * 12, {"x": (N,)}, "x", "diagonal"),
    ("A @ X @ B", {"A": (3, 4), "X": (4, 5), "B": (5, 2)}, "X", "kronecker"),
    ("X @ B", {"X": (4, 5), "B": (5, 2)}, "X", "kronecker"),
    ("A @ X", {"A": (3, 4), "X": (4, 5)}, "X", "kronecker"),
    ("0.5*norm(B @ X @ A.T)**2", {"X": (4, 5), "A": (3, 5), "B": (6, 4)}, "XX", "kronecker"),
    ("sum((T - U @ V.T)**2)", {"U": (5, 2), "T": (5, 4), "V": (4, 2)}, "UU", "kronecker"),
    ("sum((T - U @ V.T)**2) + 3*sum(U**2)", {"U": (5, 2), "T": (5, 4), "V": (4, 2)}, "UU", "kronecker"),
    ("inv(X)", {"X": (4, 4)}, "X", "kronecker"),
    ("kron(X, A)", {"X": (4, 5), "A": (2, 3)}, "X", "kronecker"),
    ("-X @ B", {"X": (300, 2), "B": (2, 2)}, "X", "block_diagonal"),
    ("softmax(X, axis=1)", {"X": (4, 5)}, "X", "block_diagonal"),
    ("sum(logsumexp(X, axis=1))", {"X": (4, 5)}, "XX", "block_diagonal"),
    ("sum(log(1 + exp(X @ w)))", {"X": (8, 3), "w": (3,)}, "XX", "block_diagonal"),
    ("einsum('bij,bj->bi', A, x)", {"x": (4, 3), "A": (4, 2, 3)}, "x", "block_diagonal"),
    ("sin(X) @ v", {"X": (4, 5), "v": (5,)}, "X", "block_diagonal"),
    ("logsumexp(x)", {"x": (N,)}, "xx", "low_rank"),
    ("softmax(x)", {"x": (N,)}, "x", "low_rank"),
    ("norm(x)", {"x": (N,)}, "xx", "low_rank"),
    ("(x @ x)**2", {"x": (N,)}, "xx", "low_rank"),
    ("sum(x)**2", {"x": (N,)}, "xx", "low_rank"),
    ("sum(tanh(A @ x))", {"x": (9,), "A": (2, 9)}, "xx", "low_rank"),
    ("x @ A @ A.T @ x", {"x": (9,), "A": (9, 2)}, "xx", "low_rank"),
    ("(x[1:] - x[:-1])**2", {"x": (9,)}, "x", "sparse"),
    ("x[2:] - 2*x[1:-1] + x[:-2]", {"x": (15,)}, "x", "sparse"),
    ("sum((x[1:] - x[:-1])**2)", {"x": (15,)}, "xx", "sparse"),
    ("sum(100*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)", {"x": (20,)}, "xx", "sparse"),
    ("x[::-1]", {"x": (N,)}, "x", "sparse"),
    ("X.T", {"X": (4, 5)}, "X", "sparse"),
    ("X[1:, ::2]", {"X": (4, 5)}, "X", "sparse"),
    ("stack([x, x*y])", {"x": (N,), "y": (N,)}, "x", "sparse"),
    ("concatenate([x, x[1:]*y])", {"x": (N,), "y": (N - 1,)}, "x", "sparse"),
    ("diag(x)", {"x": (N,)}, "x", "sparse"),
    ("softmax(X, axis=0)", {"X": (4, 9)}, "X", "sparse"),
    ("sum(x)*y", {"x": (N,), "y": (N,)}, "y", "diagonal"),
    ("x*y", {"x": (N,), "y": (N,)}, "yy", "zero"),
    ("A @ x", {"A": (N, N), "x": (N,)}, "x", "dense"),
    ("sum((A @ x)**2)", {"A": (9, N), "x": (N,)}, "xx", "dense"),
    ("trace(X)", {"X": (9, 9)}, "X", "dense"),
    ("concatenate([s*x, x])", {"s": (), "x": (N,)}, "s", "dense"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "shapes", "wrt", "name"), CASES, ids=[f"{c[0]} by {c[2]}" for c in CASES])
def test_names(text: str, shapes: dict[str, tuple[int, ...]], wrt: str, name: str) -> None:
    """Each structure is recognised in functions that have it, and in no function that has not."""
    function = Function(text, shapes)
    node = function.derivative(*wrt)
    structure = structure_of(node, len(node.shape) - len(shapes[wrt[-1]]))
    assert structure.name == name
    if name not in ("zero", "dense"):
        graphs = structure.factors()
        made = [*graphs.named.values(), *(part.node for part in graphs.scattered)]
        assert sum(bulk(part.shape) for part in made) < bulk(node.shape)


@pytest.mark.parametrize(
    ("text", "sizes", "wrt", "name"),
    [
        ("x*x", {"x": "n"}, "x", "diagonal"),
        ("logsumexp(x)", {"x": "n"}, "xx", "low_rank"),
        ("sum((T - U @ V.T)**2)", {"T": "mn", "U": "mk", "V": "nk"}, "UU", "kronecker"),
        ("(x[1:] - x[:-1])**2", {"x": "n"}, "x", "sparse"),
        ("A @ x", {"A": "mn", "x": "n"}, "x", "dense"),
        ("sum(x[:5]*x[n-5:])", {"x": "n"}, "xx", "sparse"),
        ("diag(x)[:5, n-5:]", {"x": "n"}, "x", "dense"),
    ],
)
def test_named_sizes(text: str, sizes: dict[str, str], wrt: str, name: str) -> None:
    """With sizes that are only names the structure is that of large sizes."""
    shapes = {variable: tuple(map(named, letters)) for variable, letters in sizes.items()}
    node = Function(text, shapes).derivative(*wrt)
    assert structure_of(node, len(node.shape) - len(shapes[wrt[-1]])).name == name


LABELS = st.integers(0, 4)


@st.composite
def products(draw: st.DrawFn) -> Term:
    """A tensor times random identities, unit vectors and selectors over five labels, the first three being axes."""
    sizes = draw(st.lists(st.integers(2, 6), min_size=5, max_size=5))
    factors: list[Factor] = [(variable("T", (sizes[0], sizes[3], sizes[4])), (0, 3, 4))]
    for _ in range(draw(st.integers(0, 4))):
        i, j = draw(LABELS), draw(LABELS)
        kind = draw(st.sampled_from(["delta", "unit", "selector"]))
        if kind == "unit":
            factors.append((unit(sizes[i], draw(st.integers(0, sizes[i] - 1))), (i,)))
        elif kind == "delta" and sizes[i] == sizes[j]:
            factors.append((delta(sizes[i]), (i, j)))
        elif kind == "selector" and sizes[j] <= sizes[i]:
            step = draw(st.sampled_from([-1, 1, 2] if 2 * sizes[j] - 1 <= sizes[i] else [-1, 1]))
            reach = abs(step) * (sizes[j] - 1)
            low = draw(st.integers(0, sizes[i] - 1 - reach))
            factors.append((selector(sizes[i], sizes[j], low if step > 0 else low + reach, step), (i, j)))
    return Term(draw(st.sampled_from([1.0, -2.5])), tuple(factors), dict(enumerate(sizes)))


@given(products())
def test_equations_between_axes(term: Term) -> None:
    """The values along the solution, put where it says, are the product; elsewhere and without one it is zero."""
    shape = numbers(tuple(term.sizes[k] for k in range(3)))
    values = {"T": np.random.default_rng(3).normal(size=numbers(term.factors[0][0].shape))}
    arrays = [compile_program([child]).run(values)[0] for child, _ in term.factors]
    operands = [part for array, (_, labels) in zip(arrays, term.factors, strict=True) for part in (array, list(labels))]
    free = [np.ones(n) for n in shape]
    for axis, ones in enumerate(free):
        operands += [ones, [axis]]
    expected = term.coefficient * np.einsum(*operands, [0, 1, 2])
    support = support_of(term, 3)
    if support is None:
        assert not expected.any()
        return
    (found,) = compile_program([placed(values_of(term, support), support, range(3), shape)]).run(values)
    assert np.allclose(found, expected, rtol=1e-13, atol=1e-13)
    assert np.count_nonzero(expected) <= support.entries
