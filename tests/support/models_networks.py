"""Random networks of a dozen operators on images, with branches, several outputs, and operators whose outputs nobody uses.

They exercise lowering: aliases, folded padding, in-place outputs, the arena. See support.models.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cfukit_sw.model import Model
from support.models import ACTIVATIONS, Case, builds, windows

MOST_ELEMENTS = 3000
Layer = Callable[[Case, int], int | None]  # from an image tensor to a new one; None if it does not fit


def _shape(case: Case, x: int) -> tuple[int, ...]:
    return case.build.tensors[x].shape


def _conv(case: Case, x: int) -> int:
    n, h, w, depth = _shape(case, x)
    options, kernel_h, kernel_w, out_h, out_w = windows(case, h, w, dilated=True)
    options["fused_activation_function"] = case.pick(ACTIVATIONS)
    terms, channels = kernel_h * kernel_w * depth, case.whole(1, 8)
    if case.chance(0.4):
        terms, channels, kind = kernel_h * kernel_w, depth, "DEPTHWISE_CONV_2D"
        weights = case.weights((1, kernel_h, kernel_w, depth), 3, case.chance(0.7))
        options["depth_multiplier"] = 1
    else:
        kind = "CONV_2D"
        weights = case.weights((channels, kernel_h, kernel_w, depth), 0, case.chance(0.7))
    y = case.out((n, out_h, out_w, channels), case.sum_scale(x, weights, terms))
    case.build.operator(kind, [x, weights, case.bias(x, weights, channels, terms)], [y], **options)
    return y


def _pool(case: Case, x: int) -> int:
    n, h, w, depth = _shape(case, x)
    options, kernel_h, kernel_w, out_h, out_w = windows(case, h, w, dilated=False)
    options |= {"filter_height": kernel_h, "filter_width": kernel_w}
    y = case.like(x, (n, out_h, out_w, depth))
    case.build.operator(case.pick(["AVERAGE_POOL_2D", "MAX_POOL_2D"]), [x], [y], **options)
    return y


def _pad(case: Case, x: int) -> int:
    kind = case.pick(["PAD", "PAD", "PADV2", "MIRROR_PAD"])
    shape = _shape(case, x)
    most = [0, *(min(2, size - 1) for size in shape[1:3]), 0]
    amounts = np.array([[case.whole(0, limit), case.whole(0, limit)] for limit in most], np.int32)
    y = case.like(x, [size + int(pair.sum()) for size, pair in zip(shape, amounts, strict=True)])
    inputs = [x, case.ints("paddings", amounts)]
    if kind == "PADV2":
        source = case.build.tensors[x]
        fill = np.array([case.pick([source.zero_point, case.whole(-128, 127)])], np.int8)
        inputs.append(case.build.constant("v", fill, scale=source.scales, zero_point=source.zero_points))
    case.build.operator(kind, inputs, [y], **({"mode": "REFLECT"} if kind == "MIRROR_PAD" else {}))
    return y


def _two(case: Case, x: int) -> int:
    shape = _shape(case, x)
    fitting = [
        t.index
        for t in case.build.tensors
        if t.type == "int8" and t.data is None and len(t.shape) == 4 and t.scales.size
        and all(n in (1, m) for n, m in zip(t.shape, shape, strict=True))
    ]  # fmt: skip
    other = case.pick(fitting)
    y = case.out(shape, case.scale(0.01, 0.5))
    options = {"fused_activation_function": case.pick(ACTIVATIONS)}
    inputs = [x, other] if case.chance(0.5) else [other, x]
    case.build.operator(case.pick(["ADD", "SUB", "MUL"]), inputs, [y], **options)
    return y


def _one(case: Case, x: int) -> int:
    kind = case.pick(["RELU", "RELU6", "LEAKY_RELU", "HARD_SWISH", "QUANTIZE", "LOGISTIC"])
    shape, scale = _shape(case, x), float(case.build.tensors[x].scale)
    if kind == "RELU6":
        y = case.like(x, shape)
    elif kind == "LOGISTIC":
        y = case.out(shape, 1 / 256, -128)
    else:
        y = case.out(shape, scale * case.scale(1, 3))
    case.build.operator(kind, [x], [y], **({"alpha": 0.1} if kind == "LEAKY_RELU" else {}))
    return y


def _join(case: Case, x: int) -> int:
    axis = case.pick([1, 2, 3])
    shape = list(_shape(case, x))
    shape[axis] *= 2
    y = case.like(x, shape)
    case.build.operator("CONCATENATION", [x, x], [y], axis=axis)
    return y


def _split(case: Case, x: int) -> int | None:
    shape = list(_shape(case, x))
    even = [axis for axis in (1, 2, 3) if shape[axis] % 2 == 0]
    if not even:
        return None
    axis = case.pick(even)
    shape[axis] //= 2
    parts = [case.like(x, shape), case.like(x, shape)]
    case.build.operator("SPLIT", [case.ints("axis", axis), x], parts, num_splits=2)
    return parts[case.whole(0, 1)]


def _reshaped(case: Case, x: int) -> int:
    n, h, w, depth = _shape(case, x)
    shape = case.pick([(n, w, h, depth), (n, h * w, 1, depth), (n, 1, h, w * depth)])
    y = case.like(x, shape)
    case.build.operator("RESHAPE", [x, case.ints("shape", shape)], [y], new_shape=shape)
    return y


def _turned(case: Case, x: int) -> int:
    shape = _shape(case, x)
    order = [0, *(int(axis) + 1 for axis in case.rng.permutation(3))]
    y = case.like(x, [shape[axis] for axis in order])
    case.build.operator("TRANSPOSE", [x, case.ints("order", order)], [y])
    return y


def _resized(case: Case, x: int) -> int:
    n, h, w, depth = _shape(case, x)
    size = case.whole(1, 2 * h), case.whole(1, 2 * w)
    y = case.like(x, (n, *size, depth))
    kind = case.pick(["RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR"])
    case.build.operator(kind, [x, case.ints("size", size)], [y])
    return y


def _cut(case: Case, x: int) -> int:
    shape = _shape(case, x)
    begins = [case.whole(0, (size - 1) // 2) for size in shape]
    sizes = [case.whole(1, size - begin) for begin, size in zip(begins, shape, strict=True)]
    begins[0], sizes[0] = 0, shape[0]
    y = case.like(x, sizes)
    case.build.operator("SLICE", [x, case.ints("begin", begins), case.ints("size", sizes)], [y])
    return y


def _mean(case: Case, x: int) -> int:
    n, _, _, depth = _shape(case, x)
    y = case.out((n, 1, 1, depth), float(case.build.tensors[x].scale) * case.scale(0.2, 1))
    case.build.operator("MEAN", [x, case.ints("axes", [1, 2])], [y], keep_dims=True)
    return y


LAYERS: tuple[Layer, ...] = (
    *(_conv,) * 4, _pool, _pad, _pad, _two, _two, _two, _one, _one, _join, _split, _reshaped, _turned, _resized, _cut, _mean,
)  # fmt: skip


@builds("NETWORK")
def network(case: Case) -> Model:
    """One or two inputs, up to 14 operators, each on one of the last few images, and one to three outputs."""
    images = [
        case.image((1, case.whole(1, 9), case.whole(1, 9), case.whole(1, 8))) for _ in range(case.whole(1, 2))
    ]
    inputs = list(images)
    for _ in range(case.whole(2, 14)):
        x = case.pick(images[-3:])
        y = case.pick(LAYERS)(case, x)
        if y is not None and case.build.tensors[y].elements <= MOST_ELEMENTS:
            images.append(y)
    made = images[len(inputs) :] or [_one(case, images[0])]
    outputs = sorted({made[-1], *(case.pick(made) for _ in range(case.whole(0, 2)))})
    return case.build.model(case.inputs, outputs)
