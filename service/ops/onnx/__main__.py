"""`python -m service.ops.onnx`: what of the language is not written in ONNX, and why, as a table for the documents."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from service.ir.op import Op, operations
from service.ops import arithmetic

__all__ = ["arithmetic", "table"]  # the room of declarations is loaded with any of it


def table(ops: Mapping[str, Op]) -> str:
    """One line for each operation of which something is not written."""
    lines = ["| operation | written in ONNX | what is not, and why |", "| --- | --- | --- |"]
    for name, op in ops.items():
        if op.onnx_lacks:
            lines.append(f"| `{name}` | {'in part' if op.onnx else 'no'} | {op.onnx_lacks} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table({name: op for name, op in operations().items() if not op.internal}))
