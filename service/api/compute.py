"""The endpoints that compute: the event loop receives the body, a thread does everything else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from service.api.answers import (
    AnalysisAnswer,
    CheckAnswer,
    DerivativeAnswer,
    ExplainAnswer,
    PlanAnswer,
    TaylorAnswer,
    ValueAnswer,
)
from service.api.bodies import BodyBounds, receive
from service.api.declaring import NpzArchive, answers, problems, takes
from service.api.encoding import encode_answer
from service.api.example_answers import ANSWERS
from service.api.examples import REQUESTS
from service.api.media import JSON, NPZ, answer_type, body_type
from service.api.npz import pack, unpack
from service.api.parsing import parse
from service.api.requests import (
    AnalyzeRequest,
    CheckRequest,
    ComputeRequest,
    CotangentRequest,
    ExplainRequest,
    PlanRequest,
    TangentRequest,
    TaylorRequest,
    read,
)
from service.tasks.messages import Answer, Kind, Limits, Task

Compute = Callable[[Task], Answer]
BINARY = {NPZ: NpzArchive}
BODY_PROBLEMS = (400, 406, 408, 413, 415, 422)


@dataclass(frozen=True)
class Endpoint:
    """One compute endpoint: its kind is its address and its operation id."""

    kind: Kind
    summary: str
    description: str
    request: type[ComputeRequest]
    answer: type[ValueAnswer | PlanAnswer]


ENDPOINTS = (
    Endpoint(
        "evaluate", "The function's value", "f at one point or at a batch of points.", ComputeRequest, ValueAnswer
    ),
    Endpoint(
        "gradient",
        "The gradient of a scalar",
        "d f / d v for each `wrt`, as closed forms and, with `at`, as numbers. The output must be a scalar.",
        ComputeRequest,
        DerivativeAnswer,
    ),
    Endpoint(
        "jacobian",
        "The derivative of a tensor",
        "d f / d v for each `wrt`, with an output of any shape, laid out as `layout` says.",
        ComputeRequest,
        DerivativeAnswer,
    ),
    Endpoint(
        "hessian",
        "Second derivatives",
        "One block for each pair of `wrt` (the first not after the second), with an output of any shape.",
        ComputeRequest,
        DerivativeAnswer,
    ),
    Endpoint(
        "derivative",
        "A derivative of any order",
        "The mixed partial along `wrt` in order: `[x, x, y]` is a third derivative.",
        ComputeRequest,
        DerivativeAnswer,
    ),
    Endpoint(
        "jvp",
        "Jacobian times tangents",
        "J v in forward mode: the output's derivative in the direction of `tangents`; J is not formed.",
        TangentRequest,
        DerivativeAnswer,
    ),
    Endpoint(
        "vjp",
        "Cotangent times Jacobian",
        "v J in reverse mode, one block for each `wrt`; J is not formed.",
        CotangentRequest,
        DerivativeAnswer,
    ),
    Endpoint(
        "hvp",
        "Hessian times tangents",
        "H v of a scalar, one block for each `wrt` (by default the names with tangents); H is not formed.",
        TangentRequest,
        DerivativeAnswer,
    ),
    Endpoint(
        "taylor",
        "The Taylor polynomial about a point",
        "Derivatives of every order up to `order` at `at`, the polynomial's terms and value at `evaluate_at`, and its "
        "closed form. Several `wrt` are joined into one vector.",
        TaylorRequest,
        TaylorAnswer,
    ),
    Endpoint(
        "check",
        "A derivative against finite differences",
        "The relative error between the derivative by the joined `wrt`, exact or the `candidate`, and finite "
        "differences, and whether it passes.",
        CheckRequest,
        CheckAnswer,
    ),
    Endpoint(
        "analyze",
        "What the derivatives say at a point",
        "Of a scalar: gradient, eigenvalues of the Hessian, the kind of critical point, Newton's step to one. Of a "
        "function with as many outputs as variables: the Jacobian's determinant and Newton's step to a root.",
        AnalyzeRequest,
        AnalysisAnswer,
    ),
    Endpoint(
        "explain",
        "The computation node by node",
        "Every named node with its value, tangent and adjoint, the local partials between them, and the rules applied.",
        ExplainRequest,
        ExplainAnswer,
    ),
    Endpoint(
        "plan",
        "What a computation would take",
        "Shapes, structure, mode and estimated cost of the computation named by `kind`; nothing is computed.",
        PlanRequest,
        PlanAnswer,
    ),
)


def compute_router(compute: Compute, limits: Limits, bounds: BodyBounds) -> APIRouter:
    """The routes of all compute endpoints."""
    router = APIRouter(prefix="/v1", tags=["compute"])
    for endpoint in ENDPOINTS:
        router.add_api_route(
            f"/{endpoint.kind}",
            _route(endpoint, compute, limits, bounds),
            methods=["POST"],
            operation_id=endpoint.kind,
            summary=endpoint.summary,
            description=endpoint.description,
            response_class=Response,
            responses=answers(endpoint.answer, ANSWERS[endpoint.kind], BINARY) | problems(*BODY_PROBLEMS),
            openapi_extra=takes(endpoint.request, REQUESTS[endpoint.kind], BINARY),
        )
    return router


def _route(endpoint: Endpoint, compute: Compute, limits: Limits, bounds: BodyBounds) -> Callable[..., Any]:
    def work(raw: bytes, sent: str, asked: str) -> bytes:
        body = unpack(raw, bounds, limits) if sent == NPZ else parse(raw, bounds)
        answer = compute(read(body, endpoint.kind, endpoint.request, limits))
        return pack(answer) if asked == NPZ else encode_answer(answer)

    async def route(request: Request) -> Response:
        asked, sent = answer_type(request.headers, JSON, NPZ), body_type(request.headers)
        raw = await receive(request, bounds)
        return Response(await run_in_threadpool(work, raw, sent, asked), media_type=asked)

    return route
