"""What a request assumes of its variables: checked against shapes and values, and the parts that shorten a form."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from service.errors import InvalidRequestError, ShapeError, quote
from service.ir.size import Shape, written
from service.tasks.inputs import Point
from service.tasks.messages import Array, Task

MATRIX = 2
TOLERANCE = 1e-9  # of what rounding may do to a symmetric or orthogonal matrix, against its largest entry

# What follows from a fact, and is as good a reason for a simpler form.
IMPLIED = {"positive_definite": ("symmetric",), "diagonal": ("symmetric",)}
SPOKEN = {"positive_definite": "positive definite"}


@dataclass(frozen=True, order=True)
class Fact:
    """One fact about one variable, and the declared one that it follows from."""

    name: str
    says: str
    declared: str

    def __str__(self) -> str:
        """The declared fact as a sentence."""
        return f"{self.name} is {SPOKEN.get(self.declared, self.declared)}"


def assumed_facts(task: Task, shapes: Mapping[str, Shape] | None) -> tuple[Fact, ...]:
    """The facts of a request, with what follows from them. Raises ShapeError where one does not fit its variable."""
    found = []
    for name, declared, pointer in _declared(task):
        shape = (shapes or {}).get(name)
        if shape is None:
            continue
        for fact in dict.fromkeys(declared):
            if fact not in _CHECKS:
                message = f"what may be assumed is {', '.join(_CHECKS)}; got {quote(str(fact))}"
                raise InvalidRequestError(message, pointer=pointer)
            if fact != "positive" and (len(shape) != MATRIX or shape[0] != shape[1]):
                spoken = SPOKEN.get(fact, fact)
                message = f"only a square matrix (n, n) is {spoken}, {name} has shape {written(shape)}"
                raise ShapeError(message, pointer=pointer)
            found += [Fact(name, says, fact) for says in (fact, *IMPLIED.get(fact, ()))]
    return tuple(found)


def _declared(task: Task) -> Iterable[tuple[str, Sequence[str], str]]:
    """Variables with their facts, and where these stand in the request."""
    for name, declaration in (task.variables or {}).items():
        yield name, declaration.assume, f"/variables/{name}/assume"
    for place, item in enumerate((task.graph or {}).get("inputs", ())):
        yield item["name"], item.get("assume", ()), f"/graph/inputs/{place}/assume"


def check_values(facts: Iterable[Fact], point: Point) -> None:
    """Refuse values that are not what is said of them: the closed forms would not hold there."""
    for fact in facts:
        value = point.arrays.get(fact.name)
        if value is None or fact.says != fact.declared:
            continue
        is_batched = fact.name in point.batched
        for place, array in enumerate(value if is_batched else (value,)):
            why = _CHECKS[fact.declared](np.asarray(array))
            if why:
                where = f", point {place} of the batch" if is_batched else ""
                message = f"{fact} by its declaration, but {why}{where}"
                raise InvalidRequestError(message, pointer=f"/at/{fact.name}")


def _worst(excess: Array) -> tuple[int, ...]:
    """The index of the entry that is furthest off; a missing number is worse than any."""
    return tuple(
        int(k) for k in np.unravel_index(int(np.argmax(np.where(np.isnan(excess), np.inf, excess))), excess.shape)
    )


def _scale(value: Array) -> float:
    return float(np.max(np.abs(value), initial=0.0, where=np.isfinite(value)))


def _entry(value: Array, *index: int) -> str:
    place = ", ".join(map(str, index))
    return f"entry [{place}] is {value[index]:.6g}" if index else f"it is {value:.6g}"


def _not_symmetric(value: Array) -> str:
    with np.errstate(invalid="ignore"):
        excess = np.where(value == value.T, 0.0, np.abs(value - value.T))
    if (excess <= TOLERANCE * _scale(value)).all():
        return ""
    i, j = _worst(excess)
    return f"{_entry(value, i, j)} and {_entry(value, j, i)}"


def _not_positive(value: Array) -> str:
    return "" if (value > 0).all() else _entry(value, *_worst(-value))


def _not_positive_definite(value: Array) -> str:
    why = _not_symmetric(value)
    if why or not value.size:
        return why
    if not np.isfinite(value).all():
        return _entry(value, *_worst(np.where(np.isfinite(value), 0.0, 1.0)))
    try:
        np.linalg.cholesky(value)
    except np.linalg.LinAlgError:
        return f"its least eigenvalue is {np.linalg.eigvalsh(value)[0]:.6g}"
    return ""


def _not_diagonal(value: Array) -> str:
    excess = np.where(np.eye(len(value), dtype=bool), 0.0, np.abs(value))
    return "" if (excess == 0).all() else _entry(value, *_worst(excess))


def _not_orthogonal(value: Array) -> str:
    with np.errstate(invalid="ignore", over="ignore"):
        product = value.T @ value
        excess = np.abs(product - np.eye(len(value)))
    if (excess <= TOLERANCE).all():
        return ""
    i, j = _worst(excess)
    return f"the product of its columns {i} and {j} is {product[i, j]:.6g}"


_CHECKS: Mapping[str, Callable[[Array], str]] = {
    "symmetric": _not_symmetric,
    "positive": _not_positive,
    "positive_definite": _not_positive_definite,
    "diagonal": _not_diagonal,
    "orthogonal": _not_orthogonal,
}


Length = tuple[int, int]


def needed_facts(facts: Sequence[Fact], length: Callable[[Collection[Fact]], Length], tries: int) -> tuple[Fact, ...]:
    """The facts without which a form is longer, by leaving out halves of them, then halves of halves.

    What `tries` forms do not settle is kept.
    """
    kept, best = list(facts), length(facts)
    # To read a diagonal matrix as a vector often lengthens what its symmetry shortens: it is tried apart, first.
    pending = [list(facts), [fact for fact in facts if fact.says == "diagonal"]]
    while pending and tries:
        group = [fact for fact in pending.pop() if fact in kept]
        if not group:
            continue
        rest = [fact for fact in kept if fact not in group]
        tries -= 1
        found = length(rest)
        if found <= best:
            kept, best = rest, found
        elif len(group) > 1:
            pending += [group[: len(group) // 2], group[len(group) // 2 :]]
    return tuple(kept)
