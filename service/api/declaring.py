"""How a route declares, for the OpenAPI document, what it takes and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, RootModel

from service.api.media import JSON
from service.api.problems import KINDS, MEDIA_TYPE, TYPE_PREFIX, problem

REF = "#/components/schemas/{model}"
INTERNAL = 500

_EXAMPLES = {
    400: problem("malformed-body", "unexpected character, at line 1, column 16", line=1, column=16, excerpt=""),
    401: problem("unauthorized", "The request needs `Authorization: Bearer KEY` with a key of this service."),
    404: problem("not-found", "There is no function fn_0; it may have expired, and can be registered again."),
    406: problem(
        "not-acceptable", "The answer is application/json or application/x-npz, which the Accept header leaves out."
    ),
    408: problem("request-timeout", "body_seconds: the body took longer than 10 seconds"),
    413: problem("payload-too-large", "body_bytes: the body is over the limit of 33554432 bytes"),
    415: problem(
        "unsupported-media-type",
        "Content-Type must be application/json in UTF-8 or application/x-npz; 'text/plain' was stated.",
    ),
    422: problem(
        "invalid-request",
        "/varables: unknown field 'varables'; did you mean variables?",
        errors=[{"pointer": "/varables", "message": "unknown field 'varables'; did you mean variables?"}],
    ),
    429: problem(
        "rate-limited",
        "rate_limit: the client has used up the 1000 per 1 minute; a request costs 1 and its computing more.",
    ),
    500: problem("internal", "This is a defect of the service, not of the request; the log has the details."),
    503: problem("shutting-down", "The service is starting or shutting down."),
}


class Fault(BaseModel):
    """One thing wrong with a request."""

    pointer: str = Field(description="A JSON pointer (RFC 6901) into the request's body.")
    message: str


class Problem(BaseModel):
    """An error, as in RFC 9457."""

    type: str = Field(description=f"`{TYPE_PREFIX}` and the code.")
    title: str
    status: int
    detail: str
    code: str = Field(description="What programs tell errors apart by.", json_schema_extra={"enum": list(KINDS)})
    errors: list[Fault] = Field(description="At most 20.")
    line: int = Field(0, description="For an error in a text: its line, from 1.")
    column: int = Field(0, description="For an error in a text: its column, from 1.")
    excerpt: str = Field("", description="For an error in a text: the line, and below it a caret.")
    trace_id: str = Field("", description="What the service's log calls this request; also in `X-Request-ID`.")


class NpzArchive(RootModel[bytes]):
    """JSON and the tensors that belong to it, each a member of an npz file; docs/http.md has the names."""

    model_config = ConfigDict(json_schema_extra={"format": "binary"})


class OnnxFile(RootModel[bytes]):
    """A model as ONNX has it in files; docs/onnx.md says which are read, and what the outputs of an answer are."""

    model_config = ConfigDict(json_schema_extra={"format": "binary"})


@dataclass(frozen=True)
class Described:
    """A route with what the document says of it; its function's name is its operation id."""

    method: str
    path: str
    route: Callable[..., Any]
    summary: str
    responses: dict[int | str, dict[str, Any]]
    extra: dict[str, Any] = field(default_factory=dict)

    def add_to(self, router: APIRouter) -> None:
        """Adds it to a router."""
        router.add_api_route(
            self.path,
            self.route,
            methods=[self.method],
            operation_id=self.route.__name__,
            summary=self.summary,
            response_class=Response,
            responses=self.responses,
            openapi_extra=self.extra,
        )


def answers(
    model: type[BaseModel], example: dict[str, Any], further: Mapping[str, type[BaseModel]] | None = None
) -> dict[int | str, dict[str, Any]]:
    """What a route answers when all is well, as JSON and in further media types."""
    return {200: {"description": (model.__doc__ or "").strip(), "content": _contents(model, example, further)}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors a route answers, beside a defect, which every route may have."""
    return {
        status: {
            "description": ", ".join(code for code, kind in KINDS.items() if kind.status == status),
            "content": _content(Problem, MEDIA_TYPE, _EXAMPLES[status]),
        }
        for status in (*statuses, INTERNAL)
    }


def takes(
    model: type[BaseModel], example: dict[str, Any], further: Mapping[str, type[BaseModel]] | None = None
) -> dict[str, Any]:
    """The body that a route reads by itself, as JSON and in further media types."""
    return {"requestBody": {"required": True, "content": _contents(model, example, further)}}


def _contents(
    model: type[BaseModel], example: dict[str, Any], further: Mapping[str, type[BaseModel]] | None
) -> dict[str, Any]:
    others = {kind: {"schema": {"$ref": REF.format(model=other.__name__)}} for kind, other in (further or {}).items()}
    return _content(model, JSON, example) | others


def _content(model: type[BaseModel], media_type: str, example: dict[str, Any]) -> dict[str, Any]:
    return {media_type: {"schema": {"$ref": REF.format(model=model.__name__)}, "example": example}}
