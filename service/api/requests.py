"""What requests have: the schemas of their bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import FailFast, Field, RootModel

from service.api.graphs import Fact, Graph
from service.api.schemas import NAME_PATTERN, AxisSize, DocumentedAs, Key, Name, Strict, absent
from service.api.tensors import SIZE_CAP, Tensor
from service.tasks.messages import Form, Kind, Layout, Mode, Scheme

PlanKind = Literal["evaluate", "gradient", "jacobian", "hessian", "derivative"]
Format = Literal["onnx", "mathoptformat", "mathjson"]
ID_PATTERN = r"^fn_[A-Za-z0-9_-]{1,128}$"
KEYS: dict[str, Any] = {"propertyNames": {"pattern": NAME_PATTERN}}


def _default_forms() -> list[Form]:
    return ["text", "latex"]


class VariableDeclaration(Strict):
    """A variable's shape and what is known of it."""

    shape: Annotated[list[AxisSize], FailFast()] = Field(
        description="One size per axis; `[]` for a scalar. A name stands for any size."
    )
    assume: Annotated[list[Fact], FailFast()] = Field(
        default_factory=absent, description="Facts that simplify results; the derivative is that of free entries."
    )


class ModelContent(RootModel[str | list[Any] | dict[str, Any]]):
    """ONNX: the file in base64. MathOptFormat: a function, or a whole model. MathJSON: an expression."""


class Model(Strict):
    """A function in a format of other tools."""

    format: Format
    content: Annotated[Any, DocumentedAs(ModelContent)] = Field(description="What a file of that format has.")


class FunctionRequest(Strict):
    """A function, named in exactly one way, and its variables."""

    expression: str = Field(default_factory=absent, description="The function as text, such as `x.T @ A @ x`.")
    syntax: Literal["python", "matlab", "latex"] = Field("python", description="The dialect of `expression`.")
    graph: Graph = Field(default_factory=absent, description="The function as a graph.")
    model: Model = Field(default_factory=absent, description="The function in a format of other tools.")
    variables: dict[Key, VariableDeclaration] = Field(
        json_schema_extra=KEYS,
        default_factory=absent,
        description="Every variable with its shape. Left out, shapes are those of `at`, and other names are scalars.",
    )


class RegistrationRequest(FunctionRequest):
    """A function to register."""

    parameters: Annotated[list[Name], FailFast()] = Field(
        default_factory=absent, description="Constants of a graph or model that become variables."
    )


class ComputeRequest(FunctionRequest):
    """A function (exactly one of `expression`, `graph`, `model`, `function_id`) and what to compute of it."""

    function_id: str = Field(default_factory=absent, pattern=ID_PATTERN, description="A registered function.")
    wrt: Annotated[list[Name], FailFast(), Field(min_length=1)] = Field(
        default_factory=absent,
        description="What to differentiate by, variables or constants of a graph or model; all variables if absent.",
    )
    at: dict[Key, Annotated[Any, DocumentedAs(Tensor)]] = Field(
        json_schema_extra=KEYS,
        default_factory=absent,
        description="A value for each variable, or N values along one more leading axis. Left out: closed forms only.",
    )
    layout: Layout = Field("numerator", description="numerator: output axes, then variable axes; or the reverse.")
    forms: Annotated[list[Form], FailFast()] = Field(
        default_factory=_default_forms, description="Which closed forms to answer."
    )
    structure: Literal["dense", "auto"] = Field("dense", description="auto: structured results as their factors.")
    verify: bool = Field(default=False, description="Whether to check the result against another method.")
    nonsmooth: Literal["default", "error"] = Field("default", description="error: refuse a point on a kink.")


class TangentRequest(ComputeRequest):
    """A function and the direction to differentiate in."""

    tangents: dict[Key, Annotated[Any, DocumentedAs(Tensor)]] = Field(
        json_schema_extra=KEYS,
        default_factory=absent,
        description="A tangent of its variable's shape (or N along one more leading axis) for each that moves.",
    )


class CotangentRequest(ComputeRequest):
    """A function and the weights of its output."""

    cotangent: Annotated[Any, DocumentedAs(Tensor)] = Field(
        default_factory=absent, description="Of the output's shape, or N along one more leading axis."
    )


class CurvatureRequest(TangentRequest, CotangentRequest):
    """A function, the direction to differentiate its gradient in, and weights for an output that is not a scalar."""


class TaylorRequest(ComputeRequest):
    """A function, the order of its Taylor polynomial about `at`, and where to evaluate that."""

    order: int = Field(ge=0, description="The degree of the polynomial; 1 is the linearisation.")
    evaluate_at: dict[Key, Annotated[Any, DocumentedAs(Tensor)]] = Field(
        json_schema_extra=KEYS,
        default_factory=absent,
        description="Values of variables in `wrt`, or N along one more leading axis; one left out stays at `at`.",
    )
    derivatives: bool = Field(default=True, description="false: no derivative tensors and coefficients.")


class CheckRequest(ComputeRequest):
    """A function, how to take finite differences of it, and what to compare them with."""

    scheme: Scheme = Field("central", description="The differences: (f(x+h) - f(x-h))/2h, or (f(x+h) - f(x))/h.")
    step: float = Field(
        default_factory=absent,
        gt=0,
        allow_inf_nan=False,
        description="The absolute step h: 1e-5 for central differences, 1e-8 for forward ones, if absent.",
    )
    tolerance: float = Field(1e-6, ge=0, allow_inf_nan=False, description="The largest relative error that passes.")
    candidate: str = Field(
        default_factory=absent,
        description="The derivative under test as text, in the variables; the service's own, if absent.",
    )


class AnalyzeRequest(ComputeRequest):
    """A function and the point to analyze it at."""

    step_size: float = Field(
        default_factory=absent, gt=0, allow_inf_nan=False, description="Asks for x - step_size * gradient."
    )


class ExplainRequest(TangentRequest, CotangentRequest):
    """A function to explain, the direction of its forward trace and the weights of its reverse trace."""

    mode: Mode = Field("both", description="What to trace; `both` with `at` traces forward only along `tangents`.")


class PlanRequest(ComputeRequest):
    """A function and the computation to plan; nothing is computed."""

    kind: PlanKind = Field("jacobian", description="The last word of the endpoint to plan for.")
    sizes: dict[Key, Annotated[int, Field(ge=0, le=SIZE_CAP)]] = Field(
        json_schema_extra=KEYS, default_factory=absent, description="Numbers for named sizes, beside those of `at`."
    )


REQUEST_OF: Mapping[Kind, type[FunctionRequest]] = {
    "evaluate": ComputeRequest,
    "gradient": ComputeRequest,
    "jacobian": ComputeRequest,
    "hessian": ComputeRequest,
    "derivative": ComputeRequest,
    "jvp": TangentRequest,
    "vjp": CotangentRequest,
    "hvp": CurvatureRequest,
    "taylor": TaylorRequest,
    "check": CheckRequest,
    "analyze": AnalyzeRequest,
    "explain": ExplainRequest,
    "plan": PlanRequest,
    "function": RegistrationRequest,
}
