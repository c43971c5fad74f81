"""One connection: uvicorn's HTTP/1.1 on llhttp, bounded in everything that a client decides."""

from __future__ import annotations

import asyncio
import math
from enum import Enum
from typing import Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from service.server.census import TURNED_AWAY, Census
from service.server.framing import check_framing
from service.server.outgoing import Outgoing
from service.server.refusals import FULL, STOPPING, Refusal, late, malformed, over
from service.server.repeats import Repeats

LEAVE_SECONDS = 1.0  # for a client to read its last answer before its connection is closed
SURPLUS_BYTES = 65_536  # of a body that nobody reads any more, before the connection is closed


class Phase(Enum):
    """Where in a request the client is."""

    BETWEEN = "between"
    HEAD = "head"
    BODY = "body"


class Connection(HttpToolsProtocol):
    """Counts what arrives, knows until when it has to, and ends what is over its bounds."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.census = cast("Census", server_state)
        self.bounds = self.census.bounds
        self.peer = ""
        self.phase = Phase.BETWEEN
        self.until = math.inf  # when the client is late, in seconds of the census
        self._out: Outgoing
        self._last_words: Refusal | None = None  # for when the answers under way are out
        self._leaves = False
        self._heard = False  # whether the parser had anything of the last piece
        self._silence = 0  # bytes of which the parser had nothing yet
        self._head = 0
        self._surplus = 0
        self._left = 0  # bytes that were not sent when last looked at
        self._stuck = 0.0  # since when they have not become fewer

    @property
    def busy(self) -> bool:
        """Whether an answer is under way, or waits for one that is."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and not cycle.response_complete

    @property
    def sends(self) -> bool:
        """Whether an answer is not all sent."""
        return self._out.get_write_buffer_size() > 0

    # What the transport tells.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Finds a place for the connection, or sends it away."""
        self._out = Outgoing(transport, self.leave)
        super().connection_made(cast("asyncio.Transport", self._out))
        self.peer = self.client[0] if self.client else ""
        self.until = self.census.now + self.bounds.header_seconds
        if self.census.admits(self):
            return
        self.census.counts.full += 1
        if len(self.census.turned_away) < TURNED_AWAY:
            self.census.turned_away.add(self)
            self.phase = Phase.HEAD
            self._say(FULL)
        else:
            self.drop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Gives its place back."""
        self.census.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Answers what is known, to a client that reads; else feeds the parser, if anything is left to be said."""
        if self._leaves:
            self._throw_away(len(data))
            return
        fresh = self.phase is Phase.BETWEEN and not self.busy and not self._silence and not self.sends
        if fresh and self.census.repeats is not None and self._repeated(self.census.repeats, data):
            return
        self._heard = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # RFC 9110: an upgrade may be ignored
        except httptools.HttpParserError as error:
            raised = error.__context__
            self.refuse(raised if isinstance(raised, Refusal) else malformed("This is not HTTP/1.1."))
        else:
            self._silence = 0 if self._heard else self._silence + len(data)
            if self._silence > self.bounds.header_bytes:
                self.refuse(over("header_bytes", self.bounds.header_bytes))
            elif fresh and self.busy and self.phase is Phase.BETWEEN and not self.pipeline:
                self._listen(data)

    def _repeated(self, repeats: Repeats, data: bytes) -> bool:
        """Whether the piece is a whole request that is known, and is answered."""
        answer = repeats.answer(data, self.server_state.default_headers[0][1])
        if answer is not None:
            self._out.write(answer)
            self.server_state.total_requests += 1
            self.until = self.census.now + self.bounds.idle_seconds
            self.census.expect_anew(self)
        return answer is not None

    def _listen(self, data: bytes) -> None:
        """Takes down what is answered to a request that came in one piece, so that it can be said again."""
        repeats = self.census.repeats
        if repeats is not None and not self.flow.read_paused and repeats.is_candidate(data):
            self._out.listen(lambda answer: repeats.learn(data, answer))

    # What the parser tells.

    def on_message_begin(self) -> None:
        """A request begins: its headers have to be here soon."""
        super().on_message_begin()
        self.phase, self._heard, self._head, self._surplus = Phase.HEAD, True, 0, 0
        if not self.busy:
            self.until = self.census.now + self.bounds.header_seconds

    def on_url(self, url: bytes) -> None:
        """A piece of the address."""
        self._heard = True
        self._head += len(url)
        if self._head > self.bounds.header_bytes:
            raise over("header_bytes", self.bounds.header_bytes)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; what follows a body is counted, but is none."""
        self._heard = True
        self._head += len(name) + len(value)
        if self._head > self.bounds.header_bytes:
            raise over("header_bytes", self.bounds.header_bytes)
        if self.phase is Phase.HEAD:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The application is called, if the headers say one thing only."""
        if len(self.headers) > self.bounds.header_fields:
            raise over("header_fields", self.bounds.header_fields)
        check_framing(self.headers, self.parser.get_http_version())
        self.phase, self.until = Phase.BODY, self.census.now + self.bounds.body_seconds
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body; once it is answered, not many more are read."""
        self._heard = True
        super().on_body(body)
        if self.cycle.response_complete:
            self._surplus += len(body)
            if self._surplus > SURPLUS_BYTES:
                self.leave()

    def on_message_complete(self) -> None:
        """The request is all here: from now on, the client waits for us."""
        self.phase, self._heard = Phase.BETWEEN, True
        super().on_message_complete()
        if self.busy:
            self.until = math.inf
            self.census.awaited.pop(self, None)
        else:
            self.until = self.census.now + self.bounds.idle_seconds

    # What the request cycle tells.

    def on_response_complete(self) -> None:
        """Answers the next request, says the last words, or waits for more."""
        self.server_state.total_requests += 1
        self._out.heard()
        if self._leaves or self._out.is_closing():
            return
        if self.pipeline:
            self.flow.resume_reading()
            self._start_asgi_task(*self.pipeline.pop())
            self.until = self.census.now + self.bounds.body_seconds if self.phase is Phase.BODY else math.inf
        elif self._last_words:
            self._say(self._last_words)
        elif self.phase is Phase.BODY and self.expect_100_continue:
            self.leave()  # whether the body comes is not known
        else:
            self.flow.resume_reading()
            idle = self.phase is Phase.BETWEEN
            self.until = self.census.now + (self.bounds.idle_seconds if idle else self.bounds.header_seconds)
            self.census.expect(self)

    # What the census and the server tell.

    def look(self) -> None:
        """Ends the connection if the client is late, or takes nothing of what it is sent."""
        now, left = self.census.now, self._out.get_write_buffer_size()
        if left < self._left or not self._left:
            self._stuck = now
        self._left = left
        if left and now - self._stuck > self.census.bounds.send_seconds:
            self.census.counts.stalled += 1
            self.drop()
        elif now > self.until and not left and (self._leaves or not self.flow.read_paused):
            self._be_late()

    def shutdown(self) -> None:
        """Answers what has arrived in full, and nothing else; who was refused has had its last words."""
        if self.busy and self.phase is not Phase.BODY:
            self.cycle.keep_alive = False
        elif self._leaves or self.phase is Phase.BETWEEN:
            self.leave()
        else:
            self.refuse(STOPPING)

    def drop(self) -> None:
        """Closes at once."""
        self._leaves = True
        self.connections.discard(self)
        self.census.forget(self)
        self._out.abort()

    def leave(self) -> None:
        """Says no more, and closes as soon as the client has had time to read what was said."""
        if self._leaves:
            return
        self._leaves = True
        self.census.expect(self)
        if self.phase is Phase.BETWEEN or self._out.is_closing():
            self._out.end()
            return
        self.flow.resume_reading()
        self._out.write_eof()
        self._surplus = 0
        self.until = self.census.now + LEAVE_SECONDS

    def refuse(self, refusal: Refusal) -> None:
        """Answers what is no request, after those before it, and leaves."""
        self.census.counts.refused += 1
        if self.busy and self.phase is Phase.BODY:
            self._abandon(refusal)
        elif self.busy:
            self._last_words = refusal
            self.flow.pause_reading()
        else:
            self._say(refusal)

    def _abandon(self, refusal: Refusal) -> None:
        """Ends the request whose body is under way."""
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        if self.pipeline:
            self.pipeline.popleft()
            self._last_words = refusal
            self.flow.pause_reading()
        elif self.cycle.response_started:
            self.drop()
        else:
            self._say(refusal)

    def _say(self, refusal: Refusal) -> None:
        if not self._leaves:
            self._out.write(refusal.wire)
        self.leave()

    def _be_late(self) -> None:
        if self._leaves:
            self.drop()
            return
        self.census.counts.late += 1
        if self.phase is Phase.HEAD:
            self.refuse(late("headers", self.bounds.header_seconds))
        elif self.busy:
            self.refuse(late("body", self.bounds.body_seconds))
        else:
            self.leave()

    def _throw_away(self, size: int) -> None:
        self._surplus += size
        if self in self.census.turned_away:
            self._out.end()
        elif self._surplus > SURPLUS_BYTES:
            self.flow.pause_reading()
