"""`python -m tests.tasks.deriving`: answers requests of every kind in a process of its own, with a store or without.

The input is JSON: `store`, from keys to values in hexadecimal, or null. The output has the store afterwards, the
answers as text, bit for bit, the counts, and the seconds that the answers took.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from service.tasks.compute import compute
from service.tasks.messages import Declaration, Form, Kind, Task
from service.tasks.sharing import COUNTS, sharing

Shapes = Mapping[str, tuple[int | str, ...]]
NUMBERS = {"n": 3, "m": 4}  # for named sizes

LOSS = "h = tanh(A @ x + b)\nsum((exp(-h**2) * log(1 + h**2) - c)**2) + norm(A)**2 / (1 + sum(x**2))"
OF_LOSS: Shapes = {"A": (4, 3), "x": (3,), "b": (4,), "c": (4,)}
FORM = "log(det(B)) + trace(inv(B) @ B @ B) + x @ B @ x - sum(exp(sin(x) * cos(x)) / (1 + x**2))"
OF_FORM: Shapes = {"B": ("n", "n"), "x": ("n",)}
FIELD = "softmax(A @ x) * sqrt(1 + sum(x**2)) + where(x[0] > 0, A @ x, -(A @ x)) - maximum(A @ x, 0.25)"
OF_FIELD: Shapes = {"A": (2, 3), "x": (3,)}
LINE = "sin(A @ x * s) + s**2 * tanh(A @ x) + s**3"
OF_LINE: Shapes = {"A": (4, 3), "x": (3,), "s": ()}
SCALAR = "sin(x*y) + exp(-x**2) * log(1 + y**2) + tanh(x - y) + sqrt(1 + x**2 * y**2) + x**3 / (1 + y**2)"
OF_SCALAR: Shapes = {"x": (), "y": ()}
GRAPH = {
    "version": 1,
    "inputs": [{"name": "x", "shape": ["n"]}],
    "constants": [{"name": "two", "shape": [], "data": [2.0]}],
    "nodes": [
        {"name": "s", "op": "sin", "inputs": ["x"]},
        {"name": "p", "op": "power", "inputs": ["s", "two"]},
        {"name": "t", "op": "sum", "inputs": ["p"]},
    ],
    "outputs": ["t"],
}
FORMS: tuple[Form, ...] = ("text", "latex", "numpy", "graph")


def _point(shapes: Shapes, batch: int | None = None) -> dict[str, Any]:
    """Values at which everything here is defined; square matrices are symmetric and positive definite."""
    draw, point = np.random.default_rng(7), {}
    for name, named in shapes.items():
        shape = tuple(n if isinstance(n, int) else NUMBERS[n] for n in named)
        value = draw.uniform(0.2, 0.9, shape)
        if len(shape) == 2 and shape[0] == shape[1]:
            value = value @ value.T + 2 * np.eye(len(value))
        point[name] = np.asarray(value) if batch is None else draw.uniform(0.2, 0.9, (batch, *shape))
    return point


def _task(
    kind: Kind, text: str, shapes: Shapes, assume: Mapping[str, tuple[str, ...]] | None = None, **more: Any
) -> Task:
    declared = {name: Declaration(shape, (assume or {}).get(name, ())) for name, shape in shapes.items()}
    return Task(kind, text, variables=declared, forms=FORMS, **more)


def tasks() -> Sequence[Task]:
    """Requests of every kind that derives: closed forms alone and with numbers, batches, facts, structure, graphs."""
    kinds: Sequence[Kind] = (
        "gradient",
        "hessian",
        "hvp",
        "vjp",
        "jvp",
        "taylor",
        "analyze",
        "explain",
        "check",
        "plan",
    )
    loss, form, field = _point(OF_LOSS), _point(OF_FORM), _point(OF_FIELD)
    scalar, some = _point(OF_SCALAR), {"x": np.asarray([1.0, -0.5, 0.25])}
    found = [_task(kind, SCALAR, OF_SCALAR, at=scalar, **_extra(kind)) for kind in kinds]
    found += [_task(kind, FIELD, OF_FIELD) for kind in ("jacobian", "jvp", "vjp")]
    return [
        *found,
        _task("gradient", LOSS, OF_LOSS, at=loss),
        _task("gradient", LOSS, OF_LOSS, at=_point(OF_LOSS, 20), layout="denominator", wrt=("x", "b")),
        _task("hessian", LOSS, OF_LOSS, at=loss, wrt=("x", "b"), structure="auto"),
        _task("hvp", LOSS, OF_LOSS, at=loss, tangents=some),
        _task("gradient", FORM, OF_FORM, {"B": ("symmetric",), "x": ("positive",)}, at=form),
        _task("hessian", FORM, OF_FORM, {"B": ("positive_definite",)}, wrt=("x",)),
        _task("derivative", FORM, OF_FORM, at=form, wrt=("x", "x", "x"), verify=True),
        _task("jacobian", FIELD, OF_FIELD, at=field, structure="auto"),
        _task("jacobian", FIELD, OF_FIELD, at=field, wrt=("x",), layout="denominator"),
        _task("jacobian", LINE, OF_LINE, at=_point(OF_LINE), wrt=("s",)),
        _task("jacobian", LINE, OF_LINE, at=_point(OF_LINE, 5), wrt=("s", "x"), layout="denominator"),
        _task("jvp", FIELD, OF_FIELD, at=field, tangents=some),
        _task("vjp", FIELD, OF_FIELD, at=field, cotangent=np.asarray([1.0, 2.0])),
        _task("taylor", FORM, OF_FORM, order=3, wrt=("x",)),
        _task("taylor", SCALAR, OF_SCALAR, at=scalar, order=4, evaluate_at={"x": np.asarray(0.3)}),
        Task("gradient", graph=GRAPH, at={"x": np.asarray([0.1, -0.0, 2.0])}, forms=FORMS),
    ]  # fmt: skip


def _extra(kind: Kind) -> dict[str, Any]:
    if kind in {"jvp", "hvp"}:
        return {"tangents": {"x": np.asarray(0.5)}}
    return {"cotangent": np.asarray(2.0)} if kind == "vjp" else {}


def spelled(value: Any) -> Any:
    """An answer as data for JSON: arrays with every bit, numbers with all digits."""
    if isinstance(value, np.ndarray):
        return [str(value.dtype), value.shape, np.ascontiguousarray(value).tobytes().hex()]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: spelled(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return [[str(name), spelled(entry)] for name, entry in value.items()]
    if isinstance(value, (tuple, list)):
        return [type(value).__name__, *map(spelled, value)]
    return repr(value)


class Kept(dict[str, bytes]):
    """A store in memory."""

    put = dict.__setitem__


def main() -> None:
    """One process."""
    given = json.load(sys.stdin)["store"]
    store = None if given is None else Kept({key: bytes.fromhex(value) for key, value in given.items()})
    start = time.perf_counter()
    with sharing(store):
        answers = [json.dumps(spelled(compute(task))) for task in tasks()]
    found = {
        "seconds": time.perf_counter() - start,
        "answers": answers,
        "store": {key: value.hex() for key, value in (store or {}).items()},
        "counts": {name: getattr(COUNTS, name) for name in ("derived", "found", "unreadable", "unwritable")},
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
