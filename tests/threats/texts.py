"""T1 to T23: programs that run code, break parsers, or ask for more than there is."""

from __future__ import annotations

from tests.threats.rows import (
    INVALID,
    LIMIT,
    OK,
    PARSE,
    UNKNOWN,
    Attack,
    Row,
    attack,
    text,
)

OWN_CODE = '__import__("os").getpid()'
HUGE = {"x": {"shape": [1_000_000, 1]}, "y": {"shape": [1, 1_000_000]}}
WIDE = {name: {"shape": declared["shape"], "data": [1] * 1_000_000} for name, declared in HUGE.items()}


def square(rows: int) -> dict[str, object]:
    """A well-conditioned matrix with entries that are not zero."""
    return {"shape": [rows, rows], "data": [float(rows * (k % (rows + 1) == 0)) + 1e-3 for k in range(rows * rows)]}


def tower(depth: int) -> str:
    """sin(e)*cos(e) of itself, again and again: a small graph that is a huge tree."""
    return "e0 = x;" + "".join(f"e{k + 1} = sin(e{k})*cos(e{k});" for k in range(depth)) + f"e{depth}"


def chain(nodes: int) -> dict[str, object]:
    """A graph as deep as it is long."""
    steps = [{"name": f"n{k + 1}", "op": "sin", "inputs": [f"n{k}"]} for k in range(nodes)]
    inputs = [{"name": "n0", "shape": []}]
    return {"graph": {"version": 1, "inputs": inputs, "nodes": steps, "outputs": [f"n{nodes}"]}, "forms": []}


def in_all(*sources: str) -> tuple[Attack, ...]:
    """Code in every dialect, and where a gradient to be checked is expected."""
    told = tuple(text(s, PARSE, syntax=syntax) for s in sources for syntax in ("python", "matlab", "latex"))
    return (*told, *(text("x", PARSE, kind="check", at={"x": 1}, candidate=source) for source in sources))


