"""What the workers of these tests do: one function, told by the head what to do."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import numpy as np

from service.pool.orders import Link


def run(head: dict[str, Any], body: memoryview, link: Link) -> tuple[dict[str, Any], bytes]:
    """Does what `head["do"]` says."""
    done: tuple[dict[str, Any], bytes] = globals()[f"do_{head['do']}"](head, body, link)
    return done


IDLE: list[int] = []


def when_idle() -> None:
    """What the forking process does in time."""
    IDLE.append(os.getpid())


def do_idle(head: dict[str, Any], body: memoryview, link: Link) -> tuple[dict[str, Any], bytes]:
    """The processes that had time before this one was forked."""
    return {"by": IDLE, "parent": os.getppid()}, b""


def do_echo(head: dict[str, Any], body: memoryview, link: Link) -> tuple[dict[str, Any], bytes]:
    """The same again."""
    return head, bytes(body)


def do_sleep(head: dict[str, Any], body: memoryview, link: Link) -> tuple[dict[str, Any], bytes]:
    """Nothing, for a while."""
    time.sleep(head["seconds"])
    return {"slept": head["seconds"], "pid": os.getpid()}, b""


def do_spin(head: dict[str, Any], body: memoryview, link: Link) -> tuple[dict[str, Any], bytes]:
    """Python code, for a while of processor time."""
    until = time.thread_time() + head["seconds"]
    while time.thread_time() < until:
        pass
    return {"pid": os.getpid()}, b""


def do_lapack(head: dict[str, Any], body: memoryview, link: Link) -> tuple[dict[str, Any], bytes]:
    """Long C code that looks at no signal."""
    n = head["n"]
    values = np.linalg.eigvals(np.random.default_rng(0).standard_normal((n, n)))
    return {"n": len(values)}, b""


def do_power(head: dict[str, Any], body: memoryview, link: Link) -> tuple[dict[str, Any], bytes]:
    """Long C code that never lets another thread of its process run."""
    return {"bits": (9 ** (9 ** head["n"])).bit_length()}, b""


def do_exit(head: dict[str, Any], body: memoryview, link: Link) -> tuple[dict[str, Any], bytes]:
    """Ends the process without a word."""
    os._exit(3)


def do_abort(head: dict[str, Any], body: memoryview, link: Link) -> tuple[dict[str, Any], bytes]:
    """Ends the process as a failed assertion in C does."""
    os.abort()


def do_exit_once(head: dict[str, Any], body: memoryview, link: Link) -> tuple[dict[str, Any], bytes]:
    """Ends the first process that comes here; `path` is where it leaves word."""
    try:
        os.close(os.open(head["path"], os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return {"again": True}, b""
    os.kill(os.getpid(), signal.SIGKILL)
    return {}, b""


def do_allocate(head: dict[str, Any], body: memoryview, link: Link) -> tuple[dict[str, Any], bytes]:
    """Memory that is written to."""
    return {"sum": float(np.ones(head["bytes"] // 8).sum())}, b""


def do_large(head: dict[str, Any], body: memoryview, link: Link) -> tuple[dict[str, Any], bytes]:
    """A long result."""
    return {"first": bytes(body[:1]).decode()}, bytes(body[:1]) * head["bytes"]


def do_raise(head: dict[str, Any], body: memoryview, link: Link) -> tuple[dict[str, Any], bytes]:
    """A defect."""
    raise {"ValueError": ValueError, "SystemExit": SystemExit, "RecursionError": RecursionError}[head["what"]]


def do_report(head: dict[str, Any], body: memoryview, link: Link) -> tuple[dict[str, Any], bytes]:
    """Steps that are reported."""
    for step in range(head["steps"]):
        link.report(step + 1, head["steps"])
    return {}, b""


def do_put(head: dict[str, Any], body: memoryview, link: Link) -> tuple[dict[str, Any], bytes]:
    """Keeps the body."""
    link.put(head["key"], bytes(body))
    return {}, b""


def do_get(head: dict[str, Any], body: memoryview, link: Link) -> tuple[dict[str, Any], bytes]:
    """What is kept."""
    value = link.get(head["key"])
    return {"found": value is not None}, value or b""
