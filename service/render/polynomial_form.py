"""Sums whose terms keep their order, such as a polynomial's: a reader expects the powers to rise."""

from __future__ import annotations

from collections.abc import Sequence

from service.ir.coefficient import scale, split_coefficient
from service.ir.leaves import constant, fill_value
from service.ir.node import Node
from service.ops.signature import term
from service.render.matrix_form import matrix_form
from service.render.terms import filled


def sum_in_order(terms: Sequence[Node], variables: Sequence[str]) -> Node:
    """The closed form of the sum of kernel graphs of one shape, of exactly that shape; zeros are left out."""
    shape, result = terms[0].shape, None
    for node in terms:
        value = fill_value(node)
        if value == 0:
            continue
        coefficient = split_coefficient(node)[0] if value is None else value
        taken_away = result is not None and coefficient < 0
        form = matrix_form(scale(node, -1.0) if taken_away else node, variables)
        result = form if result is None else term("subtract" if taken_away else "add", result, form)
    return filled(constant(0.0) if result is None else result, shape)
