"""What a refused text is told: code, place, and what was expected."""

from __future__ import annotations

import pytest

from service.frontends.text import Scope
from tests.frontends.reading import caret, refusal

PARSE, UNKNOWN, SHAPE, REQUEST = "parse-error", "unknown-name", "shape-error", "invalid-request"

# text, code, line, column, what is underlined, a part of the message
CASES = [
    ("", PARSE, 1, 1, "", "empty"),
    ("# nothing", PARSE, 1, 1, "#", "empty"),
    ("x +", PARSE, 1, 4, "", "expected a name, a number, '(' or '[', got the end"),
    ("x + * y", PARSE, 1, 5, "*", "got '*'"),
    ("t t", PARSE, 1, 3, "t", "expected an operator, '=', a new line or the end, got 't'; a product is written with *"),
    ("2 t", PARSE, 1, 3, "t", "a product is written with *"),
    ("2t", PARSE, 1, 1, "2", "a product is written 2*t"),
    ("0x10", PARSE, 1, 1, "0", "a number ends before 'x'"),
    ("1_000", PARSE, 1, 1, "1", "a number ends before '_'"),
    ("1.2.3", PARSE, 1, 1, "1.2", "a number ends before '.'"),
    ("(t)(s)", PARSE, 1, 4, "(", "a product is written with *"),
    ("f = t\nsin(f))", PARSE, 2, 7, ")", "')' closes nothing"),
    ("t\n+ (s", PARSE, 2, 3, "(", "'(' is never closed"),
    ("(t]", PARSE, 1, 3, "]", "'(' is closed by ']'"),
    ("sin(t; s)", PARSE, 1, 4, "(", "'(' is still open"),
    ("t < s < t", PARSE, 1, 7, "<", "comparisons cannot be chained"),
    ("t = s = t", PARSE, 1, 7, "=", "'==' compares"),
    ("a = t", PARSE, 1, 6, "", "the last line must be the output, an expression such as a"),
    ("t + 1\nt", PARSE, 1, 1, "t + 1", "only the last line may be an expression"),
    ("t^2", PARSE, 1, 2, "^", "powers are written **"),
    ("A'", PARSE, 1, 2, "'", "a transpose is written x.T"),
    ("x'*A*x'", PARSE, 1, 2, "'*A*x'", "a transpose is written x.T"),
    ("t % 2", PARSE, 1, 3, "%", "'%' is not part of the language"),
    ("t \u00d7 s", PARSE, 1, 3, "?", "U+00D7 is not part of the language: times is written *"),
    ("\uff45\uff58\uff45\uff43(t)", PARSE, 1, 1, "?", "U+FF45"),
    ("t + \ud800", PARSE, 1, 5, "?", "U+D800"),
    ("t + \x00", PARSE, 1, 5, "?", "U+0000"),
    ("_t", PARSE, 1, 1, "_t", "starting with a letter"),
    ("__import__('os')", PARSE, 1, 1, "__import__", "starting with a letter"),
    ("t if t else s", PARSE, 1, 3, "if", "'if' is a keyword of Python and cannot be a name; where("),
    ("class = 1\nt", PARSE, 1, 1, "class", "'class' is a keyword"),
    ("a" * 65, PARSE, 1, 1, "a" * 65, "at most 64 characters"),
    ("lambda z: z", PARSE, 1, 8, "z", "expected an operator"),
    ("y2 + t", UNKNOWN, 1, 1, "y2", "y2 is not declared; did you mean y?"),
    ("total = t\ntotl", UNKNOWN, 2, 1, "totl", "did you mean total"),
    ("sinn(t)", UNKNOWN, 1, 1, "sinn(t)", "sinn is not a known function; did you mean sin"),
    ("np.foo", UNKNOWN, 1, 1, "np.foo", "foo is not a known constant or function"),
    ("np.random.normal(t)", UNKNOWN, 1, 1, "np.random", "random is not a known"),
    ("factorial(10**7)", UNKNOWN, 1, 1, "factorial(10**7)", "not a known function"),
    ("exit()", UNKNOWN, 1, 1, "exit()", "exit is not a known function"),
    ("sin + t", PARSE, 1, 1, "sin", "sin is a function: write sin(...)"),
    ("np.sin*t", PARSE, 1, 1, "np.sin", "sin is a function"),
    ("t*x(2)", PARSE, 1, 3, "x(2)", "x is not a function: a product is written x*(...)"),
    ("getitem(x, 0)", UNKNOWN, 1, 1, "getitem(x, 0)", "getitem is not a known function"),
    ("x.sum()", PARSE, 1, 3, "sum", "write sum(x) instead of x.sum()"),
    ("x.copy()", PARSE, 1, 3, "copy", "there are no methods"),
    ("X.shape", PARSE, 1, 3, "shape", "the only attribute is .T"),
    ("().__class__", PARSE, 1, 4, "__class__", "starting with a letter"),
    ("A @ v", SHAPE, 1, 1, "A @ v", "got (n, n) and (3,)"),
    ("t + (v + x)*2", SHAPE, 1, 6, "v + x", "add cannot broadcast (3,) and (n,)"),
    ("t +\\\n [v, t]", SHAPE, 2, 2, "[v, t]", "the elements of a list must have one shape, got (3,) and ()"),
    ("[[1, 2], [3]]", SHAPE, 1, 1, "[[1, 2], [3]]", "(2,) and (1,)"),
    ("inv(X)", SHAPE, 1, 1, "inv(X)", "square"),
    ("zeros(-2)", SHAPE, 1, 1, "zeros(-2)", "a size cannot be negative"),
    ("X[0, 0, 0]", SHAPE, 1, 1, "X[0, 0, 0]", "3 indices are too many"),
    ("X[5]", SHAPE, 1, 1, "X[5]", "out of range"),
    ("X[1.5]", PARSE, 1, 1, "X[1.5]", "an index is an integer"),
    ("X[t]", PARSE, 1, 1, "X[t]", "an index must be written out"),
    ("X[[0, 1]]", PARSE, 1, 1, "X[[0, 1]]", "lists of indices are not supported"),
    ("X[(0, 1, 2)]", PARSE, 1, 1, "X[(0, 1, 2)]", "lists of indices are not supported"),
    ("X[True]", PARSE, 1, 1, "X[True]", "an index is an integer"),
    ("X[..., ...]", PARSE, 1, 1, "X[..., ...]", "at most one '...'"),
    ("x[2.5]", PARSE, 1, 1, "x[2.5]", "an index is an integer"),
    ("x[:0.5]", PARSE, 1, 1, "x[:0.5]", "the bounds of a slice are integers"),
    ("x[:t]", PARSE, 1, 3, ":t", "a bound of a slice must be written out"),
    ("X[::0]", REQUEST, 1, 1, "X[::0]", "step cannot be 0"),
    ("X[]", PARSE, 1, 3, "]", "expected"),
    ("sum(X, axis=5)", REQUEST, 1, 13, "5", "axis 5 is out of range"),
    ("sum(X, axis=(0, 0))", REQUEST, 1, 13, "(0, 0)", "twice"),
    ("sum(X, axis=1.0)", REQUEST, 1, 13, "1.0", "must be an integer, got 1.0"),
    ("sum(X, axis=True)", REQUEST, 1, 13, "True", "must be an integer, got True"),
    ("sum(X, axis='0')", REQUEST, 1, 13, "'0'", "must be an integer"),
    ("sum(X, axis=[[0]])", REQUEST, 1, 13, "[[0]]", "must be an integer"),
    ("sum(X, axes=0)", PARSE, 1, 1, "sum(X, axes=0)", "sum has no parameter axes: it takes sum(x, axis=None"),
    ("sum(X, 0, axis=0)", PARSE, 1, 1, "sum(X, 0, axis=0)", "two values for axis"),
    ("sum(X, axis=0, axis=0)", PARSE, 1, 16, "axis=0", "axis is given twice"),
    ("sum(axis=0, X)", PARSE, 1, 13, "X", "an argument without a name follows one with a name"),
    ("sum(X, axis=t)", PARSE, 1, 13, "t", "sum: axis must be written out"),
    ("max(t, s)", PARSE, 1, 8, "s", "for two arrays there is maximum"),
    ("softmax(X, axis=7)", REQUEST, 1, 17, "7", "out of range"),
    ("sum()", PARSE, 1, 1, "sum()", "x is missing"),
    ("sin(t, s)", PARSE, 1, 1, "sin(t, s)", "sin takes sin(x), got 2 arguments"),
    ("eye(2, 2)", PARSE, 1, 1, "eye(2, 2)", "eye takes eye(n)"),
    ("eye(t)", PARSE, 1, 5, "t", "eye: n must be written out"),
    ("zeros(n/2)", PARSE, 1, 7, "n/2", "zeros: shape must be written out"),
    ("zeros(1.5)", REQUEST, 1, 7, "1.5", "must be a size"),
    ("einsum(A, x)", PARSE, 1, 8, "A", "subscripts must be written out"),
    ("einsum('ij')", PARSE, 1, 1, "einsum('ij')", "operands is missing"),
    ("stack(v)", PARSE, 1, 7, "v", "a list of parts is expected"),
    ("norm(x, ord=3)", REQUEST, 1, 13, "3", "must be 1, 2, inf, 'fro' or None"),
    ("'text'", PARSE, 1, 1, "'text'", "a string stands only where a call expects one"),
    ("'{0.__class__}'.format(t)", PARSE, 1, 17, "format", "there are no methods"),
    ("t + True", PARSE, 1, 5, "True", "True stands only as an attribute"),
    ("sin(None)", PARSE, 1, 5, "None", "None stands only as an attribute"),
    ("sin((1, 2))", PARSE, 1, 5, "(1, 2)", "a tuple is a shape or a list of axes, never an array"),
    ("p = (1, 2)\nt", PARSE, 1, 5, "(1, 2)", "never an array"),
    ("1, 2", PARSE, 1, 2, ",", "got ','"),
    ("t.", PARSE, 1, 3, "", "expected a name, got the end"),
    ("t\n)", PARSE, 2, 1, ")", "closes nothing"),
    ("sin(*t)", PARSE, 1, 5, "*", "got '*'"),
    ("t + 1e999", PARSE, 1, 5, "1e999", "beyond the range of a double"),
]


