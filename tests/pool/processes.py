"""The processes of an executor, seen from outside."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import psutil

from tests.pool.executors import PATIENCE


def alive(process: psutil.Process) -> bool:
    """Whether it is more than a zombie."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def forker() -> psutil.Process:
    """The process that forks workers."""
    (found,) = [child for child in psutil.Process().children() if "service.pool.forking" in " ".join(child.cmdline())]
    return found


def workers() -> list[psutil.Process]:
    """All workers that are alive."""
    try:
        return [child for child in forker().children() if alive(child)]
    except (ValueError, psutil.NoSuchProcess):
        return []


def holdings() -> tuple[int, int]:
    """How many descriptors and child processes, zombies included, this process has."""
    me = psutil.Process()
    return me.num_fds(), len(me.children(recursive=True))


async def until(true: Callable[[], bool]) -> None:
    """Returns when it has become true; it has to."""
    patience = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < patience
        await asyncio.sleep(0.01)
