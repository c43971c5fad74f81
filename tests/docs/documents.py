"""The requests, programs and answers that the documents show.

A request is a block of `sh` with one curl command, and the block of `json` after it its answer. A program is a block of
`python`, and the block of `text` after it what it prints. `python -m tests.docs.documents`, with or without the names
of pages, starts the service and writes what is really answered and printed in place of what is shown.
"""

from __future__ import annotations

import http.client
import json
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.service_process import HOST, ROOT, running_service

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*.md")])
SHOWN_HOST = "localhost:8000"
SHOWN_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WIDTH = 110
_TIME = re.compile(r"(?<=_at\":\")[-0-9T:.]{23}Z(?=\")")
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


@dataclass(frozen=True)
class Program:
    """A program on a page, whole in one block, and the block that shows what it prints."""

    page: Path
    line: int
    text: str
    printed: Block


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
            yield Exchange(page, _line(text, block), read_curl(block.text), listed[number + 1])


def programs(page: Path) -> Iterator[Program]:
    """Every program of a page that its output follows."""
    text = page.read_text(encoding="utf-8")
    for block, after in pairwise(blocks(page)):
        if (block.language, after.language) == ("python", "text"):
            yield Program(page, _line(text, block), block.text, after)


def _line(text: str, block: Block) -> int:
    return text.count("\n", 0, block.start) + 1


def read_curl(command: str) -> Request:
    """The request of a curl command; only the options that the pages use are known."""
    words = iter(shlex.split(command)[1:])
    method, address, headers, body = None, "", dict[str, str](), None
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(words)
        elif word == "-X":
            method = next(words)
        elif word.startswith("-") and word != "-s":
            message = f"curl's option {word} is not read here"
            raise ValueError(message)
        elif word != "-s":
            address = word
    host, slash, path = address.partition("/")
    if host != SHOWN_HOST:
        message = f"a page asks {address}, not {SHOWN_HOST}"
        raise ValueError(message)
    return Request(method or ("GET" if body is None else "POST"), slash + path, headers, body)


def send(request: Request, port: int) -> Any:
    """The answer of the service at a port."""
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    connection.request(request.method, request.path, request.body, request.headers)
    answer = connection.getresponse().read().decode()
    connection.close()
    parsed = json.loads(_TIME.sub(_as_shown, answer))
    if isinstance(parsed, dict):
        parsed.pop("trace_id", None)  # another one in every answer
    return parsed


def _as_shown(time: re.Match[str]) -> str:
    """A time as it would be if it were `SHOWN_NOW`, to the minute: a page takes no longer than half of one."""
    minutes = round((datetime.fromisoformat(time[0]) - datetime.now(UTC)) / timedelta(minutes=1))
    return (SHOWN_NOW + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def run(program: Program, port: int) -> str:
    """What a program prints, run in an empty folder against the service at a port.

    Raises:
        RuntimeError: it fails, or warns.
    """
    text = program.text.replace(SHOWN_HOST, f"{HOST}:{port}")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-W", "error", "-c", text]
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False, text=True)
    if done.returncode:
        message = f"{program.page.name}:{program.line}: {done.stderr}"
        raise RuntimeError(message)
    return done.stdout


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


def rewrite(page: Path, ask: Callable[[Request], Any], execute: Callable[[Program], str]) -> None:
    """Put the real answers and outputs into a page, asked for in the order of the page."""
    real = [(shown.answer, pretty(ask(shown.request)) + "\n") for shown in exchanges(page)]
    real += [(shown.printed, execute(shown)) for shown in programs(page)]
    text = page.read_text(encoding="utf-8")
    for block, written in sorted(real, key=lambda pair: pair[0].start, reverse=True):
        text = text[: block.start] + written + text[block.end :]
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    with running_service() as served:
        for named in [Path(name).resolve() for name in sys.argv[1:]] or PAGES:
            rewrite(named, lambda request: send(request, served), lambda program: run(program, served))
