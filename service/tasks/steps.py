"""The rules applied, operation by operation, in the order in which a mode works through them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from service.ir.leaves import constant, fill_value
from service.ir.node import Node
from service.ir.size import Shape
from service.ir.total import total
from service.tasks.function import written_shape
from service.tasks.lines import Line, Program
from service.tasks.operations import Calculus, Operation, differentiated, operations_of
from service.tasks.rules import RULES, rule_of
from service.tasks.writing import Writing

SUMS = "arithmetic"  # the family of operations whose linear members are sums
Step = dict[str, Any]


class Steps:
    """Writes the steps of both modes; `numbers` are the nodes with a known value."""

    def __init__(self, program: Program, numbers: Mapping[Node, Node], writing: Writing) -> None:
        self.program = program
        self.numbers = numbers
        self.writing = writing
        writing.name_operations(program.lines)

    def forward(self, seeds: Mapping[str, Node]) -> Iterator[Step]:
        """From the inputs that move to the outputs."""
        for name, seed in seeds.items():
            yield self._gathered("forward", name, self.program.variables[name], [seed])
        active = _depending(self.program, seeds)
        for line in self.program.lines:
            for operation in operations_of(line, active, self.numbers, self.writing):
                calculus = differentiated(operation, self.writing)
                meaning = self._meaning(operation, calculus.differential)
                for place in range(len(operation.places)):
                    yield self._applied("forward", operation, calculus, place, meaning)
                parts = [part for part in calculus.tangents if fill_value(part) != 0]
                if len(parts) > 1:
                    yield self._gathered("forward", operation.line, operation.result, parts)

    def reverse(self, names: Collection[str], seed: Node | None) -> Iterator[Step]:
        """From the outputs back to the inputs in `names`."""
        arrived: dict[Node, list[Node]] = {}
        for name in self.program.outputs:
            output = self.program.variables[name]
            weight = constant(1.0, output.shape) if seed is None else seed
            arrived.setdefault(output, []).append(weight)
            yield self._gathered("reverse", name, output, [weight])
        active = _depending(self.program, names) & _reaching(self.program)
        for line in reversed(self.program.lines):
            if line.name in active:
                yield from self._backwards(line, active, arrived)
        for name in self.program.inputs:
            yield from self._sum_at(name, self.program.variables[name], arrived)

    def _backwards(self, line: Line, active: Collection[str], arrived: dict[Node, list[Node]]) -> Iterator[Step]:
        for operation in reversed(operations_of(line, active, self.numbers, self.writing)):
            yield from self._sum_at(operation.line, operation.result, arrived)
            calculus = differentiated(operation, self.writing)
            meaning = self._meaning(operation, calculus.differential)
            for place, operand in enumerate(operation.operands):
                if fill_value(calculus.adjoints[place]) != 0:
                    arrived.setdefault(operand, []).append(calculus.adjoints[place])
                yield self._applied("reverse", operation, calculus, place, meaning)

    def _sum_at(self, line: str, node: Node, arrived: Mapping[Node, Sequence[Node]]) -> Iterator[Step]:
        """What several uses of a node pass back is added up."""
        if len(arrived.get(node, ())) > 1:
            yield self._gathered("reverse", line, node, arrived[node])

    def _gathered(self, mode: str, line: str, node: Node, parts: Sequence[Node]) -> Step:
        """A step that applies no operation: a seed, or the sum of what has arrived."""
        running = self.writing.formula(total(parts, node.shape))
        rule, count = ("sum over paths", f"; here {len(parts)} parts") if len(parts) > 1 else ("seed", "")
        return {
            "mode": mode,
            "node": line,
            "of": node.attributes,
            "wrt": node.attributes,
            "operand": None,
            "operation": None,
            "rule": rule,
            "words": f"{rule}: {RULES[rule]}{count}.",
            "expression": None,
            "latex": self._equation(mode, node, "=", running),
            "shape": written_shape(node),
            "display": None,
            "partial": None,
            "running": running,
        }

    def _applied(self, mode: str, operation: Operation, calculus: Calculus, place: int, meaning: Step) -> Step:
        """One operation by one operand."""
        operand, partial = operation.operands[place], calculus.partials[place]
        forward = mode == "forward"
        target = operation.result if forward else operand
        running = self.writing.formula((calculus.tangents if forward else calculus.adjoints)[place])
        return {
            "mode": mode,
            "node": operation.line,
            "of": operation.result.attributes,
            "wrt": operand.attributes,
            "operand": operation.positions[place],
            **meaning,
            "latex": self._equation(mode, target, r"\mathrel{+}=", running),
            "shape": written_shape(partial),
            "display": display_shape(operation.result.shape, operand.shape),
            "partial": self.writing.formula(partial, is_row=not operation.result.shape and len(operand.shape) == 1),
            "running": running,
        }

    def _meaning(self, operation: Operation, differential: Node) -> Step:
        """What the steps of one operation have in common: its rule, in words and as it applies here."""
        rule = rule_of(operation.local, operation.places, is_sum=operation.applied.op.family == SUMS)
        if fill_value(differential) == 0:
            rule = "zero derivative"
        expression = self.writing.written(operation.applied)
        applied = expression.get("text") or self.writing.text_of(operation.applied)
        summary = operation.applied.op.summary
        called = f" {operation.name} ({summary}):" if operation.name != "alias" else ""
        words = f"{rule}: {RULES[rule]}.{called} d({applied}) = {self.writing.text(differential)}."
        return {"operation": operation.name, "rule": rule, "words": words, "expression": expression}

    def _equation(self, mode: str, node: Node, sign: str, running: Mapping[str, str]) -> str:
        """The step as an equation for the tangent or adjoint that it makes."""
        made = self.writing.tangent(node) if mode == "forward" else self.writing.adjoint(node)
        return f"{self.writing.latex(made)} {sign} {running['latex']}" if "latex" in running else ""


def display_shape(of: Shape, wrt: Shape) -> str:
    """A derivative's shape as textbooks write it, rows by columns: `1 x D`, `(M x N) x D`."""
    sides = [" x ".join(str(size) for size in shape) or "1" for shape in (of, wrt)]
    return " x ".join(f"({side})" if " x " in side else side for side in sides)


def _depending(program: Program, names: Collection[str]) -> set[str]:
    """The names and the lines that depend on them."""
    found = set(names)
    for line in program.lines:
        if not found.isdisjoint(line.names):
            found.add(line.name)
    return found


def _reaching(program: Program) -> set[str]:
    """The nodes on which an output depends."""
    found = set(program.outputs)
    for line in reversed(program.lines):
        if line.name in found:
            found.update(line.names)
    return found
