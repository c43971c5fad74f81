"""`verify`: right answers pass, wrong ones never leave, and what cannot be checked is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from service.errors import InvalidRequestError, LimitError, VerificationError
from service.ir.coefficient import scale
from service.ir.node import Node
from service.ir.op import lowered, operations
from service.ops.determinants import INV
from service.render.text import text_form
from service.rewrite.row import Row
from service.rewrite.rows import BY_OP
from service.tasks.compute import compute
from service.tasks.messages import Answer, Declaration, Limits, Task
from service.tasks.remembered import forget
from tests.functions import heavy, random_point
from tests.ops.samples import SAMPLES

ACCURATE = 1e-5  # differences of second order, and of functions that rounding makes rough


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    """Nothing is remembered of rules that a test has broken."""
    forget()
    yield
    forget()


def verify(kind: Any, expression: str, at: dict[str, Any] | None = None, **more: Any) -> Answer:
    """The answer of a request with `verify`."""
    point = None if at is None else {name: np.asarray(value, dtype=float) for name, value in at.items()}
    return compute(Task(kind, expression, at=point, verify=True, **more))


def declared(**shapes: tuple[int | str, ...]) -> dict[str, Declaration]:
    """Variables of these shapes."""
    return {name: Declaration(shape) for name, shape in shapes.items()}


def passes(answer: Answer, points: int, accuracy: float = ACCURATE) -> None:
    """Every block was checked at as many points, with a small error and without a remark."""
    for block in answer.blocks:
        assert block.verified is not None
        assert block.verified.points == points, (block, answer.warnings)
        assert block.verified.max_relative_error <= accuracy
    assert not answer.warnings


@pytest.mark.parametrize("name", SAMPLES)
def test_every_operation_passes(name: str) -> None:
    """No false alarm over all samples, for one derivative and two, at a point and without one."""
    for number, sample in enumerate(SAMPLES[name].samples):
        point = random_point(sample.shapes, sample.domain, seed=number)
        point = heavy(point) if sample.invertible else point
        variables = declared(**sample.shapes)
        for kind, at in (("jacobian", point), ("jacobian", None), ("hessian", point)):
            answer = verify(kind, sample.text, at, variables=variables)
            for block in answer.blocks:
                assert block.verified is not None
                assert block.verified.points > 0, (sample, kind)
                assert block.verified.max_relative_error < ACCURATE, (sample, kind)


@pytest.mark.parametrize("name", ["matmul", "softmax", "logdet", "hypot"])
@pytest.mark.parametrize("seed", range(4))
def test_products_pass(name: str, seed: int) -> None:
    """Jacobian products in both modes, and layouts, at several points."""
    sample = SAMPLES[name].samples[0]
    point = random_point(sample.shapes, sample.domain, seed)
    point = heavy(point) if sample.invertible else point
    generator, variables = np.random.default_rng(seed), declared(**sample.shapes)
    tangents = {key: generator.normal(size=value.shape) for key, value in point.items()}
    passes(verify("jvp", sample.text, point, variables=variables, tangents=tangents), 5)
    passes(verify("jacobian", sample.text, point, variables=variables, layout="denominator"), 5)
    (value,) = compute(Task("evaluate", sample.text, variables=variables, at=point)).values or ()
    cotangent = generator.normal(size=value.shape)
    passes(verify("vjp", sample.text, point, variables=variables, cotangent=cotangent), 5)
    passes(verify("hvp", f"sum(({sample.text})**2)", point, variables=variables, tangents=tangents), 5)


SCALES = [
    ("x.T @ A @ x", {"x": [1e-8, 1e8], "A": [[1e8, 2], [3, 1e-8]]}),
    ("sum(log(x))", {"x": [1e-8, 1e8, 1]}),
    ("sin(x)", {"x": 1e8}),
    ("arcsinh(x)", {"x": 1e200}),
    ("sum(x**2)", {"x": [1e-100, 1e-100]}),
    ("sigmoid(x)", {"x": -700}),
    ("tanh(x)", {"x": 300}),
]


@pytest.mark.parametrize(("expression", "at"), SCALES, ids=[f"{text} {at}" for text, at in SCALES])
def test_scales_pass(expression: str, at: dict[str, Any]) -> None:
    """Steps follow the magnitudes of the point, so that none is too large or too small to be checked at."""
    passes(verify("gradient", expression, at), 5)


HARD = [
    ("(exp(x) - 1)/x", {"x": 1e-12}),
    ("log(1 + exp(x))", {"x": 1000}),
    ("log(1 + exp(x))", {"x": -40}),
    ("sum(softmax(1000*x) @ y)", {"x": [0.1, 0.2, 0.3], "y": [1, 2, 3]}),
    ("sum(inv(X))", {"X": [[1, 2], [2, 4.0000001]]}),
    ("x - sin(x)", {"x": 1e-7}),
    ("x + 1e9", {"x": 1e-9}),
    ("gammaln(x) - gammaln(x + 1)", {"x": 1e6}),
]


@pytest.mark.parametrize(("expression", "at"), HARD, ids=[f"{text} {at}" for text, at in HARD])
@pytest.mark.parametrize("kind", ["gradient", "hessian"])
def test_cancellation_is_no_mismatch(expression: str, at: dict[str, Any], kind: str) -> None:
    """Where the function as written loses all digits, differences decide nothing there, and other points do."""
    for block in verify(kind, expression, at).blocks:
        assert block.verified is not None
        assert block.verified.points >= 4


TINY = [
    ("x**2", {"x": 1e-155}),
    ("x*y", {"x": 1, "y": 1e-320}),
    ("exp(-x)", {"x": 720}),
    ("sigmoid(x)", {"x": -740}),
    ("x*1e-320*1e300", {"x": 1}),
    ("log(x)", {"x": 1e300}),
    ("x", {"x": 5e-324}),
]
STAIRS = [("floor(x)", 1e10 + 0.5), ("round(x)*x", 1e16), ("ceil(1e15*x)", 0.7)]


@pytest.mark.parametrize(("expression", "at"), TINY, ids=[f"{text} {at}" for text, at in TINY])
@pytest.mark.parametrize("kind", ["gradient", "hessian"])
def test_numbers_below_the_normal_range_are_no_mismatch(expression: str, at: dict[str, Any], kind: str) -> None:
    """What is left of their digits, or of a derivative that has become 0, is nothing to object to."""
    for block in verify(kind, expression, at, forms=()).blocks:
        assert block.verified is not None
        assert block.verified.max_relative_error <= ACCURATE


@pytest.mark.parametrize(("expression", "x"), STAIRS)
def test_stairs_beside_a_large_argument_are_no_slope(expression: str, x: float) -> None:
    """Differences see a slope where the steps are small beside the argument; they decide nothing there."""
    for block in verify("gradient", expression, {"x": x}).blocks:
        assert block.verified is not None
        assert block.verified.max_relative_error <= ACCURATE


KINKS = [
    ("relu(x)", {"x": 0}),
    ("where(x > 0, x**2, x)", {"x": 0}),
    ("maximum(x, y)", {"x": 1, "y": 1}),
    ("max(z)", {"z": [1, 1, 0]}),
    ("sum(abs(z))", {"z": [0, 1, -1]}),
    ("clip(x, 0, 1)", {"x": 1}),
]


@pytest.mark.parametrize(("expression", "at"), KINKS, ids=[f"{text} {at}" for text, at in KINKS])
def test_a_kink_is_left_out(expression: str, at: dict[str, Any]) -> None:
    """Differences do not apply there: the random points count, and a warning says so."""
    answer = verify("gradient", expression, at)
    for block in answer.blocks:
        assert block.verified is not None
        assert block.verified.points == 4
    said = [notice.message for notice in answer.warnings if notice.code == "not-verified"]
    assert said
    assert all("kink" in message for message in said)


def test_a_kink_of_second_order_is_left_out() -> None:
    """Differences along two directions against each other would see the half of both sides."""
    (block,) = verify("hessian", "relu(x)**2", {"x": 0}).blocks
    assert block.verified is not None
    assert block.verified.points == 4


def test_sizes_that_are_only_named() -> None:
    """Forms that hold for every n are checked at small random n that fit the function."""
    passes(verify("hessian", "sum((T - U @ V.T)**2)", variables=declared(T=("m", "n"), U=("m", "k"), V=("n", "k"))), 4)
    passes(verify("jacobian", "x[:7] * y[1]", variables=declared(x=("n",), y=("m",))), 4)
    passes(verify("hvp", "sum(sin(A @ x))", variables=declared(A=("m", "n"), x=("n",))), 4)


def test_points_of_a_batch() -> None:
    """Three of a batch's points are checked, and four random ones."""
    at = {"x": np.arange(1.0, 21.0).reshape(10, 2), "w": [1.0, 10.0]}
    passes(verify("gradient", "sum(w*x**2)", at, variables=declared(x=(2,), w=(2,))), 7)
    tangents = {"x": np.ones((10, 2))}
    passes(verify("jvp", "w*exp(-x)", at, variables=declared(x=(2,), w=(2,)), tangents=tangents), 7)


