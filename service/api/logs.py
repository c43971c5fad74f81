"""Log lines: JSON or for a console, of this service and of its libraries, through one outlet that never blocks."""

from __future__ import annotations

import atexit
import json
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from service.api.traces import TRACE
from service.errors import QUOTE_LIMIT

Format = Literal["json", "console"]
Level = Literal["debug", "info", "warning", "error", "critical"]
ROOM = 10_000  # lines that wait to be written; more are dropped
GATHER_SECONDS = 0.05  # between two writes
LAST_SECONDS = 1.0  # for the last lines to be written when the process ends
TEXT_CHARACTERS = 300
TRACEBACK_CHARACTERS = 8000
_ESCAPED = {number: f"\\x{number:02x}" for number in (*range(32), 127) if chr(number) not in "\t\n"}  # of terminals
TRACEBACKS = frozenset({"exception", "traceback"})


@dataclass
class LogCounts:
    """Lines since the start; `dropped` had no room to wait in, `failed` could not be written."""

    written: int = 0
    dropped: int = 0
    failed: int = 0


class Outlet:
    """Writes lines to a file descriptor in a thread of its own: whoever logs waits for no disk, pipe or terminal."""

    def __init__(self, file: int) -> None:
        self.counts = LogCounts()
        self._file = file
        self._lines: deque[bytes] = deque()
        self._wake = threading.Event()
        self._ends = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, line: bytes) -> None:
        """Takes a line, without its end."""
        if len(self._lines) >= ROOM:
            self.counts.dropped += 1
            return
        self._lines.append(line)
        if not self._wake.is_set():
            self._wake.set()

    def close(self) -> None:
        """Writes what waits, unless that takes too long."""
        self._ends = True
        self._wake.set()
        self._thread.join(LAST_SECONDS)

    def _run(self) -> None:
        while not self._ends:
            self._wake.wait()
            self._wake.clear()
            if not self._ends:
                time.sleep(GATHER_SECONDS)
            self._flush()
        self._flush()  # what came while the others were written

    def _flush(self) -> None:
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        if lines and _written(self._file, b"\n".join(lines) + b"\n"):
            self.counts.written += len(lines)
        else:
            self.counts.failed += len(lines)


def configure(form: Format, level: Level, file: int | None = None) -> Outlet:
    """Sends everything that is logged in this process to a file, standard output if it is left out.

    The outlet is to be closed before the process is left in another way than by returning.
    """
    outlet = Outlet(sys.stdout.fileno() if file is None else file)
    atexit.register(outlet.close)
    first: list[Processor] = [structlog.processors.format_exc_info, _completed]
    last = _renderer(form)
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*first, last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_names: _Lines(outlet),
        cache_logger_on_first_use=False,  # a module's logger is made before this is called
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *first],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last, _decoded],
    )
    sending = _Sending(outlet)
    sending.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [sending]
    root.setLevel(number)
    return outlet


def quoted(text: str) -> str:
    """A user's text for a line: printable, and not longer than an error may repeat."""
    return text[:QUOTE_LIMIT].encode("unicode_escape").decode("ascii")


class _Lines:
    """What structlog logs to."""

    def __init__(self, outlet: Outlet) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = self.exception = outlet.write


class _Sending(logging.Handler):
    """What the standard library logs to."""

    def __init__(self, outlet: Outlet) -> None:
        super().__init__()
        self._outlet = outlet

    def emit(self, record: logging.LogRecord) -> None:
        """A record, as a line."""
        try:
            self._outlet.write(self.format(record).encode("utf-8", "backslashreplace"))
        except Exception:  # noqa: BLE001 - what cannot be logged is no reason to fail
            self._outlet.counts.failed += 1


def _written(file: int, data: bytes) -> bool:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(file, view) :]
    except OSError:
        return False
    return True


def _completed(_logger: WrappedLogger, level: str, event: EventDict) -> EventDict:
    """An event with its trace, level and time, and no text that is too long. One step, since every request takes it.

    Both ends of a text are kept: a traceback says at its end what has happened.
    """
    for name, value in event.items():
        if isinstance(value, str) and len(value) > TEXT_CHARACTERS:
            most = TRACEBACK_CHARACTERS if name in TRACEBACKS else TEXT_CHARACTERS
            event[name] = value if len(value) <= most else f"{value[: most // 2]} ... {value[-most // 2 :]}"
    trace = TRACE.get(None)
    if trace is not None:
        event["trace_id"] = trace
    event["level"] = level
    event["timestamp"] = datetime.now(UTC)
    return event


def _renderer(form: Format) -> Callable[[WrappedLogger, str, EventDict], bytes]:
    if form == "json":
        return _json
    console = structlog.dev.ConsoleRenderer(colors=False)

    def line(logger: WrappedLogger, name: str, event: EventDict) -> bytes:
        event["timestamp"] = event["timestamp"].isoformat(" ", "milliseconds")
        return console(logger, name, event).translate(_ESCAPED).encode("utf-8", "backslashreplace")

    return line


def _json(_logger: WrappedLogger, _name: str, event: EventDict) -> bytes:
    try:
        return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z)
    except TypeError:  # text that is not Unicode
        return json.dumps(event, default=str).encode("ascii")


def _decoded(_logger: WrappedLogger, _name: str, line: Any) -> str:
    text: str = line.decode("utf-8")
    return text
