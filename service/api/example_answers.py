"""The answers to the example requests, with rounded numbers."""

from __future__ import annotations

from typing import Any


def _scalar(number: float) -> dict[str, Any]:
    return {"shape": [], "data": [number]}


_HEAD: dict[str, Any] = {"function_id": "fn_3d1c5f", "layout": "numerator", "batch_size": None, "warnings": []}

ANSWERS: dict[str, dict[str, Any]] = {
    "evaluate": _HEAD
    | {
        "kind": "evaluate",
        "batch_size": 3,
        "value": {"shape": [3], "data": [1.0, 0.4207873, -0.1530918]},
    },
    "gradient": _HEAD
    | {
        "kind": "gradient",
        "value": {"shape": [], "data": [67.10413]},
        "derivatives": [
            {
                "output": 0,
                "wrt": ["x"],
                "shape": [3],
                "structure": "dense",
                "forms": {"text": "x.T @ (A + A.T) + b*softmax(x*b)"},
                "value": {"shape": [3], "data": [8.273274, 19.939024, 28.0]},
            }
        ],
    },
    "jacobian": _HEAD
    | {
        "kind": "jacobian",
        "value": {"shape": [2], "data": [-0.4621172, -0.6043678]},
        "derivatives": [
            {
                "output": 0,
                "wrt": ["x"],
                "shape": [2, 2],
                "structure": "dense",
                "forms": {
                    "text": "eye(3)[:, 1:].T @ diag(1/cosh([[1, 2], [3, 4], [5, 6]] @ x)**2) @ [[1, 2], [3, 4], [5, 6]]"
                },
                "value": {"shape": [2, 2], "data": [2.3593432, 3.1457909, 3.1736982, 3.8084378]},
            }
        ],
    },
    "hessian": _HEAD
    | {
        "kind": "hessian",
        "value": None,
        "derivatives": [
            {
                "output": 0,
                "wrt": ["w", "w"],
                "shape": ["n", "n"],
                "structure": "dense",
                "forms": {"text": "X.T @ diag(sigmoid(X @ w)*sigmoid(-X @ w)) @ X"},
                "value": None,
            }
        ],
    },
    "derivative": _HEAD
    | {
        "kind": "derivative",
        "value": {"shape": [], "data": [9.0]},
        "derivatives": [
            {
                "output": 0,
                "wrt": ["x", "x", "y"],
                "shape": [],
                "structure": "dense",
                "forms": {"text": "2*exp(x)*y"},
                "value": {"shape": [], "data": [6.0]},
            }
        ],
    },
    "jvp": _HEAD
    | {
        "kind": "jvp",
        "value": {"shape": [], "data": [1.6094379]},
        "derivatives": [
            {
                "output": 0,
                "wrt": ["X"],
                "shape": [],
                "structure": "dense",
                "forms": {"text": "trace(inv(X) @ d_X)"},
                "value": {"shape": [], "data": [0.6]},
            }
        ],
    },
    "vjp": _HEAD
    | {
        "kind": "vjp",
        "value": {"shape": [2], "data": [0.60436778, -0.099667995]},
        "derivatives": [
            {
                "output": 0,
                "wrt": ["x"],
                "shape": [3],
                "structure": "dense",
                "forms": {"text": "(cotangent/cosh(W @ x)**2) @ W"},
                "value": {"shape": [3], "data": [0.63473959, -0.99006629, 2.2595455]},
            }
        ],
    },
    "hvp": _HEAD
    | {
        "kind": "hvp",
        "value": None,
        "derivatives": [
            {
                "output": 0,
                "wrt": ["w"],
                "shape": ["n"],
                "structure": "dense",
                "forms": {"text": "(sigmoid(X @ w)*sigmoid(-X @ w)*(X @ d_w)) @ X"},
                "value": None,
            }
        ],
    },
    "taylor": _HEAD
    | {
        "kind": "taylor",
        "value": {"shape": [], "data": [1.0]},
        "taylor": {
            "order": 3,
            "value": {"shape": [], "data": [1.3541667]},
            "terms": [_scalar(1.0), _scalar(0.5), _scalar(-0.125), _scalar(-0.020833333)],
            "derivatives": [_scalar(1.0), _scalar(1.0), _scalar(-1.0), _scalar(-1.0)],
            "coefficients": [_scalar(1.0), _scalar(1.0), _scalar(-0.5), _scalar(-0.16666667)],
            "forms": {"text": "1 + x - x**2/2 - x**3/6"},
            "expanded": {"text": "1 + x - x**2/2 - x**3/6"},
        },
    },
    "check": _HEAD
    | {
        "kind": "check",
        "value": {"shape": [], "data": [17.0]},
        "check": {
            "scheme": "central",
            "step": 1e-05,
            "tolerance": 1e-06,
            "relative_error": 0.14648968,
            "passes": False,
            "derivative": {"shape": [2], "data": [10.0, 12.0]},
            "differences": {"shape": [2], "data": [6.0, 14.0]},
        },
    },
    "analyze": _HEAD
    | {
        "kind": "analyze",
        "value": {"shape": [], "data": [-0.875]},
        "analysis": {
            "gradient": {"shape": [2], "data": [3.75, 1.0]},
            "gradient_norm": 3.8810437,
            "is_critical": False,
            "hessian": {"shape": [2, 2], "data": [9.0, 0.0, 0.0, 2.0]},
            "eigenvalues": {"shape": [2], "data": [2.0, 9.0]},
            "classification": "not_critical",
            "convexity": "strictly_convex",
            "newton_point": {"shape": [2], "data": [1.0833333, 0.0]},
            "descent_point": {"shape": [2], "data": [1.125, 0.4]},
        },
    },
    "explain": _HEAD
    | {
        "kind": "explain",
        "value": {"shape": [], "data": [1.0]},
        "explain": {
            "outputs": ["output"],
            "nodes": [
                {
                    "name": "x",
                    "op": "input",
                    "inputs": [],
                    "shape": [],
                    "value": {"shape": [], "data": [0.0]},
                    "tangent": None,
                    "adjoint": {"shape": [], "data": [1.0]},
                },
                {
                    "name": "output",
                    "op": "exp",
                    "inputs": ["x"],
                    "shape": [],
                    "value": {"shape": [], "data": [1.0]},
                    "tangent": None,
                    "adjoint": {"shape": [], "data": [1.0]},
                },
            ],
            "edges": [
                {
                    "of": "output",
                    "wrt": "x",
                    "shape": [],
                    "display": "1 x 1",
                    "forms": {"text": "exp(x)", "latex": "\\exp\\left(x\\right)"},
                    "value": {"shape": [], "data": [1.0]},
                }
            ],
            "steps": [
                {
                    "mode": "reverse",
                    "node": "output",
                    "of": "output",
                    "wrt": "x",
                    "operand": 0,
                    "latex": "\\bar{x} \\mathrel{+}= \\exp\\left(x\\right) \\, \\bar{\\mathrm{output}}",
                    "shape": [],
                    "display": "1 x 1",
                    "partial": {"text": "exp(x)", "latex": "\\exp\\left(x\\right)"},
                    "running": {
                        "text": "exp(x)*bar_output",
                        "latex": "\\exp\\left(x\\right) \\, \\bar{\\mathrm{output}}",
                    },
                    "operation": "exp",
                    "rule": "chain rule",
                    "words": (
                        "chain rule: the derivative at the inner value times the inner derivative. "
                        "exp (e to the power x): d(exp(x)) = exp(x)*dot_x."
                    ),
                    "expression": {"text": "exp(x)", "latex": "\\exp\\left(x\\right)"},
                }
            ],
        },
    },
    "plan": _HEAD
    | {
        "kind": "plan",
        "plan": {
            "kind": "jacobian",
            "inputs": [{"name": "A", "shape": [1000, 10]}, {"name": "x", "shape": [10]}],
            "output_shape": [1000],
            "output_shapes": [[1000]],
            "derivatives": [{"output": 0, "wrt": ["x"], "shape": [1000, 10], "structure": "dense"}],
            "passes": {"forward": 10, "reverse": 1000},
            "mode": "reverse",
            "reason": "one symbolic reverse pass",
            "operations": 11000,
            "bytes": 8000,
            "cache_key": "sha256-3d1c5f",
            "cached": False,
        },
    },
}