def test_graphs_and_several_outputs() -> None:
    """A graph's outputs are each checked with their own blocks."""
    graph = {
        "version": 1,
        "inputs": [{"name": "x", "shape": [2]}],
        "nodes": [{"name": "a", "op": "exp", "inputs": ["x"]}, {"name": "b", "op": "sum", "inputs": ["a"]}],
        "outputs": ["a", "b"],
    }
    answer = compute(Task("jacobian", graph=graph, at={"x": np.ones(2)}, verify=True))
    assert len(answer.blocks) == 2
    passes(answer, 5)


def test_high_orders() -> None:
    """Differences of order five still decide."""
    passes(verify("derivative", "sin(x)*exp(y)", {"x": 0.3, "y": 1}, wrt=("x", "x", "y", "y", "x")), 5, 1e-5)


def test_no_forms() -> None:
    """Numbers alone are checked without printing; the method says which was done."""
    (alone,) = verify("gradient", "sin(x)", {"x": 1}, forms=()).blocks
    (both,) = verify("gradient", "sin(x)", {"x": 1}, forms=("latex",)).blocks
    assert alone.verified is not None
    assert both.verified is not None
    assert "closed form" not in alone.verified.method
    assert "closed form" in both.verified.method


def test_equal_requests_have_equal_answers() -> None:
    """The random points follow from the request, so that an answer can be kept."""
    first, second = (verify("gradient", "sin(x)*exp(x)", {"x": 1}) for _ in range(2))
    assert first.blocks[0].verified == second.blocks[0].verified


