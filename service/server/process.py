"""The process: it listens, and stops in good order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from service.api.health import State
from service.server.bounds import EdgeBounds
from service.server.census import TICK, Census
from service.server.connection import Connection
from service.server.repeats import Record, Repeats

SPARE_FILES = 64  # descriptors for all but connections, where there are that many
STALL_SECONDS = 2.0  # how long a client may take nothing of its answer while the process stops
STOP_SECONDS = 3.0  # for the application to stop what it has started

log = logging.getLogger("fluxion.server")


class Server(uvicorn.Server):
    """uvicorn's server with connections that are bounded and an end that loses nothing.

    A first signal makes readiness fail while the socket still listens for `linger_seconds`; then what is under way is
    finished, for at most `drain_seconds` in all, and the process ends with status 0. A second one ends it at once.
    """

    def __init__(
        self,
        app: ASGIApp,
        state: State,
        bounds: EdgeBounds,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        record: Record | None = None,
    ) -> None:
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            http=Connection,
            loop="uvloop",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
        )
        super().__init__(config)
        self.bounds = replace(bounds, connections=connections_that_fit(bounds.connections))
        self.census = Census(self.bounds, Repeats(record) if record else None)
        self.server_state = self.census
        self.state = state
        self.on_abandon: Callable[[], None] = lambda: None  # before a process ends with work in it
        self._watch: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts the application, then listens."""
        await super().startup(sockets)
        self._watch = asyncio.create_task(self._look())

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - what signal.signal calls
        """A signal; it is not raised again at the end, so that the status is 0."""
        self.force_exit = self.should_exit
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Lets load balancers see that it stops, finishes what is under way, and stops the application."""
        deadline = time.monotonic() + self.bounds.drain_seconds
        self.state.draining, self.census.repeats = True, None
        log.info("stopping: %d requests are under way", self.state.in_flight)
        await self._while(lambda: True, min(deadline, time.monotonic() + self.bounds.linger_seconds))
        for server in self.servers:
            server.close()
        for listening in sockets or ():
            listening.close()
        self.census.bounds = replace(self.bounds, send_seconds=min(STALL_SECONDS, self.bounds.send_seconds))
        for connection in tuple(self.census.connections):
            connection.shutdown()
        await self._while(lambda: bool(self.census.connections), deadline)
        await self._while(lambda: bool(self.census.tasks), min(deadline, time.monotonic() + STALL_SECONDS / 4))
        left = len(self.census.tasks)
        for connection in tuple(self.census.connections):
            connection.drop()  # type: ignore[union-attr]
        if left:
            log.error("stopped with %d requests under way", left)
        with contextlib.suppress(TimeoutError):
            if not self.force_exit:
                await asyncio.wait_for(self.lifespan.shutdown(), STOP_SECONDS)
        if self._watch:
            self._watch.cancel()
        if (left or self.force_exit) and threading.current_thread() is threading.main_thread():
            self.on_abandon()
            os._exit(1 if self.force_exit else 0)  # threads that compute would be waited for

    async def _while(self, condition: Callable[[], bool], deadline: float) -> None:
        while condition() and not self.force_exit and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(TICK / 4)  # no event tells when uvicorn's set of connections is empty

    async def _look(self) -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(TICK)
            now = time.monotonic()
            self.census.look(now - last)
            last = now


def connections_that_fit(wanted: int) -> int:
    """At most as many connections as are wanted; asks for the descriptors that they take, and counts those it gets."""
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted + SPARE_FILES if most == resource.RLIM_INFINITY else most
    files = max(files, min(most, wanted + SPARE_FILES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    return min(wanted, max(files - SPARE_FILES, files // 4))
