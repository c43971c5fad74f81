"""Service processes that share a Redis, or do not, and end at any moment."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import psutil

from tests.redis_server import free_port
from tests.service_process import HOST, ROOT

PATIENCE = 90.0  # seconds until something has gone wrong
JSON = {"Content-Type": "application/json"}
ASYNC = {**JSON, "Prefer": "respond-async"}


def lasting(points: int, shift: float = 0.0) -> str:
    """A request that takes a worker some 10 seconds with 1000 points, with the cube of their number."""
    x = [shift + k / points for k in range(points)]
    return json.dumps({"expression": "det(cos(outer(x, x)) + diag(x))", "at": {"x": x}, "forms": []})


class Answer(NamedTuple):
    """What the service answers."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Service:
    """One process of the service, with its workers."""

    def __init__(self, **settings: object) -> None:
        self.port = free_port()
        known = {"FLUXION_HOST": HOST, "FLUXION_PORT": str(self.port), "FLUXION_LINGER_SECONDS": "0"}
        stated = {f"FLUXION_{name.upper()}": str(value) for name, value in settings.items()}
        variables = os.environ | {"OPENBLAS_NUM_THREADS": "1"} | known | stated
        self.process = subprocess.Popen([sys.executable, "-m", "service"], cwd=ROOT, env=variables)
        until(self._is_up)

    def asked(
        self,
        method: str,
        path: str,
        body: str | None = None,
        headers: dict[str, str] | None = None,
        *,
        quiet: bool = False,
    ) -> Answer:
        """The answer to one request; status 0 if there is none and that is `quiet`."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        except OSError:
            if not quiet:
                raise
            return Answer(0, {}, b"")
        finally:
            connection.close()

    def job(self, location: str) -> Any:
        """A job's document."""
        answer = self.asked("GET", location)
        assert answer.status == http.HTTPStatus.OK, answer
        return answer.document

    def ended(self, location: str) -> Any:
        """A job's document, when it has ended."""
        until(lambda: self.job(location)["status"] not in {"queued", "running"})
        return self.job(location)

    def _is_up(self) -> bool:
        if self.process.poll() is not None:
            message = "the service did not start"
            raise RuntimeError(message)
        return self.asked("GET", "/readyz", quiet=True).status == http.HTTPStatus.OK

    def busy(self) -> bool:
        """Whether a process below this one computes, rather than waits."""
        below = [one for one in psutil.Process(self.process.pid).children(recursive=True) if one.is_running()]
        before = {one: spent(one) for one in below}
        time.sleep(0.5)
        return any(spent(one) - seconds > 0.1 for one, seconds in before.items())

    def kill(self) -> None:
        """Ends it without warning."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ends it in order; its status."""
        self.process.terminate()
        return self.process.wait()


@contextmanager
def serving(**settings: object) -> Iterator[Service]:
    """A process of the service, killed at the end if it still runs."""
    service = Service(**settings)
    try:
        yield service
    finally:
        service.kill()


def spent(process: psutil.Process) -> float:
    """The processor time of a process; 0 if it has ended."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def until(condition: Callable[[], bool]) -> None:
    """Returns when the condition holds.

    Raises:
        TimeoutError: it never does.
    """
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.02)


def tell(line: str) -> None:
    """Prints a figure; `pytest -rP` or `-s` shows it."""
    sys.stdout.write(line + "\n")