@pytest.mark.parametrize(
    ("kind", "expression", "more"),
    [
        ("gradient", "log(-exp(x))", {}),
        ("derivative", "log(x)", {"wrt": ("x",) * 8}),
        ("jacobian", "x[40:]", {"variables": declared(x=("n",))}),
    ],
)
def test_what_cannot_be_checked_is_said(kind: Any, expression: str, more: dict[str, Any]) -> None:
    """No point of the domain, no accuracy, or no small size: nothing is claimed."""
    answer = verify(kind, expression, **more)
    assert all(block.verified is not None and block.verified.points == 0 for block in answer.blocks)
    assert "not-verified" in {notice.code for notice in answer.warnings}


def test_the_check_keeps_the_bounds() -> None:
    """The evaluations of a check are counted before they are made."""
    with pytest.raises(LimitError, match="operations"):
        verify("gradient", "sum(x**2)", {"x": np.ones(1000)}, limits=Limits(operations=100_000))
    with pytest.raises(LimitError, match="elements"):
        verify("gradient", "sum(outer(x, x))", {"x": np.ones(100)}, limits=Limits(elements=9_000))


@pytest.mark.parametrize("kind", ["evaluate", "plan"])
def test_there_must_be_something_to_check(kind: Any) -> None:
    """A field without effect is refused."""
    with pytest.raises(InvalidRequestError, match="verify"):
        verify(kind, "x", {"x": 1})


