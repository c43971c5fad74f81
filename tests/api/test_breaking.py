"""Clients that were written for the document of before work with that of today."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.api.breaking import CURRENT, FROZEN, bare, breaking

Document = dict[str, Any]
Change = Callable[[Document], Any]


@pytest.fixture(scope="module")
def document() -> Document:
    """The document of today."""
    loaded: Document = json.loads(CURRENT.read_text(encoding="utf-8"))
    return loaded


def gradient(document: Document) -> Any:
    """The description of an operation."""
    return document["paths"]["/v1/gradient"]["post"]


def schema(document: Document, name: str) -> Any:
    """A component."""
    return document["components"]["schemas"][name]


def properties(document: Document, name: str) -> Any:
    """The properties of a component."""
    return schema(document, name)["properties"]


BREAKING: dict[str, tuple[str, Change]] = {
    "a path": ("POST /v1/vjp: gone", lambda d: d["paths"].pop("/v1/vjp")),
    "a method": ("DELETE /v1/jobs/{job_id}: gone", lambda d: d["paths"]["/v1/jobs/{job_id}"].pop("delete")),
    "an operation's name": ("is called grad", lambda d: gradient(d).update(operationId="grad")),
    "a component": ("Fault: the schema is gone", lambda d: rename(d, "Fault", "Flaw")),
    "a status": ("the status 202 is gone", lambda d: gradient(d)["responses"].pop("202")),
    "a media type": ("x-npz is gone", lambda d: gradient(d)["requestBody"]["content"].pop("application/x-npz")),
    "the first media type": ("comes first now", lambda d: reverse(gradient(d)["responses"]["200"])),
    "keys": ("now needs a key", lambda d: gradient(d).update(security=[{"key": []}])),
    "a parameter": ("parameter Prefer is gone", lambda d: gradient(d)["parameters"].pop(0)),
    "a needed parameter": ("X is now required", lambda d: gradient(d)["parameters"].append(parameter(required=True))),
    "an answer's field": (".trace_id: gone", lambda d: properties(d, "Problem").pop("trace_id")),
    "a field deep in": ("shape: gone", lambda d: properties(d, "TensorAnswer").pop("shape")),
    "a field that may be missing": ("may be missing", lambda d: schema(d, "DerivativeBlock")["required"].remove("wrt")),
    "an answer's type": ("the type is string", lambda d: properties(d, "Problem")["status"].update(type="string")),
    "an answer that may be null": ("a new kind", lambda d: nullable(properties(d, "DerivativeBlock"), "output")),
    "an answer's value": ('"odd" answered now', lambda d: properties(d, "JobDocument")["status"]["enum"].append("odd")),
    "an answer of any value": ("answered now", lambda d: properties(d, "JobDocument")["status"].pop("enum")),
    "a request's field": (".layout: gone", lambda d: properties(d, "ComputeRequest").pop("layout")),
    "a needed field": ("verify: now required", lambda d: schema(d, "ComputeRequest").update(required=["verify"])),
    "a request's value": ("no longer taken", lambda d: properties(d, "ComputeRequest")["syntax"]["enum"].pop()),
    "a request's type": ("the type is integer", lambda d: properties(d, "CheckRequest")["step"].update(type="integer")),
    "a request's kind": ("FlatTensor is no longer taken", lambda d: schema(d, "Tensor")["anyOf"].pop()),
    "a bound": ("minimum is 2", lambda d: properties(d, "TaylorRequest")["order"].update(minimum=2)),
    "a pattern": ("pattern is ^a", lambda d: properties(d, "ComputeRequest")["expression"].update(pattern="^a")),
    "free properties": ("further properties", lambda d: schema(d, "NodeAttributes").update(additionalProperties=False)),
}
HARMLESS: dict[str, Change] = {
    "a path": lambda d: d["paths"].update({"/v1/new": {"get": {"operationId": "new", "responses": {}}}}),
    "a status": lambda d: gradient(d)["responses"].update({"418": {"description": "a teapot"}}),
    "a media type": lambda d: gradient(d)["responses"]["200"]["content"].update({"text/csv": {"schema": {}}}),
    "a parameter": lambda d: gradient(d)["parameters"].append(parameter(required=False)),
    "an answer's field": lambda d: properties(d, "Problem").update(hint={"type": "string"}),
    "an answer's field that is always there": lambda d: schema(d, "Problem")["required"].append("trace_id"),
    "a request's field": lambda d: properties(d, "ComputeRequest").update(hint={"type": "string"}),
    "a request's value": lambda d: properties(d, "ComputeRequest")["syntax"]["enum"].append("fortran"),
    "a request's type": lambda d: properties(d, "TaylorRequest")["order"].update(type="number"),
    "a request's kind": lambda d: schema(d, "Tensor")["anyOf"].append({"type": "boolean"}),
    "an answer's value that is gone": lambda d: properties(d, "JobDocument")["status"]["enum"].pop(),
    "a wider bound": lambda d: properties(d, "TaylorRequest")["order"].pop("minimum"),
    "words": lambda d: gradient(d).update(description="other words", summary="others"),
}


def parameter(*, required: bool) -> Document:
    """A header that there was not before."""
    return {"in": "header", "name": "X", "required": required, "schema": {"type": "string"}}


def reverse(described: Any) -> None:
    """The media types in the other order."""
    described["content"] = dict(reversed(described["content"].items()))


def rename(document: Document, old: str, new: str) -> None:
    """Another name for a component."""
    schemas = document["components"]["schemas"]
    schemas[new] = schemas.pop(old)
    text = json.dumps(document).replace(f'"#/components/schemas/{old}"', f'"#/components/schemas/{new}"')
    document.update(json.loads(text))


def nullable(described: Any, name: str) -> None:
    """A property that may be null."""
    described[name] = {"anyOf": [described[name], {"type": "null"}]}


def test_nothing_breaks(document: Document) -> None:
    """What clients rely on is there; a change that breaks them is frozen on purpose or not made."""
    assert not breaking(json.loads(FROZEN.read_text(encoding="utf-8")), document)


@pytest.mark.parametrize("kind", BREAKING)
def test_a_change_that_breaks_is_found(document: Document, kind: str) -> None:
    """Each kind is told, with its place."""
    words, change = BREAKING[kind]
    changed = copy.deepcopy(document)
    change(changed)
    found = breaking(bare(document), changed)
    assert any(words in line for line in found), found


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_is_added_breaks_nothing(document: Document, kind: str) -> None:
    """The interface can grow."""
    changed = copy.deepcopy(document)
    HARMLESS[kind](changed)
    assert changed != document
    assert not breaking(bare(document), changed)


def test_what_people_read_is_not_frozen(document: Document) -> None:
    """Words are left out, properties that are called like them are not."""
    kept = bare(document)
    assert "title" in kept["components"]["schemas"]["Problem"]["properties"]
    assert "title" not in kept["components"]["schemas"]["Problem"]
    assert breaking(kept, kept) == []
