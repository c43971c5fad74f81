"""The OpenAPI document and the graph format's JSON Schema, both made from the code.

`python -m service.api.document` writes them to `openapi/`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from service.api.access import is_open
from service.api.answering import Answering
from service.api.catalogue import OperationList
from service.api.declaring import REF, NpzArchive, OnnxFile, Problem, problems
from service.api.endpoints import ENDPOINTS
from service.api.function_documents import FunctionDocument, FunctionList
from service.api.graphs import Graph
from service.api.health import Alive, Readiness, State
from service.api.job_documents import JobDocument, JobEvents, JobResult
from service.api.metrics import Metrics
from service.api.requests import RegistrationRequest
from service.api.routes import Parts, routers
from service.functions.functions import Functions
from service.jobs.jobs import Jobs

TITLE = "Fluxion"
VERSION = "1.0.0"
DESCRIPTION = "Exact derivatives of expressions and graphs, as closed forms and as numbers."
KEY = {"type": "http", "scheme": "bearer", "description": "Needed where the service was given keys."}
DIALECT = "https://json-schema.org/draft/2020-12/schema"
FOLDER = Path(__file__).resolve().parents[2] / "openapi"
_OF_ENDPOINTS = {model for endpoint in ENDPOINTS for model in (endpoint.request, endpoint.answer)}
MODELS: tuple[type[BaseModel], ...] = (
    *sorted(_OF_ENDPOINTS, key=lambda model: model.__name__),
    Alive,
    FunctionDocument,
    FunctionList,
    JobDocument,
    JobEvents,
    JobResult,
    NpzArchive,
    OnnxFile,
    OperationList,
    Problem,
    Readiness,
    RegistrationRequest,
)


def document(parts: Iterable[APIRouter]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the routers' routes; every schema is a named component.

    What every route may answer because of who asks, and how often, is said here and not by each of them.
    """
    routes = [route for part in parts for route in part.routes]
    whole = get_openapi(title=TITLE, version=VERSION, description=DESCRIPTION, routes=routes)
    _, definitions = models_json_schema([(model, "validation") for model in MODELS], ref_template=REF)
    for path, operations in whole["paths"].items():
        for operation in () if is_open(path) else operations.values():
            operation["security"] = [{}, {"key": []}]
            added = {str(status): answer for status, answer in problems(401, 429).items()}
            operation["responses"] = dict(sorted((operation["responses"] | added).items()))
    return whole | {"components": {"schemas": definitions["$defs"], "securitySchemes": {"key": KEY}}}


def graph_schema() -> dict[str, Any]:
    """The JSON Schema of the graph format."""
    return {"$schema": DIALECT, "$id": "urn:fluxion:schema:graph:1"} | Graph.model_json_schema()


def files() -> dict[str, str]:
    """The text of each generated file by its name in `openapi/`."""
    never_called = cast("Answering", None)
    parts = routers(Parts(never_called, cast("Functions", None), cast("Jobs", None), list, State(), Metrics(State())))
    return {"openapi.json": _text(document(parts)), "graph.schema.json": _text(graph_schema())}


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
