"""The process that forks workers: it has imported what they need, and has one thread.

`python -m service.pool.forking DESCRIPTOR FUNCTION` serves the socket with that descriptor. A dead worker stays a
zombie until it is asked to be buried, so that a process id never means another process to the one that kills by it.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys

from service.pool.frames import Inbox, Message, frame
from service.pool.work import Run, function, when_idle, work

PAUSE = 5  # milliseconds between looks at those that are dying
IDLE = 1000  # milliseconds after which there is time for what can wait


class Forker:
    """Forks a worker for each socket that it is sent, buries those it is told to, and outlives nobody."""

    def __init__(self, sock: socket.socket, run: Run) -> None:
        self._sock = sock
        self._run = run
        self._inbox = Inbox(sock)
        self._alive: set[int] = set()
        self._dying: set[int] = set()
        self._is_complete = False

    def serve(self) -> None:
        """Serves until the other side is gone, and takes all workers along."""
        poll = select.poll()
        poll.register(self._sock.fileno(), select.POLLIN)
        try:
            while self._step(poll):
                self._bury()
        except OSError:
            pass  # it went in the middle of a message
        finally:
            for pid in self._alive:
                os.kill(pid, signal.SIGKILL)
            for pid in self._alive | self._dying:
                os.waitpid(pid, 0)

    def _step(self, poll: select.poll) -> bool:
        if not poll.poll(PAUSE if self._dying else IDLE if self._alive and not self._is_complete else None):
            if not self._dying:
                self._complete()
            return True
        alive = self._inbox.read()
        while message := self._inbox.next():
            self._follow(message)
        return alive

    def _follow(self, message: Message) -> None:
        if "bury" in message.head:
            pid = message.head["bury"]
            if pid in self._alive:
                os.kill(pid, signal.SIGKILL)
                self._alive.remove(pid)
                self._dying.add(pid)
            return
        self._sock.sendall(frame({"number": message.head["number"], "pid": self._fork(message)}))

    def _fork(self, message: Message) -> int | None:
        """The new worker's process id, or None if there is no room for it."""
        if message.descriptor is None:
            return None
        try:
            pid = os.fork()
        except OSError:
            os.close(message.descriptor)
            return None
        if not pid:
            self._become(message.descriptor, message.head["bytes"])
        os.close(message.descriptor)
        self._alive.add(pid)
        return pid

    def _become(self, descriptor: int, worker_bytes: int) -> None:
        """A worker, from the fork to its end."""
        status = 1
        try:
            self._sock.close()
            self._inbox.close()
            work(socket.socket(fileno=descriptor), self._run, worker_bytes)
            status = 0
        except OSError:
            pass  # the other side is gone
        finally:
            os._exit(status)

    def _complete(self) -> None:
        """Does once, for the workers to come, what the first ones were not to wait for."""
        self._is_complete = True
        when_idle(self._run)()
        gc.freeze()

    def _bury(self) -> None:
        self._dying -= {pid for pid in self._dying if os.waitpid(pid, os.WNOHANG)[0]}


def main(descriptor: str, name: str) -> None:
    """Imports what workers need, and forks them on demand."""
    gc.disable()  # importing leaves little garbage, and looking for it takes a tenth of the time
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    forker = Forker(socket.socket(fileno=int(descriptor)), function(name))
    gc.collect()
    gc.freeze()  # pages that the collector never touches stay shared
    gc.enable()
    forker.serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
