"""What a piece of LaTeX means: an array, which may read as a row, or entries that are named by indices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from service.frontends.sizes import ABSENT
from service.frontends.values import Span
from service.ir.node import Node

ARGUMENT, DIVISOR = "argument", "divisor"  # what may not be followed by a factor, as it is unclear where it ends


@dataclass(slots=True)
class Formula:
    """An array.

    `row` is its orientation among vectors, `plain` what it is as an attribute, a literal is a number written out,
    `loose` says how its end is unclear, and `is_e` that it is Euler's number by name.
    """

    span: Span
    node: Node
    row: bool = False
    plain: Any = ABSENT
    literal: bool = False
    loose: str = ""
    is_e: bool = False


@dataclass(slots=True)
class Indexed:
    """A product of entries: arrays with a letter for each of their axes. The `bound` letters are summed over."""

    span: Span
    factors: tuple[tuple[Node, str], ...]
    bound: frozenset[str] = frozenset()

    @property
    def free(self) -> str:
        """The letters that are not summed over, in order of first use."""
        letters = dict.fromkeys("".join(labels for _, labels in self.factors))
        return "".join(letter for letter in letters if letter not in self.bound)


Piece = Formula | Indexed
