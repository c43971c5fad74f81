"""What texts mean."""

from __future__ import annotations

import math
import struct

import pytest

from service.frontends.text import Scope, read_size
from service.ir.leaves import array, constant, size_value, variable
from service.ir.node import Node
from service.ir.op import operations
from service.ir.size import Shape, add, multiply, named
from tests.frontends.reading import LIMITS, SCOPE, M, N, call, given, output, read

WHOLE = (None, None, None)


def doubles(shape: Shape, *entries: float) -> Node:
    """A constant array."""
    return array(struct.pack(f"{len(entries)}d", *entries), shape)


def test_a_program() -> None:
    """Assignments are read in order, by lines or semicolons, with comments and blank lines anywhere."""
    reading = read("\n# a program\na = x * 2; b = (a +\n  y)  # sums\r\n\n;a = b\n\na @ b\n")
    doubled = call("multiply", given("x"), constant(2))
    total = call("add", doubled, given("y"))
    assert reading.output is call("matmul", total, total)
    assert reading.assigned == (("a", doubled), ("b", total), ("a", total))


def test_a_program_line_by_line() -> None:
    """Read by line, an assigned name is a variable, which is the same as an attribute as what it stands for."""
    reading = read("a = [s, t]\nk = 2\na = stack(a)*k\nreshape(a, (k, 1))", Scope(SCOPE.variables, by_line=True))
    listed, number, again = (variable(name, shape) for name, shape in (("a#1", (2,)), ("k#1", ()), ("a#2", (2,))))
    parts = [call("getitem", listed, index=(place,)) for place in range(2)]
    product = call("multiply", call("stack", *parts, axis=0), number)
    assert [name for name, _ in reading.assigned] == ["a", "k", "a"]
    assert reading.assigned[2][1] is product
    assert reading.output is call("reshape", again, shape=(2, 1))
    assert list(reading.variables) == ["s", "t"]


def test_variables_are_listed_by_first_use() -> None:
    """Use counts where it stands in the text, whatever becomes of it."""
    reading = read("k = t*x\ny @ x + s")
    assert list(reading.variables.items()) == [("t", ()), ("x", (N,)), ("y", (N,)), ("s", ())]


def test_an_assigned_name_hides_everything() -> None:
    """Assigned values come before variables, these before sizes, these before constants."""
    assert output("x = t\nx") is given("t")
    assert output("pi = t\npi") is given("t")
    assert output("e", Scope({"e": (2,)})) is variable("e", (2,))
    assert output("e", Scope({"x": (named("e"),)})) is size_value(named("e"))
    assert output("n = t\nn") is given("t")
    assert output("np.pi", Scope({"pi": (2,)})) is constant(math.pi)


def test_a_name_hides_no_function() -> None:
    """Functions are called, so a variable of the same name does no harm."""
    assert output("sum(sum)", Scope({"sum": (2,)})) is call("sum", variable("sum", (2,)))


def test_lambda_is_a_name() -> None:
    """Textbooks call multipliers so."""
    assert output("lambda", Scope({"lambda": ()})) is variable("lambda", ())


def test_undeclared_names_are_scalars_where_told() -> None:
    """Shapes known from values are used, every other name is a scalar; constants stay constants."""
    reading = read("w @ w + b + pi", Scope({"w": (2,)}, open_to_scalars=True))
    assert reading.variables == {"w": (2,), "b": ()}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("2", 2),
        ("-2", -2),
        ("2.50", 2.5),
        (".5", 0.5),
        ("5.", 5),
        ("1e-3", 1e-3),
        ("-1E+2", -100),
        ("-0", -0.0),
        ("pi", math.pi),
        ("math.e", math.e),
        ("np.inf", math.inf),
        ("-inf", -math.inf),
        ("+3", 3),
        ("007", 7),
    ],
)
def test_numbers(source: str, value: float) -> None:
    """A sign is part of a number that is written out."""
    assert output(source) is constant(value)


def test_nothing_is_simplified() -> None:
    """Only the sign of a number is worked out while reading."""
    assert output("-(2)") is call("negative", constant(2))
    assert output("- -2") is call("negative", constant(-2))
    assert output("-pi") is call("negative", constant(math.pi))
    assert output("a = 2\n-a") is call("negative", constant(2))
    assert output("2 + 3") is call("add", constant(2), constant(3))


@pytest.mark.parametrize(
    "prefix", ["", "np.", "numpy.", "jnp.", "jax.numpy.", "math.", "linalg.", "np.linalg.", "scipy.special."]
)
def test_prefixes(prefix: str) -> None:
    """Where a function comes from elsewhere does not matter."""
    assert output(f"{prefix}sin(t)") is call("sin", given("t"))


def test_a_variable_may_be_called_like_a_prefix() -> None:
    """`.T` is a transpose, whatever stands before it."""
    assert output("math.T", Scope({"math": (2, 3)})) is call("transpose", variable("math", (2, 3)))


@pytest.mark.parametrize("name", [alias for op in operations().values() for alias in op.aliases])
def test_aliases(name: str) -> None:
    """An alias is the operation that it stands for."""
    op = next(op for op in operations().values() if name in op.aliases)
    inputs = [given("A") for _ in op.parameters]
    assert output(f"{name}({', '.join('A' for _ in inputs)})") is call(op.name, *inputs)


