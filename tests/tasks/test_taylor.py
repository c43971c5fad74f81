"""Taylor polynomials against SymPy, against the function itself where it is a polynomial, and by reading forms back."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import sympy

from service.errors import FluxionError, InvalidRequestError, LimitError, ShapeError, UnknownNameError
from service.tasks.compute import compute
from service.tasks.messages import Limits, Task
from tests.tasks.asking import ask

x, y, z = sympy.symbols("x y z", real=True)
SERIES = [
    ("exp(x)*cos(y)", sympy.exp(x) * sympy.cos(y), {"x": 0.3, "y": -0.2}, 4),
    ("x**2 + 2*x*y + y**3", x**2 + 2 * x * y + y**3, {"x": 1.0, "y": 2.0}, 3),
    ("x*exp(-x**2 - y**2)", x * sympy.exp(-(x**2) - y**2), {"x": -1.0, "y": 0.0}, 5),
    ("log(x*y + z)/z", sympy.log(x * y + z) / z, {"x": 1.1, "y": 0.4, "z": 2.0}, 3),
    ("sin(x) + cos(x)", sympy.sin(x) + sympy.cos(x), {"x": 0.0}, 10),
]


def tensors(function: Any, at: dict[str, float], order: int) -> list[Any]:
    """D^k f by SymPy, for k = 0 to the order; no axis for a single variable."""
    symbols = {str(symbol): symbol for symbol in (x, y, z)}
    variables = [symbols[name] for name in at]
    point = {symbols[name]: value for name, value in at.items()}
    found = []
    for k in range(order + 1):
        entries = [
            float(sympy.diff(function, *names).subs(point)) if names else float(function.subs(point))
            for names in itertools.product(variables, repeat=k)
        ]
        found.append(np.reshape(entries, (len(at),) * k if len(at) > 1 else ()))
    return found


@pytest.mark.parametrize(("expression", "function", "at", "order"), SERIES, ids=[case[0] for case in SERIES])
def test_against_sympy(expression: str, function: Any, at: dict[str, float], order: int) -> None:
    """Derivative tensors entry by entry, each term, and their sum."""
    there = {name: value + 0.1 * (k + 1) for k, (name, value) in enumerate(at.items())}
    part = ask("taylor", expression, at=at, order=order, evaluate_at=there).parts["taylor"]
    expected = tensors(function, at, order)
    step = np.array([there[name] - at[name] for name in at])
    assert part["order"] == order
    terms = []
    for k, tensor in enumerate(expected):
        np.testing.assert_allclose(part["derivatives"][k], tensor, rtol=1e-9, atol=1e-12)
        outer = np.ones(())
        for _ in range(k):
            outer = np.multiply.outer(outer, step)
        terms.append(float((tensor * outer.reshape(tensor.shape)).sum()) / math.factorial(k))
    np.testing.assert_allclose(part["terms"], terms, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(part["value"], sum(terms), rtol=1e-10)
    if len(at) == 1:
        np.testing.assert_allclose(part["coefficients"], [t / math.factorial(k) for k, t in enumerate(expected)])
    else:
        assert part["coefficients"] is None


POLYNOMIALS: list[tuple[str, dict[str, tuple[int, ...]], int]] = [
    ("det(X)", {"X": (3, 3)}, 3),
    ("A @ X @ X.T + X[0, 0]*[[1, 2], [3, 4]]", {"X": (2, 2), "A": (2, 2)}, 3),
    ("[x @ A @ x, 3, x[0]*A[1, 1]**2]", {"x": (2,), "A": (2, 2)}, 3),
    ("t*x + t**2", {"t": (), "x": (3,)}, 2),
    ("prod(x)*norm(x)**2", {"x": (3,)}, 5),
    ("5*ones(2)", {"x": (2,)}, 2),
]


@pytest.mark.parametrize(("expression", "shapes", "order"), POLYNOMIALS, ids=[case[0] for case in POLYNOMIALS])
def test_a_polynomial_is_its_own(expression: str, shapes: dict[str, Any], order: int) -> None:
    """T_n of a polynomial of degree n is the polynomial, everywhere, also for matrices and joined variables."""
    rng = np.random.default_rng(5)
    at, there = ({name: rng.normal(size=shape) for name, shape in shapes.items()} for _ in range(2))
    found = ask("taylor", expression, shapes, at=at, order=order, evaluate_at=there, forms=("text",))
    value = ask("evaluate", expression, shapes, at=there).values
    assert value is not None
    np.testing.assert_allclose(found.parts["taylor"]["value"], value[0], rtol=1e-10, atol=1e-12)
    again = ask("evaluate", found.parts["taylor"]["forms"]["text"], shapes, at=there).values
    assert again is not None
    assert again[0].shape == value[0].shape
    np.testing.assert_allclose(again[0], value[0], rtol=1e-10, atol=1e-12)


def test_joined_and_single_variables_have_their_shapes() -> None:
    """Several variables make one vector, row by row; one keeps its shape; the output's axes come first or last."""
    shapes = {"X": (2, 3), "y": (2,)}
    at = {"X": np.arange(6.0).reshape(2, 3), "y": [1.0, -1.0]}
    both = ask("taylor", "(y @ X)**2", shapes, at=at, order=2, wrt=("y", "X")).parts["taylor"]
    assert [tensor.shape for tensor in both["derivatives"]] == [(3,), (3, 8), (3, 8, 8)]
    single = ask("taylor", "(y @ X)**2", shapes, at=at, order=2, wrt=("X",)).parts["taylor"]
    assert [tensor.shape for tensor in single["derivatives"]] == [(3,), (3, 2, 3), (3, 2, 3, 2, 3)]
    np.testing.assert_array_equal(single["derivatives"][1].reshape(3, 6), both["derivatives"][1][:, 2:])
    other = ask("taylor", "(y @ X)**2", shapes, at=at, order=2, wrt=("X",), layout="denominator").parts["taylor"]
    assert [tensor.shape for tensor in other["derivatives"]] == [(3,), (2, 3, 3), (2, 3, 2, 3, 3)]
    np.testing.assert_array_equal(np.moveaxis(other["derivatives"][2], -1, 0), single["derivatives"][2])
    hessian = ask("hessian", "(y @ X)**2", shapes, at=at, wrt=("X",)).blocks[0].value
    assert hessian is not None
    np.testing.assert_allclose(single["derivatives"][2], hessian, atol=1e-12)


