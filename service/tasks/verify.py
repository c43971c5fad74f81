"""`verify`: numbers and closed forms are checked by means that share nothing with those that found them.

Numbers are compared with differences of the function as it was written, evaluated one operation at a time; closed
forms are read back from their text and evaluated. Both at the request's point, or some points of its batch, and at
random ones. A block that is answered by factors is checked by its dense graph: `_Check.answered` is the place to put
the array of its factors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from service.errors import LimitError, VerificationError
from service.execute.program import Program
from service.execute.quiet import Flags
from service.execute.span import rounding_errors, run_within_range
from service.frontends.sizes import bind
from service.frontends.text import Scope
from service.ir.size import Shape, numbers
from service.tasks.as_written import AsWritten
from service.tasks.bounded import compile_bounded
from service.tasks.closed_forms import Writer, closed_forms, orientation_of
from service.tasks.derivatives import Derivative
from service.tasks.differences import evaluations
from service.tasks.fresh_points import fresh_points
from service.tasks.function import Function
from service.tasks.inputs import NOWHERE
from service.tasks.messages import Answer, Array, Notice, Verified
from service.tasks.notices import CANCELLED
from service.tasks.probes import DIRECTIONS, Moves, Probe
from service.tasks.read_back import ReadBack, doubt_of
from service.tasks.subject import Subject, subject_of

if TYPE_CHECKING:
    from service.tasks.problem import Directions, Problem

FRESH = 4  # random points that each block is checked at
OF_BATCH = 3  # points of a batch
ROUNDING = 8 * float(np.finfo(float).eps)
ROUNDED = 4
DIFFERENCES = "central differences of the function as written, along random directions"
FORM = "; closed form read back"

Values = Mapping[str, Array]


@dataclass
class _Check:
    """One block while it is checked: how often it was found right, and what kept it from being checked."""

    block: Derivative
    place: int
    answered: Array | None
    form: ReadBack | None
    points: int = 0
    fresh: int = 0
    given: int = 0
    worst: float = 0.0
    on_kink: bool = False
    rounding: float = 0.0  # error of the numbers at the request's point, relative to what is more than 1
    form_points: int = 0
    within_range: int = 0  # points at which every number on the way is within the range of doubles
    remarks: list[str] = field(default_factory=list)


def verified(
    answer: Answer,
    problem: Problem,
    derive: Callable[[Function], list[Derivative]],
    blocks: tuple[Sequence[Derivative], Sequence[Derivative]],
    directions: Directions,
) -> Answer:
    """The answer with the outcome of its check; `blocks` are those of the closed forms and those of the numbers.

    Raises:
        VerificationError: two ways to a number differ by more than both their errors allow.
        LimitError: the check itself is over a bound.
    """
    generator = _generator(problem)
    try:
        subject = subject_of(problem, derive, blocks, generator)
        if subject is None:
            return _without_sizes(answer)
        checks = _Verification(problem, answer, subject, directions, generator).run(blocks[0])
    except VerificationError as error:
        message = f"{_described(problem)}: {error.detail}"
        raise VerificationError(message) from error
    notices = [notice for check in checks for notice in _notices(check)]
    done = tuple(replace(block, verified=_outcome(check)) for block, check in zip(answer.blocks, checks, strict=True))
    return replace(answer, blocks=done, warnings=(*answer.warnings, *notices))


def _without_sizes(answer: Answer) -> Answer:
    done = tuple(replace(block, verified=Verified()) for block in answer.blocks)
    notice = Notice("not-verified", "no small sizes were found that the function has", "/derivatives")
    return replace(answer, blocks=done, warnings=(*answer.warnings, notice))


def _generator(problem: Problem) -> np.random.Generator:
    """Equal requests are checked at equal points, so that answers can be kept; others at points of their own."""
    seed = hashlib.blake2b(f"{problem.function.function_id} {problem.task.kind}".encode(), digest_size=8)
    for value in (problem.task.at or {}).values():
        seed.update(np.ascontiguousarray(value).tobytes())
    return np.random.default_rng(int.from_bytes(seed.digest(), "big"))


def _described(problem: Problem) -> str:
    task = problem.task
    source = task.expression if task.graph is None else task.graph
    return f"{task.kind} of {problem.function.function_id} {source!r} by {task.wrt} in layout {task.layout}"


def _outcome(check: _Check) -> Verified:
    method = DIFFERENCES + FORM if check.form_points else DIFFERENCES
    return Verified(method, check.points, check.worst) if check.points and not _cancels(check) else Verified()


def _cancels(check: _Check) -> bool:
    return check.rounding > CANCELLED


def _notices(check: _Check) -> Iterator[Notice]:
    if check.on_kink:
        check.remarks.append("the point sent lies on a kink, where differences do not apply: only random ones count")
    elif check.given and check.points == check.fresh and check.points:
        check.remarks.append("differences decide nothing at the point sent: only random ones count")
    if _cancels(check):
        check.remarks.append(f"terms cancel at the point sent: its number is wrong by about {check.rounding:.0e}")
    if not check.points:
        check.remarks.append("no point was found where the function has values and differences tell its derivative")
    for remark in check.remarks:
        yield Notice("not-verified", remark, f"/derivatives/{check.place}/verified")


class _Verification:
    """The check of one answer."""

    def __init__(
        self,
        problem: Problem,
        answer: Answer,
        subject: Subject,
        directions: Directions,
        generator: np.random.Generator,
    ) -> None:
        self.problem, self.answer, self.subject, self.generator = problem, answer, subject, generator
        self.directions = directions
        self.limits = problem.task.limits
        bound = {**problem.function.inputs, **directions.shapes}
        self.inputs: dict[str, Shape] = bound
        self.shapes = {name: numbers(bind(shape, subject.sizes)) for name, shape in bound.items()}
        self.function = AsWritten(subject.function.outputs)
        self.moves = Moves(directions.moved, next(iter(directions.shapes), None) if not directions.moved else None)

    def run(self, blocks: Sequence[Derivative]) -> list[_Check]:
        """Every block's check; `blocks` are those that were printed."""
        checks = [self._check(place, printed) for place, printed in enumerate(blocks)]
        fresh = self._affordable(checks)
        program = compile_bounded([block.node for block in self.subject.blocks], NOWHERE, self.limits)
        given = list(self._given())
        for index, point in given:
            self._at(point, checks, program, index)
        for point in fresh_points(self.generator, self.shapes, self._facts(), [point for _, point in given]):
            waiting = [check for check in checks if check.fresh < fresh]
            if not waiting:
                break
            self._at(point, waiting, program, None)
        for check in checks:
            if check.form is not None and check.points and check.within_range and not check.form_points:
                message = f"the closed form {check.form.text!r} has no value where the derivative has"
                raise VerificationError(message)
        return checks

    def _check(self, place: int, printed: Derivative) -> _Check:
        block, answered = self.subject.blocks[place], self.answer.blocks[place]
        if not self.problem.task.forms:
            return _Check(block, place, answered.value, None)
        text = answered.forms.get("text") or self._text(printed)
        form = ReadBack.of(text, Scope(self.inputs, self.subject.sizes), block.node.shape, self.limits)
        remarks = [] if form is not None else ["the closed form is too long to be read back"]
        return _Check(block, place, answered.value, form, remarks=remarks)

    def _text(self, printed: Derivative) -> str:
        output = self.problem.function.kernel[printed.output]
        writer = Writer(printed.node, self.inputs, orientation_of(printed.node, output, self.answer.layout))
        return str(closed_forms(writer, ("text",), "f", self.problem.facts).spellings["text"])

    def _affordable(self, checks: Sequence[_Check]) -> int:
        """How many fresh points the bounds allow."""
        if self.function.largest > self.limits.elements:
            hint = "the function as it is written is too large to be verified"
            raise LimitError("elements", self.function.largest, self.limits.elements, hint=hint)
        orders = [len(check.block.wrt) + (check.block.layout == "variable") for check in checks]
        once = self.function.operations * DIRECTIONS * sum(map(evaluations, orders))
        given = 0 if self.problem.task.at is None else 2 * min(OF_BATCH, self.answer.batch_size or 1)
        for fresh in range(FRESH, 0, -1):
            if (fresh + given) * once <= self.limits.operations:
                return fresh
        hint = "a verification takes many evaluations of the function"
        raise LimitError("operations", (1 + given) * once, self.limits.operations, hint=hint, pointer="/verify")

    def _facts(self) -> dict[str, Sequence[str]]:
        task = self.problem.task
        if task.graph is not None:
            return {entry["name"]: entry.get("assume", ()) for entry in task.graph.get("inputs", [])}
        return {name: item.assume for name, item in (task.variables or {}).items() if item.assume}

    def _given(self) -> Iterator[tuple[int, Values]]:
        """The point of the request, or some of its batch, with their places in it."""
        problem, directions = self.problem, self.directions
        if problem.task.at is None:
            return
        point = directions.added_to(problem.point)
        count = point.batch_size
        chosen = range(1) if count is None else self.generator.permutation(count)[:OF_BATCH]
        missing = {name: self.generator.uniform(0.5, 1.5, s) for name, s in self.shapes.items()}
        for index in map(int, chosen):
            here = {name: a[index] if name in point.batched else a for name, a in point.arrays.items()}
            yield index, {**missing, **here}

    def _at(self, point: Values, checks: Sequence[_Check], program: Program, given: int | None) -> None:
        """Check blocks at one point, number `given` of the request's or a random one."""
        points = self._around(point)
        flags = Flags()
        found, *others = (run_within_range(program, values, 1, flags=flags)[0] for values in points)
        outputs = self.function.at([point])
        errors = rounding_errors(program, point, found) if given is not None else []
        for check in checks:
            place = check.place
            for error in errors[place : place + 1]:
                check.rounding = max(check.rounding, np.max(error / np.maximum(1, np.abs(found[place])), initial=0.0))
            value = found[place]
            if given is not None and check.answered is not None:
                value = check.answered if self.answer.batch_size is None else check.answered[given]
            if not (np.isfinite(value).all() and np.isfinite(outputs[check.block.output]).all()):
                continue
            check.given += given is not None
            doubt = doubt_of(found[place], [other[place] for other in others])
            self._compare(check, points, value, doubt, is_given=given is not None, within_range=not flags)

    def _around(self, point: Values) -> list[Values]:
        """The point, and others that are equal to it but for rounding."""
        return [point, *(self._rounded(point) for _ in range(ROUNDED))]

    def _rounded(self, point: Values) -> Values:
        return {
            name: value * (1 + ROUNDING * self.generator.uniform(-1, 1, value.shape)) for name, value in point.items()
        }

    def _compare(
        self,
        check: _Check,
        points: Sequence[Values],
        value: Array,
        doubt: Array,
        *,
        is_given: bool,
        within_range: bool,
    ) -> None:
        if check.form is not None and within_range:  # else the form, evaluated as it is written, may well be wrong
            read, more = check.form.values(points, self.generator)
            doubt = np.fmax(doubt, more)
            check.form_points += bool(np.isfinite(read).all())
            check.within_range += 1
            check.worst = max(check.worst, check.form.compare(read, value, doubt))
        probe = Probe(check.block, self.moves, self.function, points[0], self.generator, self.limits.elements)
        outcome = probe.compare(value, doubt, suspicious=is_given)
        if outcome.mismatch:
            shown = {name: array.tolist() for name, array in points[0].items()}
            by = ", ".join(check.block.wrt)
            message = f"the derivative by {by} at {shown} is off by {outcome.error}"
            raise VerificationError(message)
        check.on_kink |= outcome.kink and is_given
        if outcome.error is not None:
            check.points += 1
            check.fresh += not is_given
            check.worst = max(check.worst, outcome.error)
