"""IF and WHILE, which call subgraphs. TFLM reference kernels, generation B.

Variables of a subgraph are the caller's, to which `with_variables` has lifted them. A loop that does not end is refused after
MAX_ITERATIONS, and after MAX_STEPS together with the loops inside it.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from cfukit_sw.evaluator.calls import CALLS, MAX_DEPTH, MAX_EXPANDED, VARIABLES, extent, subgraph_numbers
from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.model import Model, Operator
from cfukit_sw.site import Array, Site
from cfukit_sw.values import value_refusal

MAX_ITERATIONS = 10_000
MAX_STEPS = 200_000  # about a second of the evaluator
STEP_ELEMENTS = 4096  # that an operator writes or multiplies in one step


def steps_of(graph: Model) -> int:
    """The steps of a graph. A WHILE in it counts as a call alone, because its iterations are counted when they run."""
    total = 0
    for op in graph.operators:
        work = graph.macs_of(op) + sum(graph.output_of(op, k).elements for k in range(len(op.outputs)))
        total += 1 + work // STEP_ELEMENTS
        if op.type == "IF":
            numbers = [number for number in subgraph_numbers(op) if 0 < number <= len(graph.subgraphs)]
            branches = (replace(graph.subgraphs[number - 1], subgraphs=graph.subgraphs) for number in numbers)
            total += sum(steps_of(branch) for branch in branches)
    return total


def iteration_steps(condition: Model, body: Model) -> int:
    """The steps of an iteration, at most MAX_STEPS + 1, which already make any loop too long."""
    return min(2 + steps_of(condition) + steps_of(body), MAX_STEPS + 1)


@dataclass
class _Taken:
    """The steps of a loop and of all loops inside it."""

    steps: int = 0


_taken: ContextVar[_Taken | None] = ContextVar(
    "taken", default=None
)  # of the loop whose subgraphs are being prepared


def called(at: Site, option: str) -> Model:
    """The subgraph that an option names. Its inputs and outputs are not checked."""
    number = at.integer(option, 1, len(at.model.subgraphs))
    graph = at.model.subgraphs[number - 1]
    depth, operators = extent(graph, at.model.subgraphs)
    if depth >= MAX_DEPTH:
        at.refuse(f"subgraph {number} calls subgraphs that call subgraphs", f"at most {MAX_DEPTH} calls deep")
    if operators > MAX_EXPANDED:
        at.refuse(f"subgraph {number} and all that it calls", f"at most {MAX_EXPANDED:,} operators together")
    if any(op.type == "CALL_ONCE" for op in graph.operators):
        at.refuse(f"subgraph {number} has CALL_ONCE", "CALL_ONCE in the main graph only")
    return replace(graph, subgraphs=at.model.subgraphs)


def values_and_variables(op: Operator) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The inputs that the file has, and the variables behind them that the subgraphs use."""
    count = len(op.inputs) - int(op.options.get(VARIABLES, 0))  # type: ignore[arg-type]
    return op.inputs[:count], op.inputs[count:]


class _Subgraph:
    """A subgraph that works on the caller's variables, which have the same names in both."""

    def __init__(self, at: Site, graph: Model):
        from cfukit_sw.evaluator import Evaluator

        self.evaluator = Evaluator(graph)
        self.model = graph
        inputs, variables = values_and_variables(at.op)
        self.first = len(inputs)
        names = [at.model.tensors[index].name for index in variables]
        self.places = [(names.index(t.name), t.index) for t in self.evaluator.model.variables()]

    def run(self, values: list[Array], inputs: list[Any]) -> list[Array]:
        """inputs: all of the operator's, with the variables, which may change."""
        for place, tensor in self.places:
            variable = inputs[self.first + place]
            self.evaluator.state[tensor] = variable
        shapes = [self.model.tensors[index].shape for index in self.model.inputs]
        return self.evaluator.run([v.reshape(s) for v, s in zip(values, shapes, strict=True)]).outputs


def _check(at: Site, graph: Model, inputs: tuple[int, ...], outputs: tuple[int, ...] | None) -> None:
    """Tensors of the call and of the subgraph pair by pair have one type and as many elements. outputs None: one bool."""
    pairs = [("inputs", inputs, graph.inputs)]
    if outputs is not None:
        pairs.append(("outputs", outputs, graph.outputs))
    for what, outside, inside in pairs:
        if len(outside) != len(inside):
            at.refuse(f"{len(outside)} {what}", f"{len(inside)}, as its subgraph has")
        for one, other in zip(outside, inside, strict=True):
            if one < 0:
                at.refuse(f"one of its {what} is absent", "tensors for all that its subgraph takes")
            a, b = at.model.tensors[one], graph.tensors[other]
            if a.type != b.type or a.elements != b.elements:
                at.refuse(f"{a}", f"{b.elements} values of type {b.type}, as its subgraph has")
    if outputs is None:
        results = [graph.tensors[index] for index in graph.outputs[:1]]
        if not results or results[0].type != "bool" or results[0].elements != 1:
            at.refuse(f"its condition gives {results or 'nothing'}", "one bool")


def _outside(at: Site, values: list[Array]) -> list[Array]:
    """Values in the shapes of the operator's outputs."""
    shapes = [at.model.tensors[index].shape for index in at.op.outputs]
    return [value.reshape(shape) for value, shape in zip(values, shapes, strict=True)]


@operator("IF")
def if_(at: Site) -> Compute:
    """A bool, then the inputs of both subgraphs."""
    condition = at.input(0, "bool")
    if condition.elements != 1:
        at.refuse(f"{condition}", "one bool")
    given, branches = values_and_variables(at.op)[0][1:], []
    for option in CALLS["IF"]:
        graph = called(at, option)
        _check(at, graph, given, at.op.outputs)
        branches.append(_Subgraph(at, graph))

    def run(inputs: list[Any]) -> list[Array]:
        branch = branches[0 if inputs[0].reshape(-1)[0] else 1]
        return _outside(at, branch.run(inputs[1 : 1 + len(given)], inputs))

    return run


@operator("WHILE")
def while_(at: Site) -> Compute:
    """The outputs begin as the inputs. As long as the condition holds for them, the body makes new ones of them."""
    given = values_and_variables(at.op)[0]
    condition, body = (called(at, option) for option in CALLS["WHILE"])
    _check(at, condition, given, None)
    _check(at, body, given, at.op.outputs)
    _check(at, condition, at.op.outputs, None)
    outer = _taken.get()
    taken = outer or _Taken()
    token = _taken.set(taken)
    try:
        holds, step = _Subgraph(at, condition), _Subgraph(at, body)
    finally:
        _taken.reset(token)
    each = iteration_steps(condition, body)

    def run(inputs: list[Any]) -> list[Array]:
        values = list(inputs[: len(given)])
        if outer is None:
            taken.steps = 0
        for _ in range(MAX_ITERATIONS):
            taken.steps += each
            if taken.steps > MAX_STEPS:
                at.refuse(*value_refusal(at.op.type, MAX_STEPS))
            if not holds.run(values, inputs)[0].reshape(-1)[0]:
                return _outside(at, [value.copy() for value in values])
            values = step.run(values, inputs)
        at.refuse(*value_refusal(at.op.type, MAX_ITERATIONS))

    return run
