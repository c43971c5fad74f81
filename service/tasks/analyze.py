"""What the derivatives say at a point: of a scalar by its gradient and Hessian, of a square map by its Jacobian."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from service.errors import LimitError, ShapeError
from service.ir.size import bulk, numbers
from service.tasks.derivatives import derivatives
from service.tasks.joined import (
    Joined,
    by_layout,
    joined,
    joined_blocks,
    names_to_join,
    one_output,
    require_one_point,
    require_point,
)
from service.tasks.messages import Answer, Array, Notice
from service.tasks.numbers import Manner, Numbers, evaluate
from service.tasks.problem import Problem, answer

CRITICAL = 1e-8  # every entry of the gradient is below this
ZERO = 1e-12  # an eigenvalue this small beside the largest counts as 0
WORK = 10  # operations for an entry of a matrix times its order, at most: eigenvalues, singular values, solving


def analyze(problem: Problem) -> Answer:
    """The analysis at one point, with only what applies; what does not exist is null and has a notice."""
    task, names = problem.task, names_to_join(problem)
    output = one_output(problem)
    require_point(problem, names)
    require_one_point(problem)
    whole, function = joined(problem.concrete, names), problem.concrete
    shape = numbers(function.kernel[0].shape)
    _check_size(whole, shape, problem)
    first = derivatives(function, "jacobian", names, "numerator")
    second = [] if output.shape else derivatives(function, "hessian", names, "numerator")
    found = evaluate(
        function.kernel, [*first, *second], problem.point, task.limits, Manner(function.outputs, task.nonsmooth)
    )
    value, x = found.values[0], whole.joined(problem.point.arrays)
    jacobian = joined_blocks(found.arrays[: len(first)], len(shape), whole)
    findings = Findings()
    if not shape:
        hessian = _joined_hessian(found.arrays[len(first) :], whole)
        _of_scalar(findings, x, jacobian, hessian, task.step_size)
    if shape or whole.size == 1:
        laid_out = by_layout(jacobian.reshape(shape + whole.shape), len(shape), task.layout)
        findings.give("jacobian", laid_out)
    if math.prod(shape) == whole.size:
        _of_square(findings, x, value, jacobian.reshape(whole.size, whole.size))
    parts = findings.parts
    arrays = [(f"/analysis/{name}", parts[name]) for name in ("gradient", "hessian", "jacobian") if name in parts]
    notices = (*found.notices([("/value", value), *arrays]), *findings.notices)
    return answer(problem, Numbers(found.values, (), notices, None), analysis=parts)


class Findings:
    """What has been found so far, and what must be said about it."""

    def __init__(self) -> None:
        self.parts: dict[str, Any] = {}
        self.notices: list[Notice] = []

    def give(self, name: str, part: Any) -> None:
        """A part of the analysis; a number of NumPy's is a tensor without axes."""
        self.parts[name] = np.asarray(part) if isinstance(part, np.generic) else part

    def miss(self, name: str, code: str, why: str) -> None:
        """A part that does not exist at this point."""
        self.parts[name] = None
        self.notices.append(Notice(code, f"{name} does not exist: {why}", f"/analysis/{name}"))

    def try_to(self, name: str, make: Callable[[], Any], why_not: str) -> None:
        """A part that exists unless `why_not` says something, or it is too large for a float64."""
        if why_not:
            self.miss(name, "nonfinite-derivative", why_not)
            return
        with np.errstate(all="ignore"):
            part = make()
        if isinstance(part, float | np.ndarray | np.generic) and not np.isfinite(part).all():
            self.miss(name, "overflow", "it is too large for a float64")
            return
        self.give(name, part)


def _check_size(whole: Joined, output: tuple[int, ...], problem: Problem) -> None:
    """The joined matrix is known before anything is derived."""
    limits, size = problem.task.limits, whole.size
    if not size:
        message = "analyze needs at least one entry to differentiate by"
        raise ShapeError(message, pointer="/wrt")
    entries = max(size, 1) * (bulk(output) if output else size)
    if entries > limits.elements:
        raise LimitError("elements", entries, limits.elements, hint="analyze fewer variables at a time")
    if WORK * entries * size > limits.operations:
        hint = "analyze fewer variables at a time"
        raise LimitError("operations", WORK * entries * size, limits.operations, hint=hint)


