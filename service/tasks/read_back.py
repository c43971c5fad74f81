"""A closed form as its reader has it: the text, read again and evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from service.errors import FluxionError, LimitError, VerificationError
from service.frontends.text import Scope, read_text
from service.ir.size import Shape, written
from service.tasks.as_written import SAMPLES, AsWritten, largest_of
from service.tasks.messages import Array, Limits

LONGER = 16  # a derivative may be longer than the function by this factor
SAFETY = 100.0  # how often the uncertainty by rounding the two may differ
FLOOR = 1e-9  # and in any case, relative to an entry
EVALUATIONS = 8 * SAMPLES  # of a form, about
DECISIVE = 1e-3  # a doubt above this part of the largest entry explains what there is
BLOCK = 1e-12  # the same, relative to the largest entry


@dataclass(frozen=True)
class ReadBack:
    """The text of a closed form, and the function that it is."""

    text: str
    function: AsWritten = field(repr=False)
    limits: Limits

    @classmethod
    def of(cls, text: str, scope: Scope, shape: Shape, limits: Limits) -> ReadBack | None:
        """The form, or None where it is too long for a reader, or too large to evaluate operation by operation.

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
            node = read_text(text, scope, wider).output
        except LimitError:
            return None
        except FluxionError as error:
            message = f"the closed form {text!r} is not read back: {error.detail}"
            raise VerificationError(message) from error
        if node.shape != shape:
            message = f"the closed form {text!r} has shape {written(node.shape)}, not {written(shape)}"
            raise VerificationError(message)
        if largest_of([node]) > limits.elements:
            return None
        function = AsWritten([node])
        return cls(text, function, limits) if function.operations * EVALUATIONS <= limits.operations else None

    def values(self, points: Sequence[Mapping[str, Array]], generator: np.random.Generator) -> tuple[Array, Array]:
        """The value at the first point, and how uncertain its entries are; the other points differ by rounding."""
        first, *others = (self.function.at([point])[0][0] for point in points)
        with np.errstate(invalid="ignore"):
            return first, np.maximum(doubt_of(first, others), self.function.rounding(points[0], generator, self.limits))

    def compare(self, value: Array, block: Array, doubt: Array) -> float:
        """The largest relative error of the form's value; 0 where it has none, or where rounding explains it all.

        Raises:
            VerificationError: the derivative `block` is something else, and `doubt` is too little to explain it.
        """
        if not np.isfinite(value).all():
            return 0.0
        gap, size = np.abs(value - block), np.maximum(np.abs(value), np.abs(block))
        largest = np.max(size, initial=0.0)
        if (gap > SAFETY * doubt + FLOOR * size + BLOCK * largest).any():
            message = f"the closed form {self.text!r} is {value!r} where the derivative is {block!r}"
            raise VerificationError(message)
        explained = SAFETY * np.max(doubt, initial=0.0) > DECISIVE * largest
        return 0.0 if explained else float(np.max(gap, initial=0.0) / (largest or 1.0))


def doubt_of(value: Array, others: Sequence[Array]) -> Array:
    """How uncertain rounding makes each entry, from the values at points that are equal but for rounding."""
    return np.asarray(np.max([np.abs(other - value) for other in others], axis=0))
