"""Requests that mean something: random programs over every operation, with values and wishes of every kind.

Bodies made from a schema alone are refused for the text that they have as an expression. These get through to the
mathematics, and are all described by the document.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.fuzzing.functions import MODELS, Named, as_graph, as_text, registered

Body = dict[str, Any]
TENSORS = ("at", "tangents", "evaluate_at", "cotangent")
PROGRAMS = 10**6
STRANGE = (0.0, -0.0, 1.0, -1.0, 1e300, 1e-300, "NaN", "Infinity", "-Infinity")
WISHES: Mapping[str, st.SearchStrategy[Any]] = {
    "layout": st.sampled_from(["numerator", "denominator"]),
    "forms": st.lists(st.sampled_from(["text", "latex", "numpy", "graph"]), max_size=4),
    "structure": st.sampled_from(["dense", "auto"]),
    "verify": st.booleans(),
    "nonsmooth": st.sampled_from(["default", "error"]),
}
FURTHER: Mapping[str, Mapping[str, st.SearchStrategy[Any]]] = {
    "check": {
        "scheme": st.sampled_from(["forward", "central"]),
        "step": st.floats(1e-12, 1.0),
        "tolerance": st.floats(0.0, 1.0),
    },
    "analyze": {"step_size": st.floats(1e-3, 10.0)},
    "explain": {"mode": st.sampled_from(["forward", "reverse", "both"])},
    "plan": {"kind": st.sampled_from(["evaluate", "gradient", "jacobian", "hessian", "derivative"])},
    "taylor": {"derivatives": st.booleans()},
}
MOVED: Mapping[str, str] = {"jvp": "tangents", "hvp": "tangents", "explain": "tangents", "taylor": "evaluate_at"}
WEIGHTED = {"vjp", "explain"}
SCALAR = {"gradient", "hvp"}
WAYS = ("expression",) * 5 + ("graph",) * 2 + ("function_id", "model")
CLOSED = {"graph", "function_id", "model"}  # have their own variables
Draw = Callable[[st.SearchStrategy[Any]], Any]


@st.composite
def registrations(draw: Draw) -> Body:
    """A function to register."""
    named = _named(draw, is_scalar=draw(st.booleans()), can_be_registered=False)
    return {**named.fields, **({} if set(named.fields) & CLOSED else _declared(named))}


@st.composite
def bodies(draw: Draw, kind: str) -> Body:
    """A body for an endpoint, which is answered with numbers more often than not."""
    named = _named(draw, is_scalar=kind in SCALAR or draw(st.booleans()))
    body, point = {**named.fields}, named.point
    length = draw(st.sampled_from([0, 0, 1, 3]))
    if not set(body) & CLOSED and (length or draw(st.booleans())):
        body |= _declared(named)
    if "variables" not in body or draw(st.integers(0, 5)):
        body["at"] = {name: _tensor(draw, value, length) for name, value in point.items()}
    names = st.sampled_from(sorted(point)) if point else st.nothing()
    if point and (len(point) > 2 or draw(st.booleans())):
        body["wrt"] = draw(st.lists(names, min_size=1, max_size=3, unique=kind != "derivative"))
    for wish, values in {**WISHES, **FURTHER.get(kind, {})}.items():
        if draw(st.booleans()):
            body[wish] = draw(values)
    if kind == "taylor":
        body["order"] = draw(st.integers(0, 4))
    if kind in MOVED and point and draw(st.integers(0, 3)):
        moved = body.get("wrt") or sorted(point)
        body[MOVED[kind]] = {name: _tensor(draw, point[name], 0) for name in moved}
    if kind in WEIGHTED and draw(st.integers(0, 3)):
        body["cotangent"] = _tensor(draw, np.ones(named.shape), 0)
    return body


@st.composite
def archives(draw: Draw, kind: str) -> bytes:
    """A body as npz, with some of its tensors as members."""
    body, members = draw(bodies(kind)), dict[str, Any]()
    for field in TENSORS:
        entries = {field: body.get(field)} if field == "cotangent" else body.get(field, {})
        for name, value in list(entries.items()):
            if isinstance(value, dict) and draw(st.integers(0, 4)):
                where = field if field == "cotangent" else f"{field}/{name}"
                numbers = np.array([float(entry) for entry in value["data"]]).reshape(value["shape"])
                members[where] = numbers.astype(draw(st.sampled_from([np.float64, np.float32, ">f8"])))
                (body if field == "cotangent" else entries).pop(name)
    written = io.BytesIO()
    save = np.savez_compressed if draw(st.booleans()) else np.savez
    save(written, request=np.frombuffer(json.dumps(body).encode(), np.uint8), **members)
    return written.getvalue()


def _named(draw: Draw, *, is_scalar: bool, can_be_registered: bool = True) -> Named:
    way, number = draw(st.sampled_from(WAYS)), draw(st.integers(0, PROGRAMS))
    if way == "function_id" and can_be_registered and registered():
        found: Named = draw(st.sampled_from(registered()))
    elif way == "model":
        found = draw(st.sampled_from(MODELS))
    else:
        found = (as_graph if way == "graph" else as_text)(number, is_scalar=is_scalar)
    return found


def _declared(named: Named) -> Body:
    return {"variables": {name: {"shape": list(np.shape(value))} for name, value in named.point.items()}}


def _tensor(draw: Draw, value: Any, length: int) -> Any:
    """A tensor near the value, in one of three spellings; a batch of them with a length."""
    batched = np.asarray(value, float)
    if length and draw(st.booleans()):
        batched = np.stack([batched * (1 - k / 16) for k in range(length)])
    flat: list[Any] = batched.ravel().tolist()
    if flat and not draw(st.integers(0, 5)):
        flat[draw(st.integers(0, len(flat) - 1))] = draw(st.sampled_from(STRANGE))
    if draw(st.booleans()):
        return {"shape": list(batched.shape), "data": flat}
    return np.array(flat, object).reshape(batched.shape).tolist()
