"""Rows that tests show: their figures are the lines that the tests print after the number of a row."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence

from benchmarks import machine
from benchmarks.faults.finding import Finding
from benchmarks.processes import ROOT

LINE = re.compile(r"(?:^|[.sx])([FT]\d+)(?:-T\d+)? (.+)$", re.MULTILINE)
PATIENCE = 900.0  # seconds


def shown(row: str, *tests: str) -> Finding:
    """What the tests print under the row; it is broken if one of them fails."""
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(  # noqa: S603 - tests of this repository
        command, cwd=ROOT, env=machine.environment(1), capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    figures = _figures(row, done.stdout)
    counted = re.findall(r"\d+ (?:passed|failed|error)", done.stdout)
    told = figures or [f"{', '.join(counted)} of {' '.join(tests)}"]
    return Finding("; ".join(told), [f"tests failed: {done.stdout[-300:]}"] if done.returncode else [])


def _figures(row: str, output: str) -> Sequence[str]:
    return list(dict.fromkeys(text.strip() for found, text in LINE.findall(output) if found == row))
