"""The graph format's schema, version 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, FailFast, Field, PlainValidator, RootModel

from service.api.schemas import AxisSize, DocumentedAs, Name, OperationName, Strict, absent, wrong
from service.api.tensors import NonFiniteNumber
from service.errors import quote

Fact = Literal["symmetric", "positive", "positive_definite", "diagonal", "orthogonal"]
_PLACE = 2  # of an entry's number in a path: graph, nodes, 0
_SLICE_FIELDS = {"start", "stop", "step"}


class Slice(Strict):
    """A slice of an axis, as in Python; a part that is left out or null is open."""

    start: int | str | None = None
    stop: int | str | None = None
    step: int | None = None


class GetitemIndex(RootModel[int | str | list[int | str | Slice | None]]):
    """What `getitem` takes: a position, or one entry per axis; a text is a named size, null inserts an axis."""


class FlatData(RootModel[list[float | NonFiniteNumber]]):
    """Entries row by row."""


def _is_entry(value: Any) -> bool:
    if isinstance(value, dict):
        return set(value) <= _SLICE_FIELDS and all(part is None or _is_place(part) for part in value.values())
    return value is None or _is_place(value)


def _is_place(value: Any) -> bool:
    return type(value) is int or isinstance(value, str)


def _index(value: Any) -> Any:
    if _is_place(value) or (isinstance(value, list) and all(_is_entry(entry) for entry in value)):
        return value
    message = "an index is a whole number or size, or a list of these, of nulls and of objects of start, stop and step"
    raise wrong(message)


def _version(value: Any) -> Any:
    if type(value) is not int or value != 1:
        message = "the version of the graph format is the number 1"
        raise wrong(message)
    return value


class GraphInput(Strict):
    """A variable of the function."""

    name: Name
    shape: Annotated[list[AxisSize], FailFast()] = Field(description="One size per axis; `[]` for a scalar.")
    assume: Annotated[list[Fact], FailFast()] = Field(
        default_factory=absent, description="Facts that simplify results; the derivative is that of free entries."
    )


class GraphConstant(Strict):
    """An array that is part of the function."""

    name: Name
    shape: Annotated[list[Annotated[int, Field(ge=0)]], FailFast()] = Field(description="One size per axis.")
    data: Annotated[Any, DocumentedAs(FlatData)] = Field(description="The entries, the last axis running fastest.")


class NodeAttributes(Strict):
    """An operation's parameters, by NumPy's names."""

    model_config = ConfigDict(extra="allow")

    index: Annotated[Any, PlainValidator(_index), DocumentedAs(GetitemIndex)] = Field(
        default_factory=absent, description="For `getitem`."
    )


class GraphNode(Strict):
    """One operation on earlier nodes, constants and inputs."""

    name: Name
    op: OperationName = Field(description="An operation; GET /v1/ops lists them.")
    inputs: Annotated[list[Name], FailFast()] = Field(
        default_factory=absent, description="Names of earlier nodes, constants or inputs."
    )
    attributes: NodeAttributes = Field(default_factory=absent)


class Graph(Strict):
    """A function as a list of operations in topological order."""

    version: Annotated[Literal[1], BeforeValidator(_version)]
    inputs: Annotated[list[GraphInput], FailFast()]
    constants: Annotated[list[GraphConstant], FailFast()] = Field(default_factory=absent)
    nodes: Annotated[list[GraphNode], FailFast()]
    outputs: Annotated[list[Name], FailFast(), Field(min_length=1)] = Field(
        description="Each output has its own derivatives."
    )


def called(body: Mapping[str, Any], path: Sequence[Any]) -> str:
    """`node 'a': ` for a path into the graph's node of that name; so for inputs and constants, and else nothing."""
    if len(path) <= _PLACE or path[0] != "graph":
        return ""
    entry = body["graph"][path[1]][path[_PLACE]]
    name = entry.get("name") if isinstance(entry, dict) else None
    return f"{path[1].removesuffix('s')} {quote(name)}: " if isinstance(name, str) else ""
