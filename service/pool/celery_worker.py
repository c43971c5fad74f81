"""The worker that Celery runs: a process that takes orders from the broker, and others that do them."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from billiard import active_children
from celery import Celery, bootsteps
from celery.signals import worker_process_init

from service.pool.bounds import PoolBounds
from service.pool.broker import TASK, Broker, application
from service.pool.exchange import Exchange
from service.pool.hand import Hand, Trade
from service.pool.orders import LANES, Lane, Shared
from service.pool.work import function

BEAT_SECONDS = 1.0
BURY_SECONDS = 0.1  # between looks for processes that have ended
NODE_SECONDS = 5.0  # without a beat, until a worker counts as gone

HERE = f"host:{socket.gethostname()}"  # the mark that there is a worker on this machine

log = logging.getLogger(__name__)


def serve(
    name: str,
    broker: Broker,
    bounds: PoolBounds,
    exchange: Callable[[], Exchange],
    shared: Callable[[], Shared],
    lanes: Sequence[Lane] = LANES,
) -> int:
    """Runs orders by `module:function` until SIGTERM, after which what was begun is finished; the exit status.

    After a failure of Celery's the process begins anew by itself.

    `exchange` and `shared` are made in every process that does orders, once.
    """
    node = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    trade = Trade(function(name), exchange, shared, node, bounds.worker_bytes, bounds.quarantine_seconds)
    app = application(broker, worker_max_tasks_per_child=bounds.worker_orders)
    _employ(app, trade)
    app.steps["consumer"].add(_presence(exchange, (f"node:{node}", broker.workers, HERE)))
    logging.getLogger("celery.worker.control").setLevel(logging.ERROR)  # it would warn that no result is kept
    gc.collect()
    gc.freeze()  # pages that the collector never touches stay shared
    worker = app.Worker(
        hostname=f"fluxion@{node}",
        concurrency=bounds.slots("small"),
        pool="prefork",
        queues=[broker.queue(lane) for lane in lanes],
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        loglevel="WARNING",
        quiet=True,
    )
    worker.start()
    if worker.exitcode:
        _begin_again()  # kombu does not survive every loss of the broker while orders are under way
    return 0


def _begin_again() -> NoReturn:
    """Becomes a new process of the same command; orders that were under way are sent again by who waits for them."""
    log.error("the worker has failed, and starts anew")
    for child in active_children():
        os.kill(child.pid, signal.SIGKILL)
    time.sleep(BEAT_SECONDS)
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - this very command


async def is_here(exchange: Exchange) -> bool:
    """Whether there is a worker on this machine. Raises ConnectionError where the exchange is away."""
    try:
        return bool((await exchange.marks(HERE))[0])
    finally:
        await exchange.close()


def _employ(app: Celery, trade: Trade) -> None:
    """One task, done by the hand that each process is given when it is forked."""
    hands: list[Hand] = []

    def begin(**_: Any) -> None:
        hands[:] = [Hand(trade)]

    worker_process_init.connect(begin, weak=False)

    @app.task(name=TASK)  # type: ignore[untyped-decorator]
    def do(sent: dict[str, Any]) -> None:
        hands[0].do(sent)


def _presence(exchange: Callable[[], Exchange], marks: Sequence[str]) -> type[bootsteps.StartStopStep]:
    """Sets marks as long as the worker is there; its main process computes nothing, so that it always can."""

    async def beat() -> None:
        connected = exchange()
        try:
            for mark in marks:
                await connected.mark(mark, NODE_SECONDS)
        finally:
            await connected.close()

    class Presence(bootsteps.StartStopStep):  # type: ignore[misc]
        requires = {"celery.worker.consumer.tasks:Tasks"}  # noqa: RUF012 - what Celery reads
        timers: tuple[Any, ...] = ()

        def start(self, consumer: Any) -> None:
            self._beat()
            every, bury = consumer.timer.call_repeatedly, consumer.pool._pool.maintain_pool  # noqa: SLF001 - else 5 s
            self.timers = every(BEAT_SECONDS, self._beat), every(BURY_SECONDS, bury)

        def stop(self, consumer: Any) -> None:  # noqa: ARG002 - what Celery calls
            for timer in self.timers:
                timer.cancel()
            self.timers = ()

        def _beat(self) -> None:
            try:
                asyncio.run(beat())
            except ConnectionError:
                log.warning("the exchange is away")  # the consumer finds out by itself, and connects again

    return Presence
