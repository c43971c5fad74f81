"""Random well-shaped programs over every operation of the language, with points inside of their domains.

A step takes a sample of an operation and puts earlier results in the place of its variables, squeezed into the box
that the sample names; or it combines earlier results by arithmetic and broadcasting. Results are used again, so that
graphs share subterms.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from service.ir.size import numbers
from tests.diff.expressions import BINARY, SMOOTH, broadcast
from tests.functions import Function
from tests.ops.entry import Sample
from tests.ops.samples import SAMPLES

Shape = tuple[int, ...]

SHAPES: Sequence[Shape] = (
    (), (3,), (2,), (1,), (2, 3), (3, 3), (2, 2), (2, 1), (1, 3), (3, 2), (2, 3, 3), (2, 3, 2), (1, 2, 3), (2, 1, 3),
)  # fmt: skip
SQUEEZED = ("sigmoid({0})", "(1 + sin({0}))/2", "(1 + tanh({0}))/2", "1/(1 + {0}**2)", "exp(-({0}**2))")
NAME = re.compile(r"'[^']*'|(?<![\w.])[A-Za-z]\w*")
MOST_STEPS = 5
MOST_ENTRIES = 200
EVERY = [sample for entry in SAMPLES.values() for sample in entry.samples]


@cache
def shapes_of_samples() -> Mapping[tuple[str, str], Shape]:
    """What shape each sample has."""
    functions = {(sample.text, str(sample.shapes)): Function(sample.text, sample.shapes) for sample in EVERY}
    return {key: numbers(function.user.shape) for key, function in functions.items()}


@dataclass(frozen=True)
class Program:
    """Assignments, the expression of the output, and a value for each variable."""

    lines: tuple[str, ...]
    output: str
    shape: Shape
    point: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The program."""
        return "\n".join([*self.lines, self.output])

    @property
    def scalar(self) -> str:
        """The program with its output weighted by `weights` and summed, unless it is a scalar."""
        return "\n".join([*self.lines, f"sum(weights*({self.output}))"]) if self.shape else self.text


@dataclass
class _Draft:
    """A program while it is drawn; `known` are the names with their shapes, those of results several times."""

    generator: np.random.Generator
    known: list[tuple[str, Shape]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    point: dict[str, Any] = field(default_factory=dict)

    def among(self, options: Sequence[Any]) -> Any:
        return options[int(self.generator.integers(len(options)))]

    def variable(self, shape: Shape, low: float = -1.0, high: float = 1.0) -> str:
        name = f"x{len(self.point)}"
        self.point[name] = self.generator.uniform(low, high, shape)
        self.known.append((name, shape))
        return name

    def assign(self, text: str, shape: Shape) -> None:
        name = f"v{len(self.lines)}"
        self.lines.append(f"{name} = {text}")
        self.shapes.append(shape)
        if int(np.prod(shape)) <= MOST_ENTRIES:
            self.known += [(name, shape)] * 3  # later steps build on earlier ones more often than on the variables

    def in_box(self, shape: Shape, low: float, high: float) -> str:
        """A variable drawn from the box, or an earlier result squeezed into it, repeated to the shape if need be."""
        fitting = [(name, has) for name, has in self.known if broadcast(has, shape) == shape and 0 not in has]
        if not fitting or 0 in shape or self.generator.uniform() < 0.3:
            return self.variable(shape, low, high)
        name, has = self.among(fitting)
        squeezed = f"({low} + {high - low:.3g}*{self.among(SQUEEZED).format(name)})"
        return squeezed if has == shape else f"(zeros({shape}) + {squeezed})"

    def use(self, sample: Sample) -> None:
        """The sample with other operands."""
        box = sample.domain
        operands = {}
        for name, shape in sample.shapes.items():
            low, high = box[name] if isinstance(box, Mapping) else box
            operand = self.in_box(shape, low, high)
            square = sample.invertible and len(shape) == 2 and shape[0] == shape[1]
            numbers = (0.37 * np.arange(np.prod(shape, dtype=int)) ** 2 % 1.9).round(2).reshape(shape)
            operand = f"({operand} + 2*eye({shape[0]}))" if square else operand
            operands[name] = f"({operand} + {numbers.tolist()})" if sample.distinct and shape else operand
        self.assign(
            NAME.sub(lambda found: operands.get(found[0], found[0]), sample.text),
            shapes_of_samples()[sample.text, str(sample.shapes)],
        )

    def finished(self) -> Program:
        """The last result, with the sum of a bounded function of each that nothing used: no line is without effect."""
        last = len(self.lines) - 1
        unused = [k for k in range(last) if not any(re.search(rf"\bv{k}\b", line) for line in self.lines[k + 1 :])]
        output = " + ".join([f"v{last}", *(f"sum(sin(v{k}))" for k in unused)])
        return Program(tuple(self.lines), output, self.shapes[last], self.point)

    def combine(self) -> None:
        """Two results, by arithmetic that stays bounded; or one, by a function that is smooth everywhere."""
        (one, first), (other, second) = self.among(self.known), self.among(self.known)
        common = broadcast(first, second)
        if common is None or self.generator.uniform() < 0.4:
            self.assign(self.among(SMOOTH).format(one), first)
        else:
            self.assign(self.among(BINARY).format(one, other), common)


def draw(seed: int) -> Program:
    """The program of this number; every operation's samples come up in turn."""
    draft = _Draft(np.random.default_rng(seed))
    for _ in range(int(draft.generator.integers(1, 4))):
        draft.variable(draft.among(SHAPES))
    draft.use(EVERY[seed % len(EVERY)])
    for _ in range(int(draft.generator.integers(0, MOST_STEPS))):
        if draft.generator.uniform() < 0.5:
            draft.use(draft.among(EVERY))
        else:
            draft.combine()
    return draft.finished()
