"""What compute endpoints answer: the schemas, and the encoding of a computed answer."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.api.graphs import Graph
from service.api.schemas import absent
from service.api.tensors import TensorAnswer
from service.tasks.messages import Kind, Layout, Scheme

Classification = Literal["minimum", "maximum", "saddle", "inconclusive", "not_critical"]
Convexity = Literal["strictly_convex", "convex", "flat", "concave", "strictly_concave", "indefinite"]
Structure = Literal["dense", "zero", "diagonal", "kronecker", "low_rank", "block_diagonal", "sparse"]


def kinds(*names: Kind) -> Any:
    """The field `kind` of what these endpoints answer: answers of different shapes are told apart by it."""
    return Field(description="The endpoint's last word.", json_schema_extra={"enum": list(names)})


class _Described(BaseModel):
    """Answers are written without these models; only the document needs them built."""

    model_config = ConfigDict(defer_build=True)


class Forms(_Described):
    """A closed form in each notation that was asked for; a whole program in the request's variables."""

    text: str = Field(default="", description="In the language of `expression`.")
    latex: str = ""
    numpy: str = Field(default="", description="A Python function to paste and run.")
    graph: Graph = Field(default_factory=Graph.model_construct)
    onnx: str = Field(default="", description="An ONNX model in base64, float64 in and out.")


class Verification(_Described):
    """An independent check that the numbers and the closed form of a block passed."""

    method: str
    points: int = Field(description="At how many points.")
    max_relative_error: float = Field(description="The largest difference found, relative to what was compared.")


class DerivativeBlock(_Described):
    """One derivative of one output."""

    output: int = Field(description="Which output, counted from 0.")
    wrt: list[str] = Field(description="One name per order: `[x, y]` is a block of a Hessian.")
    shape: list[int | str] = Field(description="The derivative's shape, without a batch axis.")
    structure: Structure = Field(description="What is known of its zeros.")
    forms: Forms
    value: TensorAnswer | None = Field(description="Null where no `at` was sent, and where there are factors.")
    factors: dict[str, TensorAnswer] = Field(
        default_factory=dict, description="Of a structured derivative, where `structure` was sent as auto."
    )
    assumptions: list[str] = Field(
        default_factory=list,
        description="The facts on which the forms rest, such as `A is symmetric`; absent where there are none.",
    )
    verified: Verification | None = Field(
        default=None, description="Present with `verify`; null where a check was not possible, with a warning."
    )


class AnswerWarning(_Described):
    """Something about an answer that its reader must know."""

    code: str
    message: str
    where: str


class PlannedDerivative(_Described):
    """One derivative that would be computed."""

    output: int
    wrt: list[str]
    shape: list[int | str]
    structure: Structure


class TraceForms(_Described):
    """A formula over the nodes of a trace; `bar_v` is the adjoint of v, `dot_v` its tangent, `u1` an inner result."""

    text: str = ""
    latex: str = ""


class ExplainedNode(_Described):
    """An input, or a line of the function, under its name."""

    name: str = Field(description="A name that is assigned again is `x#2`; an output without a name is `output`.")
    op: str = Field(description="The line's outermost operation; input, constant or alias where it has none.")
    inputs: list[str] = Field(description="The nodes whose names occur in the line.")
    shape: list[int | str]
    value: TensorAnswer | None
    tangent: TensorAnswer | None = Field(description="The derivative along `tangents`; null without forward mode.")
    adjoint: TensorAnswer | None = Field(description="The output's derivative by the node, weighted by `cotangent`.")


class ExplainedEdge(_Described):
    """The local partial of a line by a name that occurs in it, all other names held fixed; numerator layout."""

    of: str
    wrt: str
    shape: list[int | str]
    display: str = Field(description="The shape as textbooks write it, rows by columns: `1 x D`, `(M x N) x D`.")
    forms: TraceForms = Field(description="In the names of the nodes.")
    value: TensorAnswer | None


class ExplainedStep(_Described):
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


class Explanation(_Described):
    """A function's computation graph, and the rules that differentiate it."""

    outputs: list[str] = Field(description="The nodes that are the function's outputs.")
    nodes: list[ExplainedNode] = Field(description="Inputs in order of first use, then lines in order.")
    edges: list[ExplainedEdge]
    steps: list[ExplainedStep] = Field(description="Empty where `forms` asks for neither text nor LaTeX.")


class Passes(_Described):
    """How many passes each mode would need; null where a size is only a name."""

    forward: int | None
    reverse: int | None


class PlannedInput(_Described):
    """A variable of the function."""

    name: str
    shape: list[int | str]


class Plan(_Described):
    """What computing would take."""

    kind: str
    inputs: list[PlannedInput] = Field(
        description="Every variable, in order of first use or of the graph's inputs, with numbers for sizes as below."
    )
    output_shape: list[int | str] = Field(description="The first output's, with named sizes.")
    output_shapes: list[list[int | str]] = Field(
        description="Every output's, with numbers for sizes that `at` or `sizes` settle."
    )
    derivatives: list[PlannedDerivative]
    passes: Passes
    mode: str
    reason: str
    operations: int | None = Field(description="Estimated; null where a size is only a name.")
    bytes: int | None = Field(description="Estimated; null where a size is only a name.")
    cache_key: str
    cached: bool = Field(description="Whether all that it needs was derived before; only numbers are left to compute.")


class _Head(_Described):
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

    kind: str = kinds("evaluate")
    value: TensorAnswer | None = Field(description="The first output's value; null where no `at` was sent.")
    values: list[TensorAnswer] = Field(
        default_factory=list, description="Every output's value; present where there are several."
    )


class DerivativeAnswer(ValueAnswer):
    """A function's value and its derivatives."""

    kind: str = kinds("gradient", "jacobian", "hessian", "derivative", "jvp", "vjp", "hvp")
    derivatives: list[DerivativeBlock]


class Taylor(_Described):
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

    kind: str = kinds("taylor")
    taylor: Taylor


class Check(_Described):
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

    kind: str = kinds("check")
    check: Check


class Analysis(_Described):
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

    kind: str = kinds("analyze")
    analysis: Analysis


class ExplainAnswer(ValueAnswer):
    """A function's value and its explanation."""

    kind: str = kinds("explain")
    explain: Explanation


class PlanAnswer(_Head):
    """What computing would take; no numbers."""

    kind: str = kinds("plan")
    plan: Plan


Answer = DerivativeAnswer | ValueAnswer | TaylorAnswer | CheckAnswer | AnalysisAnswer | ExplainAnswer | PlanAnswer
