"""The documents that are made from the code."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.testclient import TestClient

from service.api import catalogue as catalogue_module
from service.api.document import files
from service.api.endpoints import ENDPOINTS, Endpoint
from service.api.examples import REQUESTS
from service.api.jobs import EVENTS
from service.settings import Settings
from service.settings.page import page
from service.tasks.messages import MODELLED
from tests.api.stub import OPERATION
from tests.api.test_requests import GRAPH

ROOT = Path(__file__).resolve().parents[2]
FINE = {"2", "3"}  # first figures of statuses that are no problem
OPERATION_IDS = {
    "create_function",
    "get_function",
    "list_functions",
    "evaluate",
    "gradient",
    "jacobian",
    "hessian",
    "derivative",
    "jvp",
    "vjp",
    "hvp",
    "taylor",
    "check",
    "analyze",
    "explain",
    "metrics",
    "plan",
    "list_operations",
    "get_job",
    "get_job_result",
    "stream_job",
    "cancel_job",
    "healthz",
    "readyz",
}


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    """The OpenAPI document."""
    loaded: dict[str, Any] = json.loads(files()["openapi.json"])
    return loaded


@pytest.fixture(scope="module")
def graph_format() -> jsonschema.Draft202012Validator:
    """The JSON Schema of graphs."""
    schema = json.loads(files()["graph.schema.json"])
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def operations(whole: dict[str, Any]) -> list[dict[str, Any]]:
    """Every operation of the document."""
    return [operation for path in whole["paths"].values() for operation in path.values()]


@pytest.mark.parametrize("name", ["openapi.json", "graph.schema.json"])
def test_what_is_committed_is_current(name: str) -> None:
    """`python -m service.api.document` was run after the last change."""
    assert (ROOT / "openapi" / name).read_text(encoding="utf-8") == files()[name]


def test_the_settings_page_is_current() -> None:
    """`python -m service.settings` was run after the last change."""
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == page()


def test_every_setting_is_explained() -> None:
    """A name alone does not say what a setting does."""
    assert not [name for name, field in Settings.model_fields.items() if not field.description]


def test_it_is_valid(whole: dict[str, Any]) -> None:
    """The document is OpenAPI 3.1."""
    assert whole["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(whole).validate()


def test_operation_ids(whole: dict[str, Any]) -> None:
    """Generated clients get the names of the contract."""
    assert {operation["operationId"] for operation in operations(whole)} == OPERATION_IDS


def test_every_schema_is_named_and_described(whole: dict[str, Any]) -> None:
    """Components have a title and a description, and nothing of FastAPI's own is left."""
    schemas = whole["components"]["schemas"]
    assert all(schema["title"] == name and schema["description"] for name, schema in schemas.items())
    assert "HTTPValidationError" not in json.dumps(whole)
    assert {"ComputeRequest", "Tensor", "Size", "GetitemIndex", "Graph", "Problem", "DerivativeBlock"} <= set(schemas)


def test_every_operation_has_examples_and_problems(whole: dict[str, Any]) -> None:
    """Bodies and answers are components with an example; errors are problem documents."""
    problem = {"$ref": "#/components/schemas/Problem"}
    for operation in operations(whole):
        bodies = [operation["requestBody"]["content"]] if "requestBody" in operation else []
        for content in (*bodies, operation["responses"]["200"]["content"]):
            if "text/plain" in content:
                continue  # /metrics, which is Prometheus' own
            stated = EVENTS if operation["operationId"] == "stream_job" else "application/json"
            assert set(content) - {"application/x-npz", "application/onnx"} == {stated}
            assert all(set(described["schema"]) == {"$ref"} for described in content.values())
            assert content[stated]["example"]
        failures = {status: r for status, r in operation["responses"].items() if status[0] not in FINE}
        assert "500" in failures
        assert all(r["content"]["application/problem+json"]["schema"] == problem for r in failures.values())
        assert all(len(r["content"]) == 1 for r in failures.values())


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.kind)
def test_computations_are_asked_and_answered_in_binary_too(whole: dict[str, Any], endpoint: Endpoint) -> None:
    """JSON stands first, since generated clients take the first."""
    operation = whole["paths"][f"/v1/{endpoint.kind}"]["post"]
    for described in (operation["requestBody"], operation["responses"]["200"]):
        answers_model = endpoint.kind in MODELLED and described is not operation["requestBody"]
        more = ["application/onnx"] if answers_model else []
        assert list(described["content"]) == ["application/json", *more, "application/x-npz"]
    assert whole["components"]["schemas"]["NpzArchive"]["format"] == "binary"


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.kind)
def test_example_requests_fit_the_schema(whole: dict[str, Any], endpoint: Endpoint) -> None:
    """What the document shows is what it describes."""
    component = {"$ref": f"#/components/schemas/{endpoint.request.__name__}", **whole}
    jsonschema.Draft202012Validator(component).validate(REQUESTS[endpoint.kind])


