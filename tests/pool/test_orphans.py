"""Nothing outlives the process that asked for it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import psutil
import pytest

from tests.pool.executors import PATIENCE, tell
from tests.pool.processes import alive

PARENT = """
import asyncio
from tests.pool.executors import BOUNDS, FUNCTION, order, soon
from service.pool.local import LocalExecutor

async def main():
    executor = LocalExecutor(FUNCTION, BOUNDS)
    await executor.start()
    await executor.ready()
    await executor.run(order("echo"), soon())
    orders = [executor.run(order({do!r}, n=9, seconds=3600, lane=lane), soon()) for lane in ("small", "large")]
    running = [asyncio.ensure_future(each) for each in orders]
    await asyncio.sleep(0.1)
    print("working", flush=True)
    await asyncio.gather(*running)

asyncio.run(main())
"""


def parent_alone(parent: psutil.Process) -> None:
    """Kills the executor's process."""
    parent.kill()


def parent_and_forker(parent: psutil.Process) -> None:
    """Kills the forking process as well, at the same time."""
    parent.suspend()
    for child in parent.children():
        child.kill()
    parent.kill()


@pytest.mark.parametrize(
    ("do", "kill"), [("power", parent_alone), ("sleep", parent_alone), ("sleep", parent_and_forker)]
)
def test_a_killed_parent_leaves_no_orphan(do: str, kill: Callable[[psutil.Process], None]) -> None:
    """Workers end with it, even in the middle of C code."""
    command = [sys.executable, "-c", PARENT.format(do=do)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"working\n"
        parent = psutil.Process(process.pid)
        family = parent.children(recursive=True)
        assert len(family) >= 4
        since = time.monotonic()
        kill(parent)
        while any(map(alive, family)) and time.monotonic() < since + PATIENCE:
            time.sleep(0.005)
        left = sum(map(alive, family))
        tell(
            f"F5 parent killed: {left} of {len(family)} processes left after {(time.monotonic() - since) * 1000:.0f} ms"
        )
        assert not left
