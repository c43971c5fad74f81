"""wrk, the load generator: the one on PATH, or Debian's package unpacked into the checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.processes import ROOT

FOLDER = ROOT / ".dev" / "wrk"
PACKAGES = ("wrk", "libluajit-5.1-2")
CONNECTIONS = 32


class NoLoadError(Exception):
    """wrk is not there and cannot be fetched."""


def requests_per_second(port: int, script: str, seconds: int, path: str) -> float:
    """What one thread of wrk gets from a server in a while; an answer that is no 2xx is an error."""
    program, variables = _found()
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        command = [
            program,
            "-t1",
            f"-c{CONNECTIONS}",
            f"-d{seconds}",
            "-s",
            file.name,
            f"http://127.0.0.1:{port}{path}",
        ]
        done = subprocess.run(  # noqa: S603 - wrk
            command, env=variables, capture_output=True, text=True, timeout=60 + seconds, check=True
        )
    if "Non-2xx" in done.stdout:
        message = f"not all answers were good:\n{done.stdout}"
        raise AssertionError(message)
    rate = re.search(r"Requests/sec: +([0-9.]+)", done.stdout)
    assert rate, done.stdout
    return float(rate[1])


def _found() -> tuple[str, Mapping[str, str]]:
    """The program, and the environment in which it finds its library."""
    installed = shutil.which("wrk")
    if installed:
        return installed, os.environ
    library = FOLDER / "usr" / "lib" / f"{os.uname().machine}-linux-gnu"
    program = FOLDER / "usr" / "bin" / "wrk"
    if not program.exists():
        _fetch(FOLDER)
    return str(program), {**os.environ, "LD_LIBRARY_PATH": str(library)}


def _fetch(folder: Path) -> None:
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        message = "wrk is not on PATH; install it"
        raise NoLoadError(message)
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "download", *PACKAGES], cwd=folder, check=True, capture_output=True)  # noqa: S603, S607
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package.name, "."], cwd=folder, check=True)  # noqa: S603, S607
