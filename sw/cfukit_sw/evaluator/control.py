"""IF and WHILE, which call subgraphs. TFLM reference kernels, generation B.

A subgraph has no variables, since a reset would not reach them. A loop that does not end is refused after MAX_ITERATIONS.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.model import Model, Operator
from cfukit_sw.site import Array, Site
from cfukit_sw.values import value_refusal

MAX_ITERATIONS = 10_000
MAX_DEPTH = 3  # of calls in calls
CALLS = {
    "IF": ("then_subgraph_index", "else_subgraph_index"),
    "WHILE": ("cond_subgraph_index", "body_subgraph_index"),
}


def called(at: Site, option: str) -> Model:
    """The subgraph that an option names. Its inputs and outputs are not checked."""
    number = at.integer(option, 1, len(at.model.subgraphs))
    graph = at.model.subgraphs[number - 1]
    if _depth(graph, at.model.subgraphs, MAX_DEPTH) >= MAX_DEPTH:
        at.refuse(f"subgraph {number} calls subgraphs that call subgraphs", f"at most {MAX_DEPTH} calls deep")
    if any(tensor.is_variable for tensor in graph.tensors) or any(
        "VARIABLE" in op.type for op in graph.operators
    ):
        at.refuse(f"subgraph {number} has variables", "variables in the main graph only")
    return replace(graph, subgraphs=at.model.subgraphs)


def _depth(graph: Model, subgraphs: tuple[Model, ...], most: int) -> int:
    """How deep the calls of a subgraph go; `most` if they go deeper."""
    deepest = 0
    for op in graph.operators:
        for number in _numbers(op):
            if most and 1 <= number <= len(subgraphs):
                deepest = max(deepest, 1 + _depth(subgraphs[number - 1], subgraphs, most - 1))
            if deepest >= most:
                return most
    return deepest


def _numbers(op: Operator) -> list[int]:
    return [int(op.options[option]) for option in CALLS.get(op.type, ())]  # type: ignore[arg-type]


def _check(at: Site, graph: Model, inputs: tuple[int, ...], outputs: tuple[int, ...] | None) -> None:
    """Tensors of the call and of the subgraph pair by pair have one type and as many elements. outputs None: one bool."""
    pairs = [("inputs", inputs, graph.inputs)]
    if outputs is not None:
        pairs.append(("outputs", outputs, graph.outputs))
    for what, outside, inside in pairs:
        if len(outside) != len(inside):
            at.refuse(f"{len(outside)} {what}", f"{len(inside)}, as its subgraph has")
        for one, other in zip(outside, inside, strict=True):
            a, b = at.model.tensors[one], graph.tensors[other]
            if a.type != b.type or a.elements != b.elements:
                at.refuse(f"{a}", f"{b.elements} values of type {b.type}, as its subgraph has")
    if outputs is None:
        results = [graph.tensors[index] for index in graph.outputs[:1]]
        if not results or results[0].type != "bool" or results[0].elements != 1:
            at.refuse(f"its condition gives {results or 'nothing'}", "one bool")


def _inside(graph: Model, values: list[Array]) -> list[Array]:
    """Values in the shapes of a subgraph's inputs."""
    shapes = [graph.tensors[index].shape for index in graph.inputs]
    return [value.reshape(shape) for value, shape in zip(values, shapes, strict=True)]


def _outside(at: Site, values: list[Array]) -> list[Array]:
    """Values in the shapes of the operator's outputs."""
    shapes = [at.model.tensors[index].shape for index in at.op.outputs]
    return [value.reshape(shape) for value, shape in zip(values, shapes, strict=True)]


@operator("IF")
def if_(at: Site) -> Compute:
    """A bool, then the inputs of both subgraphs."""
    from cfukit_sw.evaluator import Evaluator

    condition = at.input(0, "bool")
    if condition.elements != 1:
        at.refuse(f"{condition}", "one bool")
    branches = []
    for option in CALLS["IF"]:
        graph = called(at, option)
        _check(at, graph, at.op.inputs[1:], at.op.outputs)
        branches.append(Evaluator(graph))

    def run(inputs: list[Any]) -> list[Array]:
        branch = branches[0 if inputs[0].reshape(-1)[0] else 1]
        return _outside(at, branch.run(_inside(branch.model, inputs[1:])).outputs)

    return run


@operator("WHILE")
def while_(at: Site) -> Compute:
    """The outputs begin as the inputs. As long as the condition holds for them, the body makes new ones of them."""
    from cfukit_sw.evaluator import Evaluator

    condition, body = (called(at, option) for option in CALLS["WHILE"])
    _check(at, condition, at.op.inputs, None)
    _check(at, body, at.op.inputs, at.op.outputs)
    _check(at, condition, at.op.outputs, None)
    holds, step = Evaluator(condition), Evaluator(body)

    def run(inputs: list[Any]) -> list[Array]:
        values = list(inputs)
        for _ in range(MAX_ITERATIONS):
            if not holds.run(_inside(condition, values)).outputs[0].reshape(-1)[0]:
                return _outside(at, [value.copy() for value in values])
            values = step.run(_inside(body, values)).outputs
        at.refuse(*value_refusal(at.op.type, MAX_ITERATIONS))

    return run
