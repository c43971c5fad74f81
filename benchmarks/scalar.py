"""Functions of scalars over a batch: problems 1a, 1b and 2."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from benchmarks.problem import KINDS, Peer, Problem
from service.tasks.messages import Array, Kind

PEERS = ("autograd", "casadi", "sympy", "torch")
COUNT = 10  # variables of problem 2
NAMES_2 = tuple(f"x{i}" for i in range(COUNT))


def function_1a(m: Any, x: Any) -> Any:
    """One variable; a term that occurs twice."""
    return m.sqrt(x**2 + m.exp(x**2)) + m.cos(x**2 + m.exp(x**2))


def function_1b(m: Any, x: Any, y: Any) -> Any:
    """A short program: memory decides."""
    return x * m.exp(-(x**2) - y**2)


def function_2(m: Any, *x: Any) -> Any:
    """55 distinct transcendental terms."""
    n = COUNT
    return sum(
        m.sin(x[i] * x[(i + 1) % n])
        + m.exp(-(x[i] ** 2))
        + m.log(1 + x[(i + 1) % n] ** 2)
        + m.tanh(x[i] - x[(i + 2) % n])
        + m.sqrt(1 + x[i] ** 2 * x[(i + 3) % n] ** 2)
        + m.cos(x[i] + x[(i + 5) % n])
        for i in range(n)
    )


TEXT_1A = "sqrt(x**2+exp(x**2))+cos(x**2+exp(x**2))"
TEXT_1B = "x*exp(-x**2-y**2)"
TEXT_2 = " + ".join(
    f"sin(x{i}*x{(i + 1) % COUNT}) + exp(-x{i}**2) + log(1 + x{(i + 1) % COUNT}**2) + tanh(x{i} - x{(i + 2) % COUNT})"
    f" + sqrt(1 + x{i}**2*x{(i + 3) % COUNT}**2) + cos(x{i} + x{(i + 5) % COUNT})"
    for i in range(COUNT)
)


def uniform(names: tuple[str, ...], reach: float, count: int, seed: int = 0) -> dict[str, Array]:
    """Every variable's points between -reach and reach, drawn as the rows of one array."""
    drawn = np.random.default_rng(seed).uniform(-reach, reach, (len(names), count))
    return {name: row.copy() for name, row in zip(names, drawn, strict=True)}


def gradient_of_vector(m: Any, data: Mapping[str, Array]) -> tuple[Peer, list[Any]]:
    """Problem 2 with its variables in one array, which JAX prefers for few points."""
    import jax

    rows = np.array(list(data.values()))
    gradient = jax.grad(lambda x: function_2(m, *x))
    return jax.vmap(gradient, in_axes=1, out_axes=1), [rows]


def _size(count: int) -> str:
    return f"{count:.0e}".replace("e+0", "e") if count > 100 else str(count)  # noqa: PLR2004


# Variables, text, function, and how far from 0 the points reach.
FUNCTIONS: Mapping[str, tuple[tuple[str, ...], str, Peer, float]] = {
    "1a": (("x",), TEXT_1A, function_1a, 1.5),
    "1b": (("x", "y"), TEXT_1B, function_1b, 2.0),
    "2": (NAMES_2, TEXT_2, function_2, 2.0),
}


def _problem(kind: Kind, short: str, count: int, bound: float | None = None, **more: Any) -> Problem:
    names, text, function, reach = FUNCTIONS[short]
    return Problem(
        name=f"{short}-{kind}-{_size(count)}",
        work=f"{short}: {KINDS[kind]}, N = {count:,}",
        kind=kind,
        expression=text,
        function=function,
        data=partial(uniform, names, reach, count),
        wrt=names,
        batched=names,
        bound=bound,
        **more,
    )


PROBLEMS = (
    _problem("gradient", "1a", 1, 0.3, peers=PEERS, quick=True),
    _problem("gradient", "1b", 1, 0.3, peers=PEERS, quick=True),
    _problem("gradient", "2", 1),
    _problem("gradient", "1a", 100),
    _problem("gradient", "1b", 100),
    _problem("gradient", "2", 100, 1.0, jax=gradient_of_vector, quick=True),
    _problem("gradient", "1a", 10**4, peers=PEERS),
    _problem("gradient", "1b", 10**4, peers=PEERS),
    _problem("gradient", "2", 10**4, 0.75, peers=PEERS),
    _problem("gradient", "1a", 10**6, 0.9, threads=(1, 2)),
    _problem("gradient", "1b", 10**6, 1.5, threads=(1, 2)),
    _problem("gradient", "2", 10**6, 0.6, threads=(1, 2)),
    _problem("hessian", "1a", 10**6),
    _problem("hessian", "1b", 10**4),
    _problem("hessian", "1b", 10**6),
    _problem("hessian", "2", 10**4, 0.14, peers=("casadi", "sympy"), threads=(1, 2)),
    _problem("hessian", "2", 10**5, 0.14),
)
