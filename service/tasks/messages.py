"""The plain data that goes into a task and comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Kind = Literal[
    "evaluate",
    "gradient",
    "jacobian",
    "hessian",
    "derivative",
    "jvp",
    "vjp",
    "hvp",
    "taylor",
    "check",
    "analyze",
    "explain",
    "plan",
    "function",
]
WITH_BLOCKS: frozenset[Kind] = frozenset(("gradient", "jacobian", "hessian", "derivative", "jvp", "vjp", "hvp"))
PARTED: frozenset[Kind] = WITH_BLOCKS | {"evaluate"}  # what can be cut along its batch
MODELLED: frozenset[Kind] = WITH_BLOCKS | {"evaluate"}  # what can be answered as an ONNX model
Layout = Literal["numerator", "denominator"]
Scheme = Literal["forward", "central"]
Nonsmooth = Literal["default", "error"]
Form = Literal["text", "latex", "numpy", "graph", "onnx"]
Mode = Literal["forward", "reverse", "both"]


@dataclass(frozen=True)
class Limits:
    """Bounds that are checked before work is done; `service.settings` documents each and sets its default.

    `threads` share a long computation.
    """

    expression_bytes: int = 65_536
    tokens: int = 16_000
    depth: int = 100
    nodes: int = 20_000
    axes: int = 16
    order: int = 8
    taylor_order: int = 20
    elements: int = 2**22
    operations: int = 2 * 10**10
    threads: int = 1


@dataclass(frozen=True)
class Declaration:
    """A declared variable: its shape (sizes are numbers or names) and the facts assumed of it."""

    shape: tuple[int | str, ...]
    assume: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """One compute request, validated in form but not yet understood.

    `at`, `tangents` and `cotangent` hold float64 arrays as sent: the shape of the variable or output, or one more
    leading axis (a batch). `graph_at` is where in the request the graph came from, `function_id` the id of one that was
    registered. What stands after `forms` is asked for by some kinds only. With `alone`, every value in `at` has such an
    axis, and each point is computed as if it had been sent alone. With `sized`, the answer says what the numbers would
    take, in the part `takes`, and has none; with `modelled`, it is an ONNX model, in the part `model`.
    """

    kind: Kind
    expression: str | None = None
    syntax: str = "python"
    graph: Mapping[str, Any] | None = None
    graph_at: str = "/graph"
    function_id: str | None = None
    variables: Mapping[str, Declaration] | None = None
    wrt: tuple[str, ...] | None = None
    at: Mapping[str, Array] | None = None
    layout: Layout = "numerator"
    forms: tuple[Form, ...] = ("text", "latex")
    structure: Literal["dense", "auto"] = "dense"
    nonsmooth: Nonsmooth = "default"
    plan_kind: Kind = "jacobian"
    sizes: Mapping[str, int] = field(default_factory=dict)
    tangents: Mapping[str, Array] | None = None
    cotangent: Array | None = None
    order: int = 1
    evaluate_at: Mapping[str, Array] | None = None
    derivatives: bool = True
    step: float | None = None
    scheme: Scheme = "central"
    tolerance: float = 1e-6
    candidate: str | None = None
    step_size: float | None = None
    mode: Mode = "both"
    verify: bool = False
    alone: bool = False
    sized: bool = False
    modelled: bool = False
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Notice:
    """Something about an answer that its reader must know: every non-finite or absent number has one."""

    code: str
    message: str
    where: str


@dataclass(frozen=True)
class Verified:
    """How a block was checked, at how many points, and the largest relative error there; 0 points: it was not."""

    method: str = ""
    points: int = 0
    max_relative_error: float = 0.0


@dataclass(frozen=True)
class Block:
    """One derivative of one output: `wrt` has a name per order, `shape` no batch axis.

    `assumptions` are the declared facts on which the forms rest, each a sentence; the value rests on none.
    In numbers it has a `value`, or in its place `factors` where those were asked for and it has structure.
    `verified` is None where no check was asked for.
    """

    output: int
    wrt: tuple[str, ...]
    shape: tuple[int | str, ...]
    structure: str
    forms: Mapping[str, Any]
    value: Array | None
    assumptions: tuple[str, ...] = ()
    factors: Mapping[str, Array] | None = None
    verified: Verified | None = None


@dataclass(frozen=True)
class Answer:
    """What a task computed. `values` has one array per output, or is None without numbers.

    `parts` are further fields of the answer under their names: plain data in which arrays stand for tensors.
    """

    function_id: str
    kind: str
    layout: Layout
    batch_size: int | None
    values: tuple[Array, ...] | None
    blocks: tuple[Block, ...] = ()
    warnings: tuple[Notice, ...] = ()
    parts: Mapping[str, Any] = field(default_factory=dict)
