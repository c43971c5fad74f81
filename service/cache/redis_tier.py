"""Redis, as far as the cache needs it: every question is answered within a bound, if only by "away"."""

from __future__ import annotations

import asyncio
import math
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.connection import ConnectionPool, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as LostConnectionError
from redis.exceptions import ResponseError
from redis.maint_notifications import MaintNotificationsConfig

from service.cache.breaker import Breaker
from service.cache.counts import Counts

SECONDS = 0.05  # an operation may take, waiting for a connection included
CONNECTIONS = 16
SCHEMES = ("redis://", "rediss://", "unix://")


class Away:
    """The reply of a server that gave none."""


AWAY: Final = Away()


class RedisTier:
    """GET, SET and DEL on one server. Nothing raises: what fails is counted by kind, and answered like an absent key.

    Raises:
        ValueError: the URL is not one of `redis://`, `rediss://` or `unix://`; the message does not repeat it.
    """

    def __init__(self, url: str, breaker: Breaker | None = None, seconds: float = SECONDS) -> None:
        self.breaker = breaker or Breaker()
        self.counts = Counts()
        self._seconds = seconds
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self._client: Redis = Redis.from_pool(connections(url, seconds, CONNECTIONS))

    async def get(self, name: str) -> bytes | None:
        """What is stored, or None."""
        reply = await self.ask("GET", name)
        if reply is None or isinstance(reply, bytes):
            return reply
        if reply is not AWAY:
            self.counts.errors["NotBytes"] += 1
        return None

    async def set(self, name: str, data: bytes, seconds: float) -> bool:
        """Stores for so many seconds; whether it is known to have worked."""
        return await self.ask("SET", name, data, "PX", milliseconds(seconds)) is True

    async def delete(self, name: str) -> None:
        """Removes a name."""
        await self.ask("DEL", name)

    async def claim(self, name: str, token: str, seconds: float) -> bool | None:
        """Stores the token if the name is free: whether it was, or None where Redis does not say."""
        reply = await self.ask("SET", name, token, "PX", milliseconds(seconds), "NX")
        return None if reply is AWAY else reply is True

    async def renew(self, name: str, token: str, seconds: float) -> None:
        """Stores the token for longer, if the name is still taken."""
        await self.ask("SET", name, token, "PX", milliseconds(seconds), "XX")

    async def close(self) -> None:
        """Closes every connection."""
        await self._client.aclose()
        await self._client.connection_pool.disconnect()

    async def ask(self, *command: str | bytes | int) -> Any:
        """The reply, or AWAY. An error that the server reports shows that it is alive: the breaker stays closed."""
        waiting, cancelled = True, _cancelled()
        try:
            async with asyncio.timeout(self._seconds), self._slots:
                waiting = False
                if not self.breaker.admits():
                    self.counts.refused += 1
                    return AWAY
                reply = await self._client.execute_command(*command)  # type: ignore[no-untyped-call]
        except Exception as error:  # noqa: BLE001 - whatever a client or a server comes up with, the cache is a hint
            self._note(error, waiting=waiting)
            reply = AWAY
        else:
            self.breaker.succeeded()
        if _cancelled() > cancelled:  # the client waits by `asyncio.wait_for`, which loses that in Python 3.11
            raise asyncio.CancelledError
        return reply

    def _note(self, error: Exception, *, waiting: bool) -> None:
        self.counts.errors["Busy" if waiting else type(error).__name__] += 1
        if waiting:
            return
        if isinstance(error, ResponseError) and not isinstance(error, LostConnectionError):
            self.breaker.succeeded()
        else:
            self.breaker.failed()


def _cancelled() -> int:
    """How often the task that runs was asked to end."""
    task = asyncio.current_task()
    return task.cancelling() if task else 0


def connections(url: str, seconds: float, most: int) -> ConnectionPool:
    """A pool of so many connections. The URL says where, never how: options in it are overruled.

    Raises:
        ValueError: the URL is not one of `redis://`, `rediss://` or `unix://`; the message does not repeat it.
    """
    if not url.startswith(SCHEMES):
        message = f"the URL of Redis must start with one of {', '.join(SCHEMES)}"
        raise ValueError(message)
    try:
        place = parse_url(url)
    except ValueError:
        message = "the URL of Redis is not well formed"
        raise ValueError(message) from None  # the cause may quote a part of the password
    unix = {} if "path" in place else {"socket_connect_timeout": seconds}
    how: dict[str, Any] = {
        "max_connections": most,
        "socket_timeout": seconds,
        "retry": Retry(NoBackoff(), 1, (LostConnectionError,)),  # a connection that was closed while it was idle
        "protocol": 2,  # no HELLO: one question less for a new connection, and one right less to grant
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        "decode_responses": False,
        "driver_info": None,
    }
    return ConnectionPool(**{**place, **how, **unix})


def milliseconds(seconds: float) -> int:
    """As Redis takes it."""
    return max(1, math.ceil(seconds * 1000))
