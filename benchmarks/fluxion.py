"""This service's side of a problem: text to program once, then the program is run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks import machine
from benchmarks.problem import Problem, Side
from service.diff.forward import push_forward
from service.diff.reverse import jacobian
from service.execute.program import Program
from service.ir.leaves import variable
from service.ir.size import numbers
from service.rewrite.simplify import simplify
from service.tasks.bounded import compile_bounded
from service.tasks.derivatives import Derivative, derivatives
from service.tasks.factored import NamedArrays, assembled
from service.tasks.function import Function
from service.tasks.inputs import Point, read_point, spread
from service.tasks.messages import Array, Declaration, Limits, Task
from service.tasks.numbers import Graphs, graphs_of
from service.tasks.problem import read_problem

UNBOUNDED = Limits(
    expression_bytes=2**40, tokens=2**40, depth=2**20, nodes=2**40, elements=2**60, operations=2**60
)  # the benchmark measures; what a request may cost is the service's business
TANGENT = "d_"


@dataclass(frozen=True)
class Compiled:
    """A program for the derivatives of a problem, and what its results stand for."""

    program: Program
    point: Point
    blocks: Sequence[Derivative]
    graphs: Sequence[Graphs]


def compiled(problem: Problem) -> Compiled:
    """Everything that happens once: reading, differentiating, simplifying, compiling."""
    data = problem.data()
    shapes = {name: array.shape[1:] if name in problem.batched else array.shape for name, array in data.items()}
    declared = {name: Declaration(shape) for name, shape in shapes.items()}
    task = Task(problem.kind, problem.expression, variables=declared, wrt=problem.wrt, at=data, limits=UNBOUNDED)
    read = read_problem(task)
    moved = problem.tangents()
    blocks = _products(read.concrete, problem) if moved else _blocks(read.concrete, problem)
    values = {**data, **{TANGENT + name: array for name, array in moved.items()}}
    shapes |= {TANGENT + name: shapes[name] for name in moved}
    point = read_point(values, shapes)
    graphs = [graphs_of(block, read.concrete.kernel, point, auto=problem.factors) for block in blocks]
    program = compile_bounded([node for one in graphs for node in one.nodes], point, UNBOUNDED)
    return Compiled(program, point, blocks, graphs)


def ready(problem: Problem) -> Side:
    """Arrays in, arrays out."""
    made = compiled(problem)
    summary = problem.summary

    def run() -> list[Array]:
        """The program's results, or the summary where this is part of the work."""
        results = made.program.run(made.point.arrays, threads=len(machine.cpus()))
        return [summary.of_factors(_factors(made, results))] if summary and summary.timed else results

    def read(results: list[Array]) -> list[Array]:
        """The blocks, or the summary of the one block."""
        if summary is None:
            return _blocks_of(made, results)
        return results if summary.timed else [summary.of_factors(_factors(made, results))]

    return Side(run, read)


def _blocks(function: Function, problem: Problem) -> list[Derivative]:
    return derivatives(function, problem.kind, problem.wrt, "numerator")


def _products(function: Function, problem: Problem) -> list[Derivative]:
    """H v, forward mode over the reverse pass."""
    wrt = [variable(name, function.inputs[name]) for name in problem.wrt]
    (output,) = function.kernel
    tangents = {one: variable(TANGENT + name, one.shape) for name, one in zip(problem.wrt, wrt, strict=True)}
    found = simplify(push_forward(simplify(jacobian(output, wrt)), tangents))
    return [Derivative(0, (name,), node) for name, node in zip(problem.wrt, found, strict=True)]


def _factors(made: Compiled, results: Sequence[Array]) -> NamedArrays:
    """The factors of the only block."""
    (block,), (graphs,) = made.blocks, made.graphs
    assert graphs.factors is not None
    return assembled(block, graphs.factors, results)


def _blocks_of(made: Compiled, results: Sequence[Array]) -> list[Array]:
    """The blocks of the results, those answered by factors put together."""
    rest, read = list(results), []
    for block, graphs in zip(made.blocks, made.graphs, strict=True):
        mine, rest = rest[: len(graphs.nodes)], rest[len(graphs.nodes) :]
        shape = numbers(block.node.shape)
        if graphs.factors is None:
            read.append(spread(mine[0], made.point.batch_size, shape))
        else:
            read.append(dense(block.structure.name, assembled(block, graphs.factors, mine), shape, block.rows))
    return read


def dense(structure: str, factors: NamedArrays, shape: tuple[int, ...], rows: int) -> Array:
    """The array that the factors stand for, without a batch; see docs/http.md."""
    if structure == "diagonal":
        return np.diag(factors["diagonal"].reshape(-1)).reshape(shape)
    if structure == "kronecker":
        return np.asarray(np.kron(factors["left"], factors["right"]), dtype=float).reshape(shape)
    if structure == "low_rank":
        diagonal = np.diag(factors["diagonal"]) if "diagonal" in factors else 0.0
        return np.asarray(factors["left"] @ factors["right"].T + diagonal, dtype=float).reshape(shape)
    result = np.zeros(shape)
    if structure == "sparse":
        result[tuple(factors["indices"].T)] = factors["values"]
    elif structure == "block_diagonal":
        count, height, width = factors["blocks"].shape
        view = result.reshape(count, height, count, width)
        view[np.arange(count), :, np.arange(count), :] = factors["blocks"]
    assert result.size == math.prod(shape[:rows]) * math.prod(shape[rows:])
    return result
