"""Resource variables: VAR_HANDLE names one, READ_VARIABLE and ASSIGN_VARIABLE use it, CALL_ONCE runs the subgraph that fills it.

`with_variables` makes each resource variable a variable tensor, also those of subgraphs. READ_VARIABLE and ASSIGN_VARIABLE then have
it as their first input. VAR_HANDLE and CALL_ONCE are left without inputs and outputs, because nothing remains to be done at run time.
As in TFLM the first value that the model assigns says type, size and, by its zero point, what the variable holds before anything is
assigned. A reset brings back what CALL_ONCE's subgraph assigns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cfukit_base.errors import ModelError
from cfukit_sw.evaluator.calls import CALLS, VARIABLES, reachable, subgraph_numbers
from cfukit_sw.evaluator.constants import with_constants
from cfukit_sw.evaluator.movement import MOVABLE
from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.model import Model, Operator, Tensor
from cfukit_sw.site import MAX_TENSOR_ELEMENTS, Array, Site

USERS = ("READ_VARIABLE", "ASSIGN_VARIABLE")
Name = tuple[str, str]  # container and shared name


@operator("VAR_HANDLE", "CALL_ONCE")
def nothing(at: Site) -> Compute:
    """Nothing is left of them at run time."""
    at.inputs_between(0, 0)
    at.outputs_exactly(0)
    return lambda inputs: []


@operator("READ_VARIABLE")
def read(at: Site) -> Compute:
    """What was assigned last."""
    at.inputs_between(1, 1)
    at.outputs_exactly(1)
    variable, output = _variable(at), at.output(*MOVABLE)
    _same_bytes(at, variable, output)
    return lambda inputs: [inputs[0].reshape(output.shape).copy()]


@operator("ASSIGN_VARIABLE")
def assign(at: Site) -> Compute:
    """Changes the variable."""
    at.inputs_between(2, 2)
    at.outputs_exactly(0)
    variable, value = _variable(at), at.input(1, *MOVABLE)
    _same_bytes(at, variable, value)

    def run(inputs: list[Any]) -> list[Array]:
        inputs[0][...] = inputs[1].reshape(variable.shape)
        return []

    return run


def _variable(at: Site) -> Tensor:
    variable = at.input(0)
    if not variable.is_variable:
        at.refuse(f"{variable} is no variable", "the output of VAR_HANDLE")
    return variable


def _same_bytes(at: Site, variable: Tensor, value: Tensor) -> None:
    if value.type != variable.type or value.elements != variable.elements:
        at.refuse(f"{value}", f"{variable.elements} values of type {variable.type}, as the variable has")


# --- from handles to variable tensors ------


@dataclass(frozen=True)
class _Assignment:
    graph: Model
    op: Operator
    name: Name
    value: Tensor


def with_variables(model: Model) -> Model:
    """`model` with a variable tensor for each resource variable and for each variable of a subgraph that IF or WHILE calls.

    Each of these subgraphs has variable tensors of the same names for the variables that it or its callees use. IF and WHILE have the
    caller's as further inputs, and their number as option `variables`.
    """
    users = [op for op in model.operators if op.type in CALLS and VARIABLES not in op.options]
    if not users and not any(op.type == "VAR_HANDLE" and op.outputs for op in model.operators):
        return model
    return _Lifting(model).lifted()


class _Lifting:
    """graphs: the main graph (0) and its subgraphs. names: the variables of each, sorted, those of its callees among them."""

    def __init__(self, model: Model):
        self.model = model
        self.graphs = (model, *model.subgraphs)
        self.names: dict[int, tuple[Name, ...]] = {}
        self.tensors: dict[Name, Tensor] = {}
        for number in reachable(self.graphs):
            for tensor in self.graphs[number].variables() if number else ():
                name = f"subgraph {number}: tensor {tensor.index} '{tensor.name}'"
                self.tensors[("", name)] = replace(tensor, name=name)
        for found in _assignments(model):
            if found.name not in self.tensors:
                self.tensors[found.name] = _new_variable(model, found, 0)

    def lifted(self) -> Model:
        called = reachable(self.graphs)
        graphs = [
            self._graph(number) if number in called else graph for number, graph in enumerate(self.graphs)
        ]
        return replace(graphs[0], subgraphs=tuple(graphs[1:]))

    def _names(self, number: int) -> tuple[Name, ...]:
        """The variables that a graph needs."""
        if number not in self.names:
            names: set[Name] = set()
            for each in reachable(self.graphs, number):
                graph, handles = self.graphs[each], _handles(self.graphs[each])
                used = (_handle(op) for op in graph.operators if op.type in USERS)
                names |= {handles[handle] for handle in used if handle in handles}
                names |= {self._own(each, t) for t in graph.variables()} if each else set()
            self.names[number] = tuple(sorted(names & set(self.tensors)))
        return self.names[number]

    def _own(self, number: int, tensor: Tensor) -> Name:
        return "", f"subgraph {number}: tensor {tensor.index} '{tensor.name}'"

    def _graph(self, number: int) -> Model:
        graph = self.graphs[number]
        tensors = list(graph.tensors)
        places = {self._own(number, t): t.index for t in graph.variables()} if number else {}
        for name in self._names(number):
            index = places.setdefault(name, len(tensors))
            if index == len(tensors):
                tensors.append(replace(self.tensors[name], index=index))
            tensors[index] = replace(tensors[index], name=self.tensors[name].name)
        handles = _handles(graph)
        operators = [self._resolved(graph, op, handles, places) for op in graph.operators]
        return replace(graph, tensors=tuple(tensors), operators=tuple(operators))

    def _resolved(
        self, graph: Model, op: Operator, handles: dict[int, Name], places: dict[Name, int]
    ) -> Operator:
        if op.type == "VAR_HANDLE":
            return replace(op, inputs=(), outputs=())
        if op.type in CALLS:
            numbers = [number for number in subgraph_numbers(op) if 0 < number < len(self.graphs)]
            names = sorted({name for number in numbers for name in self._names(number)})
            inputs = (*op.inputs, *(places[name] for name in names))
            return replace(op, inputs=inputs, options=op.options | {VARIABLES: len(names)})
        if op.type not in USERS or _handle(op) not in handles:
            return op
        name = handles[_handle(op)]
        if name not in places:
            raise ModelError(
                f"{graph.name}: {op}",
                f"variable '{name[1]}', which nothing assigns",
                allowed="an assigned one",
            )
        return replace(op, inputs=(places[name], *op.inputs[1:]))


def _handle(op: Operator) -> int:
    """The tensor that names the variable; -1 if there is none."""
    return op.inputs[0] if op.inputs else -1


def _handles(graph: Model) -> dict[int, Name]:
    return {
        op.outputs[0]: (str(op.options["container"]), str(op.options["shared_name"]))
        for op in graph.operators
        if op.type == "VAR_HANDLE" and op.outputs
    }


def _assignments(model: Model) -> Iterator[_Assignment]:
    """All of the main graph and of its subgraphs, in the order in which TFLM prepares them."""
    for graph in (model, *model.subgraphs):
        handles = _handles(graph)
        for op in graph.operators:
            if op.type == "ASSIGN_VARIABLE" and len(op.inputs) == 2 and op.inputs[0] in handles:
                value = graph.input_of(op, 1)
                if value is not None:
                    yield _Assignment(graph, op, handles[op.inputs[0]], value)


def _new_variable(model: Model, first: _Assignment, index: int) -> Tensor:
    value = first.value
    at = Site(first.graph, first.op)
    at.input(1, *MOVABLE)
    if value.elements > MAX_TENSOR_ELEMENTS:
        at.refuse(f"{value}", f"at most {MAX_TENSOR_ELEMENTS} elements")
    low = np.full(value.elements * value.dtype.itemsize, value.zero_point & 0xFF, np.uint8)
    initial = low.view(value.dtype).reshape(value.shape)
    for op in model.operators:
        if op.type == "CALL_ONCE" and not op.inputs:
            initial = _assigned_once(model, op, first.name, value, initial)
    name = "/".join(filter(None, first.name))
    return replace(value, index=index, name=name, data=None, is_variable=True, initial=initial)


def _assigned_once(model: Model, call: Operator, name: Name, value: Tensor, initial: Array) -> Array:
    """What the subgraph of CALL_ONCE leaves in variable `name`."""
    at = Site(model, call)
    number = at.integer("init_subgraph_index", 1, len(model.subgraphs))
    graph = with_constants(model.subgraphs[number - 1])
    handles = _handles(graph)
    for op in graph.operators:
        if op.type not in ("VAR_HANDLE", "ASSIGN_VARIABLE") and any(
            not graph.tensors[index].is_constant for index in op.outputs
        ):
            at.refuse(f"its subgraph has {op}", "constants that are assigned to variables")
        if op.type == "ASSIGN_VARIABLE" and len(op.inputs) != 2:
            at.refuse(f"{op} of its subgraph has {len(op.inputs)} inputs", "2")
        if op.type != "ASSIGN_VARIABLE" or handles.get(_handle(op)) != name:
            continue
        assigned = graph.input_of(op, 1)
        if assigned is None or assigned.data is None:
            at.refuse(f"its subgraph assigns {assigned}", "constants")
        if assigned.type != value.type or assigned.elements != value.elements:
            at.refuse(f"its subgraph assigns {assigned}", f"{value.elements} values of type {value.type}")
        _not_used_before(at, model, call, name)
        initial = assigned.data.reshape(value.shape)
    return initial


def _not_used_before(at: Site, model: Model, call: Operator, name: Name) -> None:
    handles = _handles(model)
    for op in model.operators[: call.index]:
        if op.type in USERS and handles.get(_handle(op)) == name:
            at.refuse(f"{op} comes before it", "CALL_ONCE before the variable is used")
