"""What the documents show is what happens."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.ir.op import find, operations
from service.tasks.compute import compute
from service.tasks.messages import Declaration, Task
from tests.docs.documents import PAGES, SHOWN_HOST, Program, blocks, exchanges, pretty, programs, read_curl, run, send
from tests.service_process import HOST, ROOT, running_service

DIGITS = 1e-9  # numbers may differ in the last places from one linear algebra library to the next
SHAPES: dict[str, tuple[int | str, ...]] = {"X": ("m", "n"), "w": ("n",), "y": ("m",), "b": (), "x": (), "t": ()}
VARIABLES = {name: Declaration(shape) for name, shape in SHAPES.items()}
OPERATORS = {
    "add", "subtract", "multiply", "divide", "power", "negative", "getitem",
    "less", "less_equal", "greater", "greater_equal", "equal", "not_equal",
}  # fmt: skip
LANGUAGE = ROOT / "docs" / "language.md"
CLIENTS = ROOT / "docs" / "clients.md"


def name_of(page: Path) -> str:
    """A page's path in the repository."""
    return str(page.relative_to(ROOT))


each_page = pytest.mark.parametrize("page", PAGES, ids=name_of)
ASKING = [page for page in PAGES if any(exchanges(page))]
PROGRAMS = [pytest.param(program, id=f"{name_of(page)}:{program.line}") for page in PAGES for program in programs(page)]


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


@pytest.mark.parametrize("page", ASKING, ids=name_of)
def test_the_answers_are_real(page: Path, port: int) -> None:
    """The requests of a page, sent in its order, are answered as the page says, complete and equal."""
    wrong = [
        f"{page.name}:{exchange.line} {difference}"
        for exchange in exchanges(page)
        for difference in differences(json.loads(exchange.answer.text), send(exchange.request, port))
    ]
    assert not wrong


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_prints_what_is_shown(program: Program, port: int) -> None:
    """A client that a page shows is run as it stands, against the running service."""
    assert SHOWN_HOST in program.text
    assert run(program, port) == program.printed.text


@each_page
def test_every_program_shows_what_it_prints(page: Path) -> None:
    """No Python stands on a page that nothing runs; the language's own programs, and the clients', have other tests."""
    if page not in {LANGUAGE, CLIENTS}:
        assert [block.language for block in blocks(page)].count("python") == len(list(programs(page)))


def test_metrics_that_are_watched_exist(port: int) -> None:
    """Every family of metrics that a page names is shown."""
    with urllib.request.urlopen(f"http://{HOST}:{port}/metrics") as response:
        shown = set(re.findall(r"^# TYPE (\w+)", response.read().decode(), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"`(fluxion_\w+)`", page.read_text(encoding="utf-8"))}
    assert len(named) > 10
    assert not named - shown


def test_there_are_requests() -> None:
    """The pages are found, and the first thing that a reader sees is a request."""
    assert len(ASKING) > 20
    assert len(PROGRAMS) > 5
    assert ROOT / "README.md" in ASKING


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
    assert read_curl("curl -s -X DELETE localhost:8000/v1/a").method == "DELETE"
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
