"""CIRCULAR_BUFFER: the last values of its input, the newest at the end, in a variable tensor that is its output.

`with_states` makes the variable an input, which changes, of an operator without outputs. TFLM ends an inference here until
`cycles_max` values have come. Then there is no output to give, so only buffers run that never end one.
"""

from __future__ import annotations

from typing import Any

from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.model import Model, Operator
from cfukit_sw.site import Array, Site

CIRCULAR_BUFFER = "CUSTOM:CIRCULAR_BUFFER"
EVERY_TIME = (5, 13, 25)  # lengths of a buffer that TFLM takes to have cycles_max 1, if the file does not say


def is_circular_buffer(model: Model, op: Operator) -> bool:
    """Whether `op` is one as the file has it, with a variable as its output."""
    fits = op.type == CIRCULAR_BUFFER and len(op.inputs) == len(op.outputs) == 1
    return fits and model.tensors[op.outputs[0]].is_variable


@operator(CIRCULAR_BUFFER)
def circular_buffer(at: Site) -> Compute:
    """x [n, 1, w, c] and the buffer [n, slots, w, c]."""
    if at.op.outputs:
        at.refuse(f"{at.output()} is no variable", "a variable, because TFLM keeps the values there")
    at.inputs_between(2, 2)
    image, buffer = at.rank(at.input(0, "int8"), 4), at.rank(at.input(1, "int8"), 4)
    if image.shape[0] != 1:
        at.refuse(f"{image}", "a first dimension of 1")
    at.shape(image, (1, 1, *buffer.shape[2:]))
    cycles = at.integer("cycles_max")
    if cycles <= 0:
        cycles = 1 if buffer.shape[1] in EVERY_TIME else 2
    if cycles != 1:
        at.refuse(f"cycles_max is {cycles}, so TFLM ends inferences here without an output", "1")

    def run(inputs: list[Any]) -> list[Array]:
        slots = inputs[1]
        slots[0, :-1] = slots[0, 1:].copy()
        slots[0, -1] = inputs[0][0, 0]
        return []

    return run
