"""READ_VARIABLE, ASSIGN_VARIABLE and CIRCULAR_BUFFER on variable tensors."""

from __future__ import annotations

from cfukit_sw.evaluator.calls import CALLS
from cfukit_sw.lowering.lowered import Alias, Lowered, Param, TensorAt, described
from cfukit_sw.lowering.movement import Axes, copied, moved
from cfukit_sw.model import Model, Operator
from cfukit_sw.site import Site

MAY_ALIAS = (
    *("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "SLICE", "STRIDED_SLICE", "PAD", "PADV2"),
    *("ADD", "SUB", "MUL"),  # where they keep every byte
)


def read(at: Site) -> Lowered | Alias:
    """The variable's own storage, if nothing is assigned to it before the last use of what was read."""
    variable = at.input(0).index
    last = _last_use(at.model, at.op.outputs[0])
    assigned = (
        op.index
        for op in at.model.operators[at.op.index + 1 :]
        if op.type in ("ASSIGN_VARIABLE", *CALLS) and variable in op.inputs
    )
    return copied(at, variable) if any(index < last for index in assigned) else Alias(variable)


def _last_use(model: Model, tensor: int) -> int:
    """The last operator that reads `tensor`, or a tensor that may share its storage."""
    sharing, last = {tensor}, -1
    for op in model.operators:
        if sharing & set(op.inputs):
            last = op.index
            sharing |= _sharing(op)
    return last


def _sharing(op: Operator) -> set[int]:
    return set(op.outputs) if op.type in MAY_ALIAS else set()


def assign(at: Site) -> Lowered:
    variable, value = at.input(0), at.input(1)
    axes = Axes((value.elements,), (1,), (1,))
    return moved(at, value, [(axes, TensorAt(value.index), TensorAt(variable.index))], y=variable)


def circular_buffer(at: Site) -> Lowered:
    x, buffer = at.input(0), at.input(1)
    params: dict[str, Param] = {"input": TensorAt(x.index), "buffer": TensorAt(buffer.index)}
    params |= {"size": buffer.bytes, "bytes": x.bytes, "cycles": at.integer("cycles_max")}
    ends = bool(at.op.outputs)
    params |= {
        "count": TensorAt(at.op.inputs[2]) if ends else None,
        "goes_on": TensorAt(at.op.outputs[0]) if ends else None,
    }
    return Lowered(described(at, x, buffer), "cfukit_circular_buffer", params)
