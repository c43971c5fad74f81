"""A worker, seen from within: it takes one order after another from a socket until that is closed."""

from __future__ import annotations

import importlib
import os
import resource
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from service.pool.frames import Inbox, LostBodyError, Message, frame
from service.pool.memory import INLINE, shared
from service.pool.orders import Link

Run = Callable[[dict[str, Any], memoryview, Link], tuple[dict[str, Any], bytes]]

GET_SECONDS = 1.0
REPORT_SECONDS = 0.05  # between reports
DESCRIPTORS = 64
TRACEBACK_CHARACTERS = 16_000


def function(name: str) -> Run:
    """The function that a text such as `package.module:function` names."""
    module, _, attribute = name.partition(":")
    found: Run = getattr(importlib.import_module(module), attribute)
    return found


def when_idle(run: Run) -> Callable[[], None]:
    """What the function's module wants done while there is nothing else to do: its `when_idle`, if it has one."""
    found: Callable[[], None] = getattr(sys.modules[run.__module__], "when_idle", lambda: None)
    return found


def work(sock: socket.socket, run: Run, worker_bytes: int) -> None:
    """Serves one socket until the other side closes it."""
    _restrain(worker_bytes)
    sock.setblocking(True)
    threading.Thread(target=_end_with, args=(sock.fileno(),), daemon=True).start()
    post = Post(sock)
    post.send({"ready": os.getpid()})
    while message := post.take():
        if "order" in message.head:  # else an answer that came too late
            _serve(post, run, message)


class Post:
    """Messages by a blocking socket; and what a worker's function has of its surroundings."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._inbox = Inbox(sock)
        self._asked = 0
        self._reported = 0.0

    def send(self, head: Mapping[str, Any], body: bytes | memoryview = b"") -> None:
        """Sends a message, its body as a descriptor if it is long."""
        size = memoryview(body).nbytes
        if size <= INLINE:
            self._sock.sendall(frame(head, body))
            return
        data = memoryview(frame(head, size=size))
        descriptor = shared(body)
        try:
            sent = socket.send_fds(self._sock, [data], [descriptor])
        finally:
            os.close(descriptor)
        self._sock.sendall(data[sent:])

    def take(self) -> Message | None:
        """The next message, or None at the end. Raises TimeoutError if the socket has a timeout."""
        while (message := self._inbox.next()) is None:
            if not self._inbox.read():
                return None
        return message

    def get(self, key: str) -> bytes | None:
        """What others have kept; None also if the answer takes too long."""
        self._asked += 1
        self.send({"get": key, "number": self._asked})
        until = time.monotonic() + GET_SECONDS
        try:
            while (left := until - time.monotonic()) > 0:
                self._sock.settimeout(left)
                message = self.take()
                if message is None:
                    return None
                if message.head.get("number") == self._asked:
                    return bytes(message.body()) if message.head["found"] else None
        except TimeoutError:
            pass
        finally:
            self._sock.settimeout(None)
        return None

    def put(self, key: str, value: bytes) -> None:
        """Keeps a value for others."""
        self.send({"put": key}, value)

    def report(self, done: int, whole: int) -> None:
        """Tells how much is done: at most twenty times a second, and at the end."""
        now = time.monotonic()
        if now - self._reported >= REPORT_SECONDS or done >= whole:
            self._reported = now
            self.send({"done": done, "whole": whole})


def _serve(post: Post, run: Run, message: Message) -> None:
    try:
        given = message.body()
    except LostBodyError:
        os._exit(1)  # too many earlier bodies are still referred to; a new worker has none
    post.send({"begun": True})
    try:
        head, body = run(message.head["order"], given, post)
        post.send({"outcome": head}, body)
    except MemoryError:
        post.send({"memory": True})
        os._exit(1)  # what is left of the memory is in pieces
    except BaseException:  # noqa: BLE001 - whatever it is, it must not end the worker
        post.send({"error": traceback.format_exc()[-TRACEBACK_CHARACTERS:]})


def limit_memory(worker_bytes: int) -> None:
    """Bounds the memory of this process, and keeps it from being written down when it crashes."""
    if sys.platform == "linux":  # elsewhere it does not count what is mapped
        resource.setrlimit(resource.RLIMIT_DATA, (worker_bytes, worker_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _restrain(worker_bytes: int) -> None:
    """Memory, files and signals; only the parent ends a worker, so a signal to the whole group leaves it alone."""
    limit_memory(worker_bytes)
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _end_with(descriptor: int) -> None:
    """Ends this process, whatever it is doing, when the other side of the socket is gone."""
    poll = select.poll()
    poll.register(descriptor, 0)
    while not any(happened & (select.POLLHUP | select.POLLERR) for _, happened in poll.poll()):
        pass
    os._exit(1)
