"""A request understood: its function, with named sizes and with their numbers, and its point."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

from service.errors import InvalidRequestError, LimitError, ShapeError, UnknownNameError, nearest
from service.frontends.sizes import bind, size_names
from service.ir.leaves import VARIABLE
from service.ir.node import Node
from service.ir.size import Shape, written
from service.ir.walk import topological
from service.tasks.bounded import require_values
from service.tasks.closed_forms import MOST_NODES, ClosedForms, Writer, closed_forms, nodes_of_text, orientation_of
from service.tasks.derivatives import Derivative, chosen_names
from service.tasks.factored import NamedArrays
from service.tasks.facts import Fact, assumed_facts, check_values
from service.tasks.function import Function, content_of, declared_shapes, read_function, written_shape
from service.tasks.inputs import NOWHERE, Point, is_concrete, read_point
from service.tasks.messages import Answer, Array, Block, Form, Kind, Task
from service.tasks.modelled import written_model
from service.tasks.numbers import Manner, Numbers, compute_numbers
from service.tasks.remembered import remembered
from service.tasks.sharing import Entry
from service.tasks.sizing import takes
from service.tasks.timing import stage
from service.tasks.verify import verified

Derive = Callable[[Function], list[Derivative]]


@dataclass(frozen=True)
class Problem:
    """One request, read. `concrete` is the function with the sizes that `point` settles, for numbers."""

    task: Task
    function: Function
    concrete: Function
    point: Point
    facts: tuple[Fact, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The variables to differentiate by: those asked for, or all, in order of first use."""
        return chosen_names(self.function, self.task.wrt)

    def names_for(self, kind: Kind) -> tuple[str, ...]:
        """The same for a kind of which one, `derivative`, goes by them in turn, so that a name may stand again."""
        if kind != "derivative":
            return self.names
        names = chosen_names(self.function, self.task.wrt, once=False)
        if len(names) > self.task.limits.order:
            raise LimitError("order", len(names), self.task.limits.order, pointer="/wrt")
        return names


@dataclass(frozen=True)
class Directions:
    """Further variables of a closed form: shapes and, where given, values, as sent in the field `sent_as`.

    `moved` names the tangent of each variable that moves.
    """

    sent_as: str = ""
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    values: Mapping[str, Array] = field(default_factory=dict)
    moved: Mapping[str, str] = field(default_factory=dict)

    def added_to(self, point: Point) -> Point:
        """The point with these values, too; an error points at where the client sent them."""
        sent = dict.fromkeys(self.shapes, f"/{self.sent_as}")
        sent |= {tangent: f"/{self.sent_as}/{name}" for name, tangent in self.moved.items()}
        return point.joined_by(self.values, self.shapes, self.sent_as, sent)


NONE = Directions()


def read_problem(task: Task) -> Problem:
    """Raises the errors of `service.errors`: the request's text, shapes, names or values are wrong."""
    with stage("parse"):
        return _read(task)


def _read(task: Task) -> Problem:
    shapes = declared_shapes(task)
    point = _point(task, shapes)
    facts = assumed_facts(task, shapes)
    check_values(facts, point)
    function = read_function(task, shapes, {})
    concrete = read_function(task, shapes, point.sizes) if point.sizes else function
    for output, value in zip(function.kernel, concrete.kernel, strict=True):
        check_sizes(output, value, point)
    return Problem(task, function, concrete, point, facts)


def _point(task: Task, shapes: Mapping[str, Shape] | None) -> Point:
    if task.at is None and not task.sizes:
        return NOWHERE
    at = task.at or {}
    declared = {name: value.shape for name, value in at.items()} if shapes is None else shapes
    point = read_point(at, declared, known=_sizes(task, declared))
    return replace(point, alone=True) if task.alone and len(point.batched) == len(point.arrays) else point


def _sizes(task: Task, shapes: Mapping[str, Shape]) -> Mapping[str, int]:
    """The numbers that the task has for named sizes."""
    known = size_names(shapes.values())
    for name in task.sizes:
        if name not in known:
            message = f"sizes has a number for {name}, which is not a named size{nearest(name, known)}"
            raise UnknownNameError(message, pointer=f"/sizes/{name}")
    return task.sizes


def differentiate(problem: Problem, derive: Derive) -> tuple[list[Derivative], list[Derivative]]:
    """The blocks that `derive` makes of the function with named sizes, and of the one with numbers."""
    with stage("differentiate"):
        blocks = derive(problem.function)
        numeric = blocks if problem.concrete is problem.function else derive(problem.concrete)
    for block, number in zip(blocks, numeric, strict=True):
        if len(block.node.shape) > 2 * problem.task.limits.axes:
            raise LimitError("axes", len(block.node.shape), 2 * problem.task.limits.axes)
        check_sizes(block.node, number.node, problem.point)
    return blocks, numeric


def check_sizes(form: Node, number: Node, point: Point) -> None:
    """Refuse sizes for which the closed form does not hold: `x[:5]` has 5 entries for every n, but not for n = 3."""
    bound = bind(form.shape, point.sizes)
    if bound != number.shape:
        sizes = ", ".join(f"{name} = {n}" for name, n in point.sizes.items())
        shapes = f"the closed form has shape {written(form.shape)}, the value {written(number.shape)}"
        message = f"with {sizes} a slice reaches beyond its axis: {shapes}"
        raise ShapeError(message)


