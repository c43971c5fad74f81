"""Building blocks of closed forms: terms of the user's language, in the shape a reader expects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

from service.ir import size
from service.ir.coefficient import is_gathered
from service.ir.leaves import FILL, constant, facts_of, fill_value
from service.ir.node import Node
from service.ir.op import operations
from service.ir.size import Shape
from service.ops.signature import term

MATRIX = 2  # axes
MOST_PIECES = 8  # factors of a product that are written without brackets within another
DEPTH = 4  # how far a transpose is pushed into a product or sum
SMALL_FRACTION = 12  # numerators and denominators up to this are recognised
SHORT = 6  # digits of a decimal that is as readable as a fraction
WHOLE = 1e6  # a number up to this is written as a divisor rather than as its reciprocal
LEAST_POWER = 3  # a square reads well as a product
ROW = "row"
COLUMN = "column"


def is_a(node: Node, name: str) -> bool:
    """Whether a term is the operation `name`."""
    return node.op is operations()[name]


def filled(node: Node, shape: Shape) -> Node:
    """The term at exactly this shape, where broadcasting has left it smaller."""
    if node.shape == shape:
        return node
    value = fill_value(node)
    if value is None:
        lead = len(shape) - len(node.shape)
        if node.shape and shape == (1,) * lead + node.shape:
            return term("getitem", node, index=(None,) * lead)
        if is_a(node, "divide") and fill_value(node.inputs[0]) == 1:
            return term("divide", term("ones", shape=shape), node.inputs[1])
        return term("multiply", node, term("ones", shape=shape))
    if value == 0:
        return term("zeros", shape=shape)
    ones = term("ones", shape=shape)
    return ones if value == 1 else term("multiply", constant(value), ones)


def transposed(node: Node, depth: int = DEPTH) -> Node:
    """The transpose of a matrix, pushed `depth` operations inwards; a vector or scalar is its own."""
    if len(node.shape) < MATRIX or is_symmetric(node):
        return node
    if is_a(node, "transpose") and dict(node.attributes)["axes"] is None:
        return node.inputs[0]
    if depth:
        inwards = _transposed_inputs(node, depth - 1)
        if inwards is not None:
            return term(node.op.name, *inwards)
    return term("transpose", node)


def _transposed_inputs(node: Node, depth: int) -> list[Node] | None:
    """The inputs that make the same operation's result transposed, where there are such."""
    name, inputs = node.op.name, node.inputs
    if name == "outer":
        return [inputs[1], inputs[0]]
    if name == "matmul":
        return [transposed(inputs[1], depth), transposed(inputs[0], depth)]
    if name == "negative":
        return [transposed(inputs[0], depth)]
    if name in {"multiply", "divide"} and not (inputs[0].shape and inputs[1].shape):
        return [transposed(child, depth) for child in inputs]
    alike = name in {"add", "subtract"} and inputs[0].shape == inputs[1].shape
    if alike and any(is_a(child, "transpose") for child in inputs):
        return [transposed(child, depth) for child in inputs]
    return None


def is_symmetric(node: Node) -> bool:
    """Whether a matrix is seen at a glance to be its own transpose."""
    pending, seen = [node], {node}
    while pending:  # a loop, since a sum may have any number of terms
        inputs = _symmetric_inputs(pending.pop())
        if inputs is None:
            return False
        pending += [child for child in inputs if child not in seen]
        seen.update(inputs)
    return True


def _symmetric_inputs(node: Node) -> Sequence[Node] | None:
    """The inputs on whose symmetry that of a term rests; None if it is not seen to be symmetric."""
    name, inputs = node.op.name, node.inputs
    if not node.shape or name == "eye" or "symmetric" in facts_of(node):
        return ()
    if name == "diag":
        return () if len(inputs[0].shape) == 1 and dict(node.attributes)["k"] == 0 else None
    if name == "outer":
        return () if inputs[0] is inputs[1] else None
    if name == "matmul":
        return _palindrome(_pieces(node))
    if name == "add" and inputs[0].shape == inputs[1].shape[::-1] and _mirror(*inputs):
        return ()
    entrywise = node.op.family in {"elementwise", "arithmetic"} and len(node.shape) == MATRIX
    alike = entrywise or name == "inv" or (name == "cofactor" and dict(node.attributes)["order"] == 1)
    return inputs if alike and all(child.shape in ((), node.shape) for child in inputs) else None


