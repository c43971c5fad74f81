"""The TypeScript client against the running service; the program is exercise.mts, which has to compile strictly."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clients.making import make_typescript, npm
from tests.clients.checkout import checkout, search_path
from tests.service_process import HOST, running_service

PROGRAM = Path(__file__).with_name("exercise.mts")
STRICT = ["--strict", "--skipLibCheck", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "nodenext"]
PACKAGES = ["typescript@5.9.3", "@types/node@24"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's project with the client installed."""
    folder = tmp_path_factory.mktemp("project")
    client = checkout(tmp_path_factory.mktemp("checkout")) / "clients" / "typescript"
    make_typescript(client)
    npm(folder, "install", "--install-links", str(client), *PACKAGES)
    return folder


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A program of the project."""
    path = search_path(folder / f"bin-{command[0]}")
    variables = os.environ | {"PATH": path}
    line = ["/usr/bin/env", f"PATH={path}", *command]
    return subprocess.run(line, cwd=folder, env=variables, capture_output=True, check=False, text=True)


@pytest.mark.timeout(300)
def test_every_way_of_asking(project: Path, tmp_path: Path) -> None:
    """One point, a batch, numbers that are not finite, a refusal, a job and its result, and binary both ways."""
    (project / PROGRAM.name).write_bytes(PROGRAM.read_bytes())
    compiled = run(project, "npx", "tsc", *STRICT, PROGRAM.name)
    assert compiled.returncode == 0, compiled.stdout
    request = np.frombuffer(json.dumps({"expression": "x**2", "forms": []}).encode(), np.uint8)
    members: dict[str, Any] = {"request": request, "at/x": np.arange(3.0)}
    np.savez(tmp_path / "sent.npz", **members)
    with running_service() as port:
        files = [str(tmp_path / "sent.npz"), str(tmp_path / "received.npz")]
        done = run(project, "node", PROGRAM.with_suffix(".mjs").name, f"http://{HOST}:{port}", *files)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "point": [2, 40],
        "form": "2*w*x",
        "batch": [3, 2, 40, 6, 80, 10, 120],
        "poles": ["Infinity", "NaN", "-Infinity"],
        "refusal": ["parse-error", 1, 1],
        "accepted": 202,
        "status": "succeeded",
        "result": [2, 0, 0, 2],
        "gone": "not-found",
    }
    with np.load(io.BytesIO((tmp_path / "received.npz").read_bytes()), allow_pickle=False) as answer:
        np.testing.assert_array_equal(answer["derivatives/0/value"], np.diag([0.0, 2.0, 4.0]))


WRONG = (
    'const body: Schemas["ComputeRequest"] = { expresion: "x" };',
    'connect("").POST("/v1/gradent", { body: { expression: "x" } });',
    'connect("").POST("/v1/gradient", { body: { expression: "x", layout: "sideways" } });',
    'connect("").POST("/v1/gradient", { body: { expression: "x", at: { x: true } } });',
    'connect("").POST("/v1/taylor", { body: { expression: "x" } });',
    'const answer = {} as Schemas["DerivativeAnswer"]; answer.derivative;',
)


@pytest.mark.timeout(300)
def test_what_the_document_does_not_have_does_not_compile(project: Path) -> None:
    """Misspelt fields and addresses, unknown values and missing fields are found before anything is sent."""
    lines = ['import { connect, type Schemas } from "fluxion-client";', *(f"{{ {line} }}" for line in WRONG)]
    (project / "wrong.mts").write_text("\n".join(lines), encoding="utf-8")
    done = run(project, "npx", "tsc", *STRICT, "--noEmit", "wrong.mts")
    found = {int(number) for number in re.findall(r"^wrong\.mts\((\d+),", done.stdout, re.MULTILINE)}
    assert found == set(range(2, len(lines) + 1)), done.stdout
