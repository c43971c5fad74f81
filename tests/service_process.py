"""The service as a user starts it: a process of its own on a free port."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 60.0  # seconds until it must be ready
HOST = "127.0.0.1"


@contextmanager
def running_service(root: Path = ROOT, **settings: object) -> Iterator[int]:
    """The port of `python -m service`, started in a checkout with settings and stopped at the end."""
    port = _free_port()
    variables = os.environ | {"FLUXION_HOST": HOST, "FLUXION_PORT": str(port)} | environment(settings)
    command = [sys.executable, "-m", "service"]
    with subprocess.Popen(
        command, cwd=root, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            _wait(process, port)
            yield port
        finally:
            process.terminate()
            process.communicate()


@contextmanager
def running_worker(**settings: object) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m service.worker` with settings, stopped at the end."""
    command = [sys.executable, "-m", "service.worker"]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | environment(settings), stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.communicate()


def exchange(
    address: str, method: str = "POST", body: bytes | str | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, Message, bytes]:
    """Status, headers and body of what is answered at an address, on a connection of its own."""
    url = urlsplit(address)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=PATIENCE)
    try:
        connection.request(method, address.removeprefix(f"{url.scheme}://{url.netloc}"), body, headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def environment(settings: Mapping[str, object]) -> dict[str, str]:
    """Settings as environment variables."""
    return {f"FLUXION_{name.upper()}": str(value) for name, value in settings.items()}


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((HOST, 0))
        number: int = found.getsockname()[1]
        return number


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        if _is_ready(port):
            return
        time.sleep(0.05)
    process.kill()
    output = process.communicate()[0].decode(errors="replace")
    message = f"the service did not start:\n{output}"
    raise RuntimeError(message)


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
