"""The example samples the posterior that linear algebra gives, and prints what its page shows."""

from __future__ import annotations

import csv
import subprocess
import sys

import numpy as np
import pytest

from tests.service_process import ROOT, running_service

EXAMPLE = ROOT / "examples" / "umbridge_posterior.py"
DATA = ROOT / "examples" / "iris.csv"
PAGE = ROOT / "docs" / "umbridge.md"
NOISE, PRIOR = 0.25, 2.0
PRINTED = 5e-5  # four decimals
MEANS, SPREADS = 0.3, 0.2  # in standard deviations: 3.5 errors of 4000 samples that are worth some 150 independent ones


@pytest.fixture(scope="module")
def printed() -> str:
    """What the example prints."""
    with running_service() as port:
        command = [sys.executable, "-W", "error", str(EXAMPLE), f"http://127.0.0.1:{port}"]
        done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    return done.stdout


def row(printed: str, name: str) -> np.ndarray:
    """The numbers of a line."""
    (line,) = (line for line in printed.splitlines() if line.startswith(name))
    return np.array(line.split()[-2:], dtype=float)


def test_the_samples_are_of_the_exact_posterior(printed: str) -> None:
    """Both the derivatives from the service and the samples agree with the normal equations."""
    with DATA.open(encoding="utf-8", newline="") as file:
        flowers = list(csv.DictReader(file))
    lengths, widths = (
        np.array([float(flower[name]) for flower in flowers]) for name in ("petal_length", "petal_width")
    )
    design = np.column_stack([np.ones_like(lengths), lengths])
    covariance = np.linalg.inv(design.T @ design / NOISE**2 + np.eye(2) / PRIOR**2)
    mean, spread = covariance @ design.T @ widths / NOISE**2, np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(row(printed, "exact mean"), mean, rtol=0, atol=PRINTED)
    np.testing.assert_allclose(row(printed, "exact sd"), spread, rtol=0, atol=PRINTED)
    np.testing.assert_array_less(abs(row(printed, "sampled mean") - mean), MEANS * spread)
    np.testing.assert_array_less(abs(row(printed, "sampled sd") - spread), SPREADS * spread)


def test_the_page_shows_what_is_printed(printed: str) -> None:
    """The seed is fixed, and so are the numbers of the page."""
    assert printed in PAGE.read_text(encoding="utf-8")


def test_a_missing_service_is_told() -> None:
    """Without a service the example says what to do, in one line."""
    command = [sys.executable, str(EXAMPLE), "http://127.0.0.1:9"]
    done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=100)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("start the service with ./dev run")
