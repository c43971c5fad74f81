"""Functions of matrices: logistic regression, matrix factorisation, a net, a Gaussian mixture (problems 3 to 6)."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from benchmarks.problem import KINDS, Problem
from service.tasks.messages import Array, Kind

ROWS_OF_NET = 128
POINTS, CLUSTERS, DIMENSIONS = 1000, 5, 10  # of the mixture


def logistic(m: Any, X: Any, y: Any, w: Any) -> Any:  # noqa: N803 - matrices have the names that mathematics gives them
    """Problem 3."""
    return m.sum(m.log(1 + m.exp(-y * (X @ w))))


def logistic_data(count: int) -> dict[str, Array]:
    """X, y, then ten thousand weights, of which the first `count` are used."""
    draw = np.random.default_rng(0)
    X, y = draw.normal(size=(1000, 50)), np.sign(draw.normal(size=1000))  # noqa: N806
    w = 0.1 * draw.normal(size=(10**4, 50))
    return {"X": X, "y": y, "w": w[:count].copy()}


def factorisation(m: Any, T: Any, U: Any, V: Any) -> Any:  # noqa: N803
    """Problem 4."""
    return m.sum((T - U @ V.T) ** 2)


def factorisation_data(count: int | None = None) -> dict[str, Array]:
    """T, V, U, and a batch of further U."""
    draw = np.random.default_rng(0)
    T, V, U = draw.normal(size=(100, 100)), draw.normal(size=(100, 5)), draw.normal(size=(100, 5))  # noqa: N806
    batch = draw.normal(size=(100, 100, 5))
    return {"T": T, "U": U if count is None else batch[:count].copy(), "V": V}


def net(m: Any, x: Any, W1: Any, W2: Any, W3: Any, t: Any) -> Any:  # noqa: N803
    """Problem 5; `x` is one sample or several."""
    return m.sum((m.tanh(m.tanh(m.tanh(x @ W1) @ W2) @ W3) - t) ** 2)


def net_data(count: int) -> dict[str, Array]:
    """Samples, weights, targets; the first `count` samples are used."""
    draw = np.random.default_rng(0)
    X = draw.normal(size=(10**4, 20))  # noqa: N806
    weights = [draw.normal(size=(20, 20)) / np.sqrt(20) for _ in range(3)]
    t = draw.uniform(-0.5, 0.5, (10**4, 20))
    named = {f"W{k + 1}": weight for k, weight in enumerate(weights)}
    return {"x": X[:count].copy(), **named, "t": t[:count].copy()}


def mixture(_: Any, x: Any, alpha: Any, mu: Any, icf: Any, P: Any) -> Any:  # noqa: N803
    """Problem 6; `P` puts the entries below the diagonal in their places."""
    import jax.numpy as m
    from jax.nn import logsumexp

    q, below = icf[:, :DIMENSIONS], icf[:, DIMENSIONS:]
    square = (CLUSTERS, DIMENSIONS, DIMENSIONS)
    roots = m.reshape(below @ P, square) + m.exp(q)[:, :, None] * m.eye(DIMENSIONS)
    moved = m.einsum("kij,nkj->nki", roots, x[:, None, :] - mu)
    inner = alpha + m.sum(q, axis=1) - 0.5 * m.sum(moved**2, axis=2)
    prior = 0.5 * (m.sum(m.exp(q) ** 2) + m.sum(below**2))
    return m.sum(logsumexp(inner, axis=1)) - POINTS * logsumexp(alpha) + prior


MIXTURE = f"""
q = icf[:, :{DIMENSIONS}]
below = icf[:, {DIMENSIONS}:]
Q = reshape(below @ P, ({CLUSTERS}, {DIMENSIONS}, {DIMENSIONS})) + exp(q)[:, :, None]*eye({DIMENSIONS})
y = einsum("kij,nkj->nki", Q, x[:, None, :] - mu)
inner = alpha + sum(q, axis=1) - 0.5*sum(y**2, axis=2)
sum(logsumexp(inner, axis=1)) - {POINTS}*logsumexp(alpha) + 0.5*(sum(exp(q)**2) + sum(below**2))
""".strip()


def mixture_data() -> dict[str, Array]:
    """Points, weights, means and packed roots of the inverse covariances, column by column."""
    draw = np.random.default_rng(0)
    packed = DIMENSIONS * (DIMENSIONS - 1) // 2
    columns, rows = np.triu_indices(DIMENSIONS, 1)
    place = np.zeros((packed, DIMENSIONS, DIMENSIONS))
    place[np.arange(packed), rows, columns] = 1
    return {
        "x": draw.normal(size=(POINTS, DIMENSIONS)),
        "alpha": draw.normal(size=CLUSTERS),
        "mu": draw.uniform(0, 1, (CLUSTERS, DIMENSIONS)),
        "icf": draw.normal(size=(CLUSTERS, DIMENSIONS + packed)),
        "P": place.reshape(packed, -1),
    }


LOGISTIC = "sum(log(1 + exp(-y*(X @ w))))"
FACTORISATION = "norm(T - U @ V.T)**2"
NET = "sum((tanh(tanh(tanh(x @ W1) @ W2) @ W3) - t)**2)"
WEIGHTS = ("W1", "W2", "W3")


def _logistic(kind: Kind, count: int, bound: float | None, **more: Any) -> Problem:
    return Problem(
        name=f"3-{kind}-{count}",
        work=f"3: logistic {KINDS[kind]}, N = {count:,}",
        kind=kind,
        expression=LOGISTIC,
        function=logistic,
        data=partial(logistic_data, count),
        wrt=("w",),
        batched=("w",),
        bound=bound,
        **more,
    )


def _factorisation(kind: Kind, what: str, count: int | None = None, **more: Any) -> Problem:
    return Problem(
        name=f"4-{kind}-{what.rsplit(maxsplit=1)[-1]}",
        work=f"4: matrix factorisation {KINDS[kind]} {what}",
        kind=kind,
        expression=FACTORISATION,
        function=factorisation,
        data=partial(factorisation_data, count),
        wrt=("U",),
        batched=() if count is None else ("U",),
        **more,
    )


def _net(letter: str, what: str, kind: Kind, count: int, wrt: tuple[str, ...], **more: Any) -> Problem:
    return Problem(
        name=f"5{letter}-{kind}-{count}",
        work=f"5{letter}: net, {what}",
        kind=kind,
        expression=NET,
        function=net,
        data=partial(net_data, count),
        wrt=wrt,
        **more,
    )


PROBLEMS: tuple[Problem, ...] = (
    _logistic("gradient", 1, None, quick=True),
    _logistic("gradient", 100, 0.6),
    _logistic("gradient", 10**4, 0.6, threads=(1, 2)),
    _logistic("hessian", 1, None),
    _logistic("hessian", 100, 0.2),
    _factorisation("gradient", "N = 1", peers=("autograd",)),
    _factorisation("gradient", "N = 100", 100),
    _factorisation("hessian", "by factors", factors=True, bound=1e-4, peers=("autograd",), quick=True),
    _factorisation("hessian", "dense", bound=1e-3),
    _net("a", "gradient of all weights, 128 rows", "gradient", ROWS_OF_NET, WEIGHTS, peers=("autograd",)),
    *(
        _net(
            "b",
            f"gradient per sample, N = {n:,}",
            "gradient",
            n,
            WEIGHTS,
            batched=("x", "t"),
            threads=(1, 2) if n > POINTS else (1,),
        )
        for n in (1, 100, 10**4)
    ),
    _net("c", "Hessian by W1, 128 rows", "hessian", ROWS_OF_NET, ("W1",), bound=0.04),
    Problem(
        name="6-gradient",
        work="6: Gaussian mixture gradient",
        kind="gradient",
        expression=MIXTURE,
        function=mixture,
        data=mixture_data,
        wrt=("alpha", "mu", "icf"),
        bound=0.6,
        quick=True,
    ),
)
