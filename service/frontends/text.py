"""The expression language as text: Python's spelling, read by our own grammar, never run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.errors import ParseError, quote
from service.frontends.bounds import Limits, check_count
from service.frontends.names import Scope
from service.frontends.places import Source
from service.frontends.program import Program, Reading
from service.frontends.sizes import ABSENT
from service.frontends.syntax import parse
from service.frontends.values import Term
from service.ir.size import Dim, Size, named

__all__ = ["Reading", "Scope", "read_size", "read_text"]


def read_text(source: str, scope: Scope, limits: Limits) -> Reading:
    """The graph of a program."""
    text = _bounded(source, limits)
    return Program(text, scope, limits).reading(parse(text, limits))


def read_size(source: str, names: Mapping[str, Size], limits: Limits) -> Size:
    """The size that a text such as `m*n - 1` means; `names` are the sizes that it may name."""
    text = _bounded(source, limits)
    numbers = {name: size for name, size in names.items() if isinstance(size, int)}
    shape = tuple(named(name) for name, size in names.items() if isinstance(size, Dim))
    # The names are sizes of an array that the text cannot name.
    value = Program(text, Scope({"": shape}, numbers), limits).read(parse(text, limits))
    plain: Any = value.plain if isinstance(value, Term) else ABSENT
    if not isinstance(plain, int | Dim):
        message = f"{quote(source)} is not a size, such as n, m*n or n - 1"
        raise ParseError(message)
    return plain


def _bounded(source: str, limits: Limits) -> Source:
    # Characters first: a text that is far too long is not even encoded.
    check_count("expression_bytes", len(source), limits.expression_bytes)
    check_count("expression_bytes", len(source.encode("utf-8", "surrogatepass")), limits.expression_bytes)
    return Source(source)
