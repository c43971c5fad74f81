"""What a registered function's arrays are: its inputs and outputs by name, with their shapes."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import orjson
from cachetools import LRUCache

from service.api.problems import pointer
from service.api.requests import ID_PATTERN
from service.api.supplying import unknown_function
from service.errors import ShapeError
from service.functions.functions import Functions
from service.tasks.messages import Kind

MOST_BYTES = 2**24  # of the documents whose signatures are remembered
SINGLE = "output"  # the name of a function's only output; several are output0, output1 and so on

MOST_SHAPES = 16  # of one function that are remembered, each for other numbers for its named sizes

Sizes = Sequence[int | str]
Shapes = Mapping[str, Sequence[int]]
Ask = Callable[[Kind, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]  # the kind and the fields of a compute request


@dataclass(frozen=True)
class Signature:
    """A function's inputs, in the order of their names, and its outputs; a named size stands for any number."""

    function_id: str
    inputs: Mapping[str, Sizes]
    outputs: Mapping[str, Sizes]
    graph: Mapping[str, Any]
    planned: LRUCache[Any, Shapes] = field(default_factory=lambda: LRUCache(MOST_SHAPES), compare=False)

    def function(self, outputs: Sequence[str]) -> Mapping[str, Any]:
        """The fields of a compute request for some of the outputs, in the order of all."""
        if len(outputs) == len(self.outputs):
            return {"function_id": self.function_id}
        return {"graph": {**self.graph, "outputs": self._nodes(outputs)}}

    def joined(self, outputs: Sequence[str]) -> Mapping[str, Any]:
        """The fields of a compute request for the one vector that the entries of some outputs make, each row by row."""
        if len(self.outputs) == 1:
            return {"function_id": self.function_id}
        taken = {entry["name"] for part in ("inputs", "constants", "nodes") for entry in self.graph[part]}
        fresh = (name for number in count() if (name := f"joined{number}") not in taken)
        parts = [{"name": next(fresh), "op": "ravel", "inputs": [node]} for node in self._nodes(outputs)]
        whole = {"name": next(fresh), "op": "concatenate", "inputs": [part["name"] for part in parts]}
        nodes = [*self.graph["nodes"], *parts, whole]
        return {"graph": {**self.graph, "nodes": nodes, "outputs": [whole["name"]]}}

    def _nodes(self, outputs: Sequence[str]) -> list[str]:
        chosen = set(outputs)
        return [node for node, name in zip(self.graph["outputs"], self.outputs, strict=True) if name in chosen]

    def sizes(self, shapes: Shapes) -> dict[str, int]:
        """The numbers that inputs of these shapes give to the named sizes.

        Raises ShapeError: a shape does not fit its input, or two inputs have different numbers for one name.
        """
        found: dict[str, int] = {}
        for name, shape in shapes.items():
            declared = self.inputs[name]
            fits = len(shape) == len(declared) and all(
                size == (wanted if isinstance(wanted, int) else found.setdefault(wanted, size))
                for size, wanted in zip(shape, declared, strict=True)
            )
            if not fits:
                known = "".join(f", where {size} is {number}" for size, number in found.items() if size in declared)
                message = f"{name} has the shape {_written(shape)}; it takes {_written(declared)}{known}"
                raise ShapeError(message, pointer=pointer("inputs", name))
        return found

    async def output_shapes(self, sizes: Mapping[str, int], ask: Ask) -> Shapes:
        """The outputs' shapes where named sizes have these numbers; `ask` makes a plan if some are more than a name."""
        found = {
            name: [size if isinstance(size, int) else sizes.get(size) for size in shape]
            for name, shape in self.outputs.items()
        }
        settled = {name: [size for size in shape if size is not None] for name, shape in found.items()}
        return settled if settled == found else await self._planned(sizes, ask)

    async def _planned(self, sizes: Mapping[str, int], ask: Ask) -> Shapes:
        key = tuple(sizes.items())
        if key not in self.planned:
            request = {"function_id": self.function_id, "kind": "evaluate", "sizes": sizes, "forms": []}
            shapes = (await ask("plan", request))["plan"]["output_shapes"]
            self.planned[key] = dict(zip(self.outputs, shapes, strict=True))
        return self.planned[key]


@dataclass(frozen=True)
class Signatures:
    """The signatures of registered functions, remembered: every call needs one."""

    functions: Functions
    remembered: LRUCache[str, tuple[Signature, int]] = field(
        default_factory=lambda: LRUCache(MOST_BYTES, getsizeof=lambda entry: entry[1])
    )

    async def of(self, function_id: str) -> Signature:
        """The signature of a function, which is in use by that. Raises NotFoundError: nobody has registered it."""
        known = self.remembered.get(function_id)
        if known is not None:
            self.functions.use(function_id)
            return known[0]
        document = await self.functions.find(function_id) if re.fullmatch(ID_PATTERN, function_id) else None
        if document is None:
            raise unknown_function(function_id)
        found = _signature(orjson.loads(document))
        if len(document) <= MOST_BYTES:
            self.remembered[function_id] = (found, len(document))
        return found


def _signature(document: Mapping[str, Any]) -> Signature:
    outputs = [output["shape"] for output in document["outputs"]]
    names = [SINGLE] if len(outputs) == 1 else [f"{SINGLE}{place}" for place in range(len(outputs))]
    inputs = {variable["name"]: variable["shape"] for variable in document["variables"]}
    return Signature(document["function_id"], inputs, dict(zip(names, outputs, strict=True)), document["graph"])


def _written(shape: Sizes) -> str:
    return f"[{', '.join(map(str, shape))}]"
