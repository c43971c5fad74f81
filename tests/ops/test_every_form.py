"""Every operation, written in every language, is read back or run to the same function."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import latex2mathml.converter
import numpy as np
import pytest

from service.frontends.graph import read_graph
from service.frontends.identity import function_id
from service.frontends.write_graph import write_graph
from service.ir.node import Node
from service.render.latex import latex_form
from service.render.numpy_code import numpy_form
from service.render.text import text_form
from service.tasks.messages import Limits
from tests.functions import Function, kernel_of, run
from tests.ops.entry import Sample
from tests.ops.test_every_op import close, each_sample, function_at

REASSOCIATED = 1e-12  # a closed form multiplies and adds in another order


def closed_forms(function: Function, sample: Sample) -> list[tuple[Node, Node]]:
    """The value, the derivatives and the pure second derivatives, each as a kernel graph and as a user's."""
    nodes = [function.kernel]
    for name in sample.shapes:
        nodes += [function.derivative(name), function.derivative(name, name)]
    return [(node, function.closed_form(node)) for node in nodes]


def exact_graph(outputs: Node, sample: Sample) -> Any:
    """The graph as JSON text and back."""
    written = write_graph([outputs], list(sample.shapes.items()))
    return read_graph(json.loads(json.dumps(written)), Limits(), {})


@each_sample
def test_text_reads_back(name: str, sample: Sample) -> None:
    """The text of a user's graph is the same node again."""
    function, _ = function_at(sample)
    text = text_form(function.user, list(sample.shapes))
    assert function.again(text).user is function.user, text


@each_sample
def test_json_reads_back(name: str, sample: Sample) -> None:
    """So is its JSON, and the identity of both spellings is one."""
    function, _ = function_at(sample)
    reading = exact_graph(function.user, sample)
    assert reading.outputs == (function.user,)
    inputs = list(sample.shapes.items())
    assert function_id(reading.outputs, reading.inputs) == function_id([function.user], inputs)


@each_sample
def test_closed_forms_read_back(name: str, sample: Sample) -> None:
    """The text and JSON of value and derivatives mean the same numbers, in the same shape."""
    function, point = function_at(sample)
    for kernel, form in closed_forms(function, sample):
        (wanted,) = run([kernel], point)
        text = text_form(form, list(sample.shapes))
        again = function.again(text)
        assert again.user is form, text
        assert again.user.shape == kernel.shape, text
        close(run([again.lowered], point)[0], wanted, REASSOCIATED)
        assert exact_graph(form, sample).outputs == (form,)


@each_sample
def test_closed_forms_as_numpy(name: str, sample: Sample) -> None:
    """The NumPy form of the function as written, of value and of derivatives runs as pasted."""
    function, point = function_at(sample)
    for kernel, form in [(function.kernel, function.user), *closed_forms(function, sample)]:
        code = numpy_form(form, sample.shapes, "f")
        close(ran(code, point), run([kernel], point)[0], REASSOCIATED)


def ran(code: str, point: Mapping[str, Any]) -> Any:
    """The value of a NumPy form; it is our own output, so running it here is the test and no risk."""
    namespace: dict[str, Any] = {}
    exec(compile(code, "<form>", "exec"), namespace)  # noqa: S102 - the form is made to be run
    function = namespace["f"]
    arguments = function.__code__.co_varnames[: function.__code__.co_argcount]
    with np.errstate(all="ignore"):
        return np.asarray(function(*(point[argument.rstrip("_")] for argument in arguments)), dtype=float)


@each_sample
def test_closed_forms_as_latex(name: str, sample: Sample) -> None:
    """Another program reads the LaTeX."""
    function, _ = function_at(sample)
    for form in [function.user, *(form for _, form in closed_forms(function, sample))]:
        latex = latex_form(form)
        assert latex2mathml.converter.convert(latex).startswith("<math")
        assert latex.count("{") == latex.count("}")
        assert latex.count(r"\left") == latex.count(r"\right")


@each_sample
def test_latex_reads_back(name: str, sample: Sample) -> None:
    """What is written as LaTeX, of value and derivatives, is read as the same function, whatever its notation."""
    function, _ = function_at(sample)
    for form in [function.user, *(form for _, form in closed_forms(function, sample))]:
        latex = latex_form(form, list(sample.shapes))
        again = function.again(latex, "latex")
        assert again.user.shape == form.shape, latex
        assert again.kernel is kernel_of(form), latex


def test_both_spellings_have_one_identity() -> None:
    """Aliases, prefixes, inner names, layout and the order of commutative operands are no part of a function."""
    shapes = {"x": (3,), "A": (3, 3)}
    first = Function("a = np.log(x)\nb = A @ a + tr(A)\nb*x", shapes).user
    second = Function("x * (trace(A) + matmul(A, ln(x)))", dict(reversed(shapes.items()))).user
    assert function_id([first], shapes.items()) == function_id([second], reversed(shapes.items()))
    assert function_id([first], shapes.items()) != function_id([first], {**shapes, "z": ()}.items())


@pytest.mark.parametrize("text", ["x - y", "x / y", "x ** y", "A @ B", "arctan2(x, y)", "where(x > y, x, y)"])
def test_order_matters_where_it_does(text: str) -> None:
    """Operands that do not commute make another function when exchanged."""
    shapes = {"x": (2, 2), "y": (2, 2), "A": (2, 2), "B": (2, 2)}
    swapped = text.translate(str.maketrans("xyAB", "yxBA")).replace("yrctyn2", "arctan2")
    one, other = (Function(each, shapes).user for each in (text, swapped))
    assert function_id([one], shapes.items()) != function_id([other], shapes.items())
