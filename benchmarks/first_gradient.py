"""From the start of the process to its first gradient over HTTP, beside what Python takes to import NumPy."""

from __future__ import annotations

import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import machine
from benchmarks.http_service import HOST, PATIENCE, free_port
from benchmarks.measuring import ratio
from benchmarks.processes import ROOT
from benchmarks.report import Bound, Report, duration, number

ROUNDS, QUICK_ROUNDS = 11, 3
SERVICE, NUMPY = "python -m service", 'python -c "import numpy"'
COMMANDS = {SERVICE: ("-m", "service"), NUMPY: ("-c", "import numpy")}
LIMIT = 1.0  # seconds
BODY = {"expression": "x.T @ A @ x + sum(exp(x))", "at": {"x": [0.0, 0.0], "A": [[1.0, 2.0], [3.0, 4.0]]}}
GRADIENT = [1.0, 1.0]
PAUSE = 0.005  # seconds between attempts: asking takes time from the one that starts


def measure(*, quick: bool = False) -> list[Report]:
    """Both in turn; a first round, in which files are read and compiled for the first time, does not count."""
    load = machine.load()
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as compiled:
        variables = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        variables.pop("PYTHONDONTWRITEBYTECODE", None)  # else every start compiles all sources once more
        for turn in range(1 + (QUICK_ROUNDS if quick else ROUNDS)):
            alone, (taken, found) = _import(variables), _first_gradient(variables)
            if found != GRADIENT:
                wrong.append(f"the first gradient is {found}, not {GRADIENT}")
            if turn:
                seconds[SERVICE].append(taken)
                seconds[NUMPY].append(alone)
    return [report(seconds, wrong, load)]


def report(seconds: Mapping[str, Sequence[float]], wrong: Sequence[str], load: float | None) -> Report:
    """Medians on the wall with their quartiles, and the bound."""
    rows = []
    for name, taken in seconds.items():
        part = ratio(taken, seconds[NUMPY])
        low, high = _quartiles(taken)
        spread = f"{duration(low)} to {duration(high)}"
        rows.append([f"`{name}`", duration(statistics.median(taken)), spread, number(part.median)])
    about = (
        "From starting the process, compiled to bytecode before, to the answer 200 to its first `POST"
        " /v1/gradient`, the self-check included; asked again until it listens. On the wall, in turn."
        + ("" if load is None else f" The load average was {load:.1f} before.")
    )
    taken = seconds[SERVICE]
    bound = Bound("first gradient over HTTP after the start, in seconds", statistics.median(taken), LIMIT)
    columns = ("command", "time", "quartiles", "over NumPy")
    return Report("From start to first gradient", about, columns, rows, [bound], wrong)


def _quartiles(taken: Sequence[float]) -> tuple[float, float]:
    ordered, last = sorted(taken), len(taken) - 1
    return ordered[round(last / 4)], ordered[round(3 * last / 4)]


def _first_gradient(variables: Mapping[str, str]) -> tuple[float, Any]:
    """Seconds until the service has answered, and the gradient."""
    port = free_port()
    variables = {**variables, "FLUXION_HOST": HOST, "FLUXION_PORT": str(port), "FLUXION_LINGER_SECONDS": "0"}
    start = time.perf_counter()
    with subprocess.Popen(  # noqa: S603 - a module of this repository
        [sys.executable, *COMMANDS[SERVICE]], cwd=ROOT, env=variables, stdout=subprocess.DEVNULL
    ) as process:
        try:
            while process.poll() is None and time.perf_counter() - start < PATIENCE:
                answer = _asked(port)
                if answer is not None:
                    taken = time.perf_counter() - start
                    return taken, answer["derivatives"][0]["value"]["data"]
                time.sleep(PAUSE)
        finally:
            process.terminate()
    message = "the service did not start"
    raise RuntimeError(message)


def _asked(port: int) -> Any:
    """What the service answers; None while it does not listen."""
    connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE)
    try:
        connection.request("POST", "/v1/gradient", json.dumps(BODY), {"Content-Type": "application/json"})
        response = connection.getresponse()
        body = response.read()
        return json.loads(body) if response.status == http.HTTPStatus.OK else None
    except OSError:
        return None
    finally:
        connection.close()


def _import(variables: Mapping[str, str]) -> float:
    """Seconds for the import alone."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *COMMANDS[NUMPY]], cwd=ROOT, env=variables, check=True)  # noqa: S603
    return time.perf_counter() - start