@pytest.mark.parametrize(
    ("source", "index"),
    [
        ("X[0]", (0,)),
        ("X[-1]", (-1,)),
        ("X[1, 2]", (1, 2)),
        ("X[1, :]", (1, WHOLE)),
        ("X[:, ::2]", (WHOLE, (None, None, 2))),
        ("X[None]", (None,)),
        ("X[:, newaxis]", (WHOLE, None)),
        ("X[np.newaxis, 0,]", (None, 0)),
        ("X[1:-1]", ((1, -1, None),)),
        ("X[::-1]", ((None, None, -1),)),
        ("X[...]", (WHOLE, WHOLE)),
        ("X[..., 0]", (WHOLE, 0)),
        ("X[0, ..., 1]", (0, 1)),
        ("X[..., None]", (WHOLE, WHOLE, None)),
        ("k = 1\nX[k, -k:]", (1, (-1, None, None))),
        ("X[2-1]", (1,)),
    ],
)
def test_indices(source: str, index: tuple[object, ...]) -> None:
    """NumPy's basic indexing, as the attribute `index`."""
    assert output(source) is call("getitem", given("X"), index=index)


def test_lists_of_numbers_are_constants() -> None:
    """However deep, they are one array; a sign is part of a number."""
    assert output("[1, -2.5]") is doubles((2,), 1, -2.5)
    assert output("[[1, 2, 3], [4, 5, -inf],]") is doubles((2, 3), 1, 2, 3, 4, 5, -math.inf)
    assert output("[]") is doubles((0,))
    assert output("[[], []]") is doubles((2, 0))


def test_lists_are_stacked() -> None:
    """The elements of any other list lie along a new first axis."""
    sine = call("sin", given("t"))
    assert output("[t, sin(t)]") is call("stack", given("t"), sine)
    rows = call("stack", given("t"), sine), call("stack", constant(1), given("t"))
    assert output("[[t, sin(t)], [1, t]]") is call("stack", *rows)
    assert output("[[1, 2], v[:2]]") is call(
        "stack",
        doubles((2,), 1, 2),
        call("getitem", given("v"), index=((None, 2, None),)),
    )


def test_a_list_of_parts_is_no_array() -> None:
    """`stack` and `concatenate` take parts, in a list, a tuple, or behind a name."""
    parts = given("v"), doubles((1,), 1)
    expected = call("concatenate", *parts)
    assert output("concatenate([v, [1]])") is expected
    assert output("concatenate((v, [1]))") is expected
    assert output("stack([v, v], axis=1)") is call("stack", given("v"), given("v"), axis=1)
    assert output("p = [v, 2*v]\nconcatenate(p)").shape == (6,)


@pytest.mark.parametrize(
    ("source", "axis"), [("1", (1,)), ("-1", (1,)), ("(0, 1)", (0, 1)), ("[1, 0]", (0, 1)), ("None", None), ("()", ())]
)
def test_axes(source: str, axis: object) -> None:
    """An axis is a number, a tuple or a list, counted from either end."""
    assert output(f"sum(X, axis={source})") is call("sum", given("X"), axis=axis)
    assert output(f"sum(X, {source}, keepdims=True)") is call("sum", given("X"), axis=axis, keepdims=True)


def test_strings() -> None:
    """Where a call expects one, with either quote."""
    assert output("einsum('ij,j->i', A, x)") is call("einsum", given("A"), given("x"), subscripts="ij,j->i")
    assert output('norm(A, ord="fro")') is call("norm", given("A"), ord="fro")
    assert output("norm(x, np.inf)") is call("norm", given("x"), ord="inf")
    assert output("norm(x, 2.0)") is call("norm", given("x"), ord=2)


def test_keywords_may_come_in_any_order() -> None:
    """Inputs are in the order of the declaration."""
    assert output("clip(a_max=s, x=x, a_min=t)") is call("clip", given("x"), given("t"), given("s"))
    assert output("polygamma(x=t, n=1)") is call("polygamma", given("t"), n=1)


@pytest.mark.parametrize(
    ("source", "shape"),
    [
        ("eye(n)", (N, N)),
        ("eye(n - 1)", (add(N, -1),) * 2),
        ("zeros((m, n))", (M, N)),
        ("ones([n*m, 2])", (multiply(M, N), 2)),
        ("reshape(B, (m*n,))", (multiply(M, N),)),
        ("reshape(B, -1)", (multiply(M, N),)),
        ("zeros(2*3)", (6,)),
        ("zeros(2**3)", (8,)),
        ("k = n + 1\nzeros(k)", (add(N, 1),)),
        ("zeros(())", ()),
        ("zeros((n + m)*(n - m))", None),
    ],
)
def test_sizes_in_attributes(source: str, shape: Shape | None) -> None:
    """Named sizes and arithmetic on them are sizes where one is expected."""
    m, n = M, N
    expected = (add(multiply(n, n), multiply(-1, multiply(m, m))),) if shape is None else shape
    assert output(source).shape == expected


def test_named_sizes_are_numbers_too() -> None:
    """Outside of attributes a size is a scalar, and with a number given it is that number."""
    assert output("n*t") is call("multiply", size_value(N), given("t"))
    bound = Scope({"x": (N, add(N, 1))}, {"n": 3})
    assert output("n*x", bound) is call("multiply", constant(3), variable("x", (3, 4)))
    assert output("eye(n)", bound).shape == (3, 3)


def test_read_size() -> None:
    """A size in the spelling of the language."""
    assert read_size("m*n - 1", {}, LIMITS) == add(multiply(M, N), -1)
    assert read_size("m*n - 1", {"m": 2}, LIMITS) == add(multiply(2, N), -1)
    assert read_size("3", {}, LIMITS) == 3


def test_whitespace_and_continuations() -> None:
    """Indentation, tabs and a backslash before a line end mean nothing."""
    assert output("  t \\\n\t+ s") is call("add", given("t"), given("s"))
