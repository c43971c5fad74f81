"""The requests and answers that the documents show.

A request is a block of `sh` with one curl command; the block of `json` after it, if there is one, is its answer.
`python -m tests.docs.documents` starts the service and writes its real answers in place of those shown.
"""

from __future__ import annotations

import http.client
import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.service_process import HOST, ROOT, running_service

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*.md")])
SHOWN_HOST = "localhost:8000"
WIDTH = 110
_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, its text, and where the text stands in the page."""

    language: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Request:
    """An HTTP request as curl would send it."""

    method: str
    path: str
    headers: dict[str, str]
    body: str | None


@dataclass(frozen=True)
class Exchange:
    """A request on a page and the block that shows its answer."""

    page: Path
    line: int
    request: Request
    answer: Block


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page."""
    found = _BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [Block(match["language"], match["text"], match.start("text"), match.end("text")) for match in found]


def exchanges(page: Path) -> Iterator[Exchange]:
    """Every request of a page that an answer follows."""
    text, listed = page.read_text(encoding="utf-8"), blocks(page)
    for number, block in enumerate(listed):
        if block.language == "sh" and block.text.startswith("curl "):
            if number + 1 == len(listed) or listed[number + 1].language != "json":
                message = f"{page.name}: a request without an answer: {block.text[:80]}"
                raise ValueError(message)
            line = text.count("\n", 0, block.start) + 1
            yield Exchange(page, line, read_curl(block.text), listed[number + 1])


def read_curl(command: str) -> Request:
    """The request of a curl command; only the options that the pages use are known."""
    words = iter(shlex.split(command)[1:])
    address, headers, body = "", dict[str, str](), None
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(words)
        elif word.startswith("-") and word != "-s":
            message = f"curl's option {word} is not read here"
            raise ValueError(message)
        elif word != "-s":
            address = word
    host, slash, path = address.partition("/")
    if host != SHOWN_HOST:
        message = f"a page asks {address}, not {SHOWN_HOST}"
        raise ValueError(message)
    return Request("GET" if body is None else "POST", slash + path, headers, body)


def send(request: Request, port: int) -> Any:
    """The answer of the service at a port."""
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    connection.request(request.method, request.path, request.body, request.headers)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    if isinstance(answer, dict):
        answer.pop("trace_id", None)  # another one in every answer
    return answer


def pretty(value: Any, indent: int = 0) -> str:
    """JSON on as few lines as the width allows."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= WIDTH or not isinstance(value, dict | list) or not value:
        return line
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {pretty(entry, indent + 2)}" for key, entry in value.items()]
    else:
        parts = [pretty(entry, indent + 2) for entry in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n{inner}" + f",\n{inner}".join(parts) + f"\n{' ' * indent}{closing}"


def rewrite(page: Path, ask: Callable[[Request], Any]) -> None:
    """Put the real answers into a page."""
    text = page.read_text(encoding="utf-8")
    for exchange in reversed(list(exchanges(page))):
        block = exchange.answer
        text = text[: block.start] + pretty(ask(exchange.request)) + "\n" + text[block.end :]
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    with running_service() as served:
        for written in PAGES:
            rewrite(written, lambda request: send(request, served))
