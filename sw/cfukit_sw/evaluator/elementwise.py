"""ADD, SUB, MUL, MINIMUM, MAXIMUM with numpy-style broadcasting, for int8, int16, int32 and float32.

TFLM reference kernels, generation B (since 2026-10-13).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cfukit_sw.evaluator import floats
from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.fixed_point import Ints, multiply, requantize
from cfukit_sw.model import Tensor
from cfukit_sw.quantization import add_parameters
from cfukit_sw.site import Array, Site


def operands(at: Site, *types: str) -> tuple[Tensor, Tensor, Tensor]:
    """Both inputs and the output, of one type, with the shape that broadcasting gives."""
    at.inputs_between(2, 2)
    at.outputs_exactly(1)
    first = at.input(0, *types)
    second, output = at.input(1, first.type), at.output(first.type)
    at.broadcast(output, first, second)
    return first, second, output


@operator("ADD", "SUB")
def add_sub(at: Site) -> Compute:
    """int8: u = MBQM((x1 - zp1) << 20, ...), v likewise, out = clamp(MBQM(u +- v, ...) + zp). int16: << 15, zero points 0.
    int32: wraps; TFLM ignores a fused activation of ADD.
    """
    first, second, output = operands(at, "int8", "int16", "int32", "float32")
    if first.type == "float32":
        return floats.binary(at)
    if first.type == "int32":
        if at.op.type == "ADD":
            return lambda inputs: [inputs[0] + inputs[1]]
        lowest, highest = at.integer_activation()
        return lambda inputs: [np.clip(inputs[0] - inputs[1], lowest, highest)]
    _symmetric(at, first, second, output)
    parameters = add_parameters(at.scale(first), at.scale(second), at.scale(output), output.type)
    at.shifts(parameters.output[1], 0)
    low, high = at.activation(output)
    sign = 1 if at.op.type == "ADD" else -1

    def run(inputs: list[Any]) -> list[Array]:
        u = _scaled(inputs[0], first.zero_point, parameters.left_shift, parameters.input1)
        v = _scaled(inputs[1], second.zero_point, parameters.left_shift, parameters.input2)
        total = requantize(u + sign * v, *parameters.output, output.zero_point, low, high)
        return [total.astype(output.dtype)]

    return run


def _symmetric(at: Site, *tensors: Tensor) -> None:
    """Refuse int16 with a zero point."""
    for tensor in tensors:
        if tensor.type == "int16" and tensor.zero_point:
            at.refuse(f"{tensor} has zero point {tensor.zero_point}", "0 for int16")


def _scaled(x: Array, zero_point: int, left_shift: int, multiplier: tuple[int, int]) -> Ints:
    """One addend on the common scale; for int8 from a table, since x has 256 values."""
    if x.dtype == np.int16:
        return multiply(x.astype(np.int64) << left_shift, *multiplier)
    every = np.arange(256, dtype=np.int64)
    every = (np.where(every < 128, every, every - 256) - zero_point) << left_shift
    table = multiply(every, *multiplier)
    return table[x.view(np.uint8)]


@operator("MUL")
def mul(at: Site) -> Compute:
    """int8, int16: out = clamp(MBQM((x1 - zp1) * (x2 - zp2), Q(S1 * S2 / So)) + zp). int32: wraps, then clamps."""
    first, second, output = operands(at, "int8", "int16", "int32", "float32")
    if first.type == "float32":
        return floats.binary(at)
    if first.type == "int32":
        lowest, highest = at.integer_activation()
        return lambda inputs: [np.clip(inputs[0] * inputs[1], lowest, highest)]
    _symmetric(at, first, second, output)
    multiplier = at.multiplier(float(at.scale(first)) * float(at.scale(second)) / float(at.scale(output)))
    low, high = at.activation(output)

    def run(inputs: list[Any]) -> list[Array]:
        a = inputs[0].astype(np.int64) - first.zero_point
        b = inputs[1].astype(np.int64) - second.zero_point
        return [requantize(a * b, *multiplier, output.zero_point, low, high).astype(output.dtype)]

    return run


@operator("MINIMUM", "MAXIMUM")
def minimum_maximum(at: Site) -> Compute:
    """Compares the stored values, as if the scales were equal."""
    first, _, _ = operands(at, "int8", "int16", "int32", "int64", "float32")
    if first.type == "float32":
        return floats.binary(at)
    function = np.minimum if at.op.type == "MINIMUM" else np.maximum

    def run(inputs: list[Any]) -> list[Array]:
        return [function(inputs[0], inputs[1])]

    return run
