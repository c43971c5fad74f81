"""The example ends where scikit-learn does, on data that are what they are said to be."""

from __future__ import annotations

import ast
import csv
import json
import subprocess
import sys

import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from tests.service_process import ROOT, running_service

EXAMPLE = ROOT / "examples" / "logistic_regression.py"
DATA = ROOT / "examples" / "iris.csv"
TOLERANCE = 1e-6


def flowers() -> tuple[np.ndarray, np.ndarray]:
    """Measurements and labels (1 is virginica) of the example's file."""
    with DATA.open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file)
    return np.array([row[:-1] for row in rows], dtype=float), np.array([row[-1] == "virginica" for row in rows])


def test_the_data_are_fishers() -> None:
    """The file has the two species that overlap, number by number."""
    iris = load_iris()
    chosen = iris.target > 0
    measured, labels = flowers()
    np.testing.assert_array_equal(measured, iris.data[chosen])
    np.testing.assert_array_equal(labels, iris.target[chosen] == 2)


def test_it_needs_only_the_standard_library() -> None:
    """The example runs wherever Python does."""
    nodes = list(ast.walk(ast.parse(EXAMPLE.read_text(encoding="utf-8"))))
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names


def test_it_finds_the_coefficients_of_scikit_learn() -> None:
    """Newton's method over HTTP ends at the unpenalised maximum of the likelihood."""
    with running_service() as port:
        command = [sys.executable, str(EXAMPLE), f"http://127.0.0.1:{port}"]
        done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    found = list(json.loads(done.stdout[done.stdout.rindex("{") :]).values())
    measured, labels = flowers()
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(measured, labels)
    np.testing.assert_allclose(found, [*model.coef_[0], *model.intercept_], rtol=0, atol=TOLERANCE)
    assert "hessian: X.T @ diag(" in done.stdout


def test_a_missing_service_is_told() -> None:
    """Without a service the example says what to do, in one line."""
    command = [sys.executable, str(EXAMPLE), "http://127.0.0.1:9"]
    done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=100)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("start the service with ./dev run")
