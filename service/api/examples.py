"""One example request per operation, shown in the document and checked by the tests."""

from __future__ import annotations

from typing import Any

REQUESTS: dict[str, dict[str, Any]] = {
    "evaluate": {
        "expression": "exp(-x**2) * cos(a*x)",
        "variables": {"x": {"shape": []}, "a": {"shape": []}},
        "at": {"x": [0, 0.5, 1], "a": 2},
    },
    "gradient": {
        "expression": "x.T @ A @ x + log(sum(exp(b * x)))",
        "variables": {"x": {"shape": [3]}, "A": {"shape": [3, 3], "assume": ["symmetric"]}, "b": {"shape": [3]}},
        "wrt": ["x"],
        "at": {
            "x": [1, 2, 3],
            "A": {"shape": [3, 3], "data": [2, 1, 0, 1, 3, 1, 0, 1, 4]},
            "b": [0.5, -0.5, 0],
        },
        "layout": "numerator",
        "forms": ["text", "latex"],
    },
    "jacobian": {
        "graph": {
            "version": 1,
            "inputs": [{"name": "x", "shape": [2]}],
            "constants": [{"name": "W", "shape": [3, 2], "data": [1, 2, 3, 4, 5, 6]}],
            "nodes": [
                {"name": "z", "op": "matmul", "inputs": ["W", "x"]},
                {"name": "y", "op": "tanh", "inputs": ["z"]},
                {"name": "last", "op": "getitem", "inputs": ["y"], "attributes": {"index": [{"start": 1}]}},
            ],
            "outputs": ["last"],
        },
        "at": {"x": [0.1, -0.2]},
    },
    "hessian": {
        "expression": "sum(softplus(X @ w)) - dot(y, X @ w)",
        "variables": {"X": {"shape": ["m", "n"]}, "w": {"shape": ["n"]}, "y": {"shape": ["m"]}},
        "wrt": ["w"],
        "forms": ["text", "latex", "numpy"],
    },
    "derivative": {
        "expression": "exp(x) * y**2",
        "wrt": ["x", "x", "y"],
        "at": {"x": 0, "y": 3},
    },
    "jvp": {
        "expression": "log(det(X))",
        "variables": {"X": {"shape": [2, 2]}},
        "tangents": {"X": [[1, 0], [0, 0]]},
        "at": {"X": [[2, 1], [1, 3]]},
    },
    "vjp": {
        "expression": "tanh(W @ x)",
        "variables": {"W": {"shape": [2, 3]}, "x": {"shape": [3]}},
        "wrt": ["x"],
        "cotangent": [1, -1],
        "at": {"W": [[1, 0, 2], [0, 1, -1]], "x": [0.1, 0.2, 0.3]},
    },
    "hvp": {
        "expression": "sum(softplus(X @ w)) - dot(y, X @ w)",
        "variables": {"X": {"shape": ["m", "n"]}, "w": {"shape": ["n"]}, "y": {"shape": ["m"]}},
        "wrt": ["w"],
    },
    "taylor": {
        "expression": "sin(x) + cos(x)",
        "order": 3,
        "at": {"x": 0},
        "evaluate_at": {"x": 0.5},
        "forms": ["text"],
    },
    "check": {
        "expression": "x.T @ A @ x",
        "wrt": ["x"],
        "at": {"x": [1, 2], "A": [[1, 2], [0, 3]]},
        "candidate": "2*A @ x",
    },
    "analyze": {
        "expression": "x**3 - 3*x + y**2",
        "at": {"x": 1.5, "y": 0.5},
        "step_size": 0.1,
    },
    "explain": {"expression": "exp(x)", "at": {"x": 0}, "mode": "reverse"},
    "function": {
        "expression": "x.T @ A @ x",
        "variables": {"x": {"shape": ["n"]}, "A": {"shape": ["n", "n"]}},
    },
    "plan": {
        "kind": "jacobian",
        "expression": "A @ x",
        "variables": {"A": {"shape": [1000, 10]}, "x": {"shape": [10]}},
        "wrt": ["x"],
    },
}
