"""Further contestants, each by the quickest way its documentation offers for a whole batch.

A side is a function of a problem; one that a peer cannot do is not in the problem's `peers`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from benchmarks import fluxion, jax_side
from benchmarks.problem import Problem, Side
from service.tasks.messages import Array


def autograd(problem: Problem) -> Side:
    """Gradients of a batch are those of its sum; a Hessian is autograd's own."""
    import autograd as ad
    import autograd.numpy as anp

    data = problem.data()
    values, places = list(data.values()), tuple(list(data).index(name) for name in problem.wrt)

    def summed(*arguments: Any) -> Any:
        """One number, for a batch as well."""
        return anp.sum(problem.function(anp, *arguments))

    if problem.kind == "hessian":
        hessian = ad.hessian(summed, places[0])
        return Side(lambda: [hessian(*values)], _arrays)
    gradient = ad.grad(summed, places)
    return Side(lambda: gradient(*values), _arrays)


def casadi(problem: Problem) -> Side:
    """Scalars of CasADi, its function of all derivatives mapped over the batch."""
    import casadi as ca

    data = problem.data()
    names = list(data)
    symbols = [ca.SX.sym(name) for name in names]
    point = ca.vertcat(*symbols)
    output = problem.function(ca, *symbols)
    if problem.kind == "hessian":
        matrix = ca.hessian(output, point)[0]
        wanted = [matrix[i, j] for i, j in combinations_with_replacement(range(len(names)), 2)]
    else:
        matrix = ca.gradient(output, point)
        wanted = [matrix[k] for k in range(len(names))]
    function = ca.Function("derivative", [point], [ca.densify(ca.vertcat(*wanted))])
    rows = ca.DM(np.array(list(data.values())))
    mapped = function.map(rows.shape[1])
    return Side(lambda: mapped(rows), lambda found: list(np.asarray(found)))


def sympy(problem: Problem) -> Side:
    """Derivatives by `diff`, then one NumPy function by `lambdify` with common subexpressions."""
    import sympy as sp

    data = problem.data()
    names = list(data)
    symbols = sp.symbols(names, real=True)
    output = problem.function(sp, *symbols)
    if problem.kind == "hessian":
        wanted = [output.diff(a).diff(b) for a, b in combinations_with_replacement(symbols, 2)]
    else:
        wanted = [output.diff(symbol) for symbol in symbols]
    function = sp.lambdify(symbols, wanted, "numpy", cse=True)
    values = list(data.values())
    size = values[0].shape
    return Side(lambda: function(*values), lambda found: [np.broadcast_to(one, size) for one in found])


def torch(problem: Problem) -> Side:
    """The gradient of the sum over the batch."""
    import torch as th

    values = [th.tensor(value, requires_grad=True) for value in problem.data().values()]

    def run() -> Any:
        """Forward and backward."""
        return th.autograd.grad(problem.function(th, *values).sum(), values)

    return Side(run, lambda found: [np.asarray(one) for one in found])


def _arrays(found: Any) -> list[Array]:
    return [np.asarray(one) for one in found]


SIDES: Mapping[str, Callable[[Problem], Side]] = {
    "Fluxion": fluxion.ready,
    "JAX": jax_side.ready,
    "autograd": autograd,
    "casadi": casadi,
    "sympy": sympy,
    "torch": torch,
}


def installed(name: str) -> bool:
    """Whether a peer can be asked at all: PyTorch is large and not in the group of dependencies."""
    return name in {"Fluxion", "JAX"} or importlib.util.find_spec(name) is not None


def contestants(problem: Problem, length: str) -> list[str]:
    """Who takes part in a run of some length, ourselves and JAX first."""
    if length == "alone":
        return ["Fluxion"]
    further = problem.peers if length == "full" else ()
    return ["Fluxion", "JAX", *(name for name in further if installed(name))]
