"""Operators on single Python integers, with TFLM's loops, to compare the evaluator with. See support.scalar."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from cfukit_sw.model import Model
from support.scalar import clamp, mbqm, multiplier, softmax_row, trunc_div, wrap32


def activation(options: dict[str, Any], output: Any) -> tuple[int, int]:
    """Range of a fused activation; q(v) with the float32 quotient rounded half away from zero."""

    def q(value: float) -> int:
        quotient = float(np.float32(value) / np.float32(output.scale))
        return output.zero_point + (int(quotient + 0.5) if quotient >= 0 else -int(-quotient + 0.5))

    low, high = {
        "NONE": (-128, 127),
        "RELU": (q(0), 127),
        "RELU6": (q(0), q(6)),
        "RELU_N1_TO_1": (q(-1), q(1)),
    }[options["fused_activation_function"]]
    return max(-128, low), min(127, high)


def window(options: dict[str, Any], letter: str, size: int, kernel: int) -> tuple[int, int, int]:
    """(stride, dilation, padding before)."""
    stride, dilation = options[f"stride_{letter}"], options.get(f"dilation_{letter}_factor", 1)
    extent = (kernel - 1) * dilation + 1
    same = options["padding"] == "SAME"
    count = (size + stride - 1) // stride if same else (size + stride - extent) // stride
    return stride, dilation, max(0, (count - 1) * stride + extent - size) // 2


def channel_multipliers(model: Model, image: int, weights: int, channels: int) -> list[tuple[int, int]]:
    op = model.operators[0]
    x, w, y = model.tensors[op.inputs[image]], model.tensors[op.inputs[weights]], model.output_of(op)
    scales = [w.scales[o if w.scales.size > 1 else 0] for o in range(channels)]
    return [multiplier(float(x.scale) * float(scale) / float(y.scale)) for scale in scales]


def convolution(model: Model, x: Any, depthwise: bool) -> Any:
    op = model.operators[0]
    image, weights, bias = (model.input_of(op, i) for i in range(3))
    assert image is not None and weights is not None
    output, w = model.output_of(op), np.asarray(weights.data)
    low, high = activation(op.options, output)
    kernel_h, kernel_w = w.shape[1:3]
    (sh, dh, ph), (sw, dw, pw) = (
        window(op.options, letter, image.shape[i], w.shape[i]) for i, letter in ((1, "h"), (2, "w"))
    )
    scaled = channel_multipliers(model, 0, 1, output.shape[3])
    result = np.zeros(output.shape, np.int8)
    depth = w.shape[3]
    times = output.shape[3] // image.shape[3] if depthwise else 0
    per_group = 0 if depthwise else output.shape[3] // (image.shape[3] // depth)
    for n, oy, ox, o in product(*map(range, output.shape)):
        total = int(bias.data[o]) if bias is not None and bias.data is not None else 0  # type: ignore[call-overload]
        for ky, kx in product(range(kernel_h), range(kernel_w)):
            iy, ix = oy * sh - ph + ky * dh, ox * sw - pw + kx * dw
            if not (0 <= iy < image.shape[1] and 0 <= ix < image.shape[2]):
                continue
            if depthwise:
                pairs = [(o // times, int(w[0, ky, kx, o]))]
            else:
                pairs = [(o // per_group * depth + c, int(w[o, ky, kx, c])) for c in range(depth)]
            total += sum((int(x[n, iy, ix, c]) - image.zero_point) * weight for c, weight in pairs)
        result[n, oy, ox, o] = clamp(mbqm(total, *scaled[o]) + output.zero_point, low, high)
    return result


def fully_connected(model: Model, x: Any) -> Any:
    op = model.operators[0]
    image, weights, bias = (model.input_of(op, i) for i in range(3))
    assert image is not None and weights is not None
    output, w = model.output_of(op), np.asarray(weights.data)
    low, high = activation(op.options, output)
    scaled = channel_multipliers(model, 0, 1, w.shape[0])
    rows = []
    for row in x.reshape(-1, w.shape[1]):
        for o in range(w.shape[0]):
            total = int(bias.data[o]) if bias is not None and bias.data is not None else 0  # type: ignore[call-overload]
            total += sum((int(v) - image.zero_point) * int(k) for v, k in zip(row, w[o], strict=True))
            rows.append(clamp(mbqm(total, *scaled[o]) + output.zero_point, low, high))
    return np.array(rows, np.int8).reshape(output.shape)


def pool(model: Model, x: Any) -> Any:
    op = model.operators[0]
    output, kernel = model.output_of(op), (op.options["filter_height"], op.options["filter_width"])
    low, high = activation(op.options, output)
    (sh, _, ph), (sw, _, pw) = (
        window(op.options, letter, x.shape[i], int(kernel[i - 1]))
        for i, letter in ((1, "h"), (2, "w"))  # type: ignore[arg-type]
    )
    result = np.zeros(output.shape, np.int8)
    for n, oy, ox, c in product(*map(range, output.shape)):
        taps = [
            int(x[n, iy, ix, c])
            for iy in range(oy * sh - ph, oy * sh - ph + int(kernel[0]))  # type: ignore[arg-type]
            for ix in range(ox * sw - pw, ox * sw - pw + int(kernel[1]))  # type: ignore[arg-type]
            if 0 <= iy < x.shape[1] and 0 <= ix < x.shape[2]
        ]
        if op.type == "MAX_POOL_2D":
            value = max(taps)
        else:
            total, count = sum(taps), len(taps)
            value = trunc_div(total + count // 2 if total > 0 else total - count // 2, count)
        result[n, oy, ox, c] = clamp(value, low, high)
    return result


def add_sub(model: Model, a: Any, b: Any) -> Any:
    op = model.operators[0]
    first, second, output = model.tensors[op.inputs[0]], model.tensors[op.inputs[1]], model.output_of(op)
    low, high = activation(op.options, output)
    s1, s2, so = (float(tensor.scale) for tensor in (first, second, output))
    twice, sign = 2 * max(s1, s2), 1 if op.type == "ADD" else -1
    m1, m2, mo = multiplier(s1 / twice), multiplier(s2 / twice), multiplier(twice / (2**20 * so))
    result = []
    for x, y in zip(*(v.flat for v in np.broadcast_arrays(a, b)), strict=True):
        u = mbqm((int(x) - first.zero_point) << 20, *m1)
        v = mbqm((int(y) - second.zero_point) << 20, *m2)
        result.append(clamp(mbqm(u + sign * v, *mo) + output.zero_point, low, high))
    return np.array(result, np.int8).reshape(output.shape)


def mul(model: Model, a: Any, b: Any) -> Any:
    op = model.operators[0]
    first, second, output = model.tensors[op.inputs[0]], model.tensors[op.inputs[1]], model.output_of(op)
    low, high = activation(op.options, output)
    scaled = multiplier(float(first.scale) * float(second.scale) / float(output.scale))
    result = []
    for x, y in zip(*(v.flat for v in np.broadcast_arrays(a, b)), strict=True):
        value = mbqm((int(x) - first.zero_point) * (int(y) - second.zero_point), *scaled)
        result.append(clamp(wrap32(value + output.zero_point), low, high))
    return np.array(result, np.int8).reshape(output.shape)


def softmax(model: Model, x: Any) -> Any:
    op = model.operators[0]
    output = model.output_of(op)
    scale, bits = float(model.tensors[op.inputs[0]].scale), 8 if output.type == "int8" else 16
    beta = float(np.float32(op.options["beta"]))  # type: ignore[arg-type]
    rows = [softmax_row([int(v) for v in row], beta, scale, bits) for row in x.reshape(-1, x.shape[-1])]
    return np.array(rows, output.dtype).reshape(output.shape)


def evaluate(model: Model, inputs: list[Any]) -> Any:
    """The output of a one-operator model; None if there is no scalar form of it here."""
    type = model.operators[0].type
    operands = iter(inputs)
    arrays: list[Any] = []
    for index in model.operators[0].inputs[:2]:
        tensor = model.tensors[index]
        arrays.append(tensor.data if tensor.data is not None else next(operands))
    if arrays[0].dtype != np.int8 or any(tensor.type == "int4" for tensor in model.tensors):
        return None
    if type in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        return convolution(model, arrays[0], type == "DEPTHWISE_CONV_2D")
    if type == "FULLY_CONNECTED":
        return fully_connected(model, arrays[0])
    if type in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        return pool(model, arrays[0])
    if type == "SOFTMAX":
        return softmax(model, arrays[0])
    if type in ("ADD", "SUB", "MUL"):
        return mul(model, *arrays) if type == "MUL" else add_sub(model, *arrays)
    return None
