"""The functions and examples of matrixcalculus.org, pasted, with the third and fourth orders that it does not show."""

from __future__ import annotations

import pytest

from service.tasks.compute import compute
from service.tasks.messages import Declaration, Task

SHAPES = dict.fromkeys("xyw", (2,)) | dict.fromkeys("ABCXUV", (2, 2)) | {"c": ()}
VARIABLES = {name: Declaration(shape) for name, shape in SHAPES.items()}
FIRST, LAST = 1, 4
EXAMPLES = [
    ("x'*A*x", "x", LAST),
    ("x'*A*x + c*sin(y)'*x", "x", LAST),
    ("norm2(A*x - y)^2", "x", LAST),
    ("norm2(A*x - y)", "x", LAST),
    ("norm1(A*x - y)", "x", 2),
    ("sum(log(exp(-y.*(X*w)) + vector(1)))", "w", LAST),
    ("exp(-x'*x/2)", "x", LAST),
    ("log(sum(exp(x)))", "x", LAST),
    ("sum((y - X*w).^2)", "w", LAST),
    ("tr(A*X'*B*X*C)", "X", 3),
    ("log(det(X))", "X", 3),
    ("logdet(X)", "X", 3),
    ("det(X)", "X", 3),
    ("x'*inv(X)*y", "X", 3),
    ("tr(inv(X)*A)", "X", 3),
    ("norm2(X - U*V')^2", "U", 3),
    ("(x'*x)^2", "x", LAST),
    ("sum(relu(A*x))", "x", 2),
    ("sum(abs(x))", "x", 2),
    ("sum(sign(x).*x)", "x", 2),
    *((f"sum({name}(x))", "x", LAST) for name in ("exp", "log", "sin", "cos", "tan", "tanh")),
    *((f"sum({name}(x))", "x", LAST) for name in ("arcsin", "arccos", "arctan")),
    ("A*x", "x", 2),
    ("x*y'", "x", 2),
    ("diag(x)*A", "x", 2),
    ("A*diag(x.*y)", "x", 2),
    ("exp(A*x)./y", "x", 3),
    ("X*eye*y", "X", 2),
    ("X*matrix(1)*y + x", "X", 2),
    ("A*inv(X)*B", "X", 2),
    ("sin(X)", "X", 2),
]  # fmt: skip


@pytest.mark.parametrize(("text", "by", "last"), EXAMPLES, ids=str)
def test_every_order_has_a_form_and_is_right(text: str, by: str, last: int) -> None:
    """Each order's numbers agree with differences of the function, and its form reads back to them."""
    for order in range(FIRST, last + 1):
        task = Task(
            "derivative", text, syntax="matlab", variables=VARIABLES, wrt=(by,) * order, forms=("text",), verify=True
        )
        (block,) = compute(task).blocks
        assert block.forms["text"]
        assert block.verified is not None
        assert block.verified.points > 0
