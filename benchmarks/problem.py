"""What a problem of the benchmark is: a function in our language and in Python, data, and what is asked of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from service.tasks.messages import Array, Kind

Peer = Callable[..., Any]
KINDS: Mapping[Kind, str] = {"gradient": "gradient", "hessian": "Hessian"}  # as a table words them


@dataclass(frozen=True)
class Summary:
    """What is made of one derivative, from its factors by name and from the dense array; perhaps within the time."""

    of_factors: Callable[[Mapping[str, Array]], Array]
    of_dense: Callable[[Any], Any]
    timed: bool = False


@dataclass(frozen=True)
class Problem:
    """One function, its data and the derivative asked for.

    `function` is the peers' spelling: its first argument is a module with the functions of NumPy (`jax.numpy`,
    `autograd.numpy`, `sympy`), the others are the variables in the order of `data()`. Of these, `batched` have a
    leading batch axis. `tangents` are the directions of an hvp. `factors` asks us for structured derivatives by their
    factors, while JAX makes the dense array; `summary` is compared in its place. `megabytes` is what our arrays may
    take. `peers` are compared besides JAX. `jax` takes the place of `function` where JAX is faster with another
    spelling of the same: it gets `jax.numpy` and the values of `data()`, and returns the function to compile and its
    arguments.
    """

    name: str
    work: str
    kind: Kind
    expression: str
    function: Peer
    data: Callable[[], dict[str, Array]]
    wrt: tuple[str, ...]
    batched: tuple[str, ...] = ()
    factors: bool = False
    tangents: Callable[[], dict[str, Array]] = dict
    peers: tuple[str, ...] = ()
    threads: tuple[int, ...] = (1,)
    bound: float | None = None
    quick: bool = False
    tolerance: float = 1e-9
    summary: Summary | None = None
    megabytes: float | None = None
    jax: Callable[[Any, Mapping[str, Array]], tuple[Peer, list[Any]]] | None = None


@dataclass(frozen=True)
class Side:
    """A contestant that is ready: `run` is what is timed, `read` makes arrays of what it returns.

    The arrays are those of the blocks in order, each with the batch axis first, then output and variables.
    """

    run: Callable[[], Any]
    read: Callable[[Any], list[Array]]
