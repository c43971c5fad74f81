"""Condition numbers of the matrices that a program inverts, measured while it runs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from service.execute.listing import Step
from service.ir.coefficient import parts
from service.ir.node import Node
from service.ir.walk import topological
from service.ops.determinants import INV
from service.tasks.messages import Array, Notice

WORST = 1e8  # half of the digits of a double are lost beyond
WORST_OF_GRAM = 1e6  # of X.T @ X: X itself has the square root of it, so that a better way is at hand
GRAM = "; that of X.T @ X is the square of that of X, so least squares by a QR or singular value decomposition of X"


class Conditions:
    """A watch on a program that notes the largest condition number, in the 1-norm, of each inverse."""

    def __init__(self) -> None:
        """Nothing is known before the program runs."""
        self._found = dict[Node, float]()

    def __call__(self, step: Step, arguments: Sequence[Array], result: Array) -> None:
        """One step of the program."""
        node = step.origin
        if node.op is not INV or not result.size:
            return
        condition = np.linalg.norm(arguments[0], 1, axis=(-2, -1)) * np.linalg.norm(result, 1, axis=(-2, -1))
        condition = condition[np.isfinite(condition)] if np.ndim(condition) else condition
        self._found[node] = float(np.max(condition, initial=self._found.get(node, 0.0)))

    def notices(self, graphs: Sequence[tuple[str, Node]]) -> list[Notice]:
        """One notice for each place in the answer with an inverse that loses too many digits."""
        found = []
        for where, graph in graphs if self._found else ():
            known = [node for node in topological([graph]) if node in self._found]
            bad = [node for node in known if self._found[node] > (WORST_OF_GRAM if is_gram(node.inputs[0]) else WORST)]
            if bad:
                worst = max(bad, key=lambda node: self._found[node])
                found.append(_notice(self._found[worst], where, gram=is_gram(worst.inputs[0])))
        return found


def is_gram(node: Node) -> bool:
    """Whether a matrix is X.T @ X or X @ X.T: a product of a factor with itself, summed over one axis of it."""
    _, factors, sizes = parts(node)
    rank = len(node.shape)
    return (
        len(factors) == 2  # noqa: PLR2004 - the two factors of a square
        and factors[0][0] is factors[1][0]
        and len(sizes) > rank
        and sorted(factors[0][1][-2:]) != sorted(factors[1][1][-2:])
    )


def _notice(condition: float, where: str, *, gram: bool) -> Notice:
    digits = round(math.log10(condition))
    message = f"inv: a matrix has condition number {condition:.1e}, by which about {digits} digits are lost"
    return Notice("ill-conditioned", f"{message}{GRAM + f' loses about {digits // 2}' if gram else ''}", where)