@pytest.mark.parametrize(
    ("source", "code", "line", "column", "underlined", "message"), CASES, ids=lambda v: ascii(v)[:40]
)
def test_refusals(source: str, code: str, line: int, column: int, underlined: str, message: str) -> None:
    """Every kind of error names its place, shows it, and says what to do."""
    error = refusal(source)
    assert (error.code, *caret(error)) == (code, line, column, underlined)
    assert message in error.detail
    assert error.detail.isascii()


def test_a_function_is_no_scalar() -> None:
    """Without declarations every name is a scalar, but for those of functions."""
    assert "write sin(...)" in refusal("sin + 1", Scope(open_to_scalars=True)).detail


def test_long_lines_are_cut_around_the_caret() -> None:
    """An excerpt fits a terminal, and the caret still points at what is wrong."""
    error = refusal("t + " * 100 + "wrong" + " + t" * 100)
    assert caret(error) == (1, 401, "wrong")
    assert error.place is not None
    shown = error.place.excerpt.split("\n")[0]
    assert len(shown) == 80
    assert shown.startswith("...")
    assert shown.endswith("...")


@pytest.mark.parametrize("source", ["wrong" + " + t" * 100, "t + " * 100 + "wrong"])
def test_a_line_is_cut_only_where_it_goes_on(source: str) -> None:
    """The first and the last columns of a long line are shown as they are."""
    error = refusal(source)
    assert caret(error)[2] == "wrong"
    assert error.place is not None
    assert len(error.place.excerpt.split("\n")[0]) == 80


def test_tabs_do_not_move_the_caret() -> None:
    """Every character takes one column in an excerpt."""
    assert caret(refusal("\tt +\twrong")) == (1, 6, "wrong")
