r"""Names as LaTeX sets them: `\mathbf{x}` is x, `\theta_{1}` theta1, `\mathrm{learning\_rate}` learning_rate.

A typeface means nothing; digits below a name are its end. The reverse is `service.render.latex.latex_name`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi",
    "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega", "ell",
}  # fmt: skip
_VARIANTS = {f"var{name}": name for name in ("epsilon", "theta", "kappa", "pi", "rho", "sigma", "phi")}
_FACES = "mathbf|boldsymbol|mathrm|mathit|mathsf|mathcal|mathbb|mathtt|bm|vec|operatorname"
_ACCENTS = "hat|bar|tilde|widehat|widetilde|overline"

_SYMBOL = re.compile(r"\\([A-Za-z]+)|([A-Za-z])")
_WORD = re.compile(r"[A-Za-z](?:[A-Za-z0-9]|\\?_)*")
_FACE = re.compile(rf"\\({_FACES})(?![A-Za-z])\s*(\{{?)\s*")
_ACCENT = re.compile(rf"\\({_ACCENTS})(?![A-Za-z])\s*(\{{?)\s*")
_CLOSING = re.compile(r"\s*\}")
_DIGITS = re.compile(r"\s*_\s*(?:\{\s*([0-9]+)\s*\}|([0-9]))")
_BELOW = re.compile(r"\s*_\s*(?:\{\s*(?:\\(?:mathrm|text|textrm)\{)?([A-Za-z][A-Za-z0-9]*)\}?\s*\}|([A-Za-z]))")


@dataclass(frozen=True)
class Found:
    """A name at some place of a text, and where it ends."""

    name: str
    end: int


def name_at(text: str, start: int, is_known: Callable[[str], bool]) -> Found | None:
    """The name that begins at `start`; letters below it belong to it if such a name `is_known`."""
    found = _plain(text, start)
    if found is None:
        return None
    digits = _DIGITS.match(text, found.end)
    if digits:
        number = digits[1] or digits[2]
        joined, apart = found.name + number, f"{found.name}_{number}"
        return Found(apart if is_known(apart) and not is_known(joined) else joined, digits.end())
    below = _BELOW.match(text, found.end)
    if below:
        letters = below[1] or below[2]
        for joined in (f"{found.name}_{letters}", found.name + letters):
            if is_known(joined):
                return Found(joined, below.end())
    return found


def _plain(text: str, start: int) -> Found | None:
    accent = _ACCENT.match(text, start)
    inner = _faced(text, accent.end() if accent else start)
    if inner is None or accent is None:
        return inner
    end = _closed(text, inner.end, opened=bool(accent[2]))
    return None if end is None else Found(f"{inner.name}_{accent[1].removeprefix('wide')}", end)


def _faced(text: str, start: int) -> Found | None:
    face = _FACE.match(text, start)
    if face is None:
        return _symbol(text, start)
    word = _WORD.match(text, face.end()) if face[2] else None
    inner = Found(word[0].replace("\\", ""), word.end()) if word else _symbol(text, face.end())
    end = None if inner is None else _closed(text, inner.end, opened=bool(face[2]))
    return None if inner is None or end is None else Found(inner.name, end)


def _closed(text: str, end: int, *, opened: bool) -> int | None:
    if not opened:
        return end
    closing = _CLOSING.match(text, end)
    return closing.end() if closing else None


def _symbol(text: str, start: int) -> Found | None:
    match = _SYMBOL.match(text, start)
    if match is None:
        return None
    name = match[2] or _VARIANTS.get(match[1], match[1])
    return Found(name, match.end()) if match[2] or name in GREEK else None
