"""Results of pure functions of graphs in a store that processes and machines share: derived once, read by all others.

What is stored is data under a key made of content alone. Whatever cannot be read counts, and is derived again.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache, wraps
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Any, Generic, ParamSpec, Protocol, TypeVar

import numpy as np
import orjson

import service
from service.ir.node import Node
from service.ir.packed import MOST_BYTES, PackingError, read_nodes, write_nodes

Arguments = ParamSpec("Arguments")
Made = TypeVar("Made")

SOURCES = {".py", ".lark"}
# Constants are folded with them; SciPy is not imported for its version.
LIBRARIES = (platform.python_version(), np.__version__, version("scipy"))
CHECK = 16  # bytes in front of a value
_UNREADABLE = (LookupError, TypeError, ValueError, AttributeError)


class Store(Protocol):
    """Bytes under keys, for everyone; it may lose any of them at any time."""

    def get(self, key: str) -> bytes | None:
        """The value, or None; an OSError is as good as None."""

    def put(self, key: str, value: bytes) -> None:
        """Keeps a value; an OSError is as good as having lost it."""


@dataclass
class Counts:
    """What this process has done since its start: derivations made and results found in a store.

    `unreadable` are results in the store that could not be read, `unwritable` those that could not be put there.
    """

    derived: int = 0
    found: int = 0
    unreadable: int = 0
    unwritable: int = 0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def note(self, what: str) -> None:
        """One more, from whatever thread."""
        with self._lock:
            setattr(self, what, getattr(self, what) + 1)


COUNTS = Counts()
_store: ContextVar[Store | None] = ContextVar("store", default=None)


@contextmanager
def sharing(store: Store | None) -> Iterator[None]:
    """Within it, results are looked up in the store and put there."""
    token = _store.set(store)
    try:
        yield
    finally:
        _store.reset(token)


@dataclass(frozen=True)
class Entry(Generic[Made]):
    """How results of one function are stored.

    `key(*arguments)` is data for JSON that names the arguments by content: digests of nodes, names, shapes, options.
    `write(made, *arguments)` is the result as data for JSON, `read(data, *arguments)` the result again; both may raise
    what says that they cannot: a LookupError, TypeError, ValueError or AttributeError. Where a result is not
    `worth(*arguments)` the way to the store, it is made anew, and does not count as derived.
    """

    name: str
    key: Callable[..., Any]
    write: Callable[..., Any]
    read: Callable[..., Made]
    worth: Callable[..., bool] = lambda *_: True


def graphs(
    name: str, key: Callable[..., Any], given: Callable[..., Sequence[Node]], count: Callable[..., int]
) -> Entry[list[Node]]:
    """An entry of `count(*arguments)` graphs alone, written from the graphs `given(*arguments)` on."""

    def read(data: Any, *arguments: Any) -> list[Node]:
        found = read_nodes(data, given(*arguments))
        if len(found) != count(*arguments):
            message = "there are more graphs than are asked for, or fewer"
            raise PackingError(message)
        return found

    return Entry(name, key, lambda made, *arguments: write_nodes(made, given(*arguments)), read)


def digests(nodes: Iterable[Node]) -> list[str]:
    """What names graphs in a key."""
    return [node.digest.hex() for node in nodes]


def through_store(entry: Entry[Made], function: Callable[Arguments, Made]) -> Callable[Arguments, Made]:
    """The function, asking the store that is in use first; without one, the function."""

    @wraps(function)
    def found_or_made(*arguments: Arguments.args, **named: Arguments.kwargs) -> Made:
        if not entry.worth(*arguments, **named):
            return function(*arguments, **named)
        store = _store.get()
        if store is None:
            COUNTS.note("derived")
            return function(*arguments, **named)
        key = _key(entry, *arguments, **named)
        packed = _got(store, key)
        if packed is not None:
            try:
                made = entry.read(_opened(key, packed), *arguments, **named)
            except _UNREADABLE:
                COUNTS.note("unreadable")
            else:
                COUNTS.note("found")
                return made
        made = function(*arguments, **named)
        COUNTS.note("derived")
        try:
            store.put(key, _closed(key, entry.write(made, *arguments, **named)))
        except (*_UNREADABLE, OSError):
            COUNTS.note("unwritable")  # others derive it for themselves
        return made

    return found_or_made


def _got(store: Store, key: str) -> bytes | None:
    try:
        return store.get(key)
    except OSError:
        return None


def _key(entry: Entry[Any], *arguments: Any, **named: Any) -> str:
    content = json.dumps(entry.key(*arguments, **named)).encode()  # of any text and number, unlike orjson
    return f"{entry.name}:{ruleset()}:{hashlib.blake2b(content, digest_size=CHECK).hexdigest()}"


def _check(key: str, content: bytes) -> bytes:
    """What tells that a value is whole, and the one of its key."""
    return hashlib.blake2b(key.encode() + b" " + content, digest_size=CHECK).digest()


def _closed(key: str, data: Any) -> bytes:
    content = orjson.dumps(data)
    if len(content) > MOST_BYTES or orjson.loads(content) != data:
        message = "the data are too many for the store, or JSON would change them"
        raise PackingError(message)
    return _check(key, content) + content


def _opened(key: str, packed: bytes) -> Any:
    check, content = packed[:CHECK], packed[CHECK:]
    if len(content) > MOST_BYTES or check != _check(key, content):
        message = "the value is not the one that was put under the key"
        raise PackingError(message)
    return orjson.loads(content)


@cache
def ruleset(top: Path = Path(service.__file__).parent) -> str:
    """A hash of the sources and of what numbers depend on: no version reads what another has stored."""
    state = hashlib.sha256(repr(LIBRARIES).encode())
    for path in sorted(top.rglob("*")):
        if path.suffix in SOURCES:
            content = path.read_bytes()
            state.update(f"{path.relative_to(top).as_posix()} {len(content)} ".encode() + content)
    return state.hexdigest()[:32]
