"""Schemathesis against the running service: what is sent, and what came of it."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.service_process import HOST, ROOT

FOLDER = Path(__file__).parent
DOCUMENT = ROOT / "openapi" / "openapi.json"
FEW = 1  # examples of an operation, for which the deterministic phases are most of the run


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

    def __str__(self) -> str:
        accepted, tested = sum(self.accepted.values()), self.report["operations"]["tested"]
        return (
            f"{self.requests} requests to {tested} operations, {accepted} of them computed or answered as asked, "
            f"{self.failures} failures"
        )


def per_operation(examples: int) -> int:
    """How many examples each operation with a body needs for so many in all."""
    paths = json.loads(DOCUMENT.read_text(encoding="utf-8"))["paths"].values()
    with_body = sum("requestBody" in operation for path in paths for operation in path.values())
    return math.ceil(examples / with_body)


def fuzz(port: int, examples: int = FEW, *options: str, document: str = "") -> Fuzzed:
    """The outcome of all checks on so many examples for each operation of the service at a port."""
    address = f"http://{HOST}:{port}"
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(FOLDER / "schemathesis.toml"), "run"]
        command += [document or f"{address}/openapi.json", "--url", address, "--max-examples", str(examples)]
        command += ["--report", "json", "--report-json-path", str(report), "--no-color", *options]
        variables = os.environ | {"PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.fuzzing.hooks"}
        done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, check=False, text=True)
        if not report.is_file():
            raise RuntimeError(done.stdout + done.stderr)
        return Fuzzed(json.loads(report.read_text(encoding="utf-8")), done.stdout)


def seeded(seed: int) -> Sequence[str]:
    """The options for a run that sends the same on every machine."""
    return ("--seed", str(seed), "--generation-deterministic")