def _joined_hessian(blocks: Sequence[Array], whole: Joined) -> Array:
    """The whole Hessian, (size, size), from its blocks above the diagonal."""
    hessian = np.zeros((whole.size, whole.size))
    for (one, other), block in zip(combinations_with_replacement(whole.shapes, 2), blocks, strict=True):
        rows, columns = whole.places[one], whole.places[other]
        matrix = block.reshape(rows.stop - rows.start, columns.stop - columns.start)
        hessian[columns, rows] = matrix.T
        hessian[rows, columns] = matrix
    return hessian


def _of_scalar(findings: Findings, x: Array, gradient: Array, hessian: Array, step_size: float | None) -> None:
    """`x` has the joined variable's shape, the gradient (size,), the Hessian (size, size)."""
    slope = "" if np.isfinite(gradient).all() else "the gradient is not finite"
    curved = "" if np.isfinite(hessian).all() else "the Hessian is not finite"
    critical = bool((np.abs(gradient) < CRITICAL).all())
    symmetric = (hessian + hessian.T) / 2
    eigenvalues: Array = np.zeros(0) if curved else np.asarray(np.linalg.eigvalsh(symmetric), dtype=float)
    signs = signs_of(eigenvalues)
    findings.give("gradient", gradient.reshape(x.shape))
    findings.try_to("gradient_norm", lambda: norm(gradient), slope)
    findings.try_to("is_critical", lambda: critical, slope)
    findings.give("hessian", hessian.reshape(x.shape + x.shape))
    findings.try_to("eigenvalues", lambda: eigenvalues, curved)
    findings.try_to("classification", lambda: classification(signs) if critical else "not_critical",
                    slope or (curved if critical else ""))  # fmt: skip
    findings.try_to("convexity", lambda: convexity(signs), curved)
    if not (slope or curved) and _is_singular(np.abs(eigenvalues)):
        findings.miss("newton_point", "singular_matrix", "the Hessian is singular to working precision")
    else:
        findings.try_to(
            "newton_point", lambda: x - np.linalg.solve(symmetric, gradient).reshape(x.shape), slope or curved
        )
    if step_size is not None:
        findings.try_to("descent_point", lambda: x - step_size * gradient.reshape(x.shape), slope)


def _of_square(findings: Findings, x: Array, value: Array, jacobian: Array) -> None:
    """`jacobian` is (size, size), the flattened output by the flattened variable."""
    broken = "" if np.isfinite(jacobian).all() else "the Jacobian is not finite"
    findings.try_to("determinant", lambda: determinant(jacobian), broken)
    findings.try_to("absolute_determinant", lambda: abs(determinant(jacobian)), broken)
    if not broken and _is_singular(np.asarray(np.linalg.svd(jacobian, compute_uv=False), dtype=float)):
        findings.miss("root_point", "singular_matrix", "the Jacobian is singular to working precision")
        return
    broken = broken or ("" if np.isfinite(value).all() else "the value is not finite")
    findings.try_to("root_point", lambda: x - np.linalg.solve(jacobian, value.ravel()).reshape(x.shape), broken)


def _is_singular(singular_values: Array) -> bool:
    largest = singular_values.max()
    return bool(singular_values.min() <= len(singular_values) * np.finfo(float).eps * largest)


def determinant(matrix: Array) -> float:
    """By factorisation; of a single entry, that entry."""
    return float(matrix[0, 0] if matrix.size == 1 else np.linalg.det(matrix))


def norm(vector: Array) -> float:
    """The 2-norm, without overflow."""
    largest = float(np.abs(vector).max())
    return largest * float(np.linalg.norm(vector / largest)) if largest else 0.0


def signs_of(eigenvalues: Array) -> set[int]:
    """Which signs occur, -1, 0 or 1; one that is tiny beside the largest is rounding."""
    largest = np.abs(eigenvalues).max(initial=0.0)
    return {int(sign) for sign in np.where(np.abs(eigenvalues) <= ZERO * largest, 0, np.sign(eigenvalues))}


def classification(signs: set[int]) -> str:
    """What kind of critical point the signs of the Hessian's eigenvalues prove."""
    if {-1, 1} <= signs:
        return "saddle"
    if 0 in signs:
        return "inconclusive"
    return "minimum" if 1 in signs else "maximum"


def convexity(signs: set[int]) -> str:
    """How the second-order approximation is curved."""
    if {-1, 1} <= signs:
        return "indefinite"
    if signs == {0}:
        return "flat"
    strictly = "" if 0 in signs else "strictly_"
    return strictly + ("convex" if 1 in signs else "concave")
