"""Programs of numbers alone, for a batch of a few hundred points: like steps side by side in one call.

A call into NumPy costs as much as a few hundred multiplications. Numbers of all registers are rows of one array; steps
of one depth with the same function are one call on as many rows, which are gathered first where they do not follow each
other. Each number is computed by the same function as always, so that it has the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from service.execute.listing import FLOAT, Array, Listing, Step
from service.execute.routine import define

FEWEST_STEPS = 40  # below, there is little to put side by side
MOST_POINTS = 300  # beyond, gathering costs more than calls


def stacked_function(
    listing: Listing, steps: Sequence[Step], inputs: Mapping[str, int], outputs: Sequence[int]
) -> Callable[[Mapping[str, Array], int], Sequence[Array]]:
    """The steps of a scalar program as a function of the values and the number of points: an array for each output."""
    rows = {register: row for row, register in enumerate(inputs.values())}
    names: dict[str, Any] = {"empty": np.empty}
    lines = [f" R[{row}] = values[n{row}]" for row in range(len(rows))]
    names |= {f"n{row}": name for row, name in enumerate(inputs)}
    for group in _groups(listing, steps):
        group.sort(key=lambda step: [rows.get(k, -1) for k in step.sources])
        first = len(rows)
        operands = [
            _operand([step.sources[place] for step in group], rows, listing, names)
            for place in range(len(group[0].sources))
        ]
        rows |= {step.target: first + place for place, step in enumerate(group)}
        function = f"f{len(names)}"
        names[function] = group[0].run
        lines.append(f" {function}({', '.join(operands)}, out=R[{first}:{first + len(group)}])")
    names["ends"] = np.array([rows[k] for k in outputs])
    source = [f"def run(values, count):\n R = empty(({len(rows)}, count))", *lines, " return R.take(ends, 0)"]
    function_of: Callable[[Mapping[str, Array], int], Sequence[Array]] = define("\n".join(source), names)
    return function_of


def is_stackable(listing: Listing, steps: Sequence[Step], outputs: Sequence[int]) -> bool:
    """Whether a scalar program has steps enough, all of whose results are doubles with a batch axis."""
    results = {step.target for step in steps}
    return (
        len(steps) >= FEWEST_STEPS
        and all(listing.dtypes[k] == FLOAT and listing.batched[k] for k in results)
        and all(listing.batched[k] for k in outputs)
    )


def _groups(listing: Listing, steps: Sequence[Step]) -> list[list[Step]]:
    """Steps that do not depend on each other, with one function and numbers in the same places."""
    depth, found = dict[int, int](), dict[tuple[int, Any, tuple[bool, ...]], list[Step]]()
    for step in steps:
        depth[step.target] = 1 + max((depth.get(k, 0) for k in step.sources), default=0)
        fixed = tuple(k in listing.constants for k in step.sources)
        found.setdefault((depth[step.target], step.run, fixed), []).append(step)
    return [found[key] for key in sorted(found, key=lambda key: key[0])]


def _operand(registers: Sequence[int], rows: Mapping[int, int], listing: Listing, names: dict[str, Any]) -> str:
    """One argument of the steps of a group: a column of numbers, rows as they lie, or rows gathered."""
    name = f"a{len(names)}"
    if registers[0] in listing.constants:
        numbers = [float(listing.constants[k]) for k in registers]
        names[name] = np.array(numbers[0] if len(set(numbers)) == 1 else [[number] for number in numbers])
        return name
    places = [rows[k] for k in registers]
    if places == list(range(places[0], places[0] + len(places))):
        return f"R[{places[0]}:{places[0] + len(places)}]"
    if len(set(places)) == 1:
        return f"R[{places[0]}]"
    names[name] = np.array(places)
    return f"R.take({name}, 0)"
