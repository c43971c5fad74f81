"""The negative control of the soak: the service with a leak. `python -m benchmarks.faults.leaking`."""

from __future__ import annotations

import runpy

from starlette.types import Receive, Scope, Send

from service.api.front import Front

LEAK = 100_000  # bytes of each request
kept: list[bytes] = []
_sound = Front.__call__


async def _leak(front: Front, scope: Scope, receive: Receive, send: Send) -> None:
    kept.append(b"x" * LEAK)
    await _sound(front, scope, receive, send)


if __name__ == "__main__":
    Front.__call__ = _leak  # type: ignore[assignment]
    runpy.run_module("service", run_name="__main__", alter_sys=True)