def test_every_index_order_has_one_number() -> None:
    """A third derivative does not depend on the order of its variables, to the last bit."""
    third = ask("taylor", "exp(x @ y)*sin(x[0]*y[1])", at={"x": [0.3, 0.7], "y": [0.2, -0.4]}, order=3)
    tensor = third.parts["taylor"]["derivatives"][3]
    for axes in itertools.permutations(range(3)):
        np.testing.assert_array_equal(tensor, tensor.transpose(axes))


def test_forms() -> None:
    """In powers of (x - x0), multiplied out, and in steps where there is no point."""
    part = ask("taylor", "2*x**3 - x + 4", at={"x": 1}, order=2, forms=("text", "latex", "numpy")).parts["taylor"]
    assert part["forms"]["text"] == "5 + 5*(x - 1) + 6*(x - 1)**2"
    assert part["expanded"]["text"] == "6 - 7*x + 6*x**2"
    assert part["forms"]["latex"].startswith("5 + 5 ")
    assert part["expanded"]["numpy"].endswith("def taylor(x):\n    return 6 - 7*x + 6*x**2\n")
    assert (part["value"], part["terms"]) == (None, None)
    symbolic = ask("taylor", "log(x)", order=3, forms=("text",)).parts["taylor"]
    assert symbolic["forms"]["text"] == "log(x) + d_x/x - d_x**2/(2*x**2) + d_x**3/(3*x**3)"
    assert symbolic["derivatives"] is None


