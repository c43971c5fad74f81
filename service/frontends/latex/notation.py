"""What LaTeX stands for which operation, read off the operations' own notations: a new one is read as it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from service import ops
from service.ir.op import Op, operations

__all__ = ["commands", "fences", "heads", "infixes", "ops"]

_NAMED = r"\operatorname{{{}}}"
_COMMAND = re.compile(r"(\\[A-Za-z]+)((?:\{#\d\})+)")
_INFIX = re.compile(r"#1 (\\[A-Za-z]+|[^\sA-Za-z\\]+) #2")
_FENCE = re.compile(r"\\left(\\[A-Za-z]+|\\?[^\sA-Za-z])\s*#1\s*\\right(\\[A-Za-z]+|\\?[^\sA-Za-z])")

# Spellings of textbooks that no notation of ours uses.
HEADS = {
    r"\ln": "log", r"\tr": "trace", r"\Tr": "trace", r"\diag": "diag", r"\rank": "", r"\sgn": "sign",
    r"\Pr": "", r"\argmax": "", r"\argmin": "", r"\operatorname{sgn}": "sign", r"\operatorname{Tr}": "trace",
}  # fmt: skip
INFIXES = {r"\leq": r"\le", r"\geq": r"\ge", r"\neq": r"\ne", r"\circ": r"\odot", r"\lt": "<", r"\gt": ">"}
FENCES = {
    r"\lvert": "|", r"\rvert": "|", r"\vert": "|", r"\lVert": r"\|", r"\rVert": r"\|", r"\Vert": r"\|",
}  # fmt: skip


def _user_operations() -> Iterator[Op]:
    return (op for op in operations().values() if not op.internal)


@cache
def heads() -> dict[str, list[Op]]:
    """Functions by the LaTeX before their brackets; `max` of one array and of two are called alike."""
    found: dict[str, list[Op]] = {}
    for op in _user_operations():
        names = [_NAMED.format(name) for name in (op.name, *op.aliases)]
        if op.latex.template is None and op.latex.name:
            written = op.latex.name
            names += [written] if written.startswith("\\") else [_NAMED.format(written)]
        for name in dict.fromkeys(names):
            found.setdefault(name, []).append(op)
            if name.endswith("}") and "_{" in name:
                found.setdefault(re.sub(r"_\{(\w)\}$", r"_\1", name), [op])
    for name, meant in HEADS.items():
        if meant in operations():
            found.setdefault(name, [operations()[meant]])
    return found


@cache
def commands() -> dict[str, Op]:
    r"""Operations written as a command with arguments in braces, such as `\sqrt{x}`."""
    found = {}
    for op in _user_operations():
        match = _COMMAND.fullmatch(op.latex.template or "")
        if match:
            found[match[1]] = op
    return found | {name: found[r"\frac"] for name in (r"\tfrac", r"\dfrac", r"\cfrac") if r"\frac" in found}


@cache
def infixes() -> dict[str, Op]:
    r"""Operations written between their operands, but for `+` and `-`, by the symbol."""
    found = {}
    for op in _user_operations():
        match = _INFIX.fullmatch(op.latex.template or "")
        if match and match[1] not in {"+", "-", r"\,"}:
            found[match[1]] = op
    found[r"\oslash"] = operations()["divide"]
    return found | {name: found[symbol] for name, symbol in INFIXES.items() if symbol in found}


@cache
def fences() -> dict[str, tuple[str, Op]]:
    r"""Operations written as a pair of brackets, by the one that opens: the one that closes, and the operation."""
    found = {}
    for op in _user_operations():
        match = _FENCE.fullmatch(op.latex.template or "")
        if match:
            found[match[1]] = (match[2], op)
    return found
