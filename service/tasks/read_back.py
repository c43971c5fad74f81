"""A closed form as its reader has it: the text, read again and evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from service.errors import FluxionError, LimitError, VerificationError
from service.execute.program import Program, compile_program
from service.frontends.sizes import bind
from service.frontends.text import Scope, read_text
from service.ir.size import Shape, written
from service.ir.walk import rebuild
from service.tasks.function import lower
from service.tasks.messages import Array, Limits

LONGER = 16  # a derivative may be longer than the function by this factor
SAFETY = 100.0  # how often the uncertainty by rounding the two may differ
FLOOR = 1e-9  # and in any case, relative to an entry
BLOCK = 1e-12  # the same, relative to the largest entry


@dataclass(frozen=True)
class ReadBack:
    """The text of a closed form, and the program that it is."""

    text: str
    program: Program = field(repr=False)

    @classmethod
    def of(cls, text: str, scope: Scope, shape: Shape, limits: Limits) -> ReadBack | None:
        """The form, or None where it is too long for a reader.

        Raises:
            VerificationError: the text is not one of the language, or not of the shape that is answered.
        """
        wider = replace(
            limits,
            expression_bytes=LONGER * limits.expression_bytes,
            tokens=LONGER * limits.tokens,
            nodes=LONGER * limits.nodes,
            axes=2 * limits.axes,
        )
        try:
            (node,) = rebuild([read_text(text, scope, wider).output], lower)
        except LimitError:
            return None
        except FluxionError as error:
            raise VerificationError(f"the closed form {text!r} is not read back: {error.detail}") from error
        if node.shape != bind(shape, scope.sizes):
            raise VerificationError(f"the closed form {text!r} has shape {written(node.shape)}, not {written(shape)}")
        return cls(text, compile_program([node], most_entries=limits.elements))

    def compare(self, points: Sequence[Mapping[str, Array]], block: Array, doubt: Array) -> float | None:
        """The largest relative error at the first point, the others being the same but for rounding.

        `block` is the derivative there and `doubt` how uncertain its entries are. None where the form has no number.

        Raises:
            VerificationError: the form evaluates to something else.
        """
        first, *others = (self.program.run(point)[0] for point in points)
        if not np.isfinite(first).all():
            return None
        doubt = doubt + spread_of(first, others)
        gap, size = np.abs(first - block), np.maximum(np.abs(first), np.abs(block))
        largest = np.max(size, initial=0.0)
        if (gap > SAFETY * doubt + FLOOR * size + BLOCK * largest).any():
            raise VerificationError(f"the closed form {self.text!r} is {first!r} where the derivative is {block!r}")
        return float(np.max(gap, initial=0.0) / (largest or 1.0))


def spread_of(value: Array, others: Sequence[Array]) -> Array:
    """By how much each entry differs between evaluations that are equal but for rounding."""
    return np.max([np.abs(other - value) for other in others], axis=0, initial=0.0)
