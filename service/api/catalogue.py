"""GET /v1/ops: every operation of the language.

`python -m service.api.catalogue` prints the same as a Markdown table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from service.api.declaring import answers, problems
from service.api.media import JSON, answer_type

Catalogue = Callable[[], list[dict[str, Any]]]
COLUMNS = ("name", "signature", "summary", "shape_rule", "derivative_rule", "example", "aliases", "family")
EXAMPLE = {
    "operations": [
        {
            "name": "log",
            "signature": "log(x)",
            "summary": "natural logarithm",
            "shape_rule": "the shape of x",
            "derivative_rule": "1 / x, entry by entry",
            "example": "log(x)",
            "aliases": ["ln"],
            "family": "elementwise",
        }
    ]
}


class Operation(BaseModel):
    """An operation of the language."""

    name: str = Field(description="What a graph's node has as `op`.")
    signature: str
    summary: str
    shape_rule: str
    derivative_rule: str
    example: str
    aliases: list[str] = Field(description="Other names that mean the same in text.")
    family: str


class OperationList(BaseModel):
    """Every operation of the language."""

    operations: list[Operation]


def catalogue_router(catalogue: Catalogue) -> APIRouter:
    """The route of the list of operations."""
    router = APIRouter(prefix="/v1", tags=["language"])

    def encoded() -> bytes:
        return orjson.dumps({"operations": catalogue()})

    async def list_operations(request: Request) -> Response:
        """Name, signature, shape rule, derivative rule and an example of each operation."""
        answer_type(request.headers, JSON)
        return Response(await run_in_threadpool(encoded), media_type="application/json")

    router.add_api_route(
        "/ops",
        list_operations,
        operation_id="list_operations",
        summary="All operations",
        response_class=Response,
        responses=answers(OperationList, EXAMPLE) | problems(406),
    )
    return router


def table(operations: Iterable[Mapping[str, Any]]) -> str:
    """The operations as a Markdown table."""
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}"]
    lines += [f"| {' | '.join(_cell(operation[column]) for column in COLUMNS)} |" for operation in operations]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value or "")
    return " ".join(text.replace("|", "\\|").split())


if __name__ == "__main__":
    from service.tasks.catalogue import catalogue as operations_of_the_language

    print(table(operations_of_the_language()), end="")  # noqa: T201 - printing is what it is started for
