"""A hundred thousand points over HTTP: this service as it is started by a user, and FastAPI with JAX inside."""

from __future__ import annotations

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.contest import difference
from benchmarks.measuring import Timing, ratio
from benchmarks.processes import ROOT
from benchmarks.report import Bound, Report, duration
from benchmarks.scalar import TEXT_1B, uniform
from service.tasks.messages import Array

HOST, PATIENCE = "127.0.0.1", 60.0
POINTS, QUICK_POINTS = 10**5, 1000
ROUNDS, QUICK_ROUNDS = 9, 2
WARM_UP = 2  # rounds in which libraries are still compiling
LIMIT, TOLERANCE = 0.33, 1e-12
SIZES = {"FLUXION_BODY_BYTES": str(2**28), "FLUXION_ELEMENTS": str(2**24)}
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True)
class Server:
    """One service: how it is started, where it answers, and the body that asks it for what it is asked."""

    name: str
    command: tuple[str, ...]
    path: str
    body: Callable[[Mapping[str, list[float]]], dict[str, Any]]
    variables: Mapping[str, str] = field(default_factory=dict)
    ready: str = "/readyz"


def request_of_ours(data: Mapping[str, list[float]]) -> dict[str, Any]:
    """A batch as flat data."""
    at = {name: {"shape": [len(values)], "data": values} for name, values in data.items()}
    return {"expression": TEXT_1B, "variables": {name: {"shape": []} for name in data}, "at": at, "forms": []}


OURS = Server("Fluxion", ("service",), "/v1/gradient", request_of_ours)
THEIRS = Server("FastAPI and JAX", ("benchmarks.http_peer",), "/gradient", dict)


def arrays(body: bytes) -> list[Array]:
    """Value and derivatives of either answer."""
    found: dict[str, Any] = json.loads(body)
    if "derivatives" not in found:
        return [np.array(found[name]) for name in ("value", "by_x", "by_y")]
    tensors = [found["value"], *(block["value"] for block in found["derivatives"])]
    return [np.array(tensor["data"]).reshape(tensor["shape"]) for tensor in tensors]


def measure(*, quick: bool = False) -> list[Report]:
    """Both on one processor, asked in turn, with new numbers in every round."""
    points, rounds = (QUICK_POINTS, QUICK_ROUNDS) if quick else (POINTS, ROUNDS)
    times, error, sent = {server.name: Timing() for server in (OURS, THEIRS)}, 0.0, 0
    with ExitStack() as stack:
        served = {server.name: (server, *stack.enter_context(running(server))) for server in (OURS, THEIRS)}
        for seed in range(rounds + WARM_UP):
            data = {name: values.tolist() for name, values in uniform(("x", "y"), 2.0, points, seed).items()}
            answers = []
            for name, (server, port, pid) in served.items():
                body = json.dumps(server.body(data)).encode()
                wall, cpu, answer = _ask(server, port, pid, body)
                answers.append(arrays(answer))
                sent = max(sent, len(body))
                if seed >= WARM_UP:
                    times[name].wall.append(wall)
                    times[name].cpu.append(cpu)
            error = max(error, difference(*answers))
    return [report(points, times, error, sent)]


def report(points: int, times: Mapping[str, Timing], error: float, sent: int) -> Report:
    """Times of a request, and what it costs the server."""
    part = ratio(times[OURS.name].wall, times[THEIRS.name].wall)
    rows = [
        [name, duration(statistics.median(timing.wall)), duration(statistics.mean(timing.cpu))]
        for name, timing in times.items()
    ]
    work = f"1b: gradient at {points:,} points over HTTP, JSON, to FastAPI's default models with JAX"
    wrong = [] if error <= TOLERANCE else [f"the answers over HTTP differ by {error:.1e}"]
    about = (
        "Values and gradients of problem 1b, from sending a request until its answer is received. Each server is a"
        " process of its own, both on the same one processor, and the client on any. They are asked in turn, with new"
        f" numbers in every round; a body has {sent / 1e6:.1f} MB. Medians on the wall, and the mean of what a request"
        " costs the server's processor."
    )
    bound = Bound(work, part.median, LIMIT, (part.low, part.high))
    return Report("Over HTTP", about, ("server", "request", "processor"), rows, [bound], wrong)


@contextmanager
def running(server: Server) -> Iterator[tuple[int, int]]:
    """The port and the number of the server's process, which is stopped at the end."""
    port = free_port()
    variables = {**machine.environment(1), **SIZES, "FLUXION_HOST": HOST, "FLUXION_PORT": str(port), **server.variables}
    command = [sys.executable, "-c", _PINNED, *server.command, str(port)]
    with subprocess.Popen(  # noqa: S603 - a module of this repository
        command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            _wait(process, port, server.ready)
            yield port, process.pid
        finally:
            process.terminate()
            process.communicate()


# One processor before anything is imported that counts them.
_PINNED = """
import os, runpy, sys
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
sys.argv = sys.argv[1:]
sys.path.insert(0, os.getcwd())
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def _wait(process: subprocess.Popen[bytes], port: int, path: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection(HOST, port, timeout=5)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    process.kill()
    message = f"a server did not start:\n{process.communicate()[0].decode(errors='replace')}"
    raise RuntimeError(message)


def _ask(server: Server, port: int, pid: int, sent: bytes) -> tuple[float, float, bytes]:
    """Seconds on the wall, seconds of the server's processor, and the answer."""
    connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE)
    try:
        spent, start = _processor_time(pid), time.perf_counter()
        connection.request("POST", server.path, sent, {"Content-Type": "application/json"})
        response = connection.getresponse()
        body = response.read()
        wall = time.perf_counter() - start
        assert response.status == http.HTTPStatus.OK, body[:300]
        return wall, _processor_time(pid) - spent, body
    finally:
        connection.close()


def _processor_time(pid: int) -> float:
    """What a process has used so far in seconds, to a hundredth; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    user, system = int(fields[11]), int(fields[12])
    return (user + system) / TICKS


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind((HOST, 0))
        number_of_port: int = found.getsockname()[1]
        return number_of_port
