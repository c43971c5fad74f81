"""The conventions of the language at hard points, as data: the tests compute them, and docs/numerics.md prints them.

`python -m tests.numerics` writes the table into the page.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

INF, NAN = math.inf, math.nan
PAGE = Path(__file__).parents[1] / "docs" / "numerics.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"


@dataclass(frozen=True)
class Row:
    """A program at a point: its value, derivatives by the names of a key ("x" first, "x x" second), and codes.

    `codes` are those of the warnings on value and first derivatives, each once; `ulps` how far from exact a number may
    be; `refused` the code of the error instead of an answer.
    """

    program: str
    at: Mapping[str, Any]
    value: Any = None
    derivatives: Mapping[str, Any] = field(default_factory=dict)
    codes: tuple[str, ...] = ()
    ulps: int = 0
    refused: str = ""


S = math.sqrt(0.5)
SINGULAR, NEGATIVE = [[1.0, 2.0], [2.0, 4.0]], [[1.0, 2.0], [2.0, 3.0]]
ZERO = [0.0, 0.0]
NANS = [[NAN, NAN], [NAN, NAN]]
TABLE: Mapping[str, tuple[Row, ...]] = {
    "Absolute values and norms": (
        Row("abs(x)", {"x": 0}, 0, {"x": 0}, ("kink",)),
        Row("abs(x)**2", {"x": 0}, 0, {"x": 0, "x x": 2}),
        Row("sqrt(x**2)", {"x": 0}, 0, {"x": 0}, ("kink",)),
        Row("norm(x)", {"x": ZERO}, 0, {"x": ZERO}, ("kink",)),
        Row("norm(x)**2", {"x": ZERO}, 0, {"x": ZERO, "x x": [[2, 0], [0, 2]]}),
        Row("x.T @ x", {"x": ZERO}, 0, {"x": ZERO, "x x": [[2, 0], [0, 2]]}),
        Row("sqrt(sum(x*x))", {"x": ZERO}, 0, {"x": ZERO}, ("kink",)),
        Row("norm(x)", {"x": [1e200, 1e200]}, math.sqrt(2) * 1e200, {"x": [S, S]}, ulps=4),
        Row("norm(x)", {"x": [1e-200, 1e-200]}, math.sqrt(2) * 1e-200, {"x": [S, S]}, ulps=4),
        Row("norm(x, ord=1)", {"x": ZERO}, 0, {"x": ZERO}, ("kink",)),
        Row("hypot(x, y)", {"x": 0, "y": 0}, 0, {"x": 0, "y": 0}, ("kink",)),
        Row("std(x)", {"x": [3, 3]}, 0, {"x": ZERO}, ("kink",)),
        Row("std(x, ddof=2)", {"x": [3, 4]}, NAN, {"x": [NAN, NAN]}, ("domain",)),
    ),
    "Powers, roots and logarithms": (
        Row("sqrt(x)", {"x": 0}, 0, {"x": INF}, ("pole",)),
        Row("x**0.5", {"x": 0}, 0, {"x": INF}, ("pole",)),
        Row("x*sqrt(x)", {"x": 0}, 0, {"x": 0}),
        Row("x**1.5", {"x": 0}, 0, {"x": 0}),
        Row("log(x)", {"x": 0}, -INF, {"x": INF}, ("pole",)),
        Row("log(x)", {"x": -1}, NAN, {"x": NAN}, ("domain",)),
        Row("log(x)/log(x)", {"x": -1}, NAN, {"x": NAN}, ("domain",)),
        Row("0*sqrt(x) + x", {"x": -1}, NAN, {"x": NAN}, ("domain",)),
        Row("x*log(x)", {"x": 0}, 0, {"x": -INF}, ("pole",)),
        Row("xlogy(x, x)", {"x": 0}, 0, {"x": -INF}, ("pole",)),
        Row("x**y", {"x": 0, "y": 0}, 1, {"x": 0, "y": 0}),
        Row("x**y", {"x": 0, "y": 2}, 0, {"x": 0, "y": 0, "x x": 2, "x y": 0, "y y": 0}),
        Row("x**0.0", {"x": 0}, 1, {"x": 0}),
        Row("x**y", {"x": -2, "y": 3}, -8, {"x": 12, "y": NAN}, ("domain",)),
        Row("x**y", {"x": 0, "y": -1}, INF, {"x": -INF, "y": NAN}, ("pole",)),
        Row("arccos(x)", {"x": 1}, 0, {"x": -INF}, ("pole",)),
        Row("arcsin(x)", {"x": 1}, math.pi / 2, {"x": INF}, ("pole",)),
        Row("arctanh(x)", {"x": 1}, INF, {"x": INF}, ("pole",)),
        Row("arctan2(y, x)", {"y": 0, "x": 0}, 0, {"y": NAN, "x": NAN}, ("domain",)),
    ),
    "Branches and ties": (
        Row("where(x > 0, sqrt(x), 0)", {"x": 0}, 0, {"x": 0, "x x": 0}, ("kink",)),
        Row("where(x > 0, log(x), 0)", {"x": -1}, 0, {"x": 0, "x x": 0}),
        Row("sum(where(x > 0, sqrt(x), 0))", {"x": [0, 4]}, 2, {"x": [0, 0.25], "x x": [[0, 0], [0, -0.03125]]},
            ("kink",)),
        Row("s = sqrt(x); where(x > 0, s*y, 0) + where(x > 1, log(s), 0)", {"x": 0, "y": 3}, 0,
            {"x": 0, "y": 0, "x x": 0, "x y": 0}, ("kink",)),
        Row("sum(where(A @ x > 0, log(A @ x), 0))", {"A": [[1, 0], [0, 1]], "x": [0, 1]}, 0,
            {"A": [[0, 0], [0, 1]], "x": [0, 1], "x x": [[0, 0], [0, -1]]}, ("kink",)),
        Row("relu(log(x))", {"x": 0}, 0, {"x": 0}),
        Row("maximum(log(x), -5)", {"x": 0}, -5, {"x": 0}),
        Row("maximum(x, y)", {"x": 1, "y": 1}, 1, {"x": 0.5, "y": 0.5}, ("tie",)),
        Row("max(x)", {"x": [1, 1, 0]}, 1, {"x": [0.5, 0.5, 0]}, ("tie",)),
        Row("maximum(x, 0)", {"x": 0}, 0, {"x": 0.5}, ("kink",)),
        Row("relu(x)", {"x": 0}, 0, {"x": 0}, ("kink",)),
        Row("clip(x, 0, 1)", {"x": 1}, 1, {"x": 0.5}, ("kink",)),
        Row("sign(x)*x", {"x": 0}, 0, {"x": 0}, ("kink",)),
        Row("floor(x)", {"x": 2}, 2, {"x": 0}, ("kink",)),
        Row("round(x)", {"x": 2.5}, 2, {"x": 0}, ("kink",)),
    ),
    "Products": (
        Row("prod(x)", {"x": [0, 2, 3]}, 0, {"x": [6, 0, 0]}),
        Row("prod(x)", {"x": [0, 0, 3]}, 0, {"x": [0, 0, 0]}),
    ),
    "Exponentials": (
        Row("logsumexp(x)", {"x": [1000, 1000]}, 1000 + math.log(2), {"x": [0.5, 0.5]}),
        Row("log(sum(exp(x)))", {"x": [1000, 1000]}, 1000 + math.log(2), {"x": [0.5, 0.5]}),
        Row("logsumexp(x)", {"x": [-INF, -INF]}, -INF, {"x": [NAN, NAN]}, ("domain", "nonfinite-input")),
        Row("log1p(exp(x))", {"x": 1000}, 1000, {"x": 1}),
        Row("1/(1 + exp(x))", {"x": 1000}, 0, {"x": 0}),
        Row("log(sigmoid(x))", {"x": -1000}, -1000, {"x": 1}),
        Row("exp(x)", {"x": 1000}, INF, {"x": INF}, ("overflow",)),
        Row("exp(x)/(1 + exp(x))", {"x": 40}, 1, {"x": math.exp(-40)}, ulps=1),
        Row("log(1 - sigmoid(x))", {"x": 40}, -40, {"x": -1}),
        Row("exp(x)[0]/sum(exp(x))", {"x": [1000, 1000]}, 0.5, {"x": [0.25, -0.25]}),
        Row("log(cosh(x))", {"x": 800}, 800 - math.log(2), {"x": 1}),
        Row("(exp(x) - exp(-x))/(exp(x) + exp(-x))", {"x": 20000}, NAN, {"x": NAN}, ("overflow",)),
        Row("exp(-x**2)*exp(x**2)", {"x": 40}, 1, {"x": 0}),
    ),
    "Quotients that are 0/0": (
        Row("sin(x)/x", {"x": 0}, 1, {"x": 0, "x x": -1 / 3}),
        Row("sinc(x)", {"x": 0}, 1, {"x": 0, "x x": -(math.pi**2) / 3}, ulps=2),
        Row("(exp(x) - 1)/x", {"x": 0}, 1, {"x": 0.5, "x x": 1 / 3}, ulps=4),
        Row("(exp(x) - 1)/x", {"x": 1e-12}, 1 + 5e-13, {"x": 0.5 + 1e-12 / 3}, ulps=4),
        Row("tan(x)/x", {"x": 0}, NAN, {"x": NAN}, ("0/0",)),
    ),
    "Determinants and inverses": (
        Row("det(X)", {"X": SINGULAR}, 0, {"X": [[4, -2], [-2, 1]]}, ulps=4),
        Row("log(det(X))", {"X": SINGULAR}, -INF, {"X": NANS}, ("singular",)),
        Row("log(det(X))", {"X": NEGATIVE}, NAN, {"X": NANS}, ("domain",)),
        Row("det(inv(X) @ X)", {"X": SINGULAR}, refused="domain-error"),
        Row("trace(inv(X))", {"X": SINGULAR}, refused="domain-error"),
        Row("sum(solve(X, b))", {"X": SINGULAR, "b": [1, 1]}, refused="domain-error"),
    ),
    "Symmetric matrices": (
        Row("sum(eigvalsh(X))", {"X": [[2, 0], [0, 2]]}, 4, {"X": [[1, 0], [0, 1]]}),
        Row("max(eigvalsh(X))", {"X": [[2, 0], [0, 2]]}, 2, {"X": [[0.5, 0], [0, 0.5]]}, ("tie",)),
        Row("eigvalsh(X)[0]", {"X": [[2, 0], [0, 2]]}, 2, {"X": [[0.5, 0], [0, 0.5]]}, ("tie",), ulps=4),
        Row("eigvalsh(X)[1] - eigvalsh(X)[0]", {"X": [[2, 0], [0, 2]]}, 0, {"X": [ZERO, ZERO]}, ("tie",)),
        Row("prod(eigvalsh(X))", {"X": [[2, 0], [0, 2]]}, 4, {"X": [[2, 0], [0, 2]]}, ulps=4),
        Row("eigenprojections(X)[0, 0, 0]", {"X": [[2, 0], [0, 2]]}, 0.5, {"X": NANS}, ("domain", "tie"), ulps=4),
        Row("sum(cholesky(X))", {"X": [[1, 2], [2, 1]]}, refused="domain-error"),
    ),
    "Matrix powers": (
        Row("sum(expm(X))", {"X": [[0, 0], [0, 0]]}, 2, {"X": [[1, 1], [1, 1]]}),
        Row("sum(matrix_power(X, 2))", {"X": [[0, 0], [0, 0]]}, 0, {"X": [[0, 0], [0, 0]]}),
        Row("sum(matrix_power(X, 0))", {"X": [[0, 0], [0, 0]]}, 2, {"X": [[0, 0], [0, 0]]}),
    ),
    "Infinite and empty input": (
        Row("x - x", {"x": INF}, NAN, {"x": NAN}, ("nonfinite-input",)),
        Row("0*x", {"x": INF}, NAN, {"x": NAN}, ("nonfinite-input",)),
        Row("x/x", {"x": INF}, NAN, {"x": NAN}, ("nonfinite-input",)),
        Row("x*(inf - inf)", {"x": 1}, NAN, {"x": NAN}, ("nonfinite-input",)),
        Row("mean(x)", {"x": []}, refused="domain-error"),
        Row("max(x)", {"x": []}, refused="domain-error"),
        Row("1e400*x", {"x": 1}, refused="parse-error"),
    ),
}  # fmt: skip


def written() -> str:
    """The table as Markdown, one for each part."""
    parts = []
    for title, rows in TABLE.items():
        lines = [
            f"### {title}\n",
            "| program | at | value | derivatives | warnings |",
            "| --- | --- | --- | --- | --- |",
        ]
        for row in rows:
            at = ", ".join(f"{name} = {_shown(value)}" for name, value in row.at.items())
            if row.refused:
                lines.append(f"| `{row.program}` | {at} | refused: `{row.refused}` | | |")
                continue
            found = ", ".join(f"{key.replace(' ', ', ')}: {_shown(value)}" for key, value in row.derivatives.items())
            codes = ", ".join(f"`{code}`" for code in row.codes)
            lines.append(f"| `{row.program}` | {at} | {_shown(row.value)} | {found} | {codes} |")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return (
        "not a number" if math.isnan(value) else str(value).replace("inf", "∞") if math.isinf(value) else f"{value:.5g}"
    )


def page() -> str:
    """The page with the table as it should be."""
    return re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}{written()}{END}", PAGE.read_text("utf-8"), flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
