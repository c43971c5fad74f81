"""Graphs as plain data and as bytes, for other processes: reading them back gives the nodes that were written.

Nodes are rows of numbers in topological order: a head, and the rows of the inputs. Heads are the distinct operations
with attributes and shape. Nodes that whoever reads has already, those below `given`, are numbered first and not
written. With the outputs goes a digest of theirs, which what is read must have: it names operation, attributes, shape
and inputs of all nodes below, so that damaged bytes are an error and never another graph.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson

from service.ir.coefficient import Contraction
from service.ir.leaves import ArrayData, Assumed
from service.ir.node import Node, head_of, make_headed
from service.ir.op import Op, operations
from service.ir.size import Dim, Size, add, multiply, named
from service.ir.walk import topological

MOST_BYTES = 2**22
MOST_NODES = 2**17
DEEPEST = 8  # tuples in one another, within attributes
FLOAT64, DIGEST_BYTES = 8, 16
_PLAIN = {type(None), bool, int, str}
_PROBLEMS = (LookupError, TypeError, ValueError, AttributeError, binascii.Error)

Head = tuple[bytes, Op, Any, tuple[Size, ...]]


class PackingError(ValueError):
    """What cannot be written, or is not what was written."""


def pack(nodes: Sequence[Node], given: Iterable[Node] = ()) -> bytes:
    """The graphs below `nodes` as bytes. Raises PackingError for what has no place in them or is over the bounds."""
    packed = orjson.dumps(write_nodes(nodes, given))
    if len(packed) > MOST_BYTES:
        message = f"{len(packed)} bytes are over the bound of {MOST_BYTES}"
        raise PackingError(message)
    return packed


def unpack(packed: bytes, given: Iterable[Node] = ()) -> list[Node]:
    """The nodes that were packed: in the same process, the same objects. Raises PackingError for anything else."""
    if len(packed) > MOST_BYTES:
        message = f"{len(packed)} bytes are over the bound of {MOST_BYTES}"
        raise PackingError(message)
    try:
        return read_nodes(orjson.loads(packed), given)
    except orjson.JSONDecodeError as error:
        raise PackingError(str(error)) from None


def write_nodes(nodes: Sequence[Node], given: Iterable[Node] = ()) -> dict[str, Any]:
    """The graphs below `nodes` as data for JSON: `heads`, `rows`, and the numbers of the `roots`, with a `digest`."""
    places = {node: number for number, node in enumerate(topological(given))}
    heads: dict[bytes, int] = {}
    written, rows = list[Any](), list[list[int]]()
    for node in topological(nodes):
        if node in places:
            continue
        head = head_of(node.op, node.attributes, node.shape)
        if head not in heads:
            heads[head] = len(written)
            written.append(_write_head(node))
        places[node] = len(places)
        rows.append([heads[head], *[places[child] for child in node.inputs]])
    _check_lists(rows)
    return {"heads": written, "rows": rows, "roots": [places[node] for node in nodes], "digest": _digest(nodes)}


def read_nodes(data: Mapping[str, Any], given: Iterable[Node] = ()) -> list[Node]:
    """The nodes that `write_nodes` wrote. Raises PackingError for what it cannot have written."""
    try:
        heads, rows, roots = data["heads"], data["rows"], data["roots"]
        _check_lists(heads, rows, roots)
        made = _made(topological(given), [_read_head(head) for head in heads], rows)
        _check_numbers([0, *roots])
        found = [made[place] for place in roots]
    except PackingError:
        raise
    except _PROBLEMS as error:
        raise PackingError(repr(error)) from None
    if data.get("digest") != _digest(found):
        message = "the nodes have not the digest that they were written with"
        raise PackingError(message)
    return found


def _digest(nodes: Iterable[Node]) -> str:
    return hashlib.blake2b(b"".join([node.digest for node in nodes]), digest_size=DIGEST_BYTES).hexdigest()


def _check_lists(*parts: object) -> None:
    for part in parts:
        if not isinstance(part, list) or len(part) > MOST_NODES:
            message = f"there are more than {MOST_NODES} nodes, or no list of them"
            raise PackingError(message)


def _check_numbers(row: Sequence[int]) -> None:
    if min(row) < 0:
        message = "rows are numbered from 0"
        raise PackingError(message)


def _made(made: list[Node], heads: Sequence[Head], rows: Sequence[Sequence[int]]) -> list[Node]:
    """The nodes that there are, and after them those of the rows."""
    for row in rows:
        _check_numbers(row)
        text, op, attributes, shape = heads[row[0]]
        made.append(make_headed(text, op, tuple([made[place] for place in row[1:]]), attributes, shape))
    return made


def _write_head(node: Node) -> list[Any]:
    name = node.op.name
    if operations().get(name) is not node.op:
        message = f"{name} is no operation of the registry"
        raise PackingError(message)
    return [name, write_value(node.attributes), [write_value(entry) for entry in node.shape]]


def _read_head(head: Sequence[Any]) -> Head:
    name, attributes, shape = head
    op, known, sizes = operations()[name], read_value(attributes), tuple([read_value(entry) for entry in shape])
    return head_of(op, known, sizes), op, known, sizes


def write_value(value: Any, depth: int = 0) -> Any:
    """An attribute or a size for JSON: tuples as lists, and what JSON has not as an object with one named field."""
    kind = type(value)  # exactly: True is no 1, and a number of NumPy's no float
    if kind in _PLAIN:
        return value
    if kind is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if depth < DEEPEST and kind is tuple:
        return [write_value(entry, depth + 1) for entry in value]
    if depth < DEEPEST and kind in _WRITERS:
        name, parts = _WRITERS[kind]
        return {name: parts(value, depth + 1)}
    message = f"an attribute of type {kind.__name__} has no place in a packed graph"
    raise PackingError(message)


def read_value(item: Any, depth: int = 0) -> Any:
    """What `write_value` wrote."""
    kind = type(item)
    if kind in _PLAIN or kind is float:
        return item
    if depth < DEEPEST and kind is list:
        return tuple([read_value(entry, depth + 1) for entry in item])
    if depth < DEEPEST and kind is dict and len(item) == 1:
        ((name, parts),) = item.items()
        return _READERS[name](parts, depth + 1)
    message = "an attribute is not as it is written"
    raise PackingError(message)


def _read_size(terms: Sequence[Sequence[Any]], _: int) -> Size:
    """Through the arithmetic of sizes, so that no name is a product and equal sizes are equal objects."""
    total: Size = 0
    for coefficient, *names in terms:
        term: Size = coefficient
        for name in names:
            if not name.isidentifier():
                message = "a size has the name of no size"
                raise PackingError(message)
            term = multiply(term, named(name))
        total = add(total, term)
    return total


def _read_array(text: str, _: int) -> ArrayData:
    content = base64.b64decode(text, validate=True)
    if len(content) % FLOAT64:
        message = "an array ends within a number"
        raise PackingError(message)
    return ArrayData(content)


def _read_assumed(parts: Sequence[str], _: int) -> Assumed:
    name, *facts = parts
    return Assumed(name, facts)


def _read_contraction(parts: Sequence[Any], depth: int) -> Contraction:
    return Contraction(*[read_value(part, depth) for part in parts])


_WRITERS: Mapping[type, tuple[str, Callable[[Any, int], Any]]] = {
    Dim: ("size", lambda size, _: [[coefficient, *names] for names, coefficient in size.terms]),
    ArrayData: ("array", lambda data, _: base64.b64encode(data.content).decode()),
    Assumed: ("assumed", lambda name, _: [str(name), *name.facts]),
    Contraction: ("contraction", lambda product, depth: [write_value(part, depth) for part in product]),
}
_READERS: Mapping[str, Callable[[Any, int], Any]] = {
    "float": lambda text, _: {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[text],
    "size": _read_size,
    "array": _read_array,
    "assumed": _read_assumed,
    "contraction": _read_contraction,
}
