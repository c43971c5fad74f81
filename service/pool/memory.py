"""Long bodies on their way between processes: memory behind a descriptor, which has no name that could be left over."""

from __future__ import annotations

import asyncio
import fcntl
import mmap
import os
import tempfile

INLINE = 64 << 10  # bytes that travel within a message
BRIEF = 1 << 20  # bytes that are written faster than a thread is woken
SEALS = ("F_SEAL_SHRINK", "F_SEAL_GROW", "F_SEAL_WRITE", "F_SEAL_SEAL")


def shared(body: bytes | memoryview) -> int:
    """A descriptor of memory that holds the bytes and, on Linux, will not change any more. The caller closes it."""
    descriptor = _blank()
    try:
        rest = memoryview(body).cast("B")
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if hasattr(os, "memfd_create"):
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, sum(getattr(fcntl, seal) for seal in SEALS))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


async def shared_soon(body: bytes | memoryview) -> int:
    """The same, without holding up the event loop; what is cancelled leaves no descriptor."""
    if memoryview(body).nbytes <= BRIEF:
        return shared(body)
    writing = asyncio.ensure_future(asyncio.to_thread(shared, body))
    try:
        return await asyncio.shield(writing)
    except asyncio.CancelledError:
        writing.add_done_callback(_discard)
        raise


def mapped(descriptor: int, size: int) -> memoryview:
    """The bytes behind a descriptor, which is closed; they stay as long as something refers to them.

    Raises:
        OSError: they are not as many as announced, or cannot be mapped.
    """
    try:
        if os.fstat(descriptor).st_size != size:
            message = "the memory is not as long as announced"
            raise OSError(message)
        return memoryview(mmap.mmap(descriptor, size, access=mmap.ACCESS_READ))
    finally:
        os.close(descriptor)


def _blank() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("body", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with tempfile.TemporaryFile() as file:  # macOS: a file whose name is gone already
        return os.dup(file.fileno())


def _discard(writing: asyncio.Future[int]) -> None:
    if not writing.cancelled() and writing.exception() is None:
        os.close(writing.result())
