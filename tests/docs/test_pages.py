"""The pages are complete, lead to one another, and say everything once."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.documents import PAGES, SHOWN_HOST, exchanges, programs
from tests.service_process import ROOT

DOCS = ROOT / "docs"
OVERVIEW = DOCS / "http.md"
SHARED = (OVERVIEW, *(DOCS / f"{name}.md" for name in ("graph", "structure", "verify")))  # what several endpoints have
INDEX = DOCS / "README.md"
DOCUMENT = json.loads((ROOT / "openapi" / "openapi.json").read_text(encoding="utf-8"))
COMPONENTS = DOCUMENT["components"]["schemas"]
OPERATIONS = [
    pytest.param(method.upper(), path, operation, id=operation["operationId"])
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
SENTENCE = 60  # characters from which on two equal sentences are no coincidence
each_operation = pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def text_of(page: Path) -> str:
    """A page as it is written."""
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)


def links(page: Path) -> list[str]:
    """What a page links to, but for other sites."""
    return re.findall(r"\]\(((?!https?:)[^)\s]+)\)", prose(page))


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings can be linked to."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def page_of(method: str, path: str) -> Path:
    """The page that the overview links an endpoint to; names within braces do not matter."""
    rows: list[tuple[str, str, str]] = re.findall(r"\[`(\w+) (/\S*)`\]\(([^)#]+)", text_of(OVERVIEW))
    found = {(verb, bare(address)): OVERVIEW.parent / page for verb, address, page in rows}
    assert (method, bare(path)) in found, "docs/http.md has no link to a page for it"
    return found[method, bare(path)]


def bare(path: str) -> str:
    """An address without the names of its parts."""
    return re.sub(r"\{.*?\}", "{}", path)


def properties(schema: Any, seen: set[str]) -> set[str]:
    """The names of all properties of a schema and of those that it refers to, each looked at once."""
    if isinstance(schema, list):
        return {name for part in schema for name in properties(part, seen)}
    if not isinstance(schema, dict):
        return set()
    reference = schema.get("$ref", "").removeprefix("#/components/schemas/")
    if reference and reference not in seen:
        seen.add(reference)
        return properties(COMPONENTS[reference], seen)
    own = set(schema["properties"]) if isinstance(schema.get("properties"), dict) else set()
    parts = (part for key, part in schema.items() if key not in {"examples", "example", "default", "$ref"})
    return own | {name for part in parts for name in properties(part, seen)}


def content(part: Any) -> Any:
    """The JSON schema of a request body or of a response."""
    return part.get("content", {}).get("application/json", {}).get("schema", {})


def said_on(page: Path) -> set[str]:
    """The words that a page has in code style or as keys of JSON."""
    return {word for pair in re.findall(r"`\"?(\w+)\"?`|\"(\w+)\":", text_of(page)) for word in pair}


# The pages of computations by the component that each answers: the result of a job is one of them.
ANSWERED = {
    content(operation["responses"]["200"])["$ref"].rpartition("/")[2]: page_of("POST", path)
    for path, methods in DOCUMENT["paths"].items()
    for operation in methods.values()
    if "compute" in operation["tags"]
}


@each_operation
def test_its_request_is_shown(method: str, path: str, operation: dict[str, Any]) -> None:
    """The page of an operation shows a request to it that a test sends."""
    page = page_of(method, path)
    address = re.sub(r"\\{\w+\\}", r"[^/\\s]+", re.escape(path))
    asked = [exchange.request for exchange in exchanges(page)]
    by_curl = any(r.method == method and re.fullmatch(rf"{address}(\?.*)?", r.path) for r in asked)
    before = rf"(\"|{SHOWN_HOST})" if method == "GET" else rf"\"{method}\", f?\""
    assert by_curl or any(re.search(rf"{before}{address}[\"?]", program.text) for program in programs(page))


@each_operation
def test_its_fields_are_explained(method: str, path: str, operation: dict[str, Any]) -> None:
    """What an operation takes and answers is named on its page, on one that several share, or where it is answered."""
    answered: set[str] = set()
    fields = properties(content(operation.get("requestBody", {})), set())
    fields |= properties(content(operation["responses"]["200"]), answered)
    pages = {page_of(method, path), *SHARED, *(page for name, page in ANSWERED.items() if name in answered)}
    assert not fields.difference(*map(said_on, pages))


@each_operation
def test_an_error_is_shown(method: str, path: str, operation: dict[str, Any]) -> None:
    """Where a client can be at fault, the page shows what it is told."""
    page = page_of(method, path)
    if {"404", "406", "422"} & operation["responses"].keys():
        assert any("code" in json.loads(exchange.answer.text) for exchange in exchanges(page))


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    """A link within the repository names a file that exists, and a heading that is in it."""
    for link in links(page):
        name, _, heading = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not heading or heading in anchors(target), link


def test_every_page_is_found() -> None:
    """The index leads to every page of docs/, by way of the overview to those of endpoints."""
    reached = {(page.parent / link.partition("#")[0]).resolve() for page in (INDEX, OVERVIEW) for link in links(page)}
    pages = {page.resolve() for page in DOCS.rglob("*.md") if "adr" not in page.parts} - {INDEX.resolve()}
    assert not pages - reached


def sentences(page: Path) -> Iterator[str]:
    """The sentences of a page outside of its tables."""
    for paragraph in re.split(r"\n\n|\n(?=- )", re.sub(r"^\|.*$", "", prose(page), flags=re.MULTILINE)):
        yield from re.split(r"(?<=[.:;]) ", " ".join(paragraph.split()))


def test_nothing_is_said_twice() -> None:
    """What is true in two places is said in one, and the other links to it."""
    said = Counter(sentence for page in PAGES for sentence in sentences(page) if len(sentence) >= SENTENCE)
    assert not [sentence for sentence, count in said.items() if count > 1]
