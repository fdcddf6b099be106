"""Models of one operator that strain the streaming engine: `strained_model("CONV_2D", seed)`.

`random_model` has any legal shape, and so mostly tiny ones. Here channels lie around multiples of the lanes, weights may exceed a
store, images have rows enough to keep the pipeline full, and the multipliers are those at which rounding and shifting change.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from math import prod, sqrt
from typing import Any

import numpy as np

from cfukit_sw.model import Model
from support.models import ACTIVATIONS, Case, windows

SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65)
OUTPUTS = (*SIZES, 80, 100, 129)
MOST_MACS = 200_000
MOST_BYTES = 20_000  # of input and output


def strained_model(type: str, seed: int) -> Model:
    """A legal int8 model with one operator of `type`. The same seed gives the same model."""
    case = Case(type, np.random.default_rng([seed, zlib.crc32(type.encode()), 1]))
    return {
        "CONV_2D": _conv,
        "DEPTHWISE_CONV_2D": _depthwise,
        "FULLY_CONNECTED": _fully_connected,
        "AVERAGE_POOL_2D": _pool,
        "MAX_POOL_2D": _pool,
        "ADD": _add,
        "MEAN": _mean,
        "SUM": _mean,
        "PAD": _pad,
        "PADV2": _pad,
        "CONCATENATION": _concatenation,
    }[type](case)


class _Summed(Case):
    """An operator, and an ADD of its output and another tensor."""

    def done(self, inputs: Sequence[int], outputs: Sequence[int], **options: Any) -> Model:
        y = self.build.tensors[outputs[0]]
        self.build.operator(self.type, list(inputs), list(outputs), **options)
        ratio = self.pick([1.0, 1.0, 2.0 ** self.whole(-12, 12), self.scale(1e-3, 1e3)])
        scale = float(y.scale)
        other = self.image(y.shape, scale=float(np.float32(scale * ratio)))
        pair = [outputs[0], other] if self.chance(0.6) else [other, outputs[0]]
        z_scale = scale * max(1.0, ratio) * self.pick([1.0, 2.0, self.scale(0.05, 20)])
        z = self.build.tensor("z", y.shape, scale=float(np.float32(z_scale)), zero_point=self.zero_point())
        self.build.operator("ADD", pair, [z], fused_activation_function=self.pick(ACTIVATIONS))
        return self.build.model(self.inputs, [z])


def summed_model(type: str, seed: int) -> Model:
    """As `strained_model` for a convolution, with an ADD of its output and another tensor. Nine of ten can be one."""
    rng = np.random.default_rng([seed, zlib.crc32(type.encode()), 2])
    any_will_do = rng.random() < 0.1
    while True:
        case = _Summed(type, rng)
        model = _conv(case) if type == "CONV_2D" else _depthwise(case)
        conv = model.operators[0]
        x, weights, z = (model.tensors[index] for index in (*conv.inputs[:2], *model.outputs))
        if any_will_do or (z.shape[0] == 1 and x.shape[3] == weights.shape[3] and z.shape[3] % 2 == 0):
            return model


def _multiplier(case: Case, terms: int) -> float:
    """Of a sum of `terms` products: an ordinary one, a power of two or its neighbour, above 1, or so small that all becomes 0."""
    power = 2.0 ** -case.whole(0, 16)
    return float(
        case.pick(
            [
                case.scale(0.2, 4) / (64 * sqrt(terms)),
                case.scale(0.2, 4) / (64 * sqrt(terms)),
                power,
                float(np.nextafter(np.float32(power), np.float32(0))),
                case.scale(1, 300),
                2.0 ** -case.whole(24, 45),
            ]
        )
    )


def _weighted(
    case: Case, x: int, shape: tuple[int, ...], dimension: int, terms: int, scale: float
) -> tuple[int, int]:
    """Weights and bias of an operator whose output has `scale`."""
    channels = shape[dimension]
    count = channels if case.chance(0.7) and case.type != "FULLY_CONNECTED" else 1
    same = _multiplier(case, terms)
    multipliers = [same if case.chance(0.5) else _multiplier(case, terms) for _ in range(count)]
    x_scale = float(case.build.tensors[x].scale)
    data = case.rng.integers(-127, 128, shape).astype(np.int8)
    if case.chance(0.2):
        data = case.rng.choice(np.array([-128, -127, 0, 127], np.int8), shape)
    scales = [float(np.float32(multiplier * scale / x_scale)) for multiplier in multipliers]
    weights = case.build.constant("w", data, scale=scales, quantized_dimension=dimension if count > 1 else 0)
    return weights, case.bias(x, weights, channels, terms)


def _image_scale(case: Case) -> float:
    return float(case.pick([1.0, 2.0**-6, case.scale()]))


def _conv(case: Case) -> Model:
    while True:
        n, h, w = case.pick([1, 1, 1, 2]), case.whole(1, 14), case.whole(1, 14)
        options, kernel_h, kernel_w, out_h, out_w = windows(case, h, w, dilated=True)
        groups, depth, per_group = case.pick([1, 1, 1, 2, 3]), case.pick(SIZES), case.pick(OUTPUTS)
        terms, channels = kernel_h * kernel_w * depth, groups * per_group
        sizes = n * h * w * groups * depth, n * out_h * out_w * channels
        if sizes[1] * terms <= MOST_MACS and sum(sizes) <= MOST_BYTES and channels * terms <= 4 * MOST_BYTES:
            break
    x = case.image((n, h, w, groups * depth), scale=_image_scale(case))
    y = case.out((n, out_h, out_w, channels), _image_scale(case))
    scale = float(case.build.tensors[y].scale)
    weights, bias = _weighted(case, x, (channels, kernel_h, kernel_w, depth), 0, terms, scale)
    options["fused_activation_function"] = case.pick(ACTIVATIONS)
    return case.done([x, weights, bias], [y], **options)


def _depthwise(case: Case) -> Model:
    while True:
        n, h, w = case.pick([1, 1, 1, 2]), case.whole(1, 14), case.whole(1, 14)
        options, kernel_h, kernel_w, out_h, out_w = windows(case, h, w, dilated=True)
        depth, times = case.pick(OUTPUTS), case.pick([1, 1, 1, 2])
        if n * (h * w * depth + out_h * out_w * depth * times) <= MOST_BYTES:
            break
    terms, channels = kernel_h * kernel_w, depth * times
    x = case.image((n, h, w, depth), scale=_image_scale(case))
    y = case.out((n, out_h, out_w, channels), _image_scale(case))
    scale = float(case.build.tensors[y].scale)
    weights, bias = _weighted(case, x, (1, kernel_h, kernel_w, channels), 3, terms, scale)
    options |= {"fused_activation_function": case.pick(ACTIVATIONS), "depth_multiplier": times}
    return case.done([x, weights, bias], [y], **options)


def _fully_connected(case: Case) -> Model:
    batch, terms, channels = (
        case.pick([1, 1, 3, 20]),
        case.pick([*SIZES, case.whole(1, 700)]),
        case.pick(OUTPUTS),
    )
    x = case.image((batch, terms), scale=_image_scale(case))
    y = case.out((batch, channels), _image_scale(case))
    weights, bias = _weighted(case, x, (channels, terms), 0, terms, scale=float(case.build.tensors[y].scale))
    return case.done([x, weights, bias], [y], fused_activation_function=case.pick(ACTIVATIONS))


def _pool(case: Case) -> Model:
    while True:
        n, h, w, channels = case.pick([1, 1, 2]), case.whole(1, 16), case.whole(1, 16), case.pick(SIZES)
        options, kernel_h, kernel_w, out_h, out_w = windows(case, h, w, dilated=False)
        if case.chance(0.3):  # the mean over the image
            kernel_h, kernel_w, out_h, out_w, options["padding"] = h, w, 1, 1, "VALID"
        if n * h * w * channels <= MOST_BYTES:
            break
    x = case.image((n, h, w, channels), scale=_image_scale(case))
    options |= {"filter_height": kernel_h, "filter_width": kernel_w}
    options["fused_activation_function"] = case.pick(ACTIVATIONS)
    return case.done([x], [case.like(x, (n, out_h, out_w, channels))], **options)


def _add(case: Case) -> Model:
    """Of two tensors; or of one and a constant, a scalar or a vector along the last axes."""
    shape = (1, case.whole(1, 12), case.whole(1, 12), case.pick(SIZES))
    while prod(shape) > MOST_BYTES // 3:
        shape = (1, case.whole(1, 12), case.whole(1, 12), case.pick(SIZES))
    scale = _image_scale(case)
    ratio = case.pick([1.0, 2.0 ** case.whole(-12, 12), case.scale(1e-3, 1e3)])
    others = [shape, shape, (1,), (shape[3],), (1, 1, *shape[2:]), shape[1:]]
    other = case.pick(others)
    a, b = case.image(shape, scale=scale), _other(case, other, scale * ratio)
    y = case.out(shape, scale * max(1.0, ratio) * case.pick([1.0, 2.0, case.scale(0.05, 20)]))
    inputs = [a, b] if case.chance(0.6) else [b, a]
    return case.done(inputs, [y], fused_activation_function=case.pick(ACTIVATIONS))


def _other(case: Case, shape: tuple[int, ...], scale: float) -> int:
    if case.chance(0.6):
        return case.image(shape, scale=scale)
    data = case.rng.integers(-128, 128, shape).astype(np.int8)
    return case.build.constant("b", data, scale=float(np.float32(scale)), zero_point=case.zero_point())


def _mean(case: Case) -> Model:
    """Over the image, one of its axes, or the channels."""
    while True:
        n, h, w, channels = case.pick([1, 1, 2]), case.whole(1, 22), case.whole(1, 22), case.pick(OUTPUTS)
        if n * h * w * channels <= MOST_BYTES:
            break
    shape, axes = (
        (n, h, w, channels),
        case.pick([[1, 2], [1, 2], [1], [2], [3], [2, 3], [1, 2, 3], [0, 1, 2]]),
    )
    keep = case.chance(0.5)
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    result = kept if keep else tuple(size for axis, size in enumerate(shape) if axis not in axes)
    x = case.image(shape, scale=_image_scale(case))
    scale = float(case.build.tensors[x].scale)
    terms = prod(shape[axis] for axis in axes) if case.type == "SUM" else 1
    y = case.out(result, scale * case.pick([1.0, 2.0, case.scale(0.05, 20), sqrt(terms)]))
    return case.done([x, case.ints("axes", axes)], [y], keep_dims=keep)


def _pad(case: Case) -> Model:
    """Of one to four axes, also the images and the channels."""
    while True:
        shape = [case.pick([1, 1, 2]), case.whole(1, 16), case.whole(1, 16), case.pick(SIZES)]
        pairs = np.zeros((4, 2), np.int32)
        for axis in case.pick([[1, 2], [1, 2], [1], [2], [3], [0, 3], [0, 1, 2, 3]]):
            pairs[axis] = case.whole(0, 3), case.pick([0, 1, 2, 16])
        result = [size + int(pair.sum()) for size, pair in zip(shape, pairs, strict=True)]
        if prod(result) <= MOST_BYTES:
            break
    x = case.image(shape)
    inputs = [x, case.ints("paddings", pairs)]
    if case.type == "PADV2":
        source, fill = case.build.tensors[x], np.array([case.whole(-128, 127)], np.int8)
        inputs.append(case.build.constant("v", fill, scale=source.scales, zero_point=source.zero_points))
    return case.done(inputs, [case.like(x, result)])


def _concatenation(case: Case) -> Model:
    """Of two to four tensors, one of which may be a constant."""
    while True:
        shape = [case.pick([1, 1, 2]), case.whole(1, 16), case.whole(1, 16), case.pick(SIZES)]
        axis = case.pick([1, 2, 3, 3, 3])
        sizes = [case.pick(SIZES) for _ in range(case.whole(2, 4))]
        if prod(shape) // shape[axis] * sum(sizes) <= MOST_BYTES:
            break
    parts = []
    for number, size in enumerate(sizes):
        shape[axis] = size
        if number and case.chance(0.2):
            data = case.rng.integers(-128, 128, shape).astype(np.int8)
            parts.append(case.build.constant(f"c{number}", data, scale=0.1, zero_point=0))
        else:
            parts.append(case.image(shape, scale=0.1, zero_point=0))
    shape[axis] = sum(sizes)
    return case.done(parts, [case.like(parts[0], shape)], axis=axis)
