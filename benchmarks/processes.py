"""Measuring in processes of their own, whose libraries have the number of threads that a table is about."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import machine

ROOT = Path(__file__).resolve().parents[1]


class FailedProcessError(Exception):
    """A process ended before it had measured everything; its own message is on the terminal."""


def lines(module: str, threads: int, *arguments: str) -> Iterator[dict[str, Any]]:
    """What `python -m module THREADS ARGUMENT ...` prints, line by line as JSON."""
    command = [sys.executable, "-m", module, str(threads), *arguments]
    with subprocess.Popen(  # noqa: S603 - a module of this repository
        command, cwd=ROOT, env=machine.environment(threads), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield json.loads(line)
    if process.returncode:
        raise FailedProcessError(module)
