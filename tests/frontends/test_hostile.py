"""Texts that break parsers are answered fast, and every bound is told by its name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import FluxionError, LimitError
from service.frontends.text import Scope, read_text
from service.tasks.messages import Limits
from tests.frontends.reading import LIMITS, SCOPE, output, read, refusal

REFUSED = {
    "a call of the system": "__import__('os').getpid()",
    "subclasses": "().__class__.__mro__[1].__subclasses__()",
    "a command": "@pd.compat.os.system('ls')",
    "a format": "'{0.__class__}'.format(t)",
    "an exit": "exit()",
    "open brackets": "(" * 151,
    "brackets": "(" * 20_000 + "t" + ")" * 20_000,
    "calls": "sin(" * 5000 + "t" + ")" * 5000,
    "signs": "-" * 20_000 + "t",
    "a long sum": "1" + "+0" * 20_000,
    "a shift": "1<<10**10",
    "factorial": "factorial(10**7)",
    "a long number": "1" * 5000,
    "a long hexadecimal number": "0x" + "f" * 60_000,
    "full-width letters": "\uff45\uff58\uff45\uff43(1)",
    "a compatibility letter": "\u210c + t",
    "an immense exponent in a shape": "zeros(9**9**9)",
    "an immense shape": "zeros(9**9*9**9*9**9)",
    "an immense axis": "sum(X, axis=99999999999999999999)",
    "an immense index": "X[99999999999999999999]",
    "many axes": "zeros((1,)*99)",
    "65 axes": f"zeros(({'1, ' * 65}))",
    "thousands of axes": f"reshape(t, ({'n, ' * 7000}))",
    "thousands of new axes": f"t[{'None, ' * 7000}]",
    "an immense order": "prod_except(v, 2**31)",
    "an immense order of minors": "cofactor(A, 2**31)",
    "an immense shift": "diag(v, 65537)",
    "deep lists": "[" * 90 + "t" + "]" * 90,
    "doubling sizes": "k = v;" + "k = kron(k, k);" * 200 + "k",
    "doubling named sizes": "k = x;" + "k = kron(k, k);" * 200 + "k",
    "many names of sizes": "zeros(" + "(n + m + 1)*" * 1000 + "n)",
    "a long name": "a" * 65_000,
    "an open string": "'" * 60_001,
    "arguments": "einsum('" + ",".join(["i"] * 3000) + "'" + ", x" * 3000 + ")",
    "only separators": ";" * 65_000,
    "only dots": "." * 65_000,
    "only spaces": " " * 65_000,
    "surrogates": "\ud800" * 20_000,
    "an unfinished list": "[" + "t," * 7000,
    "an unknown name after many": "a=t;" * 3000 + "aa",
}  # fmt: skip

ACCEPTED = {
    "signs": "-" * 15_000 + "t",
    "a sum": "t" + "+t" * 7999,
    "a product": "t" + "*2" * 7999,
    "a power tower": "t" + "**t" * 7999,
    "numbers to the power": "9**9**9**9",
    "transposes": "X" + ".T" * 7900,
    "indices": "X" + "[:]" * 3900,
    "brackets": "(" * 100 + "t" + ")" * 100,
    "a list": "[" + "t," * 7990 + "]",
    "numbers": "[" + "1," * 7990 + "]",
    "assignments": "a=t;" * 3999 + "a",
    "doublings": "a = t;" + "a = a*a;" * 2000 + "a",
    "products of sizes": "n" + "*n" * 7999,
    "sums of sizes": "(m + n + 1)" + "*(m + n + 1)" * 1500,
}


@pytest.mark.parametrize("source", REFUSED.values(), ids=REFUSED.keys())
def test_hostile_texts_are_refused(source: str) -> None:
    """Each is refused as wrong, never by an error of Python's own, and within the time that any test has."""
    assert refusal(source).place is not None


@pytest.mark.parametrize("source", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_large_texts_are_read(source: str) -> None:
    """Depth and length within the bounds are no reason to fail."""
    read(source)


@pytest.mark.parametrize(
    ("limits", "source", "name"),
    [
        (Limits(expression_bytes=4), "t + t", "expression_bytes"),
        (Limits(expression_bytes=4), "#\u00e9\u00e9", "expression_bytes"),
        (Limits(tokens=4), "t+t+t", "tokens"),
        (Limits(depth=2), "(((t)))", "depth"),
        (Limits(nodes=2), "sin(sin(t))", "nodes"),
        (Limits(axes=2), "zeros((1, 1, 1))", "axes"),
        (Limits(axes=2), "X[None]", "axes"),
        (Limits(axes=1), "[[[t]]]", "axes"),
        (LIMITS, "1" * 41, "number length"),
        (LIMITS, "eye(2147483649)", "eye: n"),
        (LIMITS, "kron(zeros(2**20), zeros(2**12))", "size"),
        (LIMITS, "diag(v, 4294967296)", "diag: k"),
    ],
)
def test_every_bound_is_told(limits: Limits, source: str, name: str) -> None:
    """A refusal names the bound, the value and the cap."""
    error = refusal(source, limits=limits)
    assert isinstance(error, LimitError)
    assert error.limit == name
    assert "is over the limit of" in error.detail


@pytest.mark.parametrize(
    ("limits", "source"),
    [
        (Limits(expression_bytes=5), "t + t"),
        (Limits(tokens=5), "t+t+t"),
        (Limits(depth=3), "(((t)))"),
        (Limits(nodes=3), "sin(sin(t))"),
        (Limits(axes=2), "zeros((1, 1))"),
        (LIMITS, "1" * 40),
    ],
)
def test_bounds_are_inclusive(limits: Limits, source: str) -> None:
    """What is just at the cap is read."""
    read(source, limits=limits)


def test_shared_terms_count_once() -> None:
    """The bound on nodes is on those of the graph, in which equal terms are one."""
    read("sin(t) + sin(t)", limits=Limits(nodes=3))


def refused(source: str) -> FluxionError | None:
    """The error that a text is refused with, or None; any other exception is a defect."""
    try:
        read_text(source, SCOPE, LIMITS)
    except FluxionError as error:
        return error
    return None


WORDS = (
    """t x A n sin sum stack np. 1 2.5 1e9 ( ) [ ] , : ... + - * ** @ / < == = .T . 'ij' None True axis= ; # \\ ' if"""
)
ALPHABET = st.sampled_from([*WORDS.split(), " ", "\n", "\u00e9"])


@settings(max_examples=500, deadline=None)
@given(st.lists(ALPHABET, max_size=25).map("".join) | st.text(max_size=40))
def test_any_text_is_read_or_refused(source: str) -> None:
    """Whatever is sent, the answer is a graph or an error with a code."""
    error = refused(source)
    if error is not None:
        assert error.code in {"parse-error", "unknown-name", "shape-error", "invalid-request", "limit-exceeded"}
        assert error.place is not None
        assert error.place.line >= 1
        assert error.place.column >= 1
        assert all(len(line) <= 80 for line in error.place.excerpt.split("\n"))


def test_equal_numbers_of_different_kinds_stay_apart() -> None:
    """0.0 and -0.0 are different constants, and so are their functions."""
    assert output("0.0*t") is not output("-0.0*t")
    assert output("1*t") is output("1.0*t")


def test_one_text_leaves_nothing_behind() -> None:
    """Names of one program are unknown to the next."""
    read("secret = t\nsecret")
    assert refusal("secret").code == "unknown-name"
    assert refusal("secret", Scope()).code == "unknown-name"
