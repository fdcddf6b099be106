"""SHAPE, and operators that repeat or reverse values. TFLM reference kernels, generation B."""

from __future__ import annotations

from typing import Any

import numpy as np

from cfukit_sw.evaluator.movement import MOVABLE, moved
from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.site import Array, Site


@operator("SHAPE")
def shape(at: Site) -> Compute:
    """The sizes of the input's dimensions."""
    at.inputs_between(1, 1)
    at.outputs_exactly(1)
    image, output = at.input(0, *MOVABLE), at.output("int32")
    at.shape(output, [len(image.shape)])
    return lambda inputs: [np.array(image.shape, np.int32)]


@operator("ZEROS_LIKE")
def zeros_like(at: Site) -> Compute:
    """Stored zeros, whatever the zero point is."""
    at.inputs_between(1, 1)
    at.outputs_exactly(1)
    image, output = at.input(0, "int8", "int32", "int64", "float32"), at.output()
    at.output(image.type)
    at.shape(output, image.shape)
    return lambda inputs: [np.zeros(output.shape, output.dtype)]


@operator("FILL")
def fill(at: Site) -> Compute:
    """One value everywhere. The shape is a constant."""
    at.inputs_between(2, 2)
    image, output = moved(at, inputs=1)
    if image.elements != 1:
        at.refuse(f"{image}", "one value")
    at.shape(output, at.integers(0, len(output.shape)))

    def run(inputs: list[Any]) -> list[Array]:
        return [np.full(output.shape, inputs[1].reshape(-1)[0], output.dtype)]

    return run


@operator("BROADCAST_TO")
def broadcast_to(at: Site) -> Compute:
    """Repeats axes of size 1, and adds axes in front. The shape is a constant."""
    image, output = moved(at, most=2)
    at.shape(output, at.integers(1, len(output.shape)))
    try:
        fits = np.broadcast_shapes(image.shape, output.shape) == output.shape
    except ValueError:
        fits = False
    if not fits:
        at.refuse(f"{image} to {output}", "shapes that broadcast")
    return lambda inputs: [np.broadcast_to(inputs[0], output.shape).copy()]


@operator("REVERSE_V2")
def reverse(at: Site) -> Compute:
    """The other way round along one axis."""
    image, output = moved(at, most=2)
    axis = at.axis(at.integers(1, 1)[0], len(image.shape))
    at.shape(output, image.shape)
    return lambda inputs: [np.ascontiguousarray(np.flip(inputs[0], axis))]
