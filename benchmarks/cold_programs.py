"""Functions for cold starts: each as text and in Python, with constants that no cache has seen before."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import mul
from typing import Any

from benchmarks.scalar import COUNT, NAMES_2

Constants = Sequence[float]


@dataclass(frozen=True)
class Cold:
    """`constants` is how many there are; `text` and `function` take as many, the latter a module and variables too."""

    work: str
    names: tuple[str, ...]
    constants: int
    text: Callable[[Constants], str]
    function: Callable[..., Any]
    small: bool = False

    @property
    def family(self) -> str:
        """What the sizes of one function have in common."""
        return self.work.split(", k = ")[0]


def text_1a(c: Constants) -> str:
    """Problem 1a with a factor."""
    return f"sqrt({c[0]}*x**2 + exp({c[0]}*x**2)) + cos({c[0]}*x**2 + exp({c[0]}*x**2))"


def function_1a(m: Any, c: Constants, x: Any) -> Any:
    """The same in Python."""
    return m.sqrt(c[0] * x**2 + m.exp(c[0] * x**2)) + m.cos(c[0] * x**2 + m.exp(c[0] * x**2))


def text_1b(c: Constants) -> str:
    """Problem 1b with a factor."""
    return f"x*exp(-{c[0]}*x**2 - y**2)"


def function_1b(m: Any, c: Constants, x: Any, y: Any) -> Any:
    """The same in Python."""
    return x * m.exp(-c[0] * x**2 - y**2)


def text_2(c: Constants) -> str:
    """Problem 2 with factors."""
    return " + ".join(
        f"sin({k}*x{i}*x{(i + 1) % COUNT}) + exp(-{k}*x{i}**2) + log(1 + {k}*x{(i + 1) % COUNT}**2)"
        f" + tanh({k}*x{i} - x{(i + 2) % COUNT}) + sqrt(1 + {k}*x{i}**2*x{(i + 3) % COUNT}**2)"
        f" + cos({k}*x{i} + x{(i + 5) % COUNT})"
        for i, k in enumerate(c)
    )


def function_2(m: Any, c: Constants, *x: Any) -> Any:
    """The same in Python."""
    n = COUNT
    return sum(
        m.sin(k * x[i] * x[(i + 1) % n])
        + m.exp(-k * x[i] ** 2)
        + m.log(1 + k * x[(i + 1) % n] ** 2)
        + m.tanh(k * x[i] - x[(i + 2) % n])
        + m.sqrt(1 + k * x[i] ** 2 * x[(i + 3) % n] ** 2)
        + m.cos(k * x[i] + x[(i + 5) % n])
        for i, k in enumerate(c)
    )


def text_product(c: Constants) -> str:
    """(x - a)*(x - b)*..."""
    return "*".join(f"(x - {one})" for one in c)


def function_product(_: Any, c: Constants, x: Any) -> Any:
    """The same in Python."""
    return reduce(mul, (x - one for one in c))


def text_sines(c: Constants) -> str:
    """sin(a*x)*y + sin(b*x)*y + ..."""
    return " + ".join(f"sin({one}*x)*y" for one in c)


def function_sines(m: Any, c: Constants, x: Any, y: Any) -> Any:
    """The same in Python."""
    return sum(m.sin(one * x) * y for one in c)


PROGRAMS = (
    Cold("1a", ("x",), 1, text_1a, function_1a, small=True),
    Cold("1b", ("x", "y"), 1, text_1b, function_1b, small=True),
    Cold("2", NAMES_2, COUNT, text_2, function_2),
    *(Cold(f"product, k = {k}", ("x",), k, text_product, function_product) for k in (33, 333, 3333)),
    *(Cold(f"sum of sines, k = {k}", ("x", "y"), k, text_sines, function_sines) for k in (200, 2000)),
)


def point(program: Cold) -> dict[str, float]:
    """Where the gradient is asked for; near 2, so that no product of thousands of factors leaves a double's range."""
    return {name: 2.0 + 0.05 * math.sin(k + 1) for k, name in enumerate(program.names)}
