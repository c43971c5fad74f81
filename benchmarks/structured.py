"""Derivatives with structure, and others that users of other programs asked for."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from benchmarks.matrices import LOGISTIC, logistic
from benchmarks.problem import Problem, Summary
from service.tasks.messages import Array

CHAIN, ATOMS = 10**4, 2483
DIRECTION = 1  # the seed of a direction, which must not be the point: along it a sum of distances has no curvature


def normal(seed: int = 0, /, **shapes: tuple[int, ...]) -> dict[str, Array]:
    """Arrays of normal numbers, drawn in the order given."""
    draw = np.random.default_rng(seed)
    return {name: draw.normal(size=shape) for name, shape in shapes.items()}


def labelled() -> dict[str, Array]:
    """A logistic regression of 2048 rows and 256 columns."""
    data = normal(X=(2048, 256), y=(2048,), w=(256,))
    return {**data, "y": np.sign(data["y"]), "w": 0.1 * data["w"]}


def definite(size: int) -> dict[str, Array]:
    """A positive definite matrix."""
    (root,) = normal(X=(size, size)).values()
    return {"X": root @ root.T / size + np.eye(size)}


def distances(m: Any, r: Any) -> Any:
    """The sum of all distances, spelled so that automatic differentiation finds 0 on the diagonal and not NaN."""
    squares = m.sum((r[:, None, :] - r[None, :, :]) ** 2, axis=2)
    apart = squares > 0
    return m.sum(m.where(apart, m.sqrt(m.where(apart, squares, 1.0)), 0.0))


def layers(m: Any, x: Any, V: Any, b: Any, W: Any, c: Any) -> Any:  # noqa: N803
    """3 inputs, 64 hidden units, 5 outputs."""
    return m.tanh(x @ V + b) @ W + c


def sandwich(m: Any, B: Any, X: Any, A: Any) -> Any:  # noqa: N803
    """Half the squared Frobenius norm of a product of three."""
    return 0.5 * m.sum((B @ X @ A.T) ** 2)


def log_sum_exp(m: Any, x: Any) -> Any:
    """Stable for large entries."""
    top = m.max(x)
    return top + m.log(m.sum(m.exp(x - top)))


SANDWICH = dict.fromkeys(("B", "X", "A"), (80, 80))
FROBENIUS = Summary(
    lambda factors: np.asarray(np.linalg.norm(factors["left"]) * np.linalg.norm(factors["right"])),
    lambda hessian: (hessian**2).sum() ** 0.5,
    timed=True,
)
DIAGONAL = Summary(lambda factors: factors["diagonal"], np.diagonal)

PROBLEMS: tuple[Problem, ...] = (
    Problem(
        "quadratic-hessian",
        "x'Ax: Hessian, n = 2048",
        "hessian",
        "x @ A @ x",
        lambda _, x, A: x @ A @ x,  # noqa: N803
        partial(normal, x=(2048,), A=(2048, 2048)),
        ("x",),
    ),
    Problem(
        "logistic-gradient",
        "logistic gradient, 2048 x 256",
        "gradient",
        LOGISTIC,
        logistic,
        labelled,
        ("w",),
        peers=("autograd",),
    ),
    Problem("logistic-hessian", "logistic Hessian, 2048 x 256", "hessian", LOGISTIC, logistic, labelled, ("w",)),
    Problem(
        "sandwich-hessian",
        "0.5*||B X A'||^2, 80 x 80: Frobenius norm of the Hessian, by its Kronecker factors",
        "hessian",
        "0.5*norm(B @ X @ A.T)**2",
        sandwich,
        partial(normal, **SANDWICH),
        ("X",),
        factors=True,
        summary=FROBENIUS,
    ),
    Problem(
        "sandwich-hvp",
        "0.5*||B X A'||^2, 80 x 80: Hessian times one matrix",
        "hvp",
        "0.5*norm(B @ X @ A.T)**2",
        sandwich,
        partial(normal, **SANDWICH),
        ("X",),
        tangents=partial(normal, DIRECTION, X=(80, 80)),
        quick=True,
    ),
    Problem(
        "square-jacobian",
        f"x*x: Jacobian as its diagonal, n = {CHAIN:,}",
        "jacobian",
        "x*x",
        lambda _, x: x * x,
        partial(normal, x=(CHAIN,)),
        ("x",),
        factors=True,
        summary=DIAGONAL,
    ),
    *(
        Problem(
            f"distances-{kind}",
            f"sum of ||r_i - r_j||, {ATOMS:,} points in 3 dimensions: {kind}",
            kind,
            "sum(norm(r[:, None, :] - r[None, :, :], axis=2))",
            distances,
            partial(normal, r=(ATOMS, 3)),
            ("r",),
            tangents=partial(normal, DIRECTION, r=(ATOMS, 3)) if kind == "hvp" else dict,
            megabytes=512,
        )
        for kind in ("gradient", "hvp")
    ),
    Problem(
        "differences-jacobian",
        "(x[1:] - x[:-1])**2: Jacobian as a sparse matrix, n = 1000",
        "jacobian",
        "(x[1:] - x[:-1])**2",
        lambda _, x: (x[1:] - x[:-1]) ** 2,
        partial(normal, x=(1000,)),
        ("x",),
        factors=True,
        quick=True,
    ),
    *(
        Problem(
            f"logsumexp-hessian-{how}",
            f"logsumexp: Hessian {'by factors' if how == 'factors' else 'dense'}, n = 1024",
            "hessian",
            "logsumexp(x)",
            log_sum_exp,
            partial(normal, x=(1024,)),
            ("x",),
            factors=how == "factors",
        )
        for how in ("dense", "factors")
    ),
    Problem(
        "inputs-jacobian",
        "tanh net 3-64-5: Jacobian by the inputs, batch of 128",
        "jacobian",
        "tanh(x @ V + b) @ W + c",
        layers,
        partial(normal, x=(128, 3), V=(3, 64), b=(64,), W=(64, 5), c=(5,)),
        ("x",),
        batched=("x",),
    ),
    Problem(
        "logdet-gradient",
        "logdet: gradient, n = 200",
        "gradient",
        "logdet(X)",
        lambda m, X: m.linalg.slogdet(X)[1],  # noqa: N803
        partial(definite, 200),
        ("X",),
        peers=("autograd",),
    ),
    Problem(
        "logdet-hvp",
        "logdet: Hessian times one matrix, n = 200",
        "hvp",
        "logdet(X)",
        lambda m, X: m.linalg.slogdet(X)[1],  # noqa: N803
        partial(definite, 200),
        ("X",),
        tangents=partial(normal, DIRECTION, X=(200, 200)),
    ),
)
