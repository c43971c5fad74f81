"""Fits a logistic regression by Newton's method; every gradient and every Hessian comes from the service.

Start the service (`./dev run`), then run `python examples/logistic_regression.py [URL]`. Only the standard library is
needed. The data are in iris.csv: 100 flowers, four measurements each, two species.
"""

from __future__ import annotations

import csv
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

URL = "http://127.0.0.1:8000"
DATA = Path(__file__).with_name("iris.csv")
POSITIVE = "virginica"

# The negative log-likelihood of labels y in {-1, 1}, row k of X being the measurements of flower k and a 1.
LOSS = "sum(log(1 + exp(-y*(X @ w))))"
SHAPES = {"X": {"shape": ["m", "n"]}, "y": {"shape": ["m"]}, "w": {"shape": ["n"]}}
TOLERANCE = 1e-9
MOST_STEPS = 30

Vector = list[float]
Matrix = list[Vector]


def read_flowers(path: Path = DATA) -> tuple[list[str], Matrix, Vector]:
    """The names of the columns, the rows with a 1 for the intercept, and the labels."""
    with path.open(encoding="utf-8", newline="") as file:
        columns, *flowers = csv.reader(file)
    rows = [[*map(float, flower[:-1]), 1.0] for flower in flowers]
    labels = [1.0 if flower[-1] == POSITIVE else -1.0 for flower in flowers]
    return [*columns[:-1], "intercept"], rows, labels


def derivative(url: str, kind: str, point: dict[str, Any]) -> dict[str, Any]:
    """The answer of /v1/gradient or /v1/hessian for the loss at a point, by the weights."""
    body = {"expression": LOSS, "variables": SHAPES, "wrt": ["w"], "at": point, "forms": ["text"]}
    request = urllib.request.Request(
        f"{url}/v1/{kind}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        sys.exit(f"{kind}: {json.load(error)['detail']}")
    except urllib.error.URLError as error:
        sys.exit(f"{url} does not answer ({error.reason}): start the service with ./dev run")


def solve(matrix: Matrix, right: Vector) -> Vector:
    """The solution of a linear system by Gaussian elimination with partial pivoting."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for k in range(len(rows)):
        pivot = max(range(k, len(rows)), key=lambda i: abs(rows[i][k]))
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for i in range(k + 1, len(rows)):
            factor = rows[i][k] / rows[k][k]
            rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    solution: Vector = [0.0] * len(rows)
    for k in reversed(range(len(rows))):
        known = sum(a * b for a, b in zip(rows[k][k + 1 : -1], solution[k + 1 :], strict=True))
        solution[k] = (rows[k][-1] - known) / rows[k][k]
    return solution


def newton_step(url: str, rows: Matrix, labels: Vector, weights: Vector) -> tuple[Vector, Vector, float]:
    """The weights after one step, the step itself, and the loss before it."""
    point: dict[str, Any] = {"X": rows, "y": labels, "w": weights}
    gradient, hessian = (derivative(url, kind, point) for kind in ("gradient", "hessian"))
    slope, curvature = data_of(gradient), data_of(hessian)
    n = len(weights)
    step = solve([curvature[k * n : (k + 1) * n] for k in range(n)], slope)
    (loss,) = gradient["value"]["data"]
    return [w - s for w, s in zip(weights, step, strict=True)], step, loss


def data_of(answer: dict[str, Any]) -> Vector:
    """The numbers of the only derivative in an answer, row by row."""
    data: Vector = answer["derivatives"][0]["value"]["data"]
    return data


def fit(url: str, rows: Matrix, labels: Vector) -> Vector:
    """The weights of greatest likelihood: Newton's steps from zero until they are tiny."""
    weights = [0.0] * len(rows[0])
    for number in range(1, MOST_STEPS + 1):
        weights, step, loss = newton_step(url, rows, labels, weights)
        largest = max(map(abs, step))
        print(f"step {number:2}: loss {loss:12.9f}, largest change {largest:.2e}")
        if largest < TOLERANCE:
            return weights
    sys.exit(f"no convergence in {MOST_STEPS} steps")


def main(url: str = URL) -> None:
    """Shows the closed forms, fits, and prints the weights."""
    names, rows, labels = read_flowers()
    start: dict[str, Any] = {"X": rows, "y": labels, "w": [0.0] * len(names)}
    for kind in ("gradient", "hessian"):
        print(f"{kind}: {derivative(url, kind, start)['derivatives'][0]['forms']['text']}")
    weights = fit(url, rows, labels)
    print(json.dumps(dict(zip(names, weights, strict=True)), indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:2])
