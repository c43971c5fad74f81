"""Decoded JSON, checked piece by piece: every refusal points at the piece."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.errors import FluxionError, InvalidRequestError, nearest, quote
from service.frontends.words import check_name


@dataclass(frozen=True)
class Fields:
    """The names that an object has."""

    what: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    def read(self, value: Any, pointer: str) -> Mapping[str, Any]:
        """The object, with nothing missing and nothing unknown."""
        if not isinstance(value, Mapping):
            message = f"{self.what} is an object"
            raise InvalidRequestError(message, pointer=pointer)
        known = (*self.required, *self.optional)
        for name in value:
            if name not in known:
                message = f"{self.what} has no field {quote(str(name))}{nearest(str(name), known)}"
                raise InvalidRequestError(message, pointer=f"{pointer}/{_step(str(name))}")
        for name in self.required:
            if name not in value:
                message = f"{self.what} needs the field '{name}'"
                raise InvalidRequestError(message, pointer=f"{pointer}/{name}")
        return value


def _step(name: str) -> str:
    """A field's name within a JSON pointer (RFC 6901), short enough to repeat."""
    return name[:80].replace("~", "~0").replace("/", "~1")


def as_list(value: Any, pointer: str) -> Sequence[Any]:
    """A JSON array."""
    if not isinstance(value, list | tuple):
        message = "an array is expected"
        raise InvalidRequestError(message, pointer=pointer)
    return value


def as_name(value: Any, pointer: str) -> str:
    """A name of the language."""
    if not isinstance(value, str):
        message = "a name is a text"
        raise InvalidRequestError(message, pointer=pointer)
    try:
        check_name(value)
    except FluxionError as error:
        error.pointer = pointer
        raise
    return value
