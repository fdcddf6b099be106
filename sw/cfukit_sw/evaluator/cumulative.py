"""CUMSUM: sums along one axis. TFLM reference kernels, generation B (since 2026-10-13)."""

from __future__ import annotations

from typing import Any

import numpy as np

from cfukit_sw.evaluator.floats import quietly
from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.fixed_point import multiply, requantize, wrap32
from cfukit_sw.model import Tensor
from cfukit_sw.quantization import AddParameters, add_parameters
from cfukit_sw.site import Array, Site


def cumsum_begin(image: Tensor, parameters: AddParameters) -> int:
    """What int8 sums begin with: as in TFLM -zp instead of 0."""
    return int(multiply(np.array(-image.zero_point, np.int64) << parameters.left_shift, *parameters.input1))


@operator("CUMSUM")
def cumsum(at: Site) -> Compute:
    """int8: in the arithmetic of ADD. exclusive: without the element itself. reverse: from the end."""
    at.inputs_between(2, 2)
    at.outputs_exactly(1)
    image = at.input(0, "int8", "float32")
    at.rank(image, *range(1, 9))
    output = at.output(image.type)
    at.shape(output, image.shape)
    axis = at.axis(at.integers(1, 1)[0], len(image.shape))

    def along(x: Array, begin: Any) -> Array:
        """Running sums from `begin`, one after the other."""
        x = np.moveaxis(x, axis, 0)
        x = x[::-1] if at.option("reverse") else x
        sums, total = np.empty_like(x), begin + np.zeros_like(x[0])
        for k in range(x.shape[0]):
            if at.option("exclusive"):
                sums[k] = total
            total = total + x[k]
            if not at.option("exclusive"):
                sums[k] = total
        return np.moveaxis(sums[::-1] if at.option("reverse") else sums, 0, axis)

    if image.type == "float32":
        return quietly(lambda inputs: [np.ascontiguousarray(along(inputs[0], np.float32(0)))])
    parameters = add_parameters(at.scale(image), at.scale(image), at.scale(output))
    at.shifts(parameters.output[1], 0)

    def run(inputs: list[Any]) -> list[Array]:
        terms = (inputs[0].astype(np.int64) - image.zero_point) << parameters.left_shift
        sums = along(multiply(terms, *parameters.input1), np.int64(cumsum_begin(image, parameters)))
        scaled = requantize(wrap32(sums), *parameters.output, output.zero_point, -128, 127)
        return [scaled.astype(np.int8)]

    return run
