"""JAX's side: 64 bit, compiled, vectorised over the batch, its arrays on the device, waited for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import combinations_with_replacement
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.problem import Problem, Side
from service.tasks.messages import Array

jax.config.update("jax_enable_x64", True)


def ready(problem: Problem) -> Side:
    """`jit(vmap(...))` of what the problem asks for, compiled at its first run."""
    data = problem.data()
    if problem.jax is not None:
        function, values = problem.jax(jnp, data)
    else:
        function, values = _derivative(problem, list(data)), list(data.values())
        axes = [0 if name in problem.batched else None for name in data]
        directions = list(problem.tangents().values())
        if problem.batched:
            function = jax.vmap(function, in_axes=tuple(axes + [None] * len(directions)))
        values = values + directions
    summary = problem.summary
    if summary is not None and summary.timed:
        function = partial(_summarised, function, summary.of_dense)
    run, arguments = jax.jit(function), [jax.device_put(value) for value in values]
    return Side(lambda: jax.block_until_ready(run(*arguments)), partial(_read, problem))


def _derivative(problem: Problem, names: list[str]) -> Any:
    function = partial(problem.function, jnp)
    places = tuple(names.index(name) for name in problem.wrt)
    if problem.kind == "gradient":
        return jax.grad(function, argnums=places)
    if problem.kind == "jacobian":
        return jax.jacrev(function, argnums=places)
    if problem.kind == "hessian":
        return jax.hessian(function, argnums=places)

    def hvp(*arguments: Any) -> Any:
        """Forward over reverse by all of `wrt` together."""
        values, directions = list(arguments[: len(names)]), arguments[len(names) :]

        def gradient(*moving: Any) -> Any:
            here = list(values)
            for place, value in zip(places, moving, strict=True):
                here[place] = value
            return jax.grad(function, argnums=places)(*here)

        return jax.jvp(gradient, tuple(values[k] for k in places), directions)[1]

    return hvp


def _read(problem: Problem, result: Any) -> list[Array]:
    """The blocks in our order; of a Hessian those on and above the diagonal."""
    if problem.jax is None and problem.kind == "hessian" and not (problem.summary and problem.summary.timed):
        pairs = combinations_with_replacement(range(len(problem.wrt)), 2)
        result = [result[i][j] for i, j in pairs]
    found = [np.asarray(block) for block in result]
    if problem.summary is None or problem.summary.timed:
        return found
    return [problem.summary.of_dense(block) for block in found]


def _summarised(function: Callable[..., Any], summary: Callable[[Any], Any], *arguments: Any) -> list[Any]:
    (block,) = jax.tree.leaves(function(*arguments))
    return [summary(block)]
