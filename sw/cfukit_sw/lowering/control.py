"""IF and WHILE: the kernel gets its subgraphs as lists of calls, which work in its scratch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from cfukit_base.artefacts.plan import InArena, InConstants, Plan, Step, Steps, Structs, Value
from cfukit_sw.evaluator import simplified
from cfukit_sw.evaluator.control import CALLS, MAX_ITERATIONS, called
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
    """A lowered subgraph whose arena is the caller's scratch."""

    def __init__(self, at: Site, option: str, planner: Planner):
        self.model = simplified(called(at, option))
        self.plan = planner(self.model)

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

    def _call(self, step: Step) -> CallOf:
        return CallOf(step.function, step.struct, {name: self._param(v) for name, v in step.params.items()})

    def _param(self, value: Value) -> Param:
        if isinstance(value, InArena):
            return ScratchAt(value.offset)
        if isinstance(value, InConstants):
            return BytesAt(self.plan.constants, value.offset)
        if isinstance(value, Structs):
            items = tuple({name: self._param(v) for name, v in item.items()} for item in value.items)
            return Pieces(value.name, items)
        if isinstance(value, Steps):
            return Calls(
                tuple(
                    CallOf(each.function, each.struct, {n: self._param(v) for n, v in each.params.items()})
                    for each in value.items
                )
            )
        return value


def control(at: Site, planner: Planner) -> Lowered:
    """at.op is IF or WHILE. planner: lowers a subgraph, with an arena of its own."""
    graphs = [Subgraph(at, option, planner) for option in CALLS[at.op.type]]
    params = _if(at, *graphs) if at.op.type == "IF" else _while(at, *graphs)
    x, y = at.model.tensors[at.op.inputs[-1]], at.output()
    op = replace(described(at, x, y), macs=sum(graph.plan.macs for graph in graphs))
    scratch = max(graph.plan.arena_bytes for graph in graphs)
    return Lowered(op, f"cfukit_{at.op.type.lower()}", params, scratch_bytes=scratch)


def _if(at: Site, *branches: Subgraph) -> dict[str, Param]:
    params: dict[str, Param] = {"condition": TensorAt(at.op.inputs[0])}
    params |= {"n_inputs": len(at.op.inputs) - 1, "n_outputs": len(at.op.outputs)}
    for name, graph in zip(("then", "else"), branches, strict=True):
        params[f"{name}_inputs"] = _copies(
            (TensorAt(tensor), graph.input(k), _bytes(at, tensor))
            for k, tensor in enumerate(at.op.inputs[1:])
        )
        params[f"{name}_outputs"] = _copies(
            (graph.output(k), TensorAt(tensor), _bytes(at, tensor)) for k, tensor in enumerate(at.op.outputs)
        )
        params[f"{name}_ops"] = graph.calls()
        params[f"n_{name}"] = len(graph.plan.steps)
    return params


def _while(at: Site, condition: Subgraph, body: Subgraph) -> dict[str, Param]:
    pairs = zip(at.op.inputs, at.op.outputs, strict=True)
    outputs = list(enumerate(at.op.outputs))
    return {
        "begin": _copies((TensorAt(a), TensorAt(b), _bytes(at, b)) for a, b in pairs),
        "condition_inputs": _copies((TensorAt(t), condition.input(k), _bytes(at, t)) for k, t in outputs),
        "body_inputs": _copies((TensorAt(t), body.input(k), _bytes(at, t)) for k, t in outputs),
        "body_outputs": _copies((body.output(k), TensorAt(t), _bytes(at, t)) for k, t in outputs),
        "condition": condition.output(0),
        "condition_ops": condition.calls(),
        "body_ops": body.calls(),
        "n_values": len(outputs),
        "n_condition": len(condition.plan.steps),
        "n_body": len(body.plan.steps),
        "limit": MAX_ITERATIONS,
    }


def _bytes(at: Site, tensor: int) -> int:
    return at.model.tensors[tensor].bytes


def _copies(copies: Iterable[tuple[Param, Param, int]]) -> Pieces:
    items = tuple({"input": source, "output": target, "bytes": count} for source, target, count in copies)
    return Pieces("cfukit_copy", items)
