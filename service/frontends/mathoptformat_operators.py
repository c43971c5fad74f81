"""The operators of MathOptFormat, as Julia and MathOptInterface evaluate them."""

from __future__ import annotations

from service.frontends.formulas import GAMMA, Operator, Vocabulary, folds, means

_NONE = "it has no counterpart in the language"
_LOST = "the formula for it loses its digits or overflows"

_DEGREES = "pi/180"
_FUNCTIONS: dict[str, tuple[str, ...]] = {
    "-": ("-x", "x - y"),
    "/": ("x/y",),
    "^": ("x**y",),
    "abs": ("abs(x)",),
    "abs2": ("square(x)",),
    "sign": ("sign(x)",),
    "sqrt": ("sqrt(x)",),
    "cbrt": ("sign(x)*abs(x)**(1/3)",),
    "inv": ("1/x",),
    "log": ("log(x)",),
    "log10": ("log10(x)",),
    "log2": ("log2(x)",),
    "log1p": ("log1p(x)",),
    "exp": ("exp(x)",),
    "exp2": ("2**x",),
    "expm1": ("expm1(x)",),
    "sin": ("sin(x)",),
    "cos": ("cos(x)",),
    "tan": ("tan(x)",),
    "sec": ("1/cos(x)",),
    "csc": ("1/sin(x)",),
    "cot": ("1/tan(x)",),
    "asin": ("arcsin(x)",),
    "acos": ("arccos(x)",),
    "atan": ("arctan(x)", "arctan2(x, y)"),
    "asec": ("arccos(1/x)",),
    "acsc": ("arcsin(1/x)",),
    "acot": ("arctan(1/x)",),
    "sinh": ("sinh(x)",),
    "cosh": ("cosh(x)",),
    "tanh": ("tanh(x)",),
    "sech": ("1/cosh(x)",),
    "csch": ("1/sinh(x)",),
    "coth": ("1/tanh(x)",),
    "asinh": ("arcsinh(x)",),
    "acosh": ("arccosh(x)",),
    "atanh": ("arctanh(x)",),
    "asech": ("arccosh(1/x)",),
    "acsch": ("arcsinh(1/x)",),
    "acoth": ("arctanh(1/x)",),
    "sind": (f"sin({_DEGREES}*x)",),
    "cosd": (f"cos({_DEGREES}*x)",),
    "tand": (f"tan({_DEGREES}*x)",),
    "secd": (f"1/cos({_DEGREES}*x)",),
    "cscd": (f"1/sin({_DEGREES}*x)",),
    "cotd": (f"1/tan({_DEGREES}*x)",),
    "asind": ("180/pi*arcsin(x)",),
    "acosd": ("180/pi*arccos(x)",),
    "atand": ("180/pi*arctan(x)",),
    "asecd": ("180/pi*arccos(1/x)",),
    "acscd": ("180/pi*arcsin(1/x)",),
    "acotd": ("180/pi*arctan(1/x)",),
    "deg2rad": (f"{_DEGREES}*x",),
    "rad2deg": ("180/pi*x",),
    "erf": ("erf(x)",),
    "erfc": ("erfc(x)",),
    "gamma": (GAMMA,),
    "lgamma": ("gammaln(x)",),
    "digamma": ("digamma(x)",),
    "trigamma": ("polygamma(1, x)",),
    "floor": ("floor(x)",),
    "ceil": ("ceil(x)",),
}
_KNOWN: dict[str, Operator] = {name: means(*formulas) for name, formulas in _FUNCTIONS.items()} | {
    "+": folds("x + y"),
    "*": folds("x*y"),
    "min": folds("minimum(x, y)"),
    "max": folds("maximum(x, y)"),
    "<": means("x < y", decides=True),
    "<=": means("x <= y", decides=True),
    ">": means("x > y", decides=True),
    ">=": means("x >= y", decides=True),
    "==": means("x == y", decides=True),
    "&&": means("x*y", conditions="xy", decides=True),
    "||": means("where(x, 1, y)", conditions="xy", decides=True),
    "ifelse": means("where(x, y, z)", conditions="x"),
}
_WITHOUT = (
    "erfinv", "erfcinv", "erfi", "invdigamma", "airyai", "airybi", "airyaiprime", "airybiprime", "besselj0", "besselj1",
    "bessely0", "bessely1",
)  # fmt: skip

OPERATORS = Vocabulary(
    "MathOptFormat",
    _KNOWN,
    dict.fromkeys(_WITHOUT, _NONE) | dict.fromkeys(("erfcx", "dawson"), _LOST) | {"complex": "numbers are real"},
    frozenset(("real", "variable", "node")),
)
