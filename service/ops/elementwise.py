"""Functions applied entry by entry. Each row: name, NumPy kernel, one partial derivative per argument.

A partial is a function of the output and the arguments; both forward and reverse mode use it. Formulas are those of
the NIST Digital Library of Mathematical Functions (chapters 4, 5 and 7) unless a row says otherwise.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import numpy as np

from service.ir.leaves import constant, fill_value
from service.ir.node import Node, make
from service.ir.op import Kink, Notation, Op, Parameter, Rule, lowered, register
from service.ir.power import raise_to
from service.ir.size import Shape
from service.ops.broadcasting import aligned, broadcast_shapes
from service.ops.later import special
from service.ops.onnx import functions, gamma, scalars
from service.ops.signature import arrays

call = lowered


def entrywise(name: str, *inputs: Node, **attributes: Any) -> Node:
    """The kernel term of an elementwise function of arguments of one shape; constants are folded in float64.

    Not where that overflows or vanishes, as the whole need not: exp(-800)*exp(x) is 1 at 800.
    """
    op = _DECLARED[name]
    if op.commutative:
        inputs = tuple(sorted(inputs, key=lambda node: node.digest))
    values = [fill_value(node) for node in inputs]
    if op.kernel is not None and all(value is not None for value in values):
        with suppress(FloatingPointError), np.errstate(all="ignore", over="raise", under="raise"):
            return constant(float(op.kernel(*map(np.float64, values), **attributes)), inputs[0].shape)
    return make(op, inputs, tuple(attributes.items()), inputs[0].shape)


_DECLARED: dict[str, Op] = {}


def function(
    name: str,
    kernel: Any,
    *partials: Rule | None,
    summary: str,
    latex: str | Notation = "",
    numpy: str | Notation = "",
    text: Notation | None = None,
    parameters: tuple[Parameter, ...] | None = None,
    **more: Any,
) -> Op:
    """Declare an elementwise function; `latex` and `numpy` may be just the name the dialect calls it by."""
    parameters = parameters or arrays(*"xyz"[: len(partials)])
    named = latex or rf"\operatorname{{{name}}}"
    code = numpy or f"np.{name}"

    def shape(*shapes: Shape, **_: Any) -> Shape:
        return broadcast_shapes(name, *shapes)

    def lower(*inputs: Node, **attributes: Any) -> Node:
        return entrywise(name, *aligned(*inputs), **attributes)

    _DECLARED[name] = register(
        Op(
            name,
            "elementwise",
            summary,
            parameters,
            shape,
            more.pop("lower", lower),
            kernel,
            partials,
            text=text or Notation(),
            latex=named if isinstance(named, Notation) else Notation(name=named),
            numpy=code if isinstance(code, Notation) else Notation(name=code),
            example=more.pop("example", f"{name}({', '.join(p.name for p in parameters)})"),
            **more,
        )
    )
    return _DECLARED[name]


def where(condition: Node, then: Node | float, otherwise: Node | float) -> Node:
    """Kernel term of `where` on nodes or numbers."""
    return call("where", condition, then, otherwise)


# Exponentials and logarithms.
function("exp", np.exp, lambda out, x: out, summary="e to the power x", latex=r"\exp", onnx="Exp")
function("expm1", np.expm1, lambda out, x: call("exp", x), summary="exp(x) - 1, accurate near 0", onnx=scalars.expm1)
function(
    "log",
    np.log,
    lambda out, x: raise_to(x, -1),
    summary="natural logarithm",
    latex=r"\log",
    aliases=("ln",),
    onnx="Log",
)
function(
    "log1p", np.log1p, lambda out, x: raise_to(1 + x, -1), summary="log(1 + x), accurate near 0", onnx=scalars.log1p
)
function(
    "log2",
    np.log2,
    lambda out, x: 1 / (math.log(2) * x),
    summary="logarithm to base 2",
    latex=r"\log_{2}",
    onnx=scalars.over_log(2),
)
function(
    "log10",
    np.log10,
    lambda out, x: 1 / (math.log(10) * x),
    summary="logarithm to base 10",
    latex=r"\log_{10}",
    onnx=scalars.over_log(10),
)
function(
    "logaddexp", np.logaddexp, lambda out, x, y: call("sigmoid", x - y), lambda out, x, y: call("sigmoid", y - x),
    summary="log(exp(x) + exp(y)), without overflow", commutative=True,
    onnx=scalars.logaddexp,
)  # fmt: skip

# Trigonometric and hyperbolic functions; (1 - x)(1 + x) keeps the digits that 1 - x**2 loses near 1, and cosh(x)**-2
# those that 1 - tanh(x)**2 loses for large x.
function("sin", np.sin, lambda out, x: call("cos", x), summary="sine", latex=r"\sin", onnx="Sin")
function("cos", np.cos, lambda out, x: -call("sin", x), summary="cosine", latex=r"\cos", onnx="Cos")
function("tan", np.tan, lambda out, x: 1 + out**2, summary="tangent", latex=r"\tan", onnx=scalars.tan)
function("arcsin", np.arcsin, lambda out, x: raise_to((1 - x) * (1 + x), -0.5), summary="inverse sine",
         latex=r"\arcsin", aliases=("asin",), onnx=scalars.arcsin)  # fmt: skip
function("arccos", np.arccos, lambda out, x: -raise_to((1 - x) * (1 + x), -0.5), summary="inverse cosine",
         latex=r"\arccos", aliases=("acos",), onnx=scalars.arccos)  # fmt: skip
function("arctan", np.arctan, lambda out, x: raise_to(1 + x**2, -1), summary="inverse tangent", latex=r"\arctan",
         aliases=("atan",), onnx=scalars.arctan)  # fmt: skip
function("arctan2", np.arctan2, lambda out, y, x: call("over_square", x, y),
         lambda out, y, x: -call("over_square", y, x),
         summary="angle of the point (x, y)", parameters=arrays("y", "x"), aliases=("atan2",),
         onnx=scalars.arctan2)  # fmt: skip
function("sinh", np.sinh, lambda out, x: call("cosh", x), summary="hyperbolic sine", latex=r"\sinh", onnx=scalars.sinh)
function(
    "cosh", np.cosh, lambda out, x: call("sinh", x), summary="hyperbolic cosine", latex=r"\cosh", onnx=scalars.cosh
)
function(
    "tanh", np.tanh, lambda out, x: call("sech_squared", x), summary="hyperbolic tangent", latex=r"\tanh", onnx="Tanh"
)
function("arcsinh", np.arcsinh, lambda out, x: 1 / call("hypot", x, 1), summary="inverse hyperbolic sine",
         aliases=("asinh",), onnx=scalars.arcsinh)  # fmt: skip
function("arccosh", np.arccosh, lambda out, x: raise_to(x - 1, -0.5) * raise_to(x + 1, -0.5),
         summary="inverse hyperbolic cosine", aliases=("acosh",), onnx=scalars.arccosh)  # fmt: skip
function("arctanh", np.arctanh, lambda out, x: raise_to((1 - x) * (1 + x), -1),
         summary="inverse hyperbolic tangent", aliases=("atanh",), onnx=scalars.arctanh)  # fmt: skip
function("hypot", np.hypot, lambda out, x, y: call("over_hypot", x, y), lambda out, x, y: call("over_hypot", y, x),
         summary="sqrt(x**2 + y**2), without overflow; derivative 0 at 0", commutative=True,
         kink=Kink(lambda x, y: (x == 0) & (y == 0), "0"), onnx=scalars.hypot)  # fmt: skip

# Special functions.
function("erf", special.erf, lambda out, x: (2 / math.sqrt(math.pi)) * call("exp", -(x**2)),
         summary="error function", numpy="special.erf", onnx=functions.erf)  # fmt: skip
function("erfc", special.erfc, lambda out, x: (-2 / math.sqrt(math.pi)) * call("exp", -(x**2)),
         summary="1 - erf(x), accurate for large x", numpy="special.erfc", onnx=functions.erfc)  # fmt: skip
function("gammaln", special.gammaln, lambda out, x: call("digamma", x), summary="log of the absolute gamma function",
         numpy="special.gammaln", aliases=("lgamma",), onnx=gamma.gammaln)  # fmt: skip
function("digamma", special.digamma, lambda out, x: call("polygamma", x, n=1), summary="derivative of gammaln",
         numpy="special.digamma", latex=r"\psi", onnx=gamma.digamma)  # fmt: skip
function("polygamma", lambda x, n: special.polygamma(n, x),
         lambda out, x: call("polygamma", x, n=dict(out.attributes)["n"] + 1), summary="derivative n of digamma",
         parameters=(Parameter("n", "integer"), Parameter("x")), example="polygamma(1, x)",
         numpy="special.polygamma", latex=r"\psi", onnx=gamma.polygamma, onnx_lacks=gamma.POLYGAMMA_LACKS)  # fmt: skip
function("sigmoid", lambda x: 1 / (1 + np.exp(-x)),
         lambda out, x: out * call("sigmoid", -x), summary="1 / (1 + exp(-x))",
         numpy="special.expit", latex=r"\sigma", aliases=("expit",), onnx=scalars.sigmoid)  # fmt: skip
function("logit", special.logit, lambda out, x: raise_to(x * (1 - x), -1), summary="log(x / (1 - x))",
         numpy="special.logit", onnx=scalars.logit)  # fmt: skip
function("softplus", lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), lambda out, x: call("sigmoid", x),
         summary="log(1 + exp(x))",
         numpy=Notation("np.logaddexp(0, #1)"), onnx=scalars.softplus)  # fmt: skip

# Piecewise functions: the derivative on either side, and the documented convention at the kink.
_AT_ZERO = Kink(lambda x: x == 0, "0")
_TIE = Kink(lambda x, y: x == y, "a half to each", "tie")
function("abs", np.abs, lambda out, x: call("sign", x), summary="absolute value; derivative 0 at 0",
         latex=Notation(r"\left|#1\right|"), kink=_AT_ZERO, onnx="Abs")  # fmt: skip
function("sign", np.sign, None, summary="-1, 0 or 1; derivative 0", kink=_AT_ZERO, onnx="Sign")
function("floor", np.floor, None, summary="round down; derivative 0", kink=Kink(lambda x: x == np.floor(x), "0"),
         latex=Notation(r"\left\lfloor #1 \right\rfloor"), onnx="Floor")  # fmt: skip
function("ceil", np.ceil, None, summary="round up; derivative 0", kink=Kink(lambda x: x == np.floor(x), "0"),
         latex=Notation(r"\left\lceil #1 \right\rceil"), onnx="Ceil")  # fmt: skip
function("round", np.round, None, summary="round to the nearest integer, ties to even; derivative 0",
         kink=Kink(lambda x: 2 * x % 2 == 1, "0"), onnx="Round")  # fmt: skip
function("relu", lambda x: np.maximum(x, 0), lambda out, x: call("chosen", call("greater", x, 0)),
         summary="maximum(x, 0); derivative 0 at 0", numpy=Notation("np.maximum(#1, 0)"), kink=_AT_ZERO,
         onnx="Relu")  # fmt: skip
function(
    "maximum", np.maximum, lambda out, x, y: call("share", x, y), lambda out, x, y: call("share", y, x),
    summary="the larger of two; at a tie half of the derivative goes to each", latex=r"\max", commutative=True,
    kink=_TIE,
    onnx="Max",
)  # fmt: skip
function(
    "minimum", np.minimum, lambda out, x, y: call("share", y, x), lambda out, x, y: call("share", x, y),
    summary="the smaller of two; at a tie half of the derivative goes to each", latex=r"\min", commutative=True,
    kink=_TIE,
    onnx="Min",
)  # fmt: skip
function(
    "where", lambda c, x, y: np.where(c != 0, x, y), None,
    lambda out, c, x, y: call("chosen", c), lambda out, c, x, y: call("passed_over", c),
    summary="x where the condition holds, y elsewhere", parameters=arrays("condition", "x", "y"),
    example="where(x > 0, x, 0)",
    latex=Notation(r"\begin{cases} #2 & \text{if } #1 \\ #3 & \text{otherwise} \end{cases}", needs=(0, 0, 0)),
    onnx=scalars.chosen,
)  # fmt: skip


def _comparison(name: str, symbol: str, latex: str, ufunc: Any, onnx: Any) -> None:
    infix = Notation(f"#1 {symbol} #2", precedence=30, needs=(31, 31))
    function(
        name, lambda x, y: 1.0 * ufunc(x, y), None, None,
        summary=f"1 where x {symbol} y, 0 elsewhere; derivative 0", text=infix, numpy=infix,
        latex=Notation(f"#1 {latex} #2", precedence=30, needs=(31, 31)), example=f"where(x {symbol} y, x, y)",
        kink=Kink(lambda x, y: x == y, "that of the branch taken"), onnx=onnx,
    )  # fmt: skip


_comparison("less", "<", "<", np.less, scalars.comparison("Less"))
_comparison("less_equal", "<=", r"\le", np.less_equal, scalars.comparison("LessOrEqual"))
_comparison("greater", ">", ">", np.greater, scalars.comparison("Greater"))
_comparison("greater_equal", ">=", r"\ge", np.greater_equal, scalars.comparison("GreaterOrEqual"))
_comparison("equal", "==", "=", np.equal, scalars.comparison("Equal"))
_comparison("not_equal", "!=", r"\ne", np.not_equal, scalars.comparison("Equal", negated=True))


def _lower_power(x: Node, y: Node) -> Node:
    base, exponent = aligned(x, y)
    power = fill_value(exponent)
    return (
        entrywise("power", base, exponent) if power is None or fill_value(base) is not None else raise_to(base, power)
    )


def _power_slope(_: Node, x: Node, y: Node) -> Node:
    return y * call("power", x, y - 1) if fill_value(y) is not None else call("power_slope", x, y, order=1)


function(
    "power", np.power, _power_slope, lambda out, x, y: call("power_log", x, y, order=1),
    summary="x to the power y", lower=_lower_power, example="x**y",
    text=Notation("#1**#2", precedence=70, needs=(71, 60)), numpy=Notation("#1**#2", precedence=70, needs=(71, 60)),
    latex=Notation("{#1}^{#2}", precedence=70, needs=(90, 0)),
    onnx="Pow",
)  # fmt: skip