def test_the_expanded_form_is_exactly_rounded() -> None:
    """(x - 100)**8 multiplied out: integers beyond 2**53, each the nearest float64."""
    part = ask("taylor", "(x - 100)**8", at={"x": 100}, order=8, forms=("text",)).parts["taylor"]
    coefficients = [(-1) ** k * math.comb(8, k) * 100 ** (8 - k) for k in range(9)]
    found = ask("taylor", part["expanded"]["text"], at={"x": 0}, order=8).parts["taylor"]["coefficients"]
    assert [float(value) for value in found] == [float(value) for value in coefficients]


def test_named_sizes() -> None:
    """The form in steps holds for every size, and gives the polynomial's value where the point is a batch's."""
    shapes = {"a": ("n",), "x": ("n",)}
    text = ask("taylor", "exp(a @ x)", shapes, wrt=("x",), order=2, forms=("text",)).parts["taylor"]["forms"]["text"]
    at = {"a": [0.3, -0.2], "x": [1.0, 2.0]}
    value = ask("taylor", "exp(a @ x)", shapes, at=at, wrt=("x",), order=2, evaluate_at={"x": [1.1, 2.3]})
    steps = {"d_x": [0.1, 0.3]}
    again = ask("evaluate", text, {**shapes, "d_x": ("n",)}, at={**at, **steps}).values
    assert again is not None
    np.testing.assert_allclose(again[0], value.parts["taylor"]["value"], rtol=1e-12)


def test_a_grid() -> None:
    """One expansion evaluated at many points: every value has the batch axis, and each is that of its own request."""
    grid = np.linspace(-4, 4, 9)
    answer = ask("taylor", "sin(x) + a*cos(x)", {"x": (), "a": ()}, at={"x": 0, "a": 2}, wrt=("x",), order=5,
                 evaluate_at={"x": grid}, forms=("text",))  # fmt: skip
    part = answer.parts["taylor"]
    assert answer.batch_size == 9
    assert part["forms"]["text"] == "2 + x - x**2 - x**3/6 + x**4/12 + x**5/120"
    assert {array.shape for name in ("terms", "derivatives", "coefficients") for array in part[name]} == {(9,)}
    expected = 2 + grid - grid**2 - grid**3 / 6 + grid**4 / 12 + grid**5 / 120
    np.testing.assert_allclose(part["value"], expected, rtol=1e-12)


@pytest.mark.parametrize("moved", [[0.5, -1.0], [[0.5, -1.0], [1.0, 1.0], [0.0, 3.0]]])
def test_batches(moved: Any) -> None:
    """A batch of points has the numbers of its points one by one, with shared and with batched steps."""
    shapes = {"x": (2,), "c": ()}
    points, c = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]), [1.0, 2.0, 3.0]
    arguments: dict[str, Any] = {"order": 3, "wrt": ("x",), "forms": ("text",)}
    whole = ask(
        "taylor", "[exp(c*x @ x), x[0]]", shapes, at={"x": points, "c": c}, evaluate_at={"x": moved}, **arguments
    )
    for k in range(3):
        there = np.broadcast_to(moved, (3, 2))[k]
        one = ask("taylor", "[exp(c*x @ x), x[0]]", shapes, at={"x": points[k], "c": c[k]}, evaluate_at={"x": there},
                  **arguments).parts["taylor"]  # fmt: skip
        for name in ("terms", "derivatives"):
            for many, single in zip(whole.parts["taylor"][name], one[name], strict=True):
                np.testing.assert_allclose(many[k], single, rtol=1e-12, atol=1e-13)
    assert "d_x" in whole.parts["taylor"]["forms"]["text"]