def _palindrome(pieces: Sequence[Node]) -> Sequence[Node] | None:
    """What must be symmetric for a product to be the same in reverse with each factor transposed; None if it is not."""
    middle = [pieces[len(pieces) // 2]] if len(pieces) % 2 else []
    for one, other in zip(pieces[: len(pieces) // 2], reversed(pieces), strict=False):
        if one is other:
            middle.append(one)
        elif not _mirror(one, other):
            return None
    return middle


def _mirror(first: Node, second: Node) -> bool:
    for one, other in ((first, second), (second, first)):
        if is_a(other, "transpose") and dict(other.attributes)["axes"] is None and other.inputs[0] is one:
            return True
    return False


def multiplied(factors: Sequence[Node]) -> Node:
    """The product entry by entry, numerators over denominators; no factors give 1."""
    above, below = list[Node](), list[Node]()
    for factor in factors:
        base, exponent = _power(factor)
        if exponent is not None and exponent < 0:
            below.append(powered(base, -exponent))
        else:
            above.append(factor)
    numerator = _product(above)
    return term("divide", numerator, _product(below)) if below else numerator


def _power(node: Node) -> tuple[Node, float | None]:
    if is_a(node, "power") and fill_value(node.inputs[1]) is not None:
        return node.inputs[0], fill_value(node.inputs[1])
    if is_a(node, "divide") and fill_value(node.inputs[0]) == 1:
        base, exponent = _power(node.inputs[1])
        return base, -(1.0 if exponent is None else exponent)
    return node, None


def _product(factors: Sequence[Node]) -> Node:
    result: Node | None = None
    for factor in factors:
        if fill_value(factor) == 1 and len(factors) > 1 and not factor.shape:
            continue
        result = factor if result is None else term("multiply", result, factor)
    return constant(1.0) if result is None else result


def powered(base: Node, exponent: float) -> Node:
    """A power as it is usually written: roots and quotients rather than fractional and negative exponents."""
    if exponent == 1:
        return base
    if exponent < 0:
        return term("divide", constant(1.0), powered(base, -exponent))
    if exponent == 0.5:  # noqa: PLR2004 - the square root
        return term("sqrt", base)
    return term("power", base, constant(exponent))


def scaled(node: Node, coefficient: float) -> Node:
    """`coefficient * node` with the sign in front and the number first."""
    value = fill_value(node)
    if value is not None and not node.shape and is_gathered(coefficient, value):
        return number(coefficient * value)
    if is_a(node, "sum") and coefficient * _summed(node) == 1:
        return term("mean", node.inputs[0], **dict(node.attributes))
    if coefficient == 1:
        return node
    if coefficient == -1:
        return negated(node)
    inverse = 1 / coefficient
    if 1 < inverse < WHOLE and inverse.is_integer() and 1 / inverse == coefficient:
        if is_a(node, "divide"):
            return term("divide", node.inputs[0], _number_first(constant(inverse), node.inputs[1]))
        return term("divide", node, constant(inverse))
    if is_a(node, "divide"):
        return term("divide", scaled(node.inputs[0], coefficient), node.inputs[1])
    return _number_first(number(coefficient), node)


def _summed(node: Node) -> int:
    """How many entries each sum of a reduction has; 0 where a size is only named, or it is one."""
    shape, axes = node.inputs[0].shape, dict(node.attributes)["axis"]
    count = size.count(shape if axes is None else [shape[k] for k in axes])
    return count if isinstance(count, int) and count > 1 else 0


def number(value: float) -> Node:
    """A number as it reads best: one that is a small fraction exactly, as that fraction."""
    for below in range(2, SMALL_FRACTION + 1):
        above = round(value * below) if math.isfinite(value * below) else 0
        if 0 < abs(above) <= SMALL_FRACTION and above / below == value and len(repr(value)) > SHORT:
            return term("divide", constant(above), constant(below))
    return constant(value)


def _number_first(front: Node, node: Node) -> Node:
    """The number multiplies the leftmost factor, so that no brackets are needed: `2*x*y`, `2*A @ x`."""
    spine = list[Node]()
    while is_a(node, "multiply") or is_a(node, "matmul"):
        spine.append(node)
        node = node.inputs[0]
    result = front if node.op is FILL and fill_value(node) == 1 else term("multiply", front, node)
    for parent in reversed(spine):
        result = term(parent.op.name, result, parent.inputs[1])
    return result


def negated(node: Node) -> Node:
    """Minus a term, the sign at its leftmost factor."""
    value = fill_value(node)
    if value is not None and not node.shape:
        return constant(-value)
    if is_a(node, "subtract"):
        return term("subtract", node.inputs[1], node.inputs[0])
    if is_a(node, "negative"):
        return node.inputs[0]
    spine = list[Node]()
    while any(is_a(node, name) for name in ("multiply", "matmul", "divide")):
        spine.append(node)
        node = node.inputs[0]
    value = fill_value(node)
    if is_a(node, "negative"):
        result = node.inputs[0]
    else:
        result = constant(-value) if value is not None and not node.shape else term("negative", node)
    for parent in reversed(spine):
        result = term(parent.op.name, result, parent.inputs[1])
    return result


def chained(items: Sequence[Node]) -> Node:
    """The matrix product of a chain from left to right; a row vector that is a plain name is written transposed."""
    flat = _with_powers([piece for item in items for piece in _pieces(item)])
    result = flat[0]
    for item in flat[1:]:
        result = term("matmul", result, item)
    return result


def _with_powers(items: Sequence[Node]) -> list[Node]:
    """A square matrix three times or more in a row is a power."""
    result = list[Node]()
    for item, run in groupby(items):
        count = len(list(run))
        power = count >= LEAST_POWER and len(item.shape) == MATRIX
        result += [term("matrix_power", item, n=count)] if power else [item] * count
    return result


def _pieces(item: Node) -> list[Node]:
    """The factors of a matrix that is itself a product, so that a chain needs no brackets."""
    pieces = [item]
    while (
        len(pieces) < MOST_PIECES
        and is_a(pieces[0], "matmul")
        and len(item.shape) == MATRIX
        and len(pieces[0].inputs[0].shape) == MATRIX
    ):
        pieces[:1] = list(pieces[0].inputs)
    return pieces