TEXTS: dict[str, Row] = {
    "T1": in_all("__import__('os').getpid()", "__import__('os').system('kill -9 -1')"),
    "T2": in_all("().__class__.__mro__[1].__subclasses__()", "x.__class__.__base__.__subclasses__()"),
    "T3": (
        text("x", INVALID, about="code as a variable's name", variables={OWN_CODE: {"shape": []}}),
        text("x", INVALID, about="code as a value's name", at={"x": 1, OWN_CODE: 1}),
        text("x", INVALID, about="code as a name to differentiate by", wrt=[OWN_CODE]),
        attack("code as a node's name", {"graph": {**chain(1)["graph"], "outputs": [OWN_CODE]}}, INVALID),  # type: ignore[dict-item]
        text("exec = 1; import_ = exec; v0 = import_; v0*x", OK, at={"x": 1.0}, holds='"data":[1.0]'),
    ),
    "T4": in_all("__import__('os').system('touch /tmp/owned')", "(lambda: 0).__code__.co_consts"),
    "T5": in_all("@pd.compat.os.system('ls')", "@__import__('os').system('ls')"),
    "T6": in_all("'{0.__class__}'.format(x)", "x.__reduce__()", "f'{x.__class__}'"),
    "T7": (text("exit()", UNKNOWN), text("quit()", UNKNOWN), text("raise SystemExit", PARSE)),
    "T8": (
        text("(" * 99, PARSE),
        text("(" * 151, LIMIT),
        text("(" * 20_000 + "x" + ")" * 20_000, LIMIT),
        text("[" * 90 + "x" + "]" * 90, LIMIT),
        text("sin(" * 5000 + "x" + ")" * 5000, LIMIT),
    ),
    "T9": (text("-" * 20_000 + "x", LIMIT), text("-" * 15_000 + "x", OK, at={"x": 1}, holds='"data":[1.0]')),
    "T10": (text("1" + "+0" * 20_000, LIMIT), text("x" + "+x" * 7999, OK, at={"x": 1}, holds='"data":[8000.0]')),
    "T11": (
        attack("a graph of 10000 sines of each other", chain(10_000), OK),
        attack("a graph of too many nodes", chain(20_000), LIMIT),
        text("x" + ".T" * 7900, OK, at={"x": 1}),
        text("x" + "**x" * 2000, OK, at={"x": 1}, holds='"data":[1.0]'),
    ),
    "T12": (
        text("9**9**9**9*x", OK, at={"x": 1}, holds='"posinf":[0]'),
        text("10**10**10*x", OK, at={"x": 1}, holds='"posinf":[0]'),
        text("1<<10**10", PARSE),
        text("zeros(9**9**9)", PARSE),
    ),
    "T13": (
        *(text(f"{name}(10**9)", UNKNOWN) for name in ("factorial", "fibonacci", "prime", "totient", "factorint")),
        text("pi.evalf(10**8)", PARSE),
    ),
    "T14": (text("1" * 5000, LIMIT), text("0x" + "f" * 1_000_000, LIMIT), text("1e" + "9" * 5000, LIMIT)),
    "T15": (
        attack(
            "an order of 4000 digits", b'{"expression": "x", "order": %s}' % (b"9" * 4000), INVALID, path="/v1/taylor"
        ),
        text("x", INVALID, kind="taylor", at={"x": 1}, order=True, about="an order that is true"),
        text("x", INVALID, variables={"x": {"shape": [True]}}, about="a size that is true"),
        text("x", LIMIT, kind="taylor", at={"x": 1}, order=10**9, about="an immense order"),
    ),
    "T16": (
        text("sum(x)", LIMIT, variables={"x": {"shape": [2**62, 2**62]}}, about="a shape that overflows"),
        text("sum(x, axis=0)", LIMIT, variables={"x": {"shape": [0, 2**33]}}, about="64 GiB of nothing"),
        text("sum(x)", LIMIT, variables={"x": {"shape": [1] * 65}}, about="65 axes"),
        text("sum(zeros((0, 8589934592)))*x", LIMIT, about="zeros of no rows and too many columns"),
        text("x", INVALID, variables={"x": {"shape": [-1]}}, about="a negative size"),
    ),
    "T17": (
        text("zeros((50000, 50000))*x", LIMIT, kind="jacobian", at={"x": 1}),
        text("exp(ones((2147483648, 2147483648))*x)", LIMIT, kind="evaluate", at={"x": 1}),
        text("sum(exp(zeros((50000, 50000))*x))", OK, at={"x": 1}, holds='"data":[2500000000.0]'),
        text("x + y", LIMIT, kind="evaluate", variables=HUGE, at=WIDE),
        text("x + y", OK, variables=HUGE, kind="jacobian", forms=["text"], about="8 TiB as a closed form"),
    ),
    "T18": (
        text("sum(exp(x+y))", OK, at={"x": [[1.0]] * 1000, "y": [1.0] * 1000}),
        text("sum(outer(x, x))", OK, at={"x": [1.0] * 10_000}),
        text("outer(x, x)", LIMIT, kind="jacobian", at={"x": [1.0] * 10_000}),
        text("kron(kron(A, A), A)", LIMIT, kind="evaluate", at={"A": square(60)}),
        text("diag(x)", LIMIT, kind="jacobian", at={"x": [1.0] * 2000}),
        text("inv(A)", LIMIT, kind="jacobian", at={"A": square(200)}),
        text("x*x", LIMIT, kind="hessian", at={"x": [1.0] * 200_000}),
        text("k = x;" + "k = kron(k, k);" * 200 + "k", LIMIT, variables={"x": {"shape": [2]}}),
    ),
    "T19": (
        text("einsum('" + ",".join("ij" for _ in range(6)) + "->', A, A, A, A, A, A)", OK, at={"A": square(64)}),
        text("einsum('ab,bc,cd,de,ef,fa->', A, A, A, A, A, A)", OK, at={"A": square(64)}),
        text("einsum('ab,cd,ef,gh,ij,kl->', A, A, A, A, A, A)", OK, at={"A": square(64)}),
        text("einsum('ab,cd,ef->abcdef', A, A, A)", LIMIT, kind="evaluate", at={"A": square(64)}),
    ),
    "T20": (
        text("sum(matrix_power(A, 2**100000))", PARSE, at={"A": square(100)}),
        text("sum(matrix_power(A, 10**9))", LIMIT, at={"A": square(100)}),
    ),
    "T21": (
        text(tower(30), OK, at={"x": 0.5}, about="a tree of 2**30 that is a small graph"),
        text(tower(1300), OK, at={"x": 0.5}),
    ),
    "T22": (
        text("x**x**x", OK, kind="derivative", wrt=["x"] * 8, at={"x": 1.5}),
        text("det(A)", OK, variables={"A": {"shape": [8, 8]}}, forms=["text", "latex"]),
        text("+".join(f"sin({k}*x)*cos({k}*x)" for k in range(1, 12)), OK, forms=["text", "latex", "numpy"]),
        text("+".join(f"x**{k}" for k in range(2, 2500)), OK, at={"x": 0.5}, forms=["text"]),
        text("+".join(f"sin({k}*x)" for k in range(3000)), LIMIT, about="3000 sines"),
    ),
    "T23": (
        text("(" * 200 + "x" + ")" * 200, LIMIT, syntax="latex"),
        text(r"\sin(" * 15 + "x" + ")" * 15, OK, syntax="latex", at={"x": 1}),
        text("9^{9^{9^{9}}} x", OK, syntax="latex", at={"x": 1}, holds='"posinf":[0]'),
        text(r"24!\times24!", PARSE, syntax="latex"),
        text(r"\left" * 10_000, PARSE, syntax="latex"),
        text("x_" * 30_000, LIMIT, syntax="latex"),
    ),
}
