"""From the plain objects of a JSON body to a task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import FailFast, Field, ValidationError

from service.api.graphs import Fact, Graph
from service.api.problems import Fault, FaultyRequestError, pointer
from service.api.schemas import NAME_PATTERN, AxisSize, DocumentedAs, Key, Name, Strict, absent, refusal
from service.api.tensors import NAMED, SIZE_CAP, Tensor, decode
from service.errors import InvalidRequestError, LimitError, UnsupportedOperationError
from service.tasks.messages import Array, Declaration, Form, Kind, Layout, Limits, Mode, Scheme, Task

PlanKind = Literal["evaluate", "gradient", "jacobian", "hessian", "derivative"]
FUNCTIONS = ("expression", "graph", "function_id")
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


class ComputeRequest(Strict):
    """A function (exactly one of `expression`, `graph`, `function_id`) and what to compute of it."""

    expression: str = Field(default_factory=absent, description="The function as text, such as `x.T @ A @ x`.")
    syntax: Literal["python", "matlab", "latex"] = Field("python", description="The dialect of `expression`.")
    graph: Graph = Field(default_factory=absent, description="The function as a graph.")
    function_id: str = Field(
        default_factory=absent, pattern=r"^fn_[A-Za-z0-9_-]{1,128}$", description="A registered function."
    )
    variables: dict[Key, VariableDeclaration] = Field(
        json_schema_extra=KEYS,
        default_factory=absent,
        description="Every variable with its shape. Left out, shapes are those of `at`, and other names are scalars.",
    )
    wrt: Annotated[list[Name], FailFast(), Field(min_length=1)] = Field(
        default_factory=absent, description="What to differentiate by; all variables, in order of first use, if absent."
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


REQUEST_OF: Mapping[Kind, type[ComputeRequest]] = {
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
}


def _values(at: Mapping[str, Any], place: str, limits: Limits) -> dict[str, Array]:
    return {name: decode(value, f"{place}{pointer(name)}", limits) for name, value in at.items()}


def _plain(value: Any, *_: object) -> Any:
    return value


def _number(value: Any, *_: object) -> float:
    return float(value)


def _program(value: str, at: str, limits: Limits) -> str:
    size = len(value.encode("utf-8", "surrogatepass"))
    if size > limits.expression_bytes:
        raise LimitError(limit="expression_bytes", value=size, cap=limits.expression_bytes, pointer=at)
    return value


# The fields that only some endpoints have: the task's name for it, and its reading from the value and its pointer.
FURTHER: Mapping[str, tuple[str, Callable[[Any, str, Limits], Any]]] = {
    "kind": ("plan_kind", _plain),
    "sizes": ("sizes", _plain),
    "order": ("order", _plain),
    "evaluate_at": ("evaluate_at", _values),
    "derivatives": ("derivatives", _plain),
    "scheme": ("scheme", _plain),
    "step": ("step", _number),
    "tolerance": ("tolerance", _number),
    "candidate": ("candidate", _program),
    "step_size": ("step_size", _number),
    "mode": ("mode", _plain),
    "tangents": ("tangents", _values),
    "cotangent": ("cotangent", decode),
}

# What the schema has and this version does not do yet: the field, the value, the sentence.
LATER: tuple[tuple[str, str | bool | None, str], ...] = (
    ("function_id", None, "registered functions are not available yet; send `expression` or `graph`"),
)


def read(body: Any, kind: Kind, model: type[ComputeRequest], limits: Limits) -> Task:
    """The task of a request body that has the fields of `model`.

    Raises:
        FaultyRequestError: fields are missing, unknown or wrong.
        InvalidRequestError: a tensor is not one.
        LimitError: over a bound that can be seen without computing.
        UnsupportedOperationError: a field that is not implemented yet.
    """
    if not isinstance(body, dict):
        detail = "the body is a JSON object"
        raise InvalidRequestError(detail, pointer="")
    _check_lengths(body, limits)
    request = _validated(body, model)
    _check_one_function(body)
    for field, value, message in LATER:
        if field in body and value in (None, body[field]):
            raise UnsupportedOperationError(message, pointer=pointer(field))
    _check_bounds(request, limits)
    further = {
        name: convert(body[field], pointer(field), limits)
        for field, (name, convert) in FURTHER.items()
        if field in body
    }
    return Task(
        kind=kind,
        expression=request.expression,
        syntax=request.syntax,
        graph=body.get("graph"),
        variables=_declarations(request) if "variables" in body else None,
        wrt=tuple(request.wrt) if "wrt" in body else None,
        at=_values(body["at"], pointer("at"), limits) if "at" in body else None,
        layout=request.layout,
        forms=tuple(request.forms),
        structure=request.structure,
        verify=request.verify,
        nonsmooth=request.nonsmooth,
        limits=limits,
        **further,
    )


def _check_lengths(body: dict[str, Any], limits: Limits) -> None:
    """No list or object of names is so long that finding fault with each entry would be work."""
    graph = body.get("graph")
    counted: list[tuple[tuple[str, ...], Any]] = [
        ((field,), body.get(field)) for field in ("variables", "wrt", "forms", *NAMED)
    ]
    if isinstance(graph, dict):
        counted += [(("graph", field), graph.get(field)) for field in Graph.model_fields]
    for path, entries in counted:
        if isinstance(entries, dict | list) and len(entries) > limits.nodes:
            raise LimitError(limit="nodes", value=len(entries), cap=limits.nodes, pointer=pointer(*path))


def _validated(body: dict[str, Any], model: type[ComputeRequest]) -> ComputeRequest:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise refusal(error) from None


def _check_one_function(body: Mapping[str, Any]) -> None:
    sent = [field for field in FUNCTIONS if field in body]
    if len(sent) != 1:
        found = " and ".join(sent) if sent else "none"
        detail = f"exactly one of {', '.join(FUNCTIONS)} is needed; {found} was sent"
        faults = [Fault(pointer(field), detail) for field in sent] or [Fault("", detail)]
        raise FaultyRequestError(detail, faults=faults)


def _check_bounds(request: ComputeRequest, limits: Limits) -> None:
    sent = request.model_fields_set
    if "expression" in sent:
        size = len(request.expression.encode())
        if size > limits.expression_bytes:
            raise LimitError(limit="expression_bytes", value=size, cap=limits.expression_bytes, pointer="/expression")
    if "variables" in sent:
        for name, declared in request.variables.items():
            _check_shape(declared.shape, pointer("variables", name, "shape"), limits)
    if "graph" in sent:
        for index, entry in enumerate(request.graph.inputs):
            _check_shape(entry.shape, pointer("graph", "inputs", index, "shape"), limits)


def _check_shape(shape: list[int | str], at: str, limits: Limits) -> None:
    if len(shape) > limits.axes:
        raise LimitError(limit="axes", value=len(shape), cap=limits.axes, pointer=at)
    largest = max((size for size in shape if isinstance(size, int)), default=0)
    if largest > SIZE_CAP:
        raise LimitError(limit="size of an axis", value=largest, cap=SIZE_CAP, pointer=at)


def _declarations(request: ComputeRequest) -> dict[str, Declaration]:
    return {
        name: Declaration(tuple(declared.shape), tuple(declared.assume or ()))
        for name, declared in request.variables.items()
    }
