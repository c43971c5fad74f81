"""Servers in processes of their own, to be signalled and measured."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from tests.redis_server import free_port
from tests.service_process import ROOT

HOST = "127.0.0.1"
PATIENCE = 60.0  # seconds for anything at all


@dataclass(frozen=True)
class Served:
    """A running server."""

    port: int
    process: subprocess.Popen[bytes]

    def megabytes(self) -> float:
        """What it holds in memory."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 2**20

    def ask(self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """The status and the body of one request on a connection of its own."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=PATIENCE)
        try:
            connection.request("GET" if body is None else "POST", path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def gradient(self) -> bool:
        """Whether the service, not the slow one, still differentiates."""
        body = b'{"expression": "x.T @ x", "at": {"x": [1, 2]}, "forms": []}'
        status, answer = self.ask("/v1/gradient", body, {"Content-Type": "application/json"})
        return status == 200 and json.loads(answer)["derivatives"][0]["value"]["data"] == [2.0, 4.0]


@contextmanager
def slow_service(**bounds: float) -> Iterator[Served]:
    """The server under test with tests.server.slow_service in it."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "tests.server.slow_service",
        str(port),
        json.dumps({"linger_seconds": 0, **bounds}),
    ]
    with _running(command, port, {}) as served:
        yield served


@contextmanager
def service(
    *prefix: str, stdout: int | None = subprocess.DEVNULL, module: str = "service", **settings: object
) -> Iterator[Served]:
    """`python -m service` with settings, after the words of a `prefix`; `module` is another one that runs it."""
    port = free_port()
    variables = {f"FLUXION_{name.upper()}": str(value) for name, value in settings.items()}
    variables = {"FLUXION_PORT": str(port), "FLUXION_LINGER_SECONDS": "0"} | variables
    with _running([*prefix, sys.executable, "-m", module], port, variables, stdout) as served:
        yield served


@contextmanager
def _running(
    command: Sequence[str], port: int, variables: dict[str, str], stdout: int | None = None
) -> Iterator[Served]:
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | variables, stdout=stdout) as process:
        served = Served(port, process)
        try:
            _wait(served)
            yield served
        finally:
            process.kill()
            process.wait()


def _wait(served: Served) -> None:
    deadline = time.monotonic() + PATIENCE
    while served.process.poll() is None and time.monotonic() < deadline:
        try:
            if served.ask("/readyz")[0] == http.HTTPStatus.OK:
                return
        except OSError:
            time.sleep(0.02)
    message = f"no server came up; its status is {served.process.poll()}"
    raise RuntimeError(message)