def answer_blocks(problem: Problem, derive: Derive, directions: Directions = NONE) -> Answer:
    """The answer whose derivatives `derive` makes: closed forms always, numbers where there is a point."""
    if problem.task.modelled:
        return answer_model(problem, derive, directions)
    blocks, numeric = differentiate(problem, derive)
    found = numbers_of(problem, numeric, directions)
    forms = _forms(problem, blocks, {**problem.function.inputs, **directions.shapes})
    results: Sequence[Array | NamedArrays | None] = (
        [None] * len(blocks) if not (found and found.blocks) else found.blocks
    )
    answered = tuple(
        _block(block, number.structure.name, written, result)
        for block, number, written, result in zip(blocks, numeric, forms, results, strict=True)
    )
    whole = answer(problem, found, answered)
    return verified(whole, problem, derive, (blocks, numeric), directions) if problem.task.verify else whole


def answer_model(problem: Problem, derive: Derive, directions: Directions = NONE) -> Answer:
    """The answer that is an ONNX model of the function and of what `derive` makes of it; it has no numbers."""
    task, function = problem.task, problem.function
    if task.verify:
        message = "verify compares numbers, and a model has none"
        raise InvalidRequestError(message, pointer="/verify")
    with stage("differentiate"):
        blocks = derive(function)
    inputs = {**function.inputs, **directions.shapes}
    terms = [Writer(block.node, inputs, _orientation(problem, block)).term(()) for block in blocks]
    return answer(problem, model=written_model(function, inputs, list(zip(blocks, terms, strict=True)), task))


def _orientation(problem: Problem, block: Derivative) -> str:
    return orientation_of(block.node, problem.function.kernel[block.output], problem.task.layout)


def numbers_of(problem: Problem, blocks: Sequence[Derivative], directions: Directions = NONE) -> Numbers | None:
    """Numbers where a point is given, or where the function needs none; evaluate always asks for them."""
    task, kernel = problem.task, problem.concrete.kernel
    needs_values = any(node.op is VARIABLE for node in topological(kernel))
    if task.at is None and (directions.shapes or needs_values or not is_concrete(problem.concrete.inputs)):
        if task.kind == "evaluate":
            require_values(kernel, problem.point)
        return None
    point = directions.added_to(problem.point)
    manner = Manner(problem.concrete.outputs, task.nonsmooth, task.structure == "auto")
    if task.sized:
        sizes = takes(kernel, blocks, point, task.limits, manner)
        return Numbers((), (), (), point.batch_size, asdict(sizes))
    return compute_numbers(kernel, blocks, point, task.limits, manner)


def _forms(problem: Problem, blocks: Sequence[Derivative], inputs: Mapping[str, Shape]) -> list[ClosedForms]:
    """The closed forms of blocks, which share the effort of finding the facts that shorten them."""
    task = problem.task
    oriented = tuple((block.node, _orientation(problem, block)) for block in blocks)
    return _written_forms(oriented, _Asked(tuple(inputs.items()), task.forms, task.kind, problem.facts))


class _Asked(NamedTuple):
    """What the closed forms of graphs depend on beside them and their orientations."""

    inputs: tuple[tuple[str, Shape], ...]
    forms: tuple[Form, ...]
    kind: Kind
    facts: tuple[Fact, ...]


def _content(oriented: Sequence[tuple[Node, str]], asked: _Asked) -> list[Any]:
    facts = [[fact.name, fact.says, fact.declared] for fact in asked.facts]
    graphs = [[node.digest.hex(), orientation] for node, orientation in oriented]
    return [graphs, content_of(dict(asked.inputs)), asked.forms, asked.kind, facts]


def _write_forms(found: Sequence[ClosedForms], *_: object) -> list[Any]:
    return [[dict(forms.spellings), [*forms.assumptions]] for forms in found]


def _read_forms(data: Any, oriented: Sequence[object], asked: _Asked) -> list[ClosedForms]:
    return [
        ClosedForms({form: spellings[form] for form in asked.forms}, tuple(assumptions))
        for _, (spellings, assumptions) in zip(oriented, data, strict=True)
    ]


_SHARED = Entry("forms", _content, _write_forms, _read_forms, lambda _, asked: bool(asked.forms))


@remembered(lambda found: nodes_of_text(forms.spellings for forms in found), shared=_SHARED)
def _written_forms(oriented: Sequence[tuple[Node, str]], asked: _Asked) -> list[ClosedForms]:
    inputs, budget = dict(asked.inputs), MOST_NODES // max(len(oriented), 1)
    writers = [Writer(node, inputs, orientation) for node, orientation in oriented]
    return [closed_forms(writer, asked.forms, asked.kind, asked.facts, budget) for writer in writers]


def _block(block: Derivative, structure: str, forms: ClosedForms, found: Array | NamedArrays | None) -> Block:
    value, factors = (None, found) if isinstance(found, dict) else (found, None)
    shape = written_shape(block.node)
    return Block(block.output, block.wrt, shape, structure, forms.spellings, value, forms.assumptions, factors)


def answer(problem: Problem, numbers: Numbers | None = None, blocks: tuple[Block, ...] = (), **parts: object) -> Answer:
    """An answer with what every kind has; `parts` are the fields of its own."""
    return Answer(
        problem.function.function_id,
        problem.task.kind,
        problem.task.layout,
        problem.point.batch_size if numbers is None else numbers.batch_size,
        None if numbers is None else numbers.values,
        blocks,
        () if numbers is None else numbers.notices,
        {**parts, "takes": numbers.takes} if numbers and numbers.takes else parts,
    )
