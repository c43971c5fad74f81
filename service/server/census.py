"""All connections of a process: who has to wait, who has to go, and what time it is for them."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from uvicorn.server import ServerState

from service.server.bounds import EdgeBounds
from service.server.repeats import Repeats

if TYPE_CHECKING:
    from service.server.connection import Connection

TICK = 0.1  # seconds between two looks at every connection
LONGEST_TICK = 0.5
TURNED_AWAY = 8  # connections over the bound that are answered at the same time; more are only closed

log = logging.getLogger("fluxion.server")


@dataclass
class EdgeCounts:
    """What became of connections, since the start."""

    accepted: int = 0
    evicted: int = 0
    full: int = 0
    refused: int = 0
    late: int = 0
    stalled: int = 0


class Census(ServerState):
    """Every connection of the process.

    `awaited` are those that owe us bytes, whoever has owed them longest first: these make place for new ones. `now`
    counts the seconds in which this process ran, so that nobody is late because it was stopped.
    """

    def __init__(self, bounds: EdgeBounds, repeats: Repeats | None = None) -> None:
        super().__init__()
        self.bounds = bounds
        self.repeats = repeats
        self.now = 0.0
        self.awaited: dict[Connection, None] = {}
        self.turned_away: set[Connection] = set()
        self.counts = EdgeCounts()
        self._admitted: set[Connection] = set()
        self._peers: Counter[str] = Counter()

    def admits(self, connection: Connection) -> bool:
        """Whether there is place for a new connection, if need be that of another."""
        mine = self.bounds.connections_per_peer
        if mine and self._peers[connection.peer] >= mine and not self._evict(connection.peer):
            return False
        if len(self._admitted) >= self.bounds.connections and not self._evict(None):
            return False
        self._admitted.add(connection)
        self._peers[connection.peer] += 1
        self.expect(connection)
        self.counts.accepted += 1
        return True

    def expect(self, connection: Connection) -> None:
        """It is the client's turn."""
        if connection in self._admitted:
            self.awaited.setdefault(connection)

    def expect_anew(self, connection: Connection) -> None:
        """It is the client's turn again, who has just sent something."""
        self.awaited.pop(connection, None)
        self.expect(connection)

    def forget(self, connection: Connection) -> None:
        """Takes a connection that has ended, or is about to, off every list."""
        self.awaited.pop(connection, None)
        self.turned_away.discard(connection)
        if connection in self._admitted:
            self._admitted.discard(connection)
            self._peers[connection.peer] -= 1
            if not self._peers[connection.peer]:
                del self._peers[connection.peer]

    def look(self, elapsed: float) -> None:
        """Looks at every connection, so many seconds after the last time."""
        self.now += min(elapsed, LONGEST_TICK)
        for connection in tuple(self.connections):
            try:
                connection.look()  # type: ignore[union-attr]
            except Exception:  # the clock must not stop for all others
                log.exception("a connection could not be looked at")
                connection.drop()  # type: ignore[union-attr]

    def _evict(self, peer: str | None) -> bool:
        for connection in self.awaited:
            if (peer is None or connection.peer == peer) and not connection.sends:
                self.counts.evicted += 1
                connection.drop()
                return True
        return False
