"""What a model's vectors are: the variables and outputs behind them, and their lengths, which a plan tells."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from cachetools import LRUCache

from service.api.umbridge.refusals import InvalidInputError
from service.errors import nearest, quote
from service.tasks.messages import Kind

MOST_VECTORS = 2**16  # of all layouts that are remembered

Ask = Callable[[Kind, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]  # the kind and the fields of a compute request


@dataclass(frozen=True)
class Layout:
    """The variables that are a model's input vectors, in order, with their shapes, and the shapes of its outputs."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    outputs: tuple[tuple[int, ...], ...]

    @property
    def input_sizes(self) -> list[int]:
        """The length of each input vector, a variable's entries row by row."""
        return [math.prod(shape) for shape in self.shapes]

    @property
    def output_sizes(self) -> list[int]:
        """The length of each output vector, an output's entries row by row."""
        return [math.prod(shape) for shape in self.outputs]


@dataclass(frozen=True)
class Layouts:
    """The layouts of functions, remembered: every call needs one, and clients make many with the same config."""

    remembered: LRUCache[bytes, Layout] = field(
        default_factory=lambda: LRUCache(MOST_VECTORS, getsizeof=lambda found: len(found.names) + len(found.outputs))
    )

    async def of(self, key: bytes, fields: Mapping[str, Any], ask: Ask) -> Layout:
        """The layout of the function and the point that the fields describe, named `key`; `ask` makes the plan.

        Raises what `ask` raises, and InvalidInputError: a variable or a size is left open, or given twice.
        """
        found = self.remembered.get(key)
        if found is None:
            answer = await ask("plan", {**fields, "kind": "evaluate", "forms": []})
            found = _layout(answer["plan"], fields)
            self.remembered[key] = found
        return found


def key_of(name: str, config: Any) -> bytes:
    """What names the layout of a model under a config."""
    return hashlib.sha256(orjson.dumps([name, config])).digest()


def _layout(plan: Mapping[str, Any], fields: Mapping[str, Any]) -> Layout:
    shapes = {entry["name"]: entry["shape"] for entry in plan["inputs"]}
    fixed: Mapping[str, Any] = fields.get("at", {})
    names: Sequence[str] = fields.get("wrt", [name for name in shapes if name not in fixed])
    for name in fixed:
        if name not in shapes:
            message = f"config: at has a value for {quote(name)}, which is not a variable{nearest(name, shapes)}"
            raise InvalidInputError(message)
    for name in names:
        if name in fixed:
            message = f"config: {name} is in wrt and in at; it is an input or it has a fixed value"
            raise InvalidInputError(message)
    chosen = {*names, *fixed}
    for name in shapes:
        if name not in chosen:
            message = f"config: {name} is neither in wrt nor in at; it needs to be an input or a fixed value"
            raise InvalidInputError(message)
    if not names:
        message = "config: every variable has a fixed value in at; one at least must be an input"
        raise InvalidInputError(message)
    inputs = tuple(_settled(shapes[name], f"of {name}") for name in names)
    outputs = tuple(_settled(shape, "of an output") for shape in plan["output_shapes"])
    return Layout(tuple(names), inputs, outputs)


def _settled(shape: Sequence[int | str], where: str) -> tuple[int, ...]:
    for size in shape:
        if isinstance(size, str):
            message = f'config: the size {size} {where} is not known; "sizes": {{"{size}": ...}} gives a number'
            raise InvalidInputError(message)
    return tuple(int(size) for size in shape)
