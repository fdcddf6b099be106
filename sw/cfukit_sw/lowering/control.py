"""IF and WHILE: the kernel gets its subgraphs as lists of calls, which work in its scratch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from cfukit_base.artefacts.plan import InArena, InConstants, Invocation, Plan, Step, Steps, Structs, Value
from cfukit_sw.evaluator import simplified
from cfukit_sw.evaluator.calls import CALLS
from cfukit_sw.evaluator.control import (
    MAX_ITERATIONS,
    MAX_STEPS,
    called,
    iteration_steps,
    values_and_variables,
)
from cfukit_sw.lowering.lowered import (
    BytesAt,
    CallOf,
    Calls,
    Lowered,
    Param,
    Pieces,
    ScratchAt,
    TensorAt,
    described,
)
from cfukit_sw.model import Model
from cfukit_sw.site import Site

Planner = Callable[[Model], Plan]


class Subgraph:
    """A lowered subgraph whose arena is the caller's scratch. variables: (caller's tensor, place in the scratch, bytes)."""

    def __init__(self, at: Site, option: str, planner: Planner):
        self.called = called(at, option)
        self.model = simplified(self.called)
        self.plan = planner(self.model)
        self.steps: Param = None  # where the loop around it counts its steps
        outside = {at.model.tensors[index].name: index for index in values_and_variables(at.op)[1]}
        self.variables = [
            (TensorAt(outside[t.name]), ScratchAt(self.plan.tensors[t.index].offset), t.bytes)
            for t in self.model.variables()
        ]

    def loaded(self) -> list[tuple[Param, Param, int]]:
        """The copies that give the subgraph its variables."""
        return list(self.variables)

    def kept(self) -> list[tuple[Param, Param, int]]:
        """The copies that bring them back."""
        return [(inside, outside, count) for outside, inside, count in self.variables]

    def input(self, position: int) -> Param:
        return ScratchAt(self.plan.tensors[self.model.inputs[position]].offset)

    def output(self, position: int) -> Param:
        index = self.model.outputs[position]
        if index in self.plan.tensors:
            return ScratchAt(self.plan.tensors[index].offset)
        data = self.model.tensors[index].data
        assert data is not None
        return BytesAt(data.tobytes(), 0)

    def calls(self) -> Calls:
        return Calls(tuple(self._call(step) for step in self.plan.steps))

    def _call(self, step: Step | Invocation) -> CallOf:
        params = {name: self._param(value) for name, value in step.params.items()}
        if self.steps is not None and step.struct == "cfukit_while":
            params |= {"steps": self.steps, "is_inside": 1}
        return CallOf(step.function, step.struct, params)

    def _param(self, value: Value) -> Param:
        if isinstance(value, InArena):
            return ScratchAt(value.offset)
        if isinstance(value, InConstants):
            return BytesAt(self.plan.constants, value.offset)
        if isinstance(value, Structs):
            items = tuple({name: self._param(v) for name, v in item.items()} for item in value.items)
            return Pieces(value.name, items)
        if isinstance(value, Steps):
            return Calls(tuple(self._call(each) for each in value.items))
        return value


def control(at: Site, planner: Planner) -> Lowered:
    """at.op is IF or WHILE. planner: lowers a subgraph, with an arena of its own."""
    graphs = [Subgraph(at, option, planner) for option in CALLS[at.op.type]]
    scratch = max(graph.plan.arena_bytes for graph in graphs)
    if at.op.type == "WHILE":
        counter = -(-scratch // 4) * 4
        scratch = counter + 4
        for graph in graphs:
            graph.steps = ScratchAt(counter)
    params = _if(at, *graphs) if at.op.type == "IF" else _while(at, *graphs)
    x, y = at.model.tensors[values_and_variables(at.op)[0][-1]], at.output()
    op = replace(described(at, x, y), macs=sum(graph.plan.macs for graph in graphs))
    return Lowered(op, f"cfukit_{at.op.type.lower()}", params, scratch_bytes=scratch)


def _if(at: Site, *branches: Subgraph) -> dict[str, Param]:
    condition, *given = values_and_variables(at.op)[0]
    params: dict[str, Param] = {"condition": TensorAt(condition)}
    for name, graph in zip(("then", "else"), branches, strict=True):
        inputs = [(TensorAt(t), graph.input(k), _bytes(at, t)) for k, t in enumerate(given)]
        outputs = [(graph.output(k), TensorAt(t), _bytes(at, t)) for k, t in enumerate(at.op.outputs)]
        params |= _list(f"{name}_inputs", [*inputs, *graph.loaded()])
        params |= _list(f"{name}_outputs", [*outputs, *graph.kept()])
        params[f"{name}_ops"] = graph.calls()
        params[f"n_{name}"] = len(graph.plan.steps)
    return params


def _while(at: Site, condition: Subgraph, body: Subgraph) -> dict[str, Param]:
    pairs = zip(values_and_variables(at.op)[0], at.op.outputs, strict=True)
    outputs = list(enumerate(at.op.outputs))

    def inputs_of(graph: Subgraph) -> list[tuple[Param, Param, int]]:
        return [*((TensorAt(t), graph.input(k), _bytes(at, t)) for k, t in outputs), *graph.loaded()]

    results = [(body.output(k), TensorAt(t), _bytes(at, t)) for k, t in outputs]
    return {
        **_list("begin", [(TensorAt(a), TensorAt(b), _bytes(at, b)) for a, b in pairs]),
        **_list("condition_inputs", inputs_of(condition)),
        **_list("condition_outputs", condition.kept()),
        **_list("body_inputs", inputs_of(body)),
        **_list("body_outputs", [*results, *body.kept()]),
        "condition": condition.output(0),
        "condition_ops": condition.calls(),
        "body_ops": body.calls(),
        "n_condition": len(condition.plan.steps),
        "n_body": len(body.plan.steps),
        "limit": MAX_ITERATIONS,
        "steps": body.steps,
        "is_inside": 0,
        "iteration_steps": iteration_steps(condition.called, body.called),
        "step_limit": MAX_STEPS,
    }


def _bytes(at: Site, tensor: int) -> int:
    return at.model.tensors[tensor].bytes


def _list(name: str, copies: Sequence[tuple[Param, Param, int]]) -> dict[str, Param]:
    """A list of copies and how many there are."""
    items = tuple({"input": source, "output": target, "bytes": count} for source, target, count in copies)
    return {name: Pieces("cfukit_copy", items) if items else None, f"n_{name}": len(items)}
