"""Celery workers as they run, in processes of their own, with a real Redis between them and the executor."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

from service.cache.exchange import RedisExchange
from service.pool.broker import Broker
from service.pool.remote import CeleryExecutor
from tests.pool.remote_worker import BOUNDS
from tests.redis_server import RedisServer

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0  # seconds until a worker has ended


def executor(url: str) -> CeleryExecutor:
    """An executor whose orders go to the workers at a Redis."""
    return CeleryExecutor(Broker(url, "test"), lambda: RedisExchange(url), BOUNDS)


def worker(url: str) -> subprocess.Popen[bytes]:
    """A worker of its own process group."""
    command = [sys.executable, "-m", "tests.pool.remote_worker", url]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}, process_group=0)


def ended(process: subprocess.Popen[bytes]) -> int:
    """The exit status of a worker that is asked to end."""
    process.send_signal(signal.SIGTERM)
    return process.wait(PATIENCE)


def fresh() -> str:
    """The URL of the plant, where no order is refused for what tests before it did."""
    server = plant()
    with server.client() as client:
        for name in client.scan_iter("fluxion:exchange:quarantine:*"):
            client.delete(name)
    return server.url


@cache
def plant() -> RedisServer:
    """One Redis with one worker, for all tests of this process."""
    server = RedisServer()
    process = worker(server.url)
    atexit.register(server.close)
    atexit.register(process.wait)
    atexit.register(process.kill)
    return server
