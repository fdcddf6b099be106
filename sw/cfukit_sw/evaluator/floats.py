"""The float32 forms of operators, in TFLM's order of operations, so sums are equal to its own bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cfukit_sw.evaluator.float_functions import FUNCTIONS as FUNCTIONS_OF_C
from cfukit_sw.evaluator.float_functions import Floats, exp, exp_minus_1, square_root
from cfukit_sw.evaluator.operands import Operands
from cfukit_sw.evaluator.prepare import Compute, operator
from cfukit_sw.evaluator.windows import Axis, all_windows, pad_image
from cfukit_sw.model import Tensor
from cfukit_sw.quantization import IGNORED_ACTIVATIONS
from cfukit_sw.site import Array, Site

LARGEST = np.finfo(np.float32).max
RANGES = {
    "NONE": (-LARGEST, LARGEST),
    "RELU": (np.float32(0), LARGEST),
    "RELU6": (np.float32(0), np.float32(6)),
    "RELU_N1_TO_1": (np.float32(-1), np.float32(1)),
}


def activation(at: Site) -> tuple[np.float32, np.float32]:
    """TFLM ignores other fused activations."""
    name = str(at.option("fused_activation_function"))
    return RANGES["NONE"] if name in IGNORED_ACTIVATIONS else RANGES[name]


def clamp(x: Floats, low: np.float32, high: np.float32) -> Floats:
    """NaN stays."""
    x = np.where(x < low, low, x)
    return np.where(x > high, high, x).astype(np.float32)


def quietly(compute: Compute) -> Compute:
    """Infinities and NaN are results like others."""

    def run(inputs: list[Any]) -> list[Array]:
        with np.errstate(all="ignore"):
            return compute(inputs)

    return run


def bias_of(at: Site, position: int, channels: int, computed: bool = False) -> Floats:
    """Zeros where there is none, and where another operator computes it, if that is allowed."""
    tensor = at.optional(position, "float32")
    if tensor is None:
        return np.zeros(channels, np.float32)
    if tensor.elements != channels:
        at.refuse(f"{tensor} has {tensor.elements} values", f"{channels}, one an output channel")
    if computed and tensor.data is None:
        return np.zeros(channels, np.float32)
    return at.data_of(tensor).reshape(-1).astype(np.float32)


def conv_2d(at: Site, output: Tensor, y: Axis, x: Axis, depthwise: bool) -> Compute:
    """Taps in the order row, column, channel; then the bias."""
    low, high = activation(at)
    channels = output.shape[3]
    operands = Operands(at, 1, 2, bias_of(at, 2, channels, computed=True))

    def run(inputs: list[Any]) -> list[Array]:
        filters, bias = operands(inputs)
        windows = all_windows(pad_image(inputs[0], y, x, 0), y, x)  # n, oh, ow, kh, kw, ci
        total = np.zeros(output.shape, np.float32)
        for row in range(y.kernel):
            for column in range(x.kernel):
                taps = windows[..., row, column, :]
                if depthwise:
                    times = channels // taps.shape[-1]
                    total += np.repeat(taps, times, axis=-1) * filters[0, row, column]
                    continue
                depth = filters.shape[3]
                per_group = channels // (taps.shape[-1] // depth)
                for c in range(depth):
                    total += np.repeat(taps[..., c::depth], per_group, axis=-1) * filters[:, row, column, c]
        return [clamp(total + bias, low, high)]

    return quietly(run)


def transpose_conv(at: Site, output: Tensor, y: Axis, x: Axis) -> Compute:
    """Each output adds up what reaches it from the input's rows, columns and channels, in this order; then the bias. The axes are those
    of the forward convolution.
    """
    low, high = activation(at)
    operands = Operands(at, 1, 3, bias_of(at, 3, output.shape[3], computed=True))

    def run(inputs: list[Any]) -> list[Array]:
        filters, bias = operands(inputs)
        total = np.zeros(output.shape, np.float32)
        for row in reversed(range(y.kernel)):  # the last row of the filter meets the first row of the input
            small_y, large_y = y.taps(row)
            for column in reversed(range(x.kernel)):
                small_x, large_x = x.taps(column)
                if not (small_y.stop and small_x.stop):
                    continue
                pixels, place = inputs[2][:, small_y, small_x], (slice(None), large_y, large_x)
                for c in range(filters.shape[3]):
                    total[place] += pixels[..., c, None] * filters[:, row, column, c]
        return [clamp(total + bias, low, high)]

    return quietly(run)


def fully_connected(at: Site, output: Tensor, shape: tuple[int, int]) -> Compute:
    """shape: of the weights, [n, k]."""
    low, high = activation(at)
    operands = Operands(at, 1, 2, bias_of(at, 2, shape[0], computed=True))

    def run(inputs: list[Any]) -> list[Array]:
        weights, bias = operands(inputs)
        weights = weights.reshape(shape)
        rows = inputs[0].reshape(-1, weights.shape[1])
        total = np.zeros((rows.shape[0], weights.shape[0]), np.float32)
        for k in range(weights.shape[1]):
            total += rows[:, k, None] * weights[:, k]
        return [clamp(total + bias, low, high).reshape(output.shape)]

    return quietly(run)


def pool_2d(at: Site, output: Tensor, y: Axis, x: Axis) -> Compute:
    """Taps inside the image in the order row, column. L2: the root of the average square."""
    low, high = activation(at)
    kind = at.op.type
    average = kind != "MAX_POOL_2D"

    def run(inputs: list[Any]) -> list[Array]:
        total = np.full(output.shape, 0 if average else -LARGEST, np.float32)
        count = np.zeros(output.shape, np.float32)
        for row in range(y.kernel):
            out_y, in_y = y.taps(row)
            for column in range(x.kernel):
                out_x, in_x = x.taps(column)
                if not (out_y.stop and out_x.stop):
                    continue
                taps, place = inputs[0][:, in_y, in_x], (slice(None), out_y, out_x)
                taps = taps * taps if kind == "L2_POOL_2D" else taps
                total[place] = (
                    total[place] + taps if average else np.where(taps > total[place], taps, total[place])
                )
                count[place] += 1
        total = total / count if average else total
        return [clamp(square_root(total) if kind == "L2_POOL_2D" else total, low, high)]

    return quietly(run)


BINARY: dict[str, Callable[[Floats, Floats], Any]] = {
    "ADD": np.add,
    "SUB": np.subtract,
    "MUL": np.multiply,
    "DIV": np.divide,
    "MAXIMUM": lambda a, b: np.where(a > b, a, b),
    "MINIMUM": lambda a, b: np.where(a < b, a, b),
}


def binary(at: Site) -> Compute:
    function = BINARY[at.op.type]
    limits = None if at.op.type in ("MAXIMUM", "MINIMUM") else activation(at)

    def run(inputs: list[Any]) -> list[Array]:
        result = function(inputs[0], inputs[1])
        return [clamp(result, *limits) if limits else result]

    return quietly(run)


def reduce(at: Site, axes: tuple[int, ...], output: Tensor) -> Compute:
    """MEAN and SUM: one value after the other, then the division."""

    def run(inputs: list[Any]) -> list[Array]:
        kept = [axis for axis in range(inputs[0].ndim) if axis not in axes]
        rows = inputs[0].transpose(*kept, *axes).reshape(output.elements, -1)
        total = np.zeros(rows.shape[0], np.float32)
        for k in range(rows.shape[1]):
            total += rows[:, k]
        if at.op.type == "MEAN":
            total = total / np.float32(rows.shape[1])
        return [total.astype(np.float32).reshape(output.shape)]

    return quietly(run)


# --- functions ------


def unary(at: Site, function: Callable[[Floats], Floats]) -> Compute:
    at.inputs_between(1, 1)
    at.outputs_exactly(1)
    at.shape(at.output("float32"), at.input(0, "float32").shape)
    return quietly(lambda inputs: [function(inputs[0])])


def elu(x: Floats) -> Floats:
    """exp(x) - 1 below zero."""
    return np.where(x < 0, exp_minus_1(np.minimum(x, np.float32(0))), x)


def hard_swish(x: Floats) -> Floats:
    zero, three, six = np.float32(0), np.float32(3), np.float32(6)
    return x * clamp(x + three, zero, six) / six


FUNCTIONS: dict[str, Callable[[Floats], Floats]] = {
    "ABS": np.abs,
    "CEIL": np.ceil,
    "ELU": elu,
    "FLOOR": np.floor,
    "HARD_SWISH": hard_swish,
    "NEG": np.negative,
    "SQUARE": lambda x: x * x,
    **FUNCTIONS_OF_C,
}


def function(at: Site) -> Compute:
    """One of FUNCTIONS."""
    return unary(at, FUNCTIONS[at.op.type])


@operator("CEIL", "COS", "EXP", "FLOOR", "LOG", "NEG", "ROUND", "SIN", "SQRT", "SQUARE")
def float_only(at: Site) -> Compute:
    return function(at)


def rectifier(at: Site) -> Compute:
    low, high = RANGES[at.op.type]
    return unary(at, lambda x: clamp(x, low, high))


def leaky_relu(at: Site) -> Compute:
    alpha = np.float32(at.real("alpha"))
    return unary(at, lambda x: np.where(x > 0, x, x * alpha))


def softmax(at: Site) -> Compute:
    """exp((x - max) * beta) by the sum of the row, one after the other."""
    at.inputs_between(1, 1)
    at.outputs_exactly(1)
    image, output = at.input(0, "float32"), at.output("float32")
    at.rank(image, *range(1, 9))
    at.shape(output, image.shape)
    beta = np.float32(at.real("beta"))

    def run(inputs: list[Any]) -> list[Array]:
        rows = inputs[0].reshape(-1, image.shape[-1])
        largest = rows[:, :1]
        for k in range(1, rows.shape[1]):
            largest = np.where(rows[:, k : k + 1] > largest, rows[:, k : k + 1], largest)
        e = exp((rows - largest) * beta)
        total = np.zeros((rows.shape[0], 1), np.float32)
        for k in range(rows.shape[1]):
            total += e[:, k : k + 1]
        return [(e / total).astype(np.float32).reshape(output.shape)]

    return quietly(run)
