"""Closed forms: a kernel graph raised to the user's language, in matrix notation where there is one."""

from __future__ import annotations

from array import array as doubles
from collections.abc import Callable, Sequence

from service.ir.coefficient import CONTRACT, split_coefficient
from service.ir.leaves import ARRAY, DELTA, FILL, SELECTOR, SIZE, TRIANGLE, UNIT, VARIABLE, array, constant, fill_value
from service.ir.node import Node
from service.ir.power import split_power
from service.ir.reshaping import RESHAPE, groups
from service.ir.total import ROWS, TOTAL
from service.ir.walk import topological
from service.ops.signature import term
from service.render.contraction_form import contraction_form, plain_index, slice_of
from service.render.ordering import sorted_for_reading
from service.render.terms import filled, number, powered, scaled, transposed

Forms = dict[Node, Node]
MATRIX = 2
SHORT_ROW = 8  # numbers


def matrix_form(root: Node, variables: Sequence[str], orientation: str = "") -> Node:
    """The closed form of a kernel graph, of exactly its shape.

    `variables` gives the order in which names read best; `orientation` writes a vector result as a `row` or `column`.
    """
    forms: Forms = {}
    rank = sorted_for_reading([root], variables)
    for node in topological([root]):
        form = _form(node, forms, rank, orientation if node is root else "")
        forms[node] = form
    return filled(forms[root], root.shape)


Rank = Callable[[Node], tuple[object, ...]]


def _form(node: Node, forms: Forms, rank: Rank, orientation: str) -> Node:
    if node.op in (VARIABLE, ARRAY, SIZE):
        return term("zeros", shape=node.shape) if node.op is ARRAY and 0 in node.shape else node
    if node.op is FILL:
        return number(node.attributes)
    if node.op in _CONSTANT_TENSORS:
        return _CONSTANT_TENSORS[node.op](node)
    if node.op is TOTAL:
        return _sum(node, forms, rank, orientation)
    if node.op is CONTRACT:
        return _signed(node, forms, rank, node.attributes.coefficient, orientation)
    if node.op is ROWS:
        return _list([_entry(child, forms) for child in node.inputs])
    if node.op is RESHAPE:
        return _reshape(node, forms)
    if node.op.raised is not None:
        return node.op.raised(node, lambda child: filled(forms[child], child.shape))
    if node.op.name == "power":
        return _power(node, forms)
    inputs = sorted(node.inputs, key=rank) if node.op.commutative else node.inputs
    return term(node.op.name, *(forms[child] for child in inputs), **dict(node.attributes))


def _entry(node: Node, forms: Forms) -> Node:
    """An element of a list; a short row of equal numbers is written out."""
    if node.op is FILL and len(node.shape) == 1 and isinstance(node.shape[0], int) and node.shape[0] <= SHORT_ROW:
        return array(doubles("d", [node.attributes] * node.shape[0]).tobytes(), node.shape)
    return constant(node.attributes) if node.op is FILL and not node.shape else filled(forms[node], node.shape)


def _list(entries: Sequence[Node]) -> Node:
    """A list literal; one of plain numbers is a constant array, as it is when it is read."""
    if all(entry.op is ARRAY or (entry.op is FILL and not entry.shape) for entry in entries):
        content = b"".join(
            entry.attributes.content if entry.op is ARRAY else doubles("d", [entry.attributes]).tobytes()
            for entry in entries
        )
        return array(content, (len(entries), *entries[0].shape))
    return term("stack", *entries)


def _signed(node: Node, forms: Forms, rank: Rank, coefficient: float, orientation: str) -> Node:
    """A contraction with another number in front, its factors in reading order."""
    order = sorted(range(len(node.inputs)), key=lambda k: rank(node.inputs[k]))
    return contraction_form(node, forms, coefficient, orientation, order)


def _sum(node: Node, forms: Forms, rank: Rank, orientation: str) -> Node:
    """Positive terms first; a negative one is subtracted."""
    terms = []
    for child in node.inputs:
        coefficient, core = split_coefficient(child)
        terms.append((coefficient < 0, child.op is FILL and coefficient >= 0, rank(core), child))
    result: Node | None = None
    lead = [entry for entry in terms if entry[1]] if any(entry[0] for entry in terms) else []
    beside_identity = len(node.shape) == MATRIX and any(map(_has_identity, node.inputs))
    for negative, _, _, child in sorted(terms, key=lambda entry: (entry not in lead, entry[0], entry[1], entry[2])):
        value = fill_value(child)
        if value is not None and value < 0:
            result = constant(value) if result is None else term("subtract", result, constant(-value))
            continue
        taken_away = negative and child.op is CONTRACT and result is not None
        form = forms[child]
        if child.op is CONTRACT:
            coefficient = child.attributes.coefficient
            form = _signed(child, forms, rank, -coefficient if taken_away else coefficient, orientation)
        if beside_identity and len(form.shape) == 1:
            form = term("outer", term("ones", shape=node.shape[:1]), form)
        result = form if result is None else term("subtract" if taken_away else "add", result, form)
    return constant(0.0) if result is None else result


def _has_identity(node: Node) -> bool:
    """Whether a term is an identity or a diagonal, beside which a broadcast row would not be read as a matrix."""
    return node.op is DELTA or (node.op is CONTRACT and any(child.op is DELTA for child in node.inputs))


def _power(node: Node, forms: Forms) -> Node:
    base, exponent = split_power(node)
    if base is node:
        return term("power", forms[node.inputs[0]], forms[node.inputs[1]])
    return powered(forms[base], exponent)


def _reshape(node: Node, forms: Forms) -> Node:
    """`vec` for the columns of a matrix, `kron` for a merged product of two matrices, else a reshape."""
    (child,) = node.inputs
    if child.op is CONTRACT and len(node.shape) == 1 and len(child.shape) == MATRIX:
        return term("vec", transposed(filled(forms[child], child.shape)))
    if (
        child.op is CONTRACT
        and len(node.shape) == MATRIX
        and [len(old) for old, _ in groups(child.shape, node.shape)] == [2, 2]
    ):
        factors = {
            tuple(sorted(labels)): (factor, labels)
            for factor, labels in zip(child.inputs, child.attributes.operands, strict=True)
        }
        if set(factors) == {(0, 2), (1, 3)} and len(child.inputs) == MATRIX:
            left, right = (_upright(*factors[pair], forms) for pair in ((0, 2), (1, 3)))
            return scaled(term("kron", left, right), child.attributes.coefficient)
    return term("reshape", filled(forms[child], child.shape), shape=node.shape)


def _upright(factor: Node, labels: tuple[int, ...], forms: Forms) -> Node:
    form = filled(forms[factor], factor.shape)
    return form if labels == tuple(sorted(labels)) else transposed(form)


_CONSTANT_TENSORS: dict[object, Callable[[Node], Node]] = {
    DELTA: lambda node: term("eye", n=node.shape[0]),
    UNIT: lambda node: term(
        "getitem", term("eye", n=node.shape[0]), index=(plain_index(node.attributes, node.shape[0]),)
    ),
    TRIANGLE: lambda node: term("tril", term("ones", shape=node.shape), k=node.attributes),
    SELECTOR: lambda node: term("getitem", term("eye", n=node.shape[0]), index=((None, None, None), slice_of(node))),
}
