"""Samples a posterior with emcee through UM-Bridge; the densities come from the service, which is not told of emcee.

Start the service (`./dev run`), `pip install emcee umbridge`, then run `python examples/umbridge_posterior.py [URL]`.
The model is a straight line through the petals of iris.csv, width over length, with Gaussian noise and priors, so that
the posterior is known: a Gaussian, which Newton's step finds from one gradient and the Hessian's columns.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import emcee
import numpy as np
import requests
from numpy.typing import NDArray
from umbridge.emcee import UmbridgeLogProb

URL = "http://127.0.0.1:8000"
DATA = Path(__file__).with_name("iris.csv")
NAMES = ("intercept", "slope")
SEED, WALKERS, STEPS, BURNT = 4242, 10, 500, 100
NOISE, PRIOR = 0.25, 2.0  # standard deviations, in centimetres

# The logarithm of the posterior density, but for a constant; X has a column of ones and the lengths, y the widths.
LOG_DENSITY = "-sum((X @ w - y)**2) / (2*noise**2) - sum(w**2) / (2*prior**2)"
SHAPES = {"X": ["m", "n"], "y": ["m"], "w": ["n"], "noise": [], "prior": []}

Vector = NDArray[np.float64]


def read_petals(path: Path = DATA) -> tuple[Vector, Vector]:
    """A row with a one and the petal's length for each flower, and the widths."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lengths, widths = (np.array([float(row[name]) for row in rows]) for name in ("petal_length", "petal_width"))
    return np.column_stack([np.ones_like(lengths), lengths]), widths


def config_of(lengths: Vector, widths: Vector) -> dict[str, Any]:
    """The model's config: the function, its data, and the variable that is left as the input."""
    return {
        "expression": LOG_DENSITY,
        "variables": {name: {"shape": shape} for name, shape in SHAPES.items()},
        "wrt": ["w"],
        "at": {"X": lengths.tolist(), "y": widths.tolist(), "noise": NOISE, "prior": PRIOR},
    }


def newton(log_density: UmbridgeLogProb) -> tuple[Vector, Vector]:
    """The mean and the covariance of a Gaussian density, from its derivatives at any point."""
    model, config, start = log_density.umbridge_model, log_density.config, [0.0] * log_density.ndim
    columns = np.eye(log_density.ndim).tolist()
    hessian = np.array([model.apply_hessian(0, 0, 0, [start], [1.0], column, config) for column in columns])
    gradient = model.gradient(0, 0, [start], [1.0], config)
    return -np.linalg.solve(hessian, gradient), -np.linalg.inv(hessian)


def main(url: str) -> None:
    """Prints what is exact beside what was sampled."""
    try:
        log_density = UmbridgeLogProb(url, "expression", config_of(*read_petals()))
    except requests.ConnectionError:
        sys.exit(f"{url} does not answer: start the service with ./dev run")
    mean, covariance = newton(log_density)
    np.random.seed(SEED)  # noqa: NPY002 - what emcee draws from
    start = np.random.multivariate_normal(mean, covariance, WALKERS)  # noqa: NPY002 - as above
    sampler = emcee.EnsembleSampler(WALKERS, log_density.ndim, lambda w: log_density(w)[0])
    sampler.run_mcmc(start, STEPS)
    samples = sampler.get_chain(discard=BURNT, flat=True)
    print(f"{'':14}" + "".join(f"{name:>12}" for name in NAMES))
    for what, numbers in (
        ("exact mean", mean),
        ("sampled mean", samples.mean(axis=0)),
        ("exact sd", np.sqrt(np.diag(covariance))),
        ("sampled sd", samples.std(axis=0)),
    ):
        print(f"{what:14}" + "".join(f"{number:12.4f}" for number in numbers))
    print(f"{len(samples)} samples, {sampler.acceptance_fraction.mean():.2f} of the moves accepted")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else URL)
