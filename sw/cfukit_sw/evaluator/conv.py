"""CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV and FULLY_CONNECTED: int8 with int32 bias, int16 activations with int8 weights, and float32.

TFLM reference kernels, generation B (since 2026-10-13): acc = bias + sum of (x - zp_in) * w over the taps
inside the image, out = clamp(MBQM(acc, M[o], s[o]) + zp_out), (M, s)[o] = Q(S_in * S_w[o] / S_out) in double.

int16: zero points are 0. Sums are 64 bits wide and rescaled with one rounding, if the bias is int64 or absent. With an int32 bias
they are 32 bits wide as for int8.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from cfukit_sw.evaluator import floats
from cfukit_sw.evaluator.operands import MAX_COMPUTED_BIAS, Operands
from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.evaluator.windows import Axis, all_windows, pad_image, padding_before, window_axes
from cfukit_sw.fixed_point import Ints, multiply_wide, requantize, wrap32
from cfukit_sw.model import Tensor
from cfukit_sw.quantization import product_multipliers, window_output
from cfukit_sw.site import MAX_SHIFT, MAX_WIDE_SHIFT, MAX_WIDE_SUM, MAX_WINDOW, Array, Site

# Products of two int8 values are at most 2**14 in magnitude. So a sum of up to 1024 of them stays within 2**24, in any order, with or
# without fused multiply-add: float32 holds every intermediate value exactly. For longer sums float64 does (2**53).
FLOAT32_TERMS = 1024
_CHUNK_ELEMENTS = 1 << 22


def exact_matmul(a: Array, b: Array) -> Ints:
    """a [m, k] @ b [k, n] of int8 or int16 by int8 values, exact, by the floating-point BLAS."""
    kind = np.float32 if a.dtype == np.int8 and a.shape[1] <= FLOAT32_TERMS else np.float64
    return (a.astype(kind) @ b.astype(kind)).astype(np.int64)


class Rescale:
    """From accumulators [..., channels] to outputs: the multipliers, zero point and range of one convolution."""

    def __init__(
        self,
        at: Site,
        image: Tensor,
        weights: Tensor,
        output: Tensor,
        channels: int,
        dimension: int,
        bias_at: int = 2,
    ):
        self.bias = at.bias(bias_at, channels, *bias_types(at, image), computed=True)
        self.wide = has_wide_sums(at, image, bias_at)
        scales = at.weight_scales(weights, channels, dimension)
        self.multipliers, self.shifts = product_multipliers(at.scale(image), scales, at.scale(output))
        at.shifts(self.shifts, MAX_WIDE_SHIFT if self.wide else MAX_SHIFT)
        if image.type == "int16":
            given = at.optional(bias_at)
            most = MAX_COMPUTED_BIAS if given is not None and not given.is_constant else 0
            check_int16(
                at, image, weights, output, np.maximum(np.abs(self.bias.astype(object)), most), dimension
            )
        self.type = output.dtype
        self.zero_point = output.zero_point
        self.low, self.high = at.activation(output)

    def __call__(self, accumulators: Ints) -> Array:
        if self.wide:
            scaled = np.clip(multiply_wide(accumulators, self.multipliers, self.shifts), self.low, self.high)
            return scaled.astype(self.type)
        sums = wrap32(accumulators)
        scaled = requantize(sums, self.multipliers, self.shifts, self.zero_point, self.low, self.high)
        return scaled.astype(self.type)


def bias_types(at: Site, image: Tensor) -> tuple[str, ...]:
    """What TFLM takes as a bias. For int16 depthwise convolutions and int32 it reads the wrong type."""
    if image.type == "int8":
        return ("int32",)
    return {"DEPTHWISE_CONV_2D": ("int64",), "TRANSPOSE_CONV": ("int64", "int16")}.get(
        at.op.type, ("int32", "int64")
    )


def has_wide_sums(at: Site, image: Tensor, bias_at: int = 2) -> bool:
    """Whether sums have 64 bits."""
    bias = at.model.input_of(at.op, bias_at)
    return image.type == "int16" and (bias is None or bias.type != "int32")


def check_int16(
    at: Site, image: Tensor, weights: Tensor, output: Tensor, biases: npt.NDArray[np.object_], dimension: int
) -> None:
    """biases: their magnitudes."""
    if image.zero_point or output.zero_point:
        at.refuse(f"zero points {image.zero_point} and {output.zero_point}", "0 for int16")
    sizes = np.full(biases.size, weights.elements // biases.size * 2**7)  # of each channel's weights, at most
    if weights.data is not None:
        rows = np.moveaxis(weights.data.reshape(weights.shape), dimension, 0).reshape(biases.size, -1)
        sizes = np.abs(rows.astype(np.int64)).sum(1)
    largest = int((biases + sizes * 2**15).max())
    if largest >= MAX_WIDE_SUM:
        at.refuse(f"sums up to {largest}", "below 2**47")


@operator("CONV_2D")
def conv_2d(at: Site) -> Compute:
    """x [n, h, w, ci], weights [co, kh, kw, ci / groups], bias [co] or absent -> [n, oh, ow, co]."""
    at.inputs_between(2, 3)
    at.outputs_exactly(1)
    image = at.input(0, "int8", "int16", "float32")
    weights = at.input(1, "float32" if image.type == "float32" else "int8")
    output = at.output(image.type)
    for tensor in (image, weights, output):
        at.rank(tensor, 4)
    channels, kernel_h, kernel_w, depth = weights.shape
    y, x = window_axes(at, image, output, (kernel_h, kernel_w), dilated=True)
    if image.shape[3] % depth or channels % (image.shape[3] // depth):
        at.refuse(f"{image} and {weights}", "input depth a multiple of the filter's, and whole groups")
    at.shape(output, (image.shape[0], y.output, x.output, channels))
    groups = image.shape[3] // depth
    if image.type == "float32":
        return floats.conv_2d(at, output, y, x, depthwise=False)
    rescale = Rescale(at, image, weights, output, channels, 0)
    operands = Operands(at, 1, 2, rescale.bias)

    def run(inputs: list[Any]) -> list[Array]:
        values, bias = operands(inputs)
        filters = values.reshape(groups, channels // groups, -1)
        offset = bias - image.zero_point * filters.reshape(channels, -1).sum(1, dtype=np.int64)
        padded = pad_image(inputs[0], y, x, image.zero_point)
        result = np.empty(output.shape, output.dtype)
        for rows, windows in _row_chunks(all_windows(padded, y, x)):
            parts = []
            for g in range(groups):
                columns = windows[..., g * depth : (g + 1) * depth].reshape(-1, filters.shape[2])
                parts.append(exact_matmul(columns, filters[g].T))
            sums = parts[0] if groups == 1 else np.concatenate(parts, axis=1)
            result[:, rows] = rescale(sums + offset).reshape(*windows.shape[:3], channels)
        return [result]

    return run


def _row_chunks(windows: Array) -> list[tuple[slice, Array]]:
    """Pieces of whole output rows, so that the im2col matrix stays small."""
    per_row = max(1, windows.size // windows.shape[1])
    step = max(1, _CHUNK_ELEMENTS // per_row)
    slices = [slice(first, first + step) for first in range(0, windows.shape[1], step)]
    return [(rows, windows[:, rows]) for rows in slices]


@operator("DEPTHWISE_CONV_2D")
def depthwise_conv_2d(at: Site) -> Compute:
    """x [n, h, w, c], weights [1, kh, kw, c * m], bias [c * m] or absent -> [n, oh, ow, c * m]; channel o = c
    * m + i.
    """
    at.inputs_between(2, 3)
    at.outputs_exactly(1)
    image = at.input(0, "int8", "int16", "float32")
    weights = at.input(1, "float32" if image.type == "float32" else "int8")
    output = at.output(image.type)
    for tensor in (image, weights, output):
        at.rank(tensor, 4)
    depth, channels = image.shape[3], weights.shape[3]
    if weights.shape[0] != 1 or channels % depth:
        at.refuse(f"{weights}", f"shape [1, h, w, a multiple of {depth}]")
    times = channels // depth
    if at.integer("depth_multiplier", 0, 2**31 - 1) != times:
        at.refuse(f"depth_multiplier {at.option('depth_multiplier')}", f"{times}, from {weights}")
    y, x = window_axes(at, image, output, (weights.shape[1], weights.shape[2]), dilated=True)
    at.shape(output, (image.shape[0], y.output, x.output, channels))
    if image.type == "float32":
        return floats.conv_2d(at, output, y, x, depthwise=True)
    rescale = Rescale(at, image, weights, output, channels, 3)
    operands = Operands(at, 1, 2, rescale.bias)
    wide = np.int64 if image.type == "int16" else np.int32

    def run(inputs: list[Any]) -> list[Array]:
        values, bias = operands(inputs)
        filters = values[0].reshape(y.kernel, x.kernel, depth, times).astype(np.int32)
        centred = inputs[0].astype(wide) - image.zero_point
        sums = np.zeros((image.shape[0], y.output, x.output, depth, times), wide)
        for row in range(y.kernel):
            out_y, in_y = y.taps(row)
            if out_y.stop == 0:
                continue
            for column in range(x.kernel):
                out_x, in_x = x.taps(column)
                if out_x.stop:
                    sums[:, out_y, out_x] += centred[:, in_y, in_x, :, None] * filters[row, column]
        return [rescale(sums.reshape(output.shape).astype(np.int64) + bias)]

    return run


@operator("TRANSPOSE_CONV")
def transpose_conv(at: Site) -> Compute:
    """output shape [4], weights [co, kh, kw, ci], x [n, h, w, ci], bias [co] or absent -> [n, oh, ow, co].

    acc[oy, ox] = bias + sum over oy = iy * stride - p + ky. The padding p is that of the forward convolution whose input is this output.
    """
    at.inputs_between(3, 4)
    at.outputs_exactly(1)
    image = at.input(2, "int8", "int16", "float32")
    weights = at.input(1, "float32" if image.type == "float32" else "int8")
    output = at.output(image.type)
    for tensor in (image, weights, output):
        at.rank(tensor, 4)
    channels, kernel_h, kernel_w, depth = weights.shape
    if image.shape[3] != depth:
        at.refuse(f"{image} and {weights}", "equal input depths")
    y = _transposed_axis(at, image, output, kernel_h, 1, "h")
    x = _transposed_axis(at, image, output, kernel_w, 2, "w")
    at.shape(output, (image.shape[0], output.shape[1], output.shape[2], channels))
    if at.integers(0, 4) != list(output.shape):
        at.refuse(f"output shape {at.integers(0, 4)}", f"{list(output.shape)}, the output tensor's")
    if image.type == "float32":
        return floats.transpose_conv(at, output, y, x)
    rescale = Rescale(at, image, weights, output, channels, 0, bias_at=3)
    operands = Operands(at, 1, 3, rescale.bias)

    def run(inputs: list[Any]) -> list[Array]:
        filters, bias = operands(inputs)
        sums_of_filters = filters.sum(3, dtype=np.int64)
        pixels = inputs[2].reshape(-1, depth)
        sums = np.zeros(output.shape, np.int64)
        for row in range(kernel_h):
            small_y, large_y = y.taps(row)
            if small_y.stop == 0:
                continue
            for column in range(kernel_w):
                small_x, large_x = x.taps(column)
                if small_x.stop == 0:
                    continue
                product = exact_matmul(pixels, filters[:, row, column].T).reshape(*image.shape[:3], channels)
                product -= image.zero_point * sums_of_filters[:, row, column]
                sums[:, large_y, large_x] += product[:, small_y, small_x]
        return [rescale(sums + bias)]

    return run


def _transposed_axis(
    at: Site, image: Tensor, output: Tensor, kernel: int, position: int, letter: str
) -> Axis:
    """The axis of the forward convolution, whose image is our output and whose output is our image."""
    padding, stride = str(at.option("padding")), at.integer(f"stride_{letter}", 1, MAX_WINDOW)
    large, small = output.shape[position], image.shape[position]
    if window_output(padding, large, kernel, stride) != small:
        at.refuse(
            f"{output} with stride {stride}, kernel {kernel}, padding {padding}", f"a size that gives {small}"
        )
    return Axis(large, small, kernel, stride, 1, padding_before(at, small, large, kernel, stride))


@operator("FULLY_CONNECTED")
def fully_connected(at: Site) -> Compute:
    """x [..., ] as [batch, k], weights [n, k], bias [n] or absent -> [batch, n].

    As in TFLM, the bias's scale must be S_in * S_w to within 2 % of S_out, if the weights have one scale. Only then
    a zero point of theirs counts.
    """
    at.inputs_between(2, 3)
    at.outputs_exactly(1)
    image = at.input(0, "int8", "int16", "float32")
    weights = at.input(1, "float32" if image.type == "float32" else "int8")
    output = at.output(image.type)
    at.rank(weights, *range(1, 7))
    if at.option("weights_format") != "DEFAULT":
        at.refuse(f"weights_format {at.option('weights_format')}", "DEFAULT")
    channels, terms = prod(weights.shape[:-1]), weights.shape[-1]
    if (
        not output.shape
        or output.shape[-1] != channels
        or image.elements * channels != output.elements * terms
    ):
        at.refuse(f"{image}, {weights} and {output}", "input [batch, k], weights [n, k], output [batch, n]")
    if image.type == "float32":
        return floats.fully_connected(at, output, (channels, terms))
    rescale = Rescale(at, image, weights, output, channels, 0)
    bias = at.model.input_of(at.op, 2)
    if bias is not None and weights.scales.size == 1 and bias.scales.size:
        product = float(image.scale) * float(weights.scale)
        if abs(product - float(bias.scale)) / float(output.scale) > 0.02:
            at.refuse(
                f"{bias} has scale {bias.scale}", f"{product:.9g}, the product of input and weight scales"
            )
    operands = Operands(at, 1, 2, rescale.bias)
    point = weights_zero_point(weights)
    if point and image.type == "int16":
        at.refuse(f"{weights} has zero point {point}", "0 for int16 activations")

    def run(inputs: list[Any]) -> list[Array]:
        values, bias = operands(inputs)
        rows, matrix = inputs[0].reshape(-1, terms), values.reshape(channels, terms).T
        sums = exact_matmul(rows, matrix) + bias - image.zero_point * matrix.sum(0, dtype=np.int64)
        sums -= point * (rows.sum(1, dtype=np.int64) - terms * image.zero_point)[:, None]
        return [rescale(sums).reshape(output.shape)]

    return run


def weights_zero_point(weights: Tensor) -> int:
    """What FULLY_CONNECTED subtracts from its weights."""
    return weights.zero_point if weights.scales.size == 1 else 0
