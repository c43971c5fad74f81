"""The expression language as text: each dialect is read by a grammar of our own, and never run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from service.errors import ParseError, UnsupportedOperationError, quote
from service.frontends.bounds import BYTES, Limits, check_count
from service.frontends.latex.dialect import latex
from service.frontends.latex.program import LatexProgram
from service.frontends.matlab.dialect import MATLAB
from service.frontends.matlab.program import MatlabProgram
from service.frontends.names import Scope
from service.frontends.places import Source
from service.frontends.program import Program
from service.frontends.python import PYTHON
from service.frontends.reader import Reading
from service.frontends.sizes import ABSENT
from service.frontends.values import Term
from service.ir.size import Dim, Size, named

__all__ = ["Reading", "Scope", "read_size", "read_text"]


def read_text(source: str, scope: Scope, limits: Limits, syntax: str = "python") -> Reading:
    """The graph of a program in one of the dialects."""
    if syntax not in _DIALECTS:
        message = f"syntax {syntax!r} is not supported; the supported ones are {', '.join(map(repr, _DIALECTS))}"
        raise UnsupportedOperationError(message, pointer="/syntax")
    return _DIALECTS[syntax](_bounded(source, limits), scope, limits)


def _read_python(source: Source, scope: Scope, limits: Limits) -> Reading:
    return Program(source, scope, limits).reading(PYTHON.parse(source, limits))


def _read_matlab(source: Source, scope: Scope, limits: Limits) -> Reading:
    return MatlabProgram(source, scope, limits).reading(MATLAB.parse(source, limits))


def _read_latex(source: Source, scope: Scope, limits: Limits) -> Reading:
    program = LatexProgram(source, scope, limits)
    return program.reading(latex(program.names.is_known).parse(source, limits))


_DIALECTS: Mapping[str, Callable[[Source, Scope, Limits], Reading]] = {
    "python": _read_python,
    "matlab": _read_matlab,
    "latex": _read_latex,
}


def read_size(source: str, bound: Mapping[str, int], limits: Limits) -> Size:
    """The size that a text such as `m*n - 1` means; every name in it is one of a size, `bound` has their numbers."""
    text = _bounded(source, limits)
    # A shape of all the names declares them; no text can name the variable that has it.
    names = tuple(named(name) for name in re.findall(r"[A-Za-z]\w*", source, re.ASCII))
    value = Program(text, Scope({"": names}, bound), limits).read(PYTHON.parse(text, limits))
    plain: Any = value.plain if isinstance(value, Term) else ABSENT
    if not isinstance(plain, int | Dim):
        message = f"{quote(source)} is not a size, such as n, m*n or n - 1"
        raise ParseError(message)
    return plain


def _bounded(source: str, limits: Limits) -> Source:
    # Characters first: a text that is far too long is not even encoded.
    check_count(BYTES, len(source), limits.expression_bytes)
    check_count(BYTES, len(source.encode("utf-8", "surrogatepass")), limits.expression_bytes)
    return Source(source)
