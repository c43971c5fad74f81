"""`python -m tests.ir.packing`: reads packed graphs in a process of its own, and tells what it made of them.

A line of the input is JSON with `packed` and, where numbers are wanted, a `point`. One of the output has the digests of
the nodes, whether packing them again gives the same bytes, and the numbers in hexadecimal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from service import ops
from service.execute.program import compile_program
from service.ir.node import Node
from service.ir.packed import pack, unpack

__all__ = ["ops"]


def numbers(nodes: Sequence[Node], point: Mapping[str, Any]) -> list[str]:
    """What the nodes are at a point, bit for bit."""
    found = compile_program(nodes, frozenset()).run({name: np.asarray(value) for name, value in point.items()})
    return [np.ascontiguousarray(value).tobytes().hex() for value in found]


def told(line: str) -> dict[str, Any]:
    """What is found in one line of the input."""
    asked = json.loads(line)
    packed = asked["packed"].encode()
    nodes = unpack(packed)
    point = asked.get("point")
    return {
        "digests": [node.digest.hex() for node in nodes],
        "again": pack(nodes) == packed,
        "numbers": None if point is None else numbers(nodes, point),
    }


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(told(line)) + "\n")
