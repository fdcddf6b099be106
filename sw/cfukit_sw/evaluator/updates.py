"""DYNAMIC_UPDATE_SLICE and BROADCAST_ARGS. TFLM reference kernels, generation B."""

from __future__ import annotations

from typing import Any

import numpy as np

from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.site import Array, Site
from cfukit_sw.values import value_refusal

MAX_UPDATE_RANK = 5


@operator("DYNAMIC_UPDATE_SLICE")
def dynamic_update_slice(at: Site) -> Compute:
    """A copy of input 0 in which input 1 stands at the place that input 2 says, moved inside where it sticks out."""
    at.inputs_between(3, 3)
    at.outputs_exactly(1)
    image = at.input(0, "int8", "int16", "int32", "float32")
    at.rank(image, *range(1, MAX_UPDATE_RANK + 1))
    update, begins = at.input(1, image.type), at.input(2, "int32", "int64")
    output = at.output(image.type)
    at.shape(output, image.shape)
    at.shape(begins, [len(image.shape)])
    at.rank(update, len(image.shape))
    if any(part > size for part, size in zip(update.shape, image.shape, strict=True)):
        at.refuse(f"{update} in {image}", "an update that is not larger")
    room = np.array(image.shape) - np.array(update.shape)

    def run(inputs: list[Any]) -> list[Array]:
        result = inputs[0].copy()
        first = np.minimum(np.maximum(inputs[2], 0), room)
        place = tuple(slice(b, b + size) for b, size in zip(first.tolist(), update.shape, strict=True))
        result[place] = inputs[1]
        return [result]

    return run


@operator("BROADCAST_ARGS")
def broadcast_args(at: Site) -> Compute:
    """The shape that two shapes broadcast to; of int64 TFLM takes the low 32 bits. Sizes that do not fit are refused."""
    at.inputs_between(2, 2)
    at.outputs_exactly(1)
    first = at.rank(at.input(0, "int32", "int64"), 1)
    second = at.rank(at.input(1, first.type), 1)
    output = at.output(first.type)
    count = max(first.elements, second.elements)
    at.shape(output, [count])

    def run(inputs: list[Any]) -> list[Array]:
        a, b = (np.concatenate([np.ones(count - x.size, np.int32), x.astype(np.int32)]) for x in inputs)
        wrong = np.flatnonzero((a != b) & (a != 1) & (b != 1))
        if wrong.size:
            at.refuse(*value_refusal(at.op.type, int(a[wrong[-1]])))
        return [np.where(a == 1, b, a).astype(output.dtype)]

    return run