# Faults. Each breaks one part of the engine; the answer would look as valid as ever.


def broken(request: pytest.FixtureRequest, thing: Any, attribute: str, value: object) -> None:
    """Sets an attribute, of a frozen object too, until the test ends; what was derived before is forgotten."""
    before = getattr(thing, attribute)
    request.addfinalizer(lambda: object.__setattr__(thing, attribute, before))
    object.__setattr__(thing, attribute, value)
    forget()


PARTIALS: list[tuple[str, int, Callable[..., Node], str, dict[str, Any]]] = [
    ("sin", 0, lambda _, x: -lowered("cos", x), "sum(sin(x))", {"x": [0.3, 1.1]}),
    ("exp", 0, lambda out, _: out * (1 + 1e-6), "sum(exp(x))", {"x": [0.3, 1.1]}),
    ("erf", 0, lambda _, x: 1.12 * lowered("exp", -(x**2)), "sum(erf(x))", {"x": [0.3, 1.1]}),
    ("power", 1, lambda out, _, y: out * lowered("log", y), "sum(x**y)", {"x": [0.3, 1.1], "y": [2.5, 0.5]}),
    ("maximum", 0, lambda _, x, y: lowered("greater", y, x), "sum(maximum(x, y))", {"x": [1, 2], "y": [2, 1]}),
    ("relu", 0, lambda _, x: lowered("sign", x), "sum(relu(x))", {"x": [-1.0, 2.0]}),
]


@pytest.mark.parametrize("kind", ["gradient", "hessian", "jvp", "vjp", "hvp"])
@pytest.mark.parametrize(("name", "place", "wrong", "expression", "at"), PARTIALS, ids=[row[0] for row in PARTIALS])
def test_a_wrong_partial(  # noqa: PLR0913, PLR0917 - a row of the table, and the kind
    request: pytest.FixtureRequest,
    name: str,
    place: int,
    wrong: Callable[..., Node],
    expression: str,
    at: dict[str, Any],
    kind: Any,
) -> None:
    """A rule with a wrong sign, a factor that is a millionth off, a rounded constant, a wrong argument."""
    op = operations()[name]
    more: dict[str, Any] = {}
    if kind in {"jvp", "hvp"}:
        more["tangents"] = {key: np.asarray([0.7, -1.3]) for key in at}
    if kind == "vjp":
        more["cotangent"] = np.asarray(1.5)
    if kind == "hessian" and name in {"maximum", "relu"}:
        expression = f"({expression})**2"
    if kind == "hvp":
        expression = f"({expression})**2"
    verify(kind, expression, at, **more)
    broken(request, op, "partials", (*op.partials[:place], wrong, *op.partials[place + 1 :]))
    with pytest.raises(VerificationError, match="is off by"):
        verify(kind, expression, at, **more)
    if kind not in {"jvp", "vjp", "hvp"}:
        with pytest.raises(VerificationError, match="is off by"):
            verify(kind, expression, variables=declared(**dict.fromkeys(at, (2,))))


def test_a_wrong_rule_of_a_matrix_function(request: pytest.FixtureRequest) -> None:
    """The derivative of an inverse doubled."""
    rule = INV.vjp
    assert rule is not None
    broken(request, INV, "vjp", lambda g, out, place: scale(rule(g, out, place), 2))
    with pytest.raises(VerificationError, match="is off by"):
        verify("gradient", "sum(inv(X))", {"X": [[2, 1], [0, 3]]})
    with pytest.raises(VerificationError, match="is off by"):
        verify("hessian", "sum(inv(X))", {"X": [[2, 1], [0, 3]]})


