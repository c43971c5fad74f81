"""What compute endpoints answer: the schemas, and the encoding of a computed answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import orjson
from pydantic import BaseModel, Field

from service.api.graphs import Graph
from service.api.schemas import absent
from service.api.tensors import TensorAnswer, encode
from service.tasks.messages import WITH_BLOCKS, Answer, Block, Layout, Scheme

Classification = Literal["minimum", "maximum", "saddle", "inconclusive", "not_critical"]
Convexity = Literal["strictly_convex", "convex", "flat", "concave", "strictly_concave", "indefinite"]
Structure = Literal["dense", "zero", "diagonal", "kronecker", "low_rank", "block_diagonal", "sparse"]


class Forms(BaseModel):
    """A closed form in each notation that was asked for; a whole program in the request's variables."""

    text: str = Field(default="", description="In the language of `expression`.")
    latex: str = ""
    numpy: str = Field(default="", description="A Python function to paste and run.")
    graph: Graph = Field(default_factory=Graph.model_construct)


class DerivativeBlock(BaseModel):
    """One derivative of one output."""

    output: int = Field(description="Which output, counted from 0.")
    wrt: list[str] = Field(description="One name per order: `[x, y]` is a block of a Hessian.")
    shape: list[int | str] = Field(description="The derivative's shape, without a batch axis.")
    structure: Structure = Field(description="What is known of its zeros.")
    forms: Forms
    value: TensorAnswer | None = Field(description="Null where no `at` was sent.")


class AnswerWarning(BaseModel):
    """Something about an answer that its reader must know."""

    code: str
    message: str
    where: str


class PlannedDerivative(BaseModel):
    """One derivative that would be computed."""

    output: int
    wrt: list[str]
    shape: list[int | str]
    structure: Structure


class Passes(BaseModel):
    """How many passes each mode would need; null where a size is only a name."""

    forward: int | None
    reverse: int | None


class Plan(BaseModel):
    """What computing would take."""

    kind: str
    output_shape: list[int | str]
    derivatives: list[PlannedDerivative]
    passes: Passes
    mode: str
    reason: str
    operations: int | None = Field(description="Estimated; null where a size is only a name.")
    bytes: int | None = Field(description="Estimated; null where a size is only a name.")
    cache_key: str
    cached: bool


class _Head(BaseModel):
    """What every answer has."""

    function_id: str = Field(description="The function's identity: equal for every spelling of it.")
    kind: str
    layout: Layout
    batch_size: int | None = Field(description="The length of the batch axis, or null without a batch.")
    warnings: list[AnswerWarning] = Field(
        description="One for every entry that is not finite, and for what else matters."
    )


class ValueAnswer(_Head):
    """A function's value."""

    value: TensorAnswer | None = Field(description="The first output's value; null where no `at` was sent.")
    values: list[TensorAnswer] = Field(
        default_factory=list, description="Every output's value; present where there are several."
    )


class DerivativeAnswer(ValueAnswer):
    """A function's value and its derivatives."""

    derivatives: list[DerivativeBlock]


class Taylor(BaseModel):
    """A Taylor polynomial; entry k of each list belongs to degree k."""

    order: int
    value: TensorAnswer | None = Field(description="The polynomial's value at `evaluate_at`; null without that.")
    terms: list[TensorAnswer] | None = Field(description="D^k f delta^k / k! at `evaluate_at`; null without that.")
    derivatives: list[TensorAnswer] | None = Field(description="D^k f at `at`, in the layout asked for.")
    coefficients: list[TensorAnswer] | None = Field(description="f^(k) / k!, for one scalar variable.")
    forms: Forms = Field(
        description="The polynomial in powers of the distance from `at`, as a program in the variables; where there is "
        "not one point with finite numbers, in the variables and steps from them, `d_x` for a variable `x`."
    )
    expanded: Forms = Field(description="The polynomial multiplied out, for one scalar variable at one point.")


class TaylorAnswer(ValueAnswer):
    """A function's value at a point, and its Taylor polynomial about it."""

    taylor: Taylor


class Check(BaseModel):
    """A derivative beside finite differences."""

    scheme: Scheme
    step: float
    tolerance: float
    relative_error: float | None = Field(
        description="sqrt(sum (dh - df)^2 / sum (dh + df)^2); null where both are 0, which passes, and, with a "
        "warning, where it is infinite."
    )
    passes: bool
    derivative: TensorAnswer = Field(description="df: the derivative by the joined `wrt`, or the candidate.")
    differences: TensorAnswer = Field(description="dh: the finite differences, laid out as the derivative.")


class CheckAnswer(ValueAnswer):
    """A function's value at a point, and the check of its derivative there."""

    check: Check


class Analysis(BaseModel):
    """What applies to the function; null where it does not exist at the point."""

    gradient: TensorAnswer = Field(default_factory=absent, description="Of a scalar, by the joined `wrt`.")
    gradient_norm: float | None = None
    is_critical: bool | None = Field(None, description="Whether every entry of the gradient is below 1e-8.")
    hessian: TensorAnswer = Field(default_factory=absent)
    eigenvalues: TensorAnswer | None = Field(None, description="Of the Hessian, ascending.")
    classification: Classification | None = Field(
        None, description="inconclusive: an eigenvalue is 0, below 1e-12 of the largest, and no two have other signs."
    )
    convexity: Convexity | None = Field(None, description="What the signs of the eigenvalues say.")
    newton_point: TensorAnswer | None = Field(None, description="x - H^-1 g")
    descent_point: TensorAnswer | None = Field(None, description="x - step_size g; present with `step_size`.")
    jacobian: TensorAnswer = Field(default_factory=absent, description="In the layout asked for.")
    determinant: float | None = None
    absolute_determinant: float | None = None
    root_point: TensorAnswer | None = Field(None, description="x - J^-1 f")


class AnalysisAnswer(ValueAnswer):
    """A function's value at a point, and what its derivatives say there."""

    analysis: Analysis


class PlanAnswer(_Head):
    """What computing would take; no numbers."""

    plan: Plan


def encode_answer(answer: Answer) -> bytes:
    """The JSON of an answer; arrays are written from their memory, without a Python step per entry."""
    body: dict[str, Any] = {
        "function_id": answer.function_id,
        "kind": answer.kind,
        "layout": answer.layout,
        "batch_size": answer.batch_size,
    }
    if answer.kind != "plan":
        values = [encode(value) for value in answer.values] if answer.values is not None else []
        body["value"] = values[0] if values else None
        if len(values) > 1:
            body["values"] = values
    if answer.kind in WITH_BLOCKS:
        body["derivatives"] = [_block(block) for block in answer.blocks]
    body |= {name: _part(part) for name, part in answer.parts.items()}
    body["warnings"] = [{"code": w.code, "message": w.message, "where": w.where} for w in answer.warnings]
    return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)


def _part(part: Any) -> Any:
    """Plain data with its arrays as tensors."""
    if isinstance(part, np.ndarray):
        return encode(part)
    if isinstance(part, Mapping):
        return {name: _part(value) for name, value in part.items()}
    return [_part(value) for value in part] if isinstance(part, list | tuple) else part


def _block(block: Block) -> dict[str, Any]:
    return {
        "output": block.output,
        "wrt": block.wrt,
        "shape": block.shape,
        "structure": block.structure,
        "forms": block.forms,
        "value": None if block.value is None else encode(block.value),
    }
