"""Starts the process that forks workers, and imports next to nothing itself: it is the first thing that a service does.

So that process imports what workers need while this one imports what it needs itself, on another processor.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import dataclass

ONE_THREAD = dict.fromkeys(
    (
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    ),
    "1",
)


@dataclass(frozen=True)
class Launched:
    """A forking process for workers that run `function`, and this side of its socket; it ends when that is closed."""

    function: str
    process: subprocess.Popen[bytes]
    sock: socket.socket

    def end(self) -> None:
        """Ends it at once: there is no executor to take it over."""
        self.sock.close()
        self.process.kill()
        self.process.wait()


def launch(function: str) -> Launched:
    """Starts it, in a group of its own, so that Ctrl-C in a terminal reaches the parent alone.

    Raises:
        OSError: there is no room for a process or a descriptor.
    """
    ours, theirs = socket.socketpair()
    descriptor = theirs.fileno()
    command = [sys.executable, "-m", "service.pool.forking", str(descriptor), function]
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    try:
        process = subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.DEVNULL, env=environment, pass_fds=[descriptor], process_group=0
        )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return Launched(function, process, ours)
