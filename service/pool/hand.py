"""A process of a Celery worker: it does one order after another, and tells by the exchange what becomes of them."""

from __future__ import annotations

import asyncio
import base64
import ctypes
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from service.pool.exchange import Exchange
from service.pool.local import CRASHES
from service.pool.orders import Shared
from service.pool.work import GET_SECONDS, REPORT_SECONDS, TRACEBACK_CHARACTERS, Run, limit_memory

INLINE = 1 << 20  # bytes of a result that travel within a message
INBOX_SECONDS = 300.0  # that messages wait for their reader
WAIT_SECONDS = 60.0  # for the exchange, however long a body is
PR_SET_PDEATHSIG = 1  # of prctl(2)

T = TypeVar("T")
Sent = Mapping[str, Any]


@dataclass(frozen=True)
class Trade:
    """What every process of a worker is given: what to do, what to have for it, and within which bounds."""

    run: Run
    exchange: Callable[[], Exchange]
    shared: Callable[[], Shared]
    node: str
    worker_bytes: int
    quarantine_seconds: float


class Hand:
    """Does orders. Made in the process itself, after it was forked."""

    def __init__(self, trade: Trade) -> None:
        _end_with_parent()
        limit_memory(trade.worker_bytes)
        self._trade = trade
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._exchange = trade.exchange()
        self._shared = trade.shared()

    def do(self, sent: Sent) -> None:
        """Does one order, if it is still wanted. What ends this process instead is begun again by another."""
        try:
            body = self.wait(self._begun(sent))
            if body is None:
                return
            self._finish(sent, *self._outcome(sent, body))
        except (ConnectionError, FutureTimeoutError):
            return  # the exchange is away; who waits for the order will notice
        except MemoryError:
            os._exit(1)  # what is left of the memory is in pieces; the order is begun again, if only once

    def wait(self, work: Coroutine[Any, Any, T], seconds: float = WAIT_SECONDS) -> T:
        """What a coroutine answers on this process' event loop. Raises TimeoutError."""
        waiting = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return waiting.result(seconds)
        except FutureTimeoutError:
            waiting.cancel()
            raise

    def tell(self, sent: Sent, head: dict[str, Any], body: bytes = b"") -> None:
        """Sends a message to who waits for the order."""
        message = orjson.dumps({"number": sent["number"], **head}) + b"\n" + body
        self.wait(self._exchange.push(sent["inbox"], message, INBOX_SECONDS))

    async def _begun(self, sent: Sent) -> memoryview | None:
        """The body of an order that is begun herewith; None if nobody wants it, or if it ends whoever begins it."""
        (left,) = await self._exchange.marks(f"wanted:{sent['number']}")
        if not left:
            return None
        if await self._exchange.count(f"begun:{sent['number']}", left + WAIT_SECONDS) > CRASHES:
            await self._refuse(sent)
            return None
        message = orjson.dumps({"number": sent["number"], "node": self._trade.node}) + b"\n"
        await self._exchange.push(sent["inbox"], message, INBOX_SECONDS)
        if "body" in sent:
            return memoryview(base64.b64decode(sent["body"]))
        return await self._exchange.held(f"body:{sent['number']}", sent["size"])

    async def _refuse(self, sent: Sent) -> None:
        await self._exchange.mark(f"quarantine:{sent['key']}", self._trade.quarantine_seconds)
        message = orjson.dumps({"number": sent["number"], "crashed": True}) + b"\n"
        await self._exchange.push(sent["inbox"], message, INBOX_SECONDS)

    def _outcome(self, sent: Sent, body: memoryview) -> tuple[dict[str, Any], bytes]:
        try:
            head, made = self._trade.run(orjson.loads(sent["head"]), body, Ties(self, self._shared, sent))
        except MemoryError:
            raise
        except BaseException:  # noqa: BLE001 - whatever it is, it must not end the worker
            return {"error": traceback.format_exc()[-TRACEBACK_CHARACTERS:]}, b""
        return {"outcome": head}, made

    def _finish(self, sent: Sent, head: dict[str, Any], body: bytes) -> None:
        size = len(body)
        if size > INLINE:
            parcel = f"made:{sent['number']}"
            self.wait(self._exchange.hold(parcel, body, INBOX_SECONDS))
            head, body = {**head, "parcel": parcel, "size": size}, b""
        self.tell(sent, head, body)


class Ties:
    """What an order's function has of its surroundings."""

    def __init__(self, hand: Hand, shared: Shared, sent: Sent) -> None:
        self._hand = hand
        self._shared = shared
        self._sent = sent
        self._reported = 0.0

    def get(self, key: str) -> bytes | None:
        """What others have kept; None also if the answer takes too long."""
        try:
            return self._hand.wait(self._shared.get(key), GET_SECONDS)
        except Exception:  # noqa: BLE001 - shared values are hints
            return None

    def put(self, key: str, value: bytes) -> None:
        """Keeps a value for others."""
        try:
            self._hand.wait(self._shared.put(key, value), GET_SECONDS)
        except Exception:  # noqa: BLE001 - shared values are hints
            return

    def report(self, done: int, whole: int) -> None:
        """Tells how much is done: at most twenty times a second, and at the end."""
        now = time.monotonic()
        if now - self._reported >= REPORT_SECONDS or done >= whole:
            self._reported = now
            self._hand.tell(self._sent, {"done": done, "whole": whole})


def _end_with_parent() -> None:
    """Has the kernel end this process when the worker that forked it is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
