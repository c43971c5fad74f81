"""How registered functions are answered, and how that is described."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import BaseModel, Field

from service.api.answers import Forms
from service.api.graphs import Graph
from service.api.job_documents import stamp

VARIABLES = [{"name": "A", "shape": ["n", "n"]}, {"name": "x", "shape": ["n"]}]
FORMS = {"text": "x @ A @ x"}
_HEAD: dict[str, Any] = {
    "function_id": "fn_45d0b544593d82dac8f370289c2b50e9",
    "variables": VARIABLES,
    "outputs": [{"shape": [], "forms": FORMS}],
    "created_at": "2026-03-01T12:00:00.000Z",
}
EXAMPLE: dict[str, Any] = _HEAD | {
    "forms": FORMS,
    "graph": {
        "version": 1,
        "inputs": VARIABLES,
        "constants": [],
        "nodes": [
            {"name": "n1", "op": "matmul", "inputs": ["x", "A"]},
            {"name": "n2", "op": "matmul", "inputs": ["n1", "x"]},
        ],
        "outputs": ["n2"],
    },
    "expires_at": "2026-03-31T12:00:00.000Z",
}
LIST_EXAMPLE: dict[str, Any] = {"functions": [_HEAD], "next_page_token": None}


class FunctionVariable(BaseModel):
    """A variable of a function."""

    name: str
    shape: list[int | str] = Field(description="One size per axis; `[]` for a scalar.")


class FunctionOutput(BaseModel):
    """An output of a function."""

    shape: list[int | str]
    forms: Forms = Field(description="Empty where the constants are too many to be read.")


class FunctionSummary(BaseModel):
    """A registered function."""

    function_id: str = Field(description="Equal for every spelling of the function.")
    variables: list[FunctionVariable] = Field(description="In the order of their names.")
    outputs: list[FunctionOutput]
    created_at: str = Field(json_schema_extra={"format": "date-time"})


class FunctionDocument(FunctionSummary):
    """A registered function, and the graph that all its spellings have in common."""

    forms: Forms = Field(description="Of the first output.")
    graph: Graph
    expires_at: str = Field(
        json_schema_extra={"format": "date-time"}, description="When it is forgotten, unless it is used before."
    )


class FunctionList(BaseModel):
    """Registered functions in the order of their ids."""

    functions: list[FunctionSummary]
    next_page_token: str | None = Field(description="For the next page; null on the last.")


def record(described: bytes) -> tuple[str, bytes]:
    """The id of a function that a worker has described, and the document to keep."""
    fields = orjson.loads(described)
    return fields["function_id"], orjson.dumps(fields | {"created_at": stamp(time.time())})


def whole(kept: bytes, until: float) -> bytes:
    """The answer about a function that is kept until a time of the day, in seconds."""
    return kept.removesuffix(b"}") + b',"expires_at":' + orjson.dumps(stamp(until)) + b"}"


def summary(kept: bytes) -> Mapping[str, Any]:
    """What a list has of a function."""
    fields = orjson.loads(kept)
    return {name: fields[name] for name in FunctionSummary.model_fields}