@pytest.mark.parametrize(
    "at", [True, None, "nan", [True], {"shape": [1]}, {"shape": [1], "data": [1], "x": 1}, {"shape": 1, "data": []}]
)
def test_the_schema_refuses_what_the_service_refuses(whole: dict[str, Any], at: Any) -> None:
    """A tensor in the document is no wider than a tensor in the service."""
    request = {"expression": "x", "at": {"x": at}}
    schema = {"$ref": "#/components/schemas/ComputeRequest", **whole}
    assert not jsonschema.Draft202012Validator(schema).is_valid(request)


def test_a_graph_fits_its_schema(graph_format: jsonschema.Draft202012Validator) -> None:
    """Every feature of the format is described."""
    graph_format.validate(GRAPH)
    graph_format.validate(REQUESTS["jacobian"]["graph"])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["version"], 2),
        (["outputs"], []),
        (["surplus"], 1),
        (["inputs", 0, "shape"], [-1]),
        (["inputs", 0, "name"], "_x"),
        (["constants", 0, "data"], [None]),
        (["nodes", 0, "attributes", "index"], 1.5),
        (["nodes", 0, "op"], 1),
    ],
)
def test_what_is_no_graph(graph_format: jsonschema.Draft202012Validator, path: list[str | int], value: Any) -> None:
    """The schema refuses what the service refuses."""
    graph = copy.deepcopy(GRAPH)
    target: Any = graph
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    assert not graph_format.is_valid(graph)


def test_the_service_serves_its_document(client: TestClient) -> None:
    """What is served is what is committed."""
    assert client.get("/openapi.json").json() == json.loads(files()["openapi.json"])


def test_the_page_is_made_of_our_own_files(client: TestClient) -> None:
    """The page works offline, under a policy that allows nothing from elsewhere and nothing inline."""
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http:" not in page.text
    assert "https:" not in page.text
    loaded = re.findall(r'(?:src|href)="(/[^"]+)"', page.text)
    assert len(loaded) == 4
    for address in loaded:
        response = client.get(address)
        assert response.status_code == 200
        assert "cdn" not in response.headers["content-type"]
    again = client.get("/docs/docs.js", headers={"If-None-Match": client.get("/docs/docs.js").headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_vendored_files_are_untouched() -> None:
    """Every foreign file is the one that its package has."""
    import base64
    import hashlib

    folder = ROOT / "service" / "api" / "static"
    (package,) = json.loads((folder / "VENDOR.json").read_text(encoding="utf-8"))
    assert {"name", "version", "licence", "integrity", "files"} <= set(package)
    for name, integrity in package["files"].items():
        digest = hashlib.sha512((folder / name).read_bytes()).digest()
        assert integrity == "sha512-" + base64.b64encode(digest).decode()


def test_the_table_of_operations() -> None:
    """A bar within a cell does not split it."""
    assert catalogue_module.table([OPERATION]).splitlines() == [
        "| name | signature | summary | shape_rule | derivative_rule | example | aliases | family |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        r"| exp | exp(x) | exponential | the shape of x | exp(x) \| itself | exp(x) | e_to | elementwise |",
    ]


def test_the_commands_print_the_pages() -> None:
    """The settings page is made by the command that it names."""
    command = [sys.executable, "-m", "service.settings"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout == page()
