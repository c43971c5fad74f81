"""The compute tasks: from a request's data to its answer's, one function for each kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from service.errors import FluxionError, InvalidRequestError
from service.tasks.analyze import analyze
from service.tasks.check import check
from service.tasks.derivatives import derivatives
from service.tasks.describe import describe
from service.tasks.explain import explain
from service.tasks.messages import WITH_BLOCKS, Answer, Kind, Task
from service.tasks.plan import plan
from service.tasks.problem import Problem, answer, answer_blocks, answer_model, numbers_of, read_problem
from service.tasks.products import hvp, jvp, vjp
from service.tasks.taylor import taylor

GRAPH = "/graph"


def compute(task: Task) -> Answer:
    """The answer to one request. Raises the errors of `service.errors`."""
    if task.verify and task.kind not in WITH_BLOCKS:
        message = f"verify checks derivatives, and {task.kind} answers none"
        raise InvalidRequestError(message, pointer="/verify")
    try:
        return COMPUTE[task.kind](read_problem(task))
    except FluxionError as error:
        if error.pointer and error.pointer.startswith(GRAPH):
            error.pointer = error.pointer if task.graph_at == GRAPH else task.graph_at  # no such place was sent
        raise


def _evaluate(problem: Problem) -> Answer:
    if problem.task.modelled:
        return answer_model(problem, lambda _: [])
    return answer(problem, numbers_of(problem, []))


def _blocks(problem: Problem) -> Answer:
    """Every block of the derivative that the kind names."""
    task, names = problem.task, problem.names_for(problem.task.kind)
    return answer_blocks(problem, lambda function: derivatives(function, task.kind, names, task.layout))


COMPUTE: Mapping[Kind, Callable[[Problem], Answer]] = {
    "evaluate": _evaluate,
    "gradient": _blocks,
    "jacobian": _blocks,
    "hessian": _blocks,
    "derivative": _blocks,
    "jvp": jvp,
    "vjp": vjp,
    "hvp": hvp,
    "taylor": taylor,
    "check": check,
    "analyze": analyze,
    "explain": explain,
    "plan": plan,
    "function": describe,
}
