"""Schemathesis against the running service: what is sent, and what came of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fuzzing.functions import register
from tests.service_process import HOST, ROOT

FOLDER = Path(__file__).parent
DOCUMENT = ROOT / "openapi" / "openapi.json"


@dataclass(frozen=True)
class Fuzzed:
    """What a run found; `report` is Schemathesis' own, `output` what it printed."""

    report: dict[str, Any]
    output: str

    @property
    def requests(self) -> int:
        """How many were sent."""
        return int(self.report["test_cases"]["generated"])

    @property
    def failures(self) -> int:
        """How many different ways were found in which the service breaks the document, or the run broke."""
        return int(self.report["test_cases"]["unique_failures"]) + len(self.report["errors"])

    @property
    def accepted(self) -> dict[str, int]:
        """How many requests that fit the document each operation answered as asked."""
        rates = self.report["valid_rates"].items()
        return {operation: sum(phase["accepted"] for phase in phases.values()) for operation, phases in rates}


def summary(rounds: Sequence[Fuzzed]) -> str:
    """The rounds of a run in one line."""
    tested = rounds[0].report["operations"]["tested"]
    accepted = sum(sum(found.accepted.values()) for found in rounds)
    requests, failures = (sum(getattr(found, field) for found in rounds) for field in ("requests", "failures"))
    return f"{requests} requests to {tested} operations, {accepted} of them answered as asked, {failures} failures"


def fuzz(port: int, examples: int, *options: str, document: str = "") -> Fuzzed:
    """The outcome of all checks on so many examples for each operation of the service at a port."""
    address = f"http://{HOST}:{port}"
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(FOLDER / "schemathesis.toml"), "run"]
        command += [document or f"{address}/openapi.json", "--url", address, "--max-examples", str(examples)]
        command += ["--report", "json", "--report-json-path", str(report), "--no-color", *options]
        variables = os.environ | {"PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.fuzzing.hooks"} | register(port)
        done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, check=False, text=True)
        if not report.is_file():
            raise RuntimeError(done.stdout + done.stderr)
        return Fuzzed(json.loads(report.read_text(encoding="utf-8")), done.stdout)


def further(port: int, examples: int, seed: int) -> Fuzzed:
    """The outcome of other requests than before, made up at random from another seed."""
    return fuzz(port, examples, "--phases", "fuzzing", "--seed", str(seed))