def test_a_wrong_product_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """One factor's share is lost."""
    from service.diff import reverse

    whole = reverse._pull_back_product
    monkeypatch.setattr(
        reverse, "_pull_back_product", lambda g, node, place, lead: scale(whole(g, node, place, lead), 1 + (place == 1))
    )
    with pytest.raises(VerificationError, match="is off by"):
        verify("gradient", "x @ A @ x", {"x": [1, 2], "A": [[1, 2], [3, 4]]})


@pytest.mark.parametrize("expression", ["log(1 + exp(x))", "log(exp(x))", "y*log(x)"])
def test_a_wrong_rewriting(monkeypatch: pytest.MonkeyPatch, expression: str) -> None:
    """An identity that is none changes the function before it is differentiated."""
    row = Row("log(x) -> sin(x)", operations()["log"], lambda node: lowered("sin", node.inputs[0]))
    monkeypatch.setitem(BY_OP, operations()["log"], [row])
    with pytest.raises(VerificationError, match="is off by"):
        verify("gradient", expression, {"x": 0.5, "y": 2} if "y" in expression else {"x": 0.5})


def test_a_layout_that_is_not_turned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shape of a square block does not show that it is the transpose."""
    from service.tasks import derivatives

    monkeypatch.setattr(derivatives, "permute", lambda node, _: node)
    with pytest.raises(VerificationError, match="is off by"):
        verify("jacobian", "A @ x", {"A": [[1, 2], [3, 4]], "x": [1, 2]}, wrt=("x",), layout="denominator")


MISPRINTS: dict[str, tuple[Callable[[str], str], str]] = {
    "function": (lambda text: text.replace("cos", "sin"), "where the derivative is"),
    "name": (lambda text: text.replace("cos", "cosine"), "is not read back"),
    "bracket": (lambda text: text.replace("cos(x)", "cos(x"), "is not read back"),
    "shape": (lambda text: f"sum({text})", "has shape"),
    "no value": (lambda text: f"{text}/(x - x)", "where the derivative has"),
    "digit": (lambda text: f"1.0000001*{text}", "where the derivative is"),
}


@pytest.mark.parametrize("misprint", MISPRINTS)
@pytest.mark.parametrize("forms", [("text",), ("latex",)])
def test_a_misprint(monkeypatch: pytest.MonkeyPatch, misprint: str, forms: tuple[Any, ...]) -> None:
    """The numbers are right and the form is not: another function, no text, another shape, no value."""
    change, message = MISPRINTS[misprint]
    monkeypatch.setattr("service.tasks.closed_forms.text_form", lambda term, taken: change(text_form(term, taken)))
    for at in ({"x": [0.3, 1.1]}, None):
        with pytest.raises(VerificationError, match=message):
            verify("gradient", "sum(sin(x))", at, variables=declared(x=(2,)), forms=forms)


def test_a_wrong_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """One entry of the answer's own array, of a batch, is off; the forms are right."""
    from service.tasks import problem
    from service.tasks.numbers import Numbers, compute_numbers

    def spoilt(*arguments: Any, **options: Any) -> Numbers:
        found = compute_numbers(*arguments, **options)
        found.arrays[0][..., 1] += 1e-6
        return found

    monkeypatch.setattr(problem, "compute_numbers", spoilt)
    with pytest.raises(VerificationError):
        verify("gradient", "sum(sin(x))", {"x": [0.3, 1.1]})
    with pytest.raises(VerificationError):
        verify("gradient", "sum(sin(x))", {"x": [[0.3, 1.1], [0.5, 0.2]]}, variables=declared(x=(2,)), forms=())
