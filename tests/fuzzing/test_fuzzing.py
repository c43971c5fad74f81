"""The service and its document agree, both ways."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.api.endpoints import ENDPOINTS
from tests.fuzzing.running import DOCUMENT, fuzz
from tests.service_process import running_service

EXAMPLES = 12  # of each operation, beside some five thousand that the deterministic phases make up


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a running service."""
    with running_service(log_level="error") as number:
        yield number


@pytest.mark.timeout(300)
def test_nothing_breaks_the_document(port: int) -> None:
    """No answer has a status or a form that is not documented, none is a defect, and what is wrong is refused."""
    found = fuzz(port, EXAMPLES, "--generation-deterministic")
    assert not found.failures, found.output
    assert found.requests > 2000
    assert all(found.accepted[f"POST /v1/{endpoint.kind}"] > 1 for endpoint in ENDPOINTS), found.accepted


def test_a_document_that_is_wrong_is_noticed(port: int, tmp_path: Path) -> None:
    """The run fails where the service answers a status and a form that the document does not have."""
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    answers = document["paths"]["/v1/evaluate"]["post"]["responses"]
    del answers["422"]
    document["components"]["schemas"]["ValueAnswer"]["properties"]["function_id"]["pattern"] = "^f2_"
    (tmp_path / "wrong.json").write_text(json.dumps(document), encoding="utf-8")
    options = ["--include-operation-id", "evaluate", "--continue-on-failure", "--generation-deterministic"]
    found = fuzz(port, 5, *options, document=str(tmp_path / "wrong.json"))
    assert {failure["type"] for failure in found.report["failures"]} >= {"UndefinedStatusCode", "JsonSchemaError"}
