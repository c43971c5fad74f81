"""What the documents show is what happens."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from service.ir.op import find, operations
from service.tasks.compute import compute
from service.tasks.messages import Declaration, Task
from tests.docs.documents import PAGES, SHOWN_HOST, Exchange, blocks, exchanges, pretty, read_curl, send
from tests.service_process import HOST, ROOT, running_service

DIGITS = 1e-9  # numbers may differ in the last places from one linear algebra library to the next
SHAPES: dict[str, tuple[int | str, ...]] = {"X": ("m", "n"), "w": ("n",), "y": ("m",), "b": (), "x": (), "t": ()}
VARIABLES = {name: Declaration(shape) for name, shape in SHAPES.items()}
OPERATORS = {
    "add", "subtract", "multiply", "divide", "power", "negative", "getitem",
    "less", "less_equal", "greater", "greater_equal", "equal", "not_equal",
}  # fmt: skip
LANGUAGE = ROOT / "docs" / "language.md"
EXCHANGES = [
    pytest.param(exchange, id=f"{page.relative_to(ROOT)}:{exchange.line}")
    for page in PAGES
    for exchange in exchanges(page)
]
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a running service."""
    with running_service() as number:
        yield number


def differences(shown: Any, real: Any, where: str = "") -> list[str]:
    """Where two JSON values differ; numbers may differ by rounding alone."""
    if isinstance(shown, dict) and isinstance(real, dict) and shown.keys() == real.keys():
        return [line for key in real for line in differences(shown[key], real[key], f"{where}/{key}")]
    if isinstance(shown, list) and isinstance(real, list) and len(shown) == len(real):
        return [line for k, entry in enumerate(real) for line in differences(shown[k], entry, f"{where}/{k}")]
    if isinstance(shown, float) and isinstance(real, float):
        return [] if math.isclose(shown, real, rel_tol=DIGITS, abs_tol=DIGITS) else [f"{where}: {shown}, is {real}"]
    return [] if shown == real else [f"{where}: {shown}, is {real}"]


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_the_answer_is_real(exchange: Exchange, port: int) -> None:
    """Every request that a page shows is answered as the page says, complete and equal."""
    assert not differences(json.loads(exchange.answer.text), send(exchange.request, port))


PROGRAMS = [
    pytest.param(program.text, shown.text, id=f"{page.relative_to(ROOT)}:{program.start}")
    for page in PAGES
    for program, shown in pairwise(blocks(page))
    if (program.language, shown.language) == ("python", "text")
]


@pytest.mark.parametrize(("program", "shown"), PROGRAMS)
def test_a_program_prints_what_is_shown(program: str, shown: str, port: int) -> None:
    """A client that a page shows is run as it stands, against the running service."""
    assert SHOWN_HOST in program
    text = program.replace(SHOWN_HOST, f"{HOST}:{port}")
    done = subprocess.run([sys.executable, "-W", "error", "-c", text], capture_output=True, check=False, text=True)
    assert done.stdout == shown, done.stderr


def test_there_are_requests() -> None:
    """The pages are found, and the first thing that a reader sees is a request."""
    assert len(EXCHANGES) > 20
    assert PROGRAMS
    assert any(exchange.values[0].page.name == "README.md" for exchange in EXCHANGES)  # type: ignore[union-attr]


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    """A link within the repository names a file that exists."""
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


@each_page
def test_commands_exist(page: Path) -> None:
    """Every verb of ./dev that a page names is one."""
    usage = subprocess.run([sys.executable, str(ROOT / "dev")], capture_output=True, check=True, text=True).stdout
    verbs = set(re.findall(r"^  (\w+) ", usage, re.MULTILINE))
    named = set(re.findall(r"\./dev (\w+)", page.read_text(encoding="utf-8"))) - {"VERB"}
    assert named <= verbs


@pytest.mark.parametrize("syntax", ["python", "matlab", "latex"])
def test_programs_of_the_language_page_are_read(syntax: str) -> None:
    """Each block of a dialect on the page is a program of it."""
    programs = [block.text for block in blocks(LANGUAGE) if block.language == syntax]
    assert programs
    for program in programs:
        compute(Task("jacobian", program, syntax=syntax, variables=VARIABLES))


def test_functions_of_the_language_page_are_known() -> None:
    """Each function that the page lists exists, and each that exists is listed."""
    listed = names_between("known")
    assert not [name for name in listed if find(name) is None]
    callable_by_name = {op.name for op in operations().values() if not op.internal} - OPERATORS
    assert not callable_by_name - set(listed)


def names_between(mark: str) -> list[str]:
    """The names in code style between two comments of the language page."""
    found = re.search(rf"<!-- {mark} -->(.*?)<!-- end -->", LANGUAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    names: list[str] = re.findall(r"`(\w+)`", found[1])
    return names


def test_curl_is_read() -> None:
    """A command is read as the shell and curl read it."""
    request = read_curl("curl -s localhost:8000/v1/a -H 'Content-Type: application/json' -d '{\"b\": 1}'")
    assert (request.method, request.path, request.body) == ("POST", "/v1/a", '{"b": 1}')
    assert request.headers == {"Content-Type": "application/json"}
    with pytest.raises(ValueError, match="not read here"):
        read_curl("curl --upload-file x localhost:8000/")
    with pytest.raises(ValueError, match="not localhost"):
        read_curl("curl https://example.org/")


def test_answers_are_written_on_short_lines() -> None:
    """The written form is the same JSON."""
    value: dict[str, Any] = {"a": [{"b": list(range(40))}, "c"], "d": {}, "e": None, "f": "x" * 50}
    text = pretty(value)
    assert json.loads(text) == value
    assert text.count("\n") > 3
