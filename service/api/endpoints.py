"""The compute endpoints as data: what each takes and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from service.api.answers import (
    AnalysisAnswer,
    CheckAnswer,
    DerivativeAnswer,
    ExplainAnswer,
    PlanAnswer,
    TaylorAnswer,
    ValueAnswer,
)
from service.api.requests import REQUEST_OF, FunctionRequest
from service.tasks.messages import Kind


@dataclass(frozen=True)
class Endpoint:
    """One compute endpoint: its kind is its address and its operation id."""

    kind: Kind
    summary: str
    description: str
    answer: type[ValueAnswer | PlanAnswer]

    @property
    def request(self) -> type[FunctionRequest]:
        """What it takes."""
        return REQUEST_OF[self.kind]


ENDPOINTS = (
    Endpoint("evaluate", "The function's value", "f at one point or at a batch of points.", ValueAnswer),
    Endpoint(
        "gradient",
        "The gradient of a scalar",
        "d f / d v for each `wrt`, as closed forms and, with `at`, as numbers. The output must be a scalar.",
        DerivativeAnswer,
    ),
    Endpoint(
        "jacobian",
        "The derivative of a tensor",
        "d f / d v for each `wrt`, with an output of any shape, laid out as `layout` says.",
        DerivativeAnswer,
    ),
    Endpoint(
        "hessian",
        "Second derivatives",
        "One block for each pair of `wrt` (the first not after the second), with an output of any shape.",
        DerivativeAnswer,
    ),
    Endpoint(
        "derivative",
        "A derivative of any order",
        "The mixed partial along `wrt` in order: `[x, x, y]` is a third derivative.",
        DerivativeAnswer,
    ),
    Endpoint(
        "jvp",
        "Jacobian times tangents",
        "J v in forward mode: the output's derivative in the direction of `tangents`; J is not formed.",
        DerivativeAnswer,
    ),
    Endpoint(
        "vjp",
        "Cotangent times Jacobian",
        "v J in reverse mode, one block for each `wrt`; J is not formed.",
        DerivativeAnswer,
    ),
    Endpoint(
        "hvp",
        "Hessian times tangents",
        "H v of a scalar, one block for each `wrt` (by default the names with tangents); H is not formed. With "
        "`cotangent` the scalar is the sum of the output's entries weighted by it.",
        DerivativeAnswer,
    ),
    Endpoint(
        "taylor",
        "The Taylor polynomial about a point",
        "Derivatives of every order up to `order` at `at`, the polynomial's terms and value at `evaluate_at`, and its "
        "closed form. Several `wrt` are joined into one vector.",
        TaylorAnswer,
    ),
    Endpoint(
        "check",
        "A derivative against finite differences",
        "The relative error between the derivative by the joined `wrt`, exact or the `candidate`, and finite "
        "differences, and whether it passes.",
        CheckAnswer,
    ),
    Endpoint(
        "analyze",
        "What the derivatives say at a point",
        "Of a scalar: gradient, eigenvalues of the Hessian, the kind of critical point, Newton's step to one. Of a "
        "function with as many outputs as variables: the Jacobian's determinant and Newton's step to a root.",
        AnalysisAnswer,
    ),
    Endpoint(
        "explain",
        "The computation node by node",
        "Every named node with its value, tangent and adjoint, the local partials between them, and the rules applied.",
        ExplainAnswer,
    ),
    Endpoint(
        "plan",
        "What a computation would take",
        "Shapes, structure, mode and estimated cost of the computation named by `kind`; nothing is computed.",
        PlanAnswer,
    ),
)
