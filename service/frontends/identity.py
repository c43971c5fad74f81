"""A function's identity: a hash of what it computes as it was written, and of its inputs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from service import ops
from service.ir.node import Node, make
from service.ir.op import find
from service.ir.size import Shape
from service.ir.walk import topological

PREFIX = "fn_"
DIGEST_BYTES = 16
MATRIX = 2  # axes
VERSION = b"fluxion function 1"  # part of every hash: a change of what is hashed changes every identity
_TRANSPOSE = find("transpose")

__all__ = ["canonical", "function_id", "ops"]


def function_id(outputs: Sequence[Node], inputs: Iterable[tuple[str, Shape]]) -> str:
    """`fn_` and 32 hexadecimal digits, equal for equal graphs over inputs of the same names and shapes.

    Inner names are no part of nodes and so do not matter; nor does the order of commutative operands and of inputs. The
    transpose of a vector is the vector, and dialects differ in where they must write it.
    """
    digests = _digests(outputs)
    declared = repr(sorted((name, repr(shape)) for name, shape in inputs))
    return PREFIX + _digest(declared, [digests[node] for node in outputs]).hex()


def canonical(outputs: Sequence[Node]) -> tuple[Node, ...]:
    """Of all graphs with one identity, the same one: operands in the order of their hashes, no idle transposes."""
    digests = _digests(outputs)
    chosen: dict[Node, Node] = {}
    for node in topological(outputs):
        if _is_idle(node):
            chosen[node] = chosen[node.inputs[0]]
            continue
        operands = sorted(node.inputs, key=digests.__getitem__) if node.op.commutative else node.inputs
        inputs = tuple(chosen[child] for child in operands)
        chosen[node] = node if inputs == node.inputs else make(node.op, inputs, node.attributes, node.shape)
    return tuple(chosen[node] for node in outputs)


def _is_idle(node: Node) -> bool:
    return node.op is _TRANSPOSE and len(node.shape) < MATRIX


def _digests(outputs: Sequence[Node]) -> dict[Node, bytes]:
    digests: dict[Node, bytes] = {}
    for node in topological(outputs):
        if _is_idle(node):
            digests[node] = digests[node.inputs[0]]
            continue
        operands = [digests[child] for child in node.inputs]
        digests[node] = _digest(
            repr((node.op.key, node.attributes, node.shape)), sorted(operands) if node.op.commutative else operands
        )
    return digests


def _digest(text: str, parts: Iterable[bytes]) -> bytes:
    """A hash of a text and of digests, which have one length, so that no two lists of parts run together.

    `repr` tells 1, 1.0 and True apart, and 0.0 from -0.0, which Python's equality does not.
    """
    content = text.encode()
    state = hashlib.blake2b(VERSION, digest_size=DIGEST_BYTES)
    state.update(len(content).to_bytes(8, "little"))
    state.update(content)
    for part in parts:
        state.update(part)
    return state.digest()
