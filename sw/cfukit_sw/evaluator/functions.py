"""ABS, ELU, LOG_SOFTMAX, L2_NORMALIZATION, SQUARED_DIFFERENCE, ADD_N and BATCH_MATMUL, int8; some of them int16 or int32 too.

TFLM reference kernels, generation B (since 2026-10-13).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cfukit_sw.evaluator import float_rows, floats
from cfukit_sw.evaluator.prepare import Compute, by_table, every_int8, operator
from cfukit_sw.fixed_point import (
    Ints,
    exp_negative,
    inverse_square_root,
    log_above_one,
    multiply,
    multiply_wide,
    requantize,
    rounding_shift,
    wrap32,
)
from cfukit_sw.model import Tensor
from cfukit_sw.quantization import (
    LIMITS,
    AddParameters,
    add_parameters,
    log_softmax_parameters,
    quantize_float32,
    quantize_multiplier,
    squared_difference_parameters,
)
from cfukit_sw.site import MAX_WIDE_SHIFT, Array, Site


def symmetric(at: Site, *tensors: Tensor) -> None:
    """Refuse int16 with a zero point."""
    for tensor in tensors:
        if tensor.type == "int16" and tensor.zero_point:
            at.refuse(f"{tensor} has zero point {tensor.zero_point}", "0 for int16")


def _one_to_one(at: Site, *types: str) -> tuple[Tensor, Tensor]:
    at.inputs_between(1, 1)
    at.outputs_exactly(1)
    image = at.input(0, *types)
    output = at.output(image.type)
    at.shape(output, image.shape)
    at.scale(image)
    at.scale(output)
    return image, output


def _float_rows(at: Site) -> Tensor:
    """The output of a float32 operator on rows."""
    at.inputs_between(1, 1)
    at.outputs_exactly(1)
    output = at.output("float32")
    at.shape(output, at.rank(at.input(0, "float32"), *range(1, 9)).shape)
    return output


@operator("ABS")
def absolute(at: Site) -> Compute:
    """clamp(MBQM(|x - zp_in|, Q(S_in / S_out)) + zp_out)."""
    if at.input(0).type == "float32":
        return floats.function(at)
    image, output = _one_to_one(at, "int8", "int16")
    symmetric(at, image, output)
    multiplier = at.multiplier(float(image.scale) / float(output.scale))
    limits = LIMITS[output.type]

    def scaled(x: Ints) -> Array:
        size = np.abs(x - image.zero_point)
        return requantize(size, *multiplier, output.zero_point, *limits).astype(output.dtype)

    if image.type == "int8":
        return by_table(scaled(every_int8()))
    return lambda inputs: [scaled(inputs[0].astype(np.int64))]


@operator("ELU")
def elu(at: Site) -> Compute:
    """A table that TFLM computes in float32: exp(x) - 1 below zero."""
    if at.input(0).type == "float32":
        return floats.function(at)
    image, output = _one_to_one(at, "int8")
    real = np.float32(image.scale) * (every_int8() - image.zero_point).astype(np.float32)
    below = np.exp(np.minimum(real, 0).astype(np.float64)).astype(np.float32) - np.float32(1)
    inverse = np.float32(1) / np.float32(output.scale)
    with np.errstate(over="ignore"):
        values = np.where(real < 0, below, real).astype(np.float32) * inverse
    if not np.abs(values).max() < 2.0**31 - 256:
        at.refuse(f"{output} has scale {output.scale}", "a scale that lets every output be an int32")
    table = quantize_float32(values, np.float32(1), output.zero_point, "int8")
    return by_table(table.astype(np.int8))


MAX_LOG_SOFTMAX = 4095  # more exponentials could leave Q12.19


@operator("LOG_SOFTMAX")
def log_softmax(at: Site) -> Compute:
    """Rows of the last axis: x - max - log(sum of exp), output scale 1/16 and zero point 127."""
    if at.input(0).type == "float32":
        return float_rows.log_softmax(at, _float_rows(at))
    image, output = _one_to_one(at, "int8")
    at.rank(image, *range(1, 9))
    if float(output.scale) != 1 / 16 or output.zero_point != 127:
        given = f"{output} has scale {output.scale} and zero point {output.zero_point}"
        at.refuse(given, "scale 1/16 and zero point 127")
    if image.shape[-1] > MAX_LOG_SOFTMAX:
        at.refuse(f"{image}", f"rows of at most {MAX_LOG_SOFTMAX} values")
    try:
        parameters = log_softmax_parameters(at.scale(image))
    except ValueError as error:
        at.refuse(str(error))
    d = -np.arange(256, dtype=np.int64)  # x - max
    counted = d >= parameters.minimum
    z = multiply(np.where(counted, d, 0), parameters.multiplier, parameters.left_shift)
    addends = np.where(counted, rounding_shift(exp_negative(z, 5), 12), 0)

    def run(inputs: list[Any]) -> list[Array]:
        rows = inputs[0].reshape(-1, image.shape[-1]).astype(np.int64)
        below = rows.max(axis=1, keepdims=True) - rows
        logs = log_above_one(addends[below].sum(axis=1, keepdims=True))
        reverse = multiply(logs - 2**31, parameters.reverse_multiplier, parameters.reverse_shift)
        lowest = np.maximum(parameters.minimum - 1, reverse)
        result = np.clip(rounding_shift(wrap32(z[below] - logs), 22) + 127, -128, 127)
        return [np.where(-below > lowest, result, -128).astype(np.int8).reshape(output.shape)]

    return run


MAX_L2_DEPTH = 2**31 // 255**2


@operator("L2_NORMALIZATION")
def l2_normalization(at: Site) -> Compute:
    """Rows of the last axis divided by their length; output scale 1/128 and zero point 0, whatever the file says."""
    if at.input(0).type == "float32":
        at.no_activation()
        return float_rows.l2_normalization(at, _float_rows(at))
    image, output = _one_to_one(at, "int8")
    at.no_activation()
    at.rank(image, 1, 2, 3, 4)
    if image.shape[-1] > MAX_L2_DEPTH:
        at.refuse(f"{image}", f"rows of at most {MAX_L2_DEPTH} values")

    def run(inputs: list[Any]) -> list[Array]:
        rows = inputs[0].reshape(-1, image.shape[-1]).astype(np.int64) - image.zero_point
        root, shift = inverse_square_root((rows * rows).sum(axis=1, keepdims=True))
        scaled = multiply(rows, root, shift + 7)
        return [np.clip(scaled, -128, 127).astype(np.int8).reshape(output.shape)]

    return run


@operator("SQUARED_DIFFERENCE")
def squared_difference(at: Site) -> Compute:
    """As SUB up to the difference, which is squared and rescaled. int32: plain, and wraps."""
    at.inputs_between(2, 2)
    at.outputs_exactly(1)
    first = at.input(0, "int8", "int16", "int32", "float32")
    second, output = at.input(1, first.type), at.output(first.type)
    at.broadcast(output, first, second)
    if first.type == "float32":
        return floats.quietly(lambda inputs: [(inputs[0] - inputs[1]) * (inputs[0] - inputs[1])])
    if first.type == "int32":
        return lambda inputs: [(inputs[0] - inputs[1]) * (inputs[0] - inputs[1])]
    symmetric(at, first, second, output)
    parameters = squared_difference_parameters(
        at.scale(first), at.scale(second), at.scale(output), output.type
    )
    at.shifts(parameters.output[1])
    low, high = LIMITS[output.type]

    def run(inputs: list[Any]) -> list[Array]:
        sides = [
            multiply((x.astype(np.int64) - tensor.zero_point) << parameters.left_shift, *multiplier)
            for x, tensor, multiplier in zip(
                inputs, (first, second), (parameters.input1, parameters.input2), strict=True
            )
        ]
        square = wrap32((sides[0] - sides[1]) ** 2)
        result = requantize(square, *parameters.output, output.zero_point, low, high)
        return [result.astype(output.dtype)]

    return run


def add_n_begin(first: Tensor, parameters: AddParameters) -> int:
    offset = np.array(-first.zero_point, np.int64) << parameters.left_shift
    return int(multiply(offset, *parameters.input1))


@operator("ADD_N")
def add_n(at: Site) -> Compute:
    """The sum of tensors of one shape and quantisation, in the arithmetic of ADD. As in TFLM it begins with -zp instead of 0."""
    at.outputs_exactly(1)
    count = len(at.op.inputs)
    at.inputs_between(2, 1 << 10)
    first = at.input(0, "int8", "float32")
    output = at.output(first.type)
    for position in range(1, count):
        at.shape(at.input(position, first.type), first.shape)
        if first.type == "int8":
            at.same_quantization(at.input(position), first)
    at.shape(output, first.shape)
    if first.type == "float32":
        return float_rows.add_n(at)
    parameters = add_parameters(at.scale(first), at.scale(first), at.scale(output))
    at.shifts(parameters.output[1], 0)
    begin = add_n_begin(first, parameters)

    def run(inputs: list[Any]) -> list[Array]:
        centred = [x.astype(np.int64) - first.zero_point for x in inputs]
        terms = [multiply(x << parameters.left_shift, *parameters.input1) for x in centred]
        total = wrap32(np.sum(terms, axis=0) + begin)
        scaled = requantize(total, *parameters.output, output.zero_point, -128, 127)
        return [scaled.astype(np.int8)]

    return run


def matrices(at: Site) -> tuple[tuple[int, ...], int, int, int]:
    """(batch shape, rows, depth, columns) of a BATCH_MATMUL."""
    first, second = at.rank(at.input(0), 2, 3, 4, 5), at.rank(at.input(1), 2, 3, 4, 5)
    rows, depth = first.shape[-2:][:: -1 if at.option("adj_x") else 1]
    inner, columns = second.shape[-2:][:: -1 if at.option("adj_y") else 1]
    if depth != inner:
        at.refuse(f"{first} and {second}", "matrices that can be multiplied")
    try:
        batches = np.broadcast_shapes(first.shape[:-2], second.shape[:-2])
    except ValueError:
        at.refuse(f"{first} and {second}", "batches that broadcast")
    return batches, rows, depth, columns


@operator("BATCH_MATMUL")
def batch_matmul(at: Site) -> Compute:
    """[..., rows, depth] @ [..., depth, columns]; adj_x and adj_y: the matrices are transposed. int16: sums of 64 bits."""
    at.inputs_between(2, 2)
    at.outputs_exactly(1)
    first = at.input(0, "int8", "int16", "float32")
    second, output = at.input(1, first.type), at.output(first.type)
    batches, rows, depth, columns = matrices(at)
    at.shape(output, (*batches, rows, columns))
    if first.type == "float32":
        return float_rows.batch_matmul(at, output, depth)
    symmetric(at, first, second, output)
    real = float(at.scale(first)) * float(at.scale(second)) / float(at.scale(output))
    multiplier = quantize_multiplier(real)
    wide = first.type == "int16"
    at.shifts(multiplier[1], MAX_WIDE_SHIFT if wide else 30)
    if depth > (1 << 15 if wide else 33025):
        at.refuse(f"sums of {depth} products", "fewer")
    low, high = LIMITS[output.type]

    def run(inputs: list[Any]) -> list[Array]:
        a = inputs[0].astype(np.float64) - first.zero_point
        b = inputs[1].astype(np.float64) - second.zero_point
        a, b = (x.swapaxes(-1, -2) if at.option(name) else x for x, name in ((a, "adj_x"), (b, "adj_y")))
        sums = (a @ b).astype(np.int64)
        if wide:
            scaled = np.clip(multiply_wide(sums, *multiplier), low, high)
        else:
            scaled = requantize(sums, *multiplier, output.zero_point, low, high)
        return [scaled.astype(output.dtype)]

    return run
