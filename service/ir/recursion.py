"""The constructors of terms call one another: a product may need a power, and a power a product.

A module calls one that is built upon it through this table, so that imports point one way only.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from service.ir.node import Node
    from service.ir.size import Size

_constructors: dict[str, Callable[..., Node]] = {}


def provide(name: str, constructor: Callable[..., Node]) -> None:
    """Enter a constructor; its module does so once."""
    _constructors[name] = constructor


def contract(
    factors: Iterable[tuple[Node, Sequence[Hashable]]],
    out: Sequence[Hashable],
    sizes: Mapping[Any, Size] | None = None,
    coefficient: float = 1.0,
) -> Node:
    """`service.ir.contraction.contract`."""
    return _constructors["contract"](factors, out, sizes, coefficient)


def lowered(name: str, *operands: Node | float) -> Node:
    """`service.ir.op.lowered`."""
    return _constructors["lowered"](name, *operands)
