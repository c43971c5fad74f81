"""What compute endpoints answer: the schemas, and the encoding of a computed answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import orjson
from pydantic import BaseModel, Field

from service.api.graphs import Graph
from service.api.tensors import TensorAnswer, encode
from service.tasks.messages import WITH_BLOCKS, Answer, Block, Layout

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


class TraceForms(BaseModel):
    """A formula over the nodes of a trace; `bar_v` is the adjoint of v, `dot_v` its tangent, `u1` an inner result."""

    text: str = ""
    latex: str = ""


class ExplainedNode(BaseModel):
    """An input, or a line of the function, under its name."""

    name: str = Field(description="A name that is assigned again is `x#2`; an output without a name is `output`.")
    op: str = Field(description="The line's outermost operation; input, constant or alias where it has none.")
    inputs: list[str] = Field(description="The nodes whose names occur in the line.")
    shape: list[int | str]
    value: TensorAnswer | None
    tangent: TensorAnswer | None = Field(description="The derivative along `tangents`; null without forward mode.")
    adjoint: TensorAnswer | None = Field(description="The output's derivative by the node, weighted by `cotangent`.")


class ExplainedEdge(BaseModel):
    """The local partial of a line by a name that occurs in it, all other names held fixed; numerator layout."""

    of: str
    wrt: str
    shape: list[int | str]
    display: str = Field(description="The shape as textbooks write it, rows by columns: `1 x D`, `(M x N) x D`.")
    forms: TraceForms = Field(description="In the names of the nodes.")
    value: TensorAnswer | None


class ExplainedStep(BaseModel):
    """One rule at work: an operation by one of its operands, or a sum of what several ways bring, or a start."""

    mode: Literal["forward", "reverse"]
    node: str = Field(description="The node in whose line the operation stands.")
    of: str = Field(description="The operation's result: the node, or an inner result.")
    wrt: str = Field(description="The operand; equal to `of` where nothing is applied.")
    operand: int | None = Field(description="The operand's position, from 0: `x @ x` has two steps by x.")
    operation: str | None
    rule: str
    words: str
    expression: TraceForms | None = Field(description="The operation as it was written.")
    latex: str = Field(description="What the step makes, as an equation; empty without LaTeX in `forms`.")
    shape: list[int | str] = Field(description="Of the local partial, numerator layout; else of the node.")
    display: str | None = Field(description="The partial's shape as textbooks write it.")
    partial: TraceForms | None = Field(description="The local partial.")
    running: TraceForms = Field(description="What is added to the tangent of `of`, or to the adjoint of `wrt`.")


class Explanation(BaseModel):
    """A function's computation graph, and the rules that differentiate it."""

    outputs: list[str] = Field(description="The nodes that are the function's outputs.")
    nodes: list[ExplainedNode] = Field(description="Inputs in order of first use, then lines in order.")
    edges: list[ExplainedEdge]
    steps: list[ExplainedStep] = Field(description="Empty where `forms` asks for neither text nor LaTeX.")


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


class ExplainAnswer(ValueAnswer):
    """A function's value and its explanation."""

    explain: Explanation


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
