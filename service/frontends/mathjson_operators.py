"""The operators and constants of MathJSON, as the Compute Engine evaluates them over the real numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping

from service.frontends.formulas import GAMMA, Operator, Vocabulary, folds, means

_NONE = "it has no counterpart in the language"
_LIST = ("1",)
_SQUARE = ("2",)
_PRODUCT = ("12", "12")

# Of numbers and, entry by entry, of arrays.
_ENTRYWISE: dict[str, tuple[str, ...]] = {
    "Negate": ("-x",),
    "Sqrt": ("sqrt(x)",),
    "Exp": ("exp(x)",),
    "Ln": ("log(x)", "log(x)/log(y)"),
    "Log": ("log10(x)", "log(x)/log(y)"),
    "Lb": ("log2(x)",),
    "Lg": ("log10(x)",),
    "Log2": ("log2(x)",),
    "Log10": ("log10(x)",),
    "Sin": ("sin(x)",),
    "Cos": ("cos(x)",),
    "Tan": ("tan(x)",),
    "Sec": ("1/cos(x)",),
    "Csc": ("1/sin(x)",),
    "Cot": ("1/tan(x)",),
    "Arcsin": ("arcsin(x)",),
    "Arccos": ("arccos(x)",),
    "Arctan": ("arctan(x)",),
    "Arctan2": ("arctan2(x, y)",),
    "Arcsec": ("arccos(1/x)",),
    "Arccsc": ("arcsin(1/x)",),
    "Arccot": ("arctan2(1, x)",),
    "Sinh": ("sinh(x)",),
    "Cosh": ("cosh(x)",),
    "Tanh": ("tanh(x)",),
    "Sech": ("1/cosh(x)",),
    "Csch": ("1/sinh(x)",),
    "Coth": ("1/tanh(x)",),
    "Arsinh": ("arcsinh(x)",),
    "Arcosh": ("arccosh(x)",),
    "Artanh": ("arctanh(x)",),
    "Arsech": ("arccosh(1/x)",),
    "Arcsch": ("arcsinh(1/x)",),
    "Arcoth": ("arctanh(1/x)",),
    "Haversine": ("square(sin(x/2))",),
    "InverseHaversine": ("2*arcsin(sqrt(x))",),
    "Sinc": ("spherical_jn(0, x)",),
    "Hypot": ("hypot(x, y)",),
    "Sign": ("sign(x)",),
    "Floor": ("floor(x)",),
    "Ceil": ("ceil(x)",),
    "Truncate": ("sign(x)*floor(abs(x))",),
    "Fract": ("x - floor(x)",),
    "Heaviside": ("(sign(x) + 1)/2",),
    "Clamp": ("minimum(maximum(x, y), z)",),
    "Gamma": (GAMMA,),
    "GammaLn": ("gammaln(x)",),
    "Digamma": ("digamma(x)",),
    "Trigamma": ("polygamma(1, x)",),
}
_NUMBERS: dict[str, tuple[str, ...]] = {"Erf": ("erf(x)",), "Erfc": ("erfc(x)",)}
_COMPARISONS = {"Less": "x < y", "LessEqual": "x <= y", "Greater": "x > y", "GreaterEqual": "x >= y"}
_MATRICES: dict[str, Operator] = {
    "Dot": means("x @ y", ranks=_PRODUCT),
    "MatrixMultiply": means("x @ y", ranks=_PRODUCT),
    "Transpose": means("transpose(x)", ranks=("12",)),
    "Determinant": means("det(x)", ranks=_SQUARE),
    "Inverse": means("inv(x)", ranks=_SQUARE),
    "Trace": means("trace(x)", ranks=_SQUARE),
    "Diagonal": means("diag(x)", ranks=("12",)),
    "LinearSolve": means("solve(x, y)", ranks=("2", "12")),
    "Mean": means("mean(x)", ranks=_LIST),
    "Variance": means("var(x, ddof=1)", ranks=_LIST),
    "PopulationVariance": means("var(x)", ranks=_LIST),
    "StandardDeviation": means("std(x, ddof=1)", ranks=_LIST),
    "PopulationStandardDeviation": means("std(x)", ranks=_LIST),
}
_LOGIC: dict[str, Operator] = {
    name: means(formula, chains=True, decides=True, arrays=0) for name, formula in _COMPARISONS.items()
} | {
    "And": folds("x*y", conditions="xyz", decides=True, arrays=0),
    "Or": folds("where(x, 1, y)", conditions="xyz", decides=True, arrays=0),
    "Not": means("1 - x", conditions="x", decides=True, arrays=0),
    "Boole": means("x", conditions="x", decides=True, arrays=0),
    "If": means("where(x, y, z)", conditions="x", arrays=0),
}
_ARITHMETIC: dict[str, Operator] = {
    "Add": folds("x + y"),
    "Multiply": folds("x*y", arrays=1),
    "Subtract": folds("x - y"),
    "Divide": means("x/y", folds=True, ranks=("012", "0")),
    "Power": means("x**y", ranks=("01", "0")),
    "Square": means("square(x)", ranks=("01",)),
    "Exp2": means("2**x", ranks=("01",)),
    "Abs": means("abs(x)", ranks=("01",)),
    "Max": folds("maximum(x, y)", arrays=0, collects="max(x)"),
    "Min": folds("minimum(x, y)", arrays=0, collects="min(x)"),
}
_SPECIAL = (
    "Rational", "Root", "PolyGamma", "Which", "List", "Matrix", "At", "Norm", "MatrixPower", "IdentityMatrix", "Sum",
    "Product", "Delimiter",
)  # fmt: skip
_WITHOUT = (
    "AiryAi", "AiryAiPrime", "AiryBi", "AiryBiPrime", "BesselI", "BesselJ", "BesselK", "BesselY", "ErfInv", "LambertW",
    "Zeta", "Beta",
)  # fmt: skip
_REFUSED: dict[str, str] = dict.fromkeys(_WITHOUT, _NONE) | {
    "Equal": "it compares within a tolerance of the engine",
    "NotEqual": "it compares within a tolerance of the engine",
    "Round": "how it rounds halves depends on the precision of the engine",
    "Mod": "the language has no exact remainder",
    "Remainder": "the language has no exact remainder",
    "Complex": "numbers are real",
    "Vector": "write a List for a vector, or a Matrix",
    "Tuple": "write a List",
    "When": "it has no value where the condition does not hold: write Which or If",
    "Integrate": "only functions in closed form can be sent",
    "Limit": "only functions in closed form can be sent",
    "D": "derivatives are asked for by the request",
    "Derivative": "derivatives are asked for by the request",
}  # fmt: skip

OPERATORS = Vocabulary(
    "MathJSON",
    {name: means(*formulas) for name, formulas in _ENTRYWISE.items()}
    | {name: means(*formulas, arrays=0) for name, formulas in _NUMBERS.items()}
    | _ARITHMETIC
    | _LOGIC
    | _MATRICES,
    _REFUSED,
    frozenset(_SPECIAL),
)

CONSTANTS: Mapping[str, float] = {
    "Pi": math.pi,
    "ExponentialE": math.e,
    "e": math.e,
    "Half": 0.5,
    "GoldenRatio": 1.618033988749895,
    "EulerGamma": 0.5772156649015329,
    "CatalanConstant": 0.915965594177219,
    "MachineEpsilon": 2.0**-52,
    "NaN": math.nan,
    "PositiveInfinity": math.inf,
    "NegativeInfinity": -math.inf,
    "True": 1.0,
    "False": 0.0,
}
# Symbols that mean something to the Compute Engine, and no number here: variables only where they are declared.
RESERVED = frozenset((
    "AvogadroConstant", "BoltzmannConstant", "ComplexInfinity", "ComplexNumbers", "ContinuationPlaceholder",
    "ElementaryCharge", "EmptySet", "ExtendedComplexNumbers", "ExtendedIntegers", "ExtendedRationalNumbers",
    "ExtendedRealNumbers", "GasConstant", "GravitationalConstant", "i", "ImaginaryNumbers", "ImaginaryUnit",
    "Integers", "Missing", "Mu0", "NegativeIntegers", "NegativeNumbers", "NonNegativeIntegers",
    "NonNegativeNumbers", "NonPositiveIntegers", "NonPositiveNumbers", "Nothing", "Numbers", "PlanckConstant",
    "PositiveIntegers", "PositiveNumbers", "RationalNumbers", "RealNumbers", "SpeedOfLight", "StandardGravity",
    "StefanBoltzmannConstant", "Undefined", "VacuumPermittivity",
))  # fmt: skip