def test_a_point_without_derivatives() -> None:
    """Each tensor that is not finite is reported under its place, and the form keeps to symbols."""
    answer = ask("taylor", "sqrt(x)", at={"x": 0}, order=1, evaluate_at={"x": 1}, forms=("text",))
    assert answer.parts["taylor"]["forms"]["text"] == "sqrt(x) + d_x/(2*sqrt(x))"
    assert {(notice.code, notice.where) for notice in answer.warnings} == {
        ("pole", "/taylor/derivatives/1"),
        ("pole", "/taylor/coefficients/1"),
        ("pole", "/taylor/terms/1"),
        ("pole", "/taylor/value"),
    }


def test_terms_alone() -> None:
    """A tensor over the limit is refused before it is derived; its term along one direction is not."""
    at, there = {"x": np.ones(300)}, {"x": np.zeros(300)}
    with pytest.raises(LimitError, match='"derivatives": false') as refusal:
        ask("taylor", "sum(x**3)", at=at, order=3)
    assert refusal.value.detail.startswith("elements: 27000000 is over the limit")
    part = ask("taylor", "sum(x**3)", at=at, order=3, evaluate_at=there, derivatives=False).parts["taylor"]
    np.testing.assert_allclose(part["terms"], [300, -900, 900, -300])
    assert part["derivatives"] is None


def test_what_does_not_move() -> None:
    """A name that evaluate_at leaves out stays at its point, and so does a variable that f does not use."""
    part = ask("taylor", "x*y", {"x": (), "y": (), "u": ()}, at={"x": 2, "y": 3, "u": 5}, order=2, evaluate_at={"x": 4})
    np.testing.assert_array_equal(part.parts["taylor"]["terms"], [6, 6, 0])
    assert part.parts["taylor"]["derivatives"][1].tolist() == [3, 2, 0]


REFUSED: list[tuple[str, dict[str, Any], type[FluxionError], str]] = [
    ("x*y", {"evaluate_at": {"y": 1}, "wrt": ("x",)}, UnknownNameError, "y, which is not in wrt: it keeps its value"),
    ("x*y", {"evaluate_at": {"u": 1}}, UnknownNameError, "u, which is not a variable"),
    ("x*y", {"evaluate_at": {"x": [[1], [2]]}}, ShapeError, r"x has shape \(\), got a value of shape \(2, 1\)"),
    ("x*y", {"at": {"x": 1}}, InvalidRequestError, "at has no value for y"),
    ("x*y", {"at": {"x": [1, 2], "y": 1}, "evaluate_at": {"y": [1, 2, 3]}}, InvalidRequestError,
     "at has 2, evaluate_at 3"),
    ("x*y", {"order": 21}, LimitError, "taylor_order: 21 is over the limit of 20"),
    ("1 + 2", {"at": {}}, InvalidRequestError, "taylor is by at least one variable"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "more", "error", "message"), REFUSED)
def test_refusals(expression: str, more: dict[str, Any], error: type[FluxionError], message: str) -> None:
    """What cannot be answered is said, with the place and what was expected."""
    shapes = {} if expression == "1 + 2" else {"x": (), "y": ()}
    with pytest.raises(error, match=message):
        ask("taylor", expression, shapes, **{"at": {"x": 1, "y": 2}, "order": 2, **more})


def test_evaluate_at_needs_a_point() -> None:
    """There is nothing to expand about."""
    with pytest.raises(InvalidRequestError, match="evaluate_at needs at"):
        ask("taylor", "x", order=1, evaluate_at={"x": 1})


def test_several_outputs() -> None:
    """A graph of two functions is refused, not answered for the first of them."""
    graph = {"version": 1, "inputs": [{"name": "x", "shape": []}], "nodes": [], "outputs": ["x", "x"]}
    with pytest.raises(FluxionError, match="taylor is of one output; the graph has 2"):
        compute(Task("taylor", graph=graph, at={"x": np.array(1.0)}, limits=Limits()))
