"""What the page of the clients says to do is done in an empty folder, and ends as the page says."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.checkout import checkout, search_path
from tests.docs.documents import SHOWN_HOST, blocks
from tests.service_process import HOST, ROOT, running_service

PAGE = ROOT / "docs" / "clients.md"
CHECKOUT = "~/fluxion"
PROGRAMS = re.compile(r"\b(\w+\.(?:py|mts))\b")
FILES = re.compile(r"^(?:#|//) (\S+\.(?:py|mts))$", re.MULTILINE)


@dataclass(frozen=True)
class Steps:
    """The files that the page shows, and each block of lines with what it prints."""

    files: dict[str, str]
    lines: list[tuple[str, str]]


def steps(language: str) -> Steps:
    """What the page says to do in a language."""
    _, *sections = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (section,) = [text for text in sections if text.startswith(language)]
    shown = [block for block in blocks(PAGE) if block.text in section]
    files = {FILES.match(block.text)[1]: block.text for block in shown if FILES.match(block.text)}  # type: ignore[index]
    runs = [block.text for block in shown if block.language == "sh"]
    return Steps(files, list(zip(runs, [block.text for block in shown if block.language == "text"], strict=True)))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a running service."""
    with running_service() as number:
        yield number


@pytest.mark.timeout(300)
@pytest.mark.parametrize("language", ["Python", "TypeScript"])
def test_the_lines_end_as_shown(language: str, port: int, tmp_path: Path) -> None:
    """A client is made, installed and used; every block of lines prints what is shown, at its end."""
    own, empty = checkout(tmp_path / "checkout"), tmp_path / "empty"
    empty.mkdir()
    asked = steps(language)
    assert set(asked.files) == {name for lines, _ in asked.lines for name in PROGRAMS.findall(lines)}
    for name, text in asked.files.items():
        (empty / name).write_text(text.replace(SHOWN_HOST, f"{HOST}:{port}"), encoding="utf-8")
    variables = os.environ | {"PATH": search_path(tmp_path / "bin"), "FLUXION_URL": f"http://{HOST}:{port}"}
    variables |= {"PIP_NO_INPUT": "1", "npm_config_fund": "false", "npm_config_audit": "false"}
    variables.pop("PYTHONPATH", None)
    for lines, shown in asked.lines:
        script = "set -e\n" + lines.replace(CHECKOUT, str(own))
        done = subprocess.run(
            ["/bin/sh", "-c", script], cwd=empty, env=variables, capture_output=True, check=False, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.endswith(shown), done.stdout
