"""Programs of numbers alone, for one point: straight-line code on Python's floats.

Python adds, multiplies and takes roots as IEEE 754 says, as NumPy does, at a tenth of the cost of a call into NumPy.
Other functions are NumPy's own, but for those of `math` that agree with them bit for bit on this machine.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from service.execute.listing import Array, Listing, Manner, Step
from service.execute.routine import define

MOST_STEPS = 2000

# What is exact, or rounded correctly, wherever it is computed.
_EXACT: Mapping[np.ufunc, str] = {
    np.add: "{0} + {1}",
    np.subtract: "{0} - {1}",
    np.multiply: "{0} * {1}",
    np.divide: "{0} / {1}",
    np.negative: "-{0}",
    np.square: "{0} * {0}",
    np.reciprocal: "1.0 / {0}",
    np.sqrt: "sqrt({0})",
    np.abs: "abs({0})",
}
# What can be 0 though nothing that it is made of is.
_VANISHING = (np.multiply, np.divide, np.square, np.reciprocal, np.exp)
_OTHERS: tuple[np.ufunc, ...] = (np.sin, np.cos)  # which NumPy leaves to the C library on many machines
_PROBES = np.concatenate([np.geomspace(1e-8, 500, 700), -np.geomspace(1e-8, 500, 700)])


@cache
def agreeing() -> Mapping[np.ufunc, Callable[[float], float]]:
    """The functions of `math` that give NumPy's bits at 1400 points; two that round differently do so at many."""
    found = dict[np.ufunc, Callable[[float], float]]()
    for ufunc in _OTHERS:
        function = getattr(math, ufunc.__name__)
        if ufunc(_PROBES).tobytes() == np.array([function(float(x)) for x in _PROBES]).tobytes():
            found[ufunc] = function
    return found


def is_scalar(listing: Listing, steps: Sequence[Step], ends: Sequence[int]) -> bool:
    """Whether every step is a function of numbers, and the registers `ends` are numbers."""
    used = {k for step in steps for k in (*step.sources, step.target)} | set(ends)
    return (
        len(steps) <= MOST_STEPS
        and all(step.manner is Manner.UFUNC for step in steps)
        and not any(listing.shapes[k] for k in used)
    )


def point_function(
    listing: Listing, steps: Sequence[Step], inputs: Mapping[str, int], outputs: Sequence[int]
) -> Callable[[Mapping[str, Array]], list[Array]]:
    """The steps as a function of the values of one point, which is a batch of one where inputs have that axis.

    It raises ArithmeticError or ValueError where an intermediate result is not finite, or 0 or nearly so where it can
    have vanished: NumPy then tells more.
    """
    names: dict[str, Any] = {
        "sqrt": math.sqrt,
        "abs": abs,
        "min": min,
        "float": float,
        "ArithmeticError": ArithmeticError,
        "empty": np.empty,
    }
    constants = {k: float(array) for k, array in listing.constants.items() if not array.shape}
    lines = ["def run(values):"]
    for name, k in inputs.items():
        names[f"n{k}"] = name
        lines.append(f" r{k} = values[n{k}].item()")
    for step in steps:
        arguments = [f"({constants[k]!r})" if _is_plain(constants, k) else f"r{k}" for k in step.sources]
        lines.append(f" r{step.target} = {_expression(step, names).format(*arguments)}")
    if steps:
        lines.append(f" total = {' + '.join(f'r{step.target}' for step in steps)}")
        lines.append(" if total - total != 0.0: raise ArithmeticError")
    vanishing = [f"abs(r{step.target})" for step in steps if step.run in _VANISHING]
    if vanishing:
        lines.append(f" if min({', '.join(vanishing)}, 1.0) < {sys.float_info.min!r}: raise ArithmeticError")
    for k in set(outputs):
        shape, index = ("1", "0") if listing.batched[k] else ("()", "()")
        lines += [f" o{k} = empty({shape})", f" o{k}[{index}] = r{k}"]
    lines.append(f" return [{', '.join(f'o{k}' for k in outputs)}]")
    return define("\n".join(lines), names | {f"r{k}": value for k, value in constants.items()})


def _is_plain(constants: Mapping[int, float], register: int) -> bool:
    return register in constants and math.isfinite(constants[register])


def _expression(step: Step, names: dict[str, Any]) -> str:
    ufunc: Any = step.run
    if ufunc in _EXACT:
        return _EXACT[ufunc]
    places = ", ".join(f"{{{k}}}" for k in range(len(step.sources)))
    if ufunc in agreeing():
        names[ufunc.__name__] = agreeing()[ufunc]
        return f"{ufunc.__name__}({places})"
    name = f"np_{ufunc.__name__}"
    names[name] = ufunc
    return f"float({name}({places}))"
