"""Random models of the operators that reduce, move or resize: see support.models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cfukit_sw.model import Model
from support.models import Case, builds

TYPES = ("int8", "int8", "int8", "int16", "int32", "float32")
MOVED = (*TYPES, "uint8", "int64", "uint32", "bool")


@builds("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_ALL")
def _reduce(case: Case) -> Model:
    shape = case.shape(1, 5, 7)
    count = case.whole(1, len(shape))
    axes = [int(axis) for axis in case.rng.permutation(len(shape))[:count]]
    keep = case.chance(0.5)
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    result = kept if keep else tuple(size for axis, size in enumerate(shape) if axis not in axes)
    chosen = case.type in ("REDUCE_MAX", "REDUCE_MIN", "REDUCE_ALL")
    x = case.image(shape, {"REDUCE_ALL": "bool"}.get(case.type, "int8") if chosen else case.activations())
    given = [axis - len(shape) if case.chance(0.3) else axis for axis in axes]
    y = case.like(x, result) if chosen else case.out_of(x, result, case.scale())
    return case.done([x, case.ints("axes", given)], [y], keep_dims=keep)


@builds("ARG_MAX", "ARG_MIN")
def _arg_max(case: Case) -> Model:
    shape = case.shape(2, 4)
    axis = case.whole(0, len(shape) - 1)
    y = case.build.tensor("y", shape[:axis] + shape[axis + 1 :], "int32")
    x = case.image(shape)
    return case.done([x, case.ints("axis", axis)], [y], output_type="INT32")


@builds("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
def _reshape(case: Case) -> Model:
    shape = case.shape(1, 4)
    x = case.image(shape, case.pick(MOVED))
    if case.type == "EXPAND_DIMS":
        axis = case.whole(0, len(shape))
        result = (*shape[:axis], 1, *shape[axis:])
        return case.done([x, case.ints("axis", [axis])], [case.like(x, result)])
    if case.type == "SQUEEZE":
        result = tuple(size for size in shape if size != 1) or (1,)
        return case.done([x], [case.like(x, result)])
    flat = int(np.prod(shape))
    result = case.pick([(flat,), (1, flat), (flat, 1), shape[::-1]])
    return case.done([x, case.ints("shape", result)], [case.like(x, result)], new_shape=result)


@builds("TRANSPOSE")
def _transpose(case: Case) -> Model:
    shape = case.shape(2, 4)
    permutation = [int(axis) for axis in case.rng.permutation(len(shape))]
    x = case.image(shape, case.pick(MOVED))
    y = case.like(x, [shape[axis] for axis in permutation])
    return case.done([x, case.ints("permutation", permutation)], [y])


def _padded(shape: Sequence[int], pairs: np.ndarray) -> list[int]:
    return [size + int(pair.sum()) for size, pair in zip(shape, pairs, strict=True)]


@builds("PAD", "PADV2")
def _pad(case: Case) -> Model:
    shape = case.shape(2, 4)
    pairs = case.rng.integers(0, 3, (len(shape), 2))
    type = case.pick(TYPES)
    x = case.image(shape, type)
    inputs = [x, case.ints("paddings", pairs)]
    if case.type == "PADV2":
        source = case.build.tensors[x]
        fill = np.array([case.whole(-128, 127)], type)
        quantised = {"scale": source.scales, "zero_point": source.zero_points} if source.scales.size else {}
        inputs.append(case.build.constant("v", fill, **quantised))
    return case.done(inputs, [case.like(x, _padded(shape, pairs))])


@builds("MIRROR_PAD")
def _mirror_pad(case: Case) -> Model:
    mode = case.pick(["REFLECT", "SYMMETRIC"])
    shape = case.shape(2, 4)
    most = [size - (mode == "REFLECT") for size in shape]
    pairs = np.array([[case.whole(0, min(limit, 3)), case.whole(0, min(limit, 3))] for limit in most])
    x = case.image(shape, case.pick(TYPES))
    y = case.like(x, _padded(shape, pairs))
    return case.done([x, case.ints("paddings", pairs)], [y], mode=mode)


@builds("CONCATENATION")
def _concatenation(case: Case) -> Model:
    shape = list(case.shape(1, 4))
    axis, type = case.whole(0, len(shape) - 1), case.pick(MOVED)
    parts, total = [], 0
    for _ in range(case.whole(1, 4)):
        shape[axis] = case.whole(1, 5)
        total += shape[axis]
        quantised = {"scale": 0.1, "zero_point": 0} if type in ("int8", "uint8", "int16") else {}
        parts.append(case.image(shape, type, **quantised))
    shape[axis] = total
    y = case.like(parts[0], shape)
    return case.done(parts, [y], axis=axis - len(shape) if case.chance(0.3) else axis)


@builds("PACK")
def _pack(case: Case) -> Model:
    shape = case.shape(1, 3)
    axis, count = case.whole(0, len(shape)), case.whole(1, 4)
    type = case.pick(MOVED)
    quantised = {"scale": 0.1, "zero_point": 0} if type in ("int8", "uint8", "int16") else {}
    parts = [case.image(shape, type, **quantised) for _ in range(count)]
    result = (*shape[:axis], count, *shape[axis:])
    given = axis - len(result) if case.chance(0.3) else axis
    return case.done(parts, [case.like(parts[0], result)], axis=given, values_count=count)


@builds("SPLIT")
def _split(case: Case) -> Model:
    shape = list(case.shape(1, 4))
    axis, count = case.whole(0, len(shape) - 1), case.whole(1, 4)
    part = list(shape)
    shape[axis] *= count
    axis_tensor = case.ints("axis", axis - len(shape) if case.chance(0.3) else axis)
    x = case.image(shape, case.pick(MOVED))
    return case.done([axis_tensor, x], [case.like(x, part) for _ in range(count)], num_splits=count)


@builds("SLICE")
def _slice(case: Case) -> Model:
    shape = case.shape(1, 4)
    begins = [case.whole(0, size - 1) for size in shape]
    sizes = [case.whole(1, size - begin) for begin, size in zip(begins, shape, strict=True)]
    given = [
        -1 if begin + part == size and case.chance(0.5) else part
        for begin, part, size in zip(begins, sizes, shape, strict=True)
    ]
    x = case.image(shape, case.pick(MOVED))
    return case.done([x, case.ints("begin", begins), case.ints("size", given)], [case.like(x, sizes)])


@builds("STRIDED_SLICE")
def _strided_slice(case: Case) -> Model:
    """A random numpy slice that is not empty. Some axes are reduced to one index."""
    shape = case.shape(1, 4)
    masks = {"begin_mask": 0, "end_mask": 0, "shrink_axis_mask": 0}
    rows, result = [], []
    for axis, size in enumerate(shape):
        while True:
            row = (
                case.whole(-2 * size, 2 * size),
                case.whole(-2 * size, 2 * size),
                case.pick([1, 1, 1, 2, 3, -1, -2, 40]),
            )
            bits = [case.chance(0.2), case.chance(0.2), case.chance(0.15) and len(shape) > 1]
            if bits[2]:
                row, bits = (case.whole(-size, size - 1), row[1], case.pick([1, 2])), [False, False, True]
            part = range(
                *slice(None if bits[0] else row[0], None if bits[1] else row[1], row[2]).indices(size)
            )
            if bits[2] or len(part):
                break
        rows.append(row)
        for name, bit in zip(masks, bits, strict=True):
            masks[name] |= bit << axis
        if not bits[2]:
            result.append(len(part))
    x = case.image(shape, case.pick(MOVED))
    table = [case.ints(name, column) for name, column in zip("bes", zip(*rows, strict=True), strict=True)]
    return case.done([x, *table], [case.like(x, result)], **masks)


@builds("SPACE_TO_DEPTH", "DEPTH_TO_SPACE")
def _blocks(case: Case) -> Model:
    n, h, w, c, b = (case.whole(1, 3) for _ in range(5))
    pixels, depths = (n, h * b, w * b, c), (n, h, w, c * b * b)
    forward = case.type == "SPACE_TO_DEPTH"
    x = case.image(pixels if forward else depths, case.pick(MOVED))
    return case.done([x], [case.like(x, depths if forward else pixels)], block_size=b)


@builds("RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR")
def _resize(case: Case) -> Model:
    n, h, w, c = case.whole(1, 2), case.whole(1, 15), case.whole(1, 15), case.whole(1, 4)
    height, width = case.whole(1, 40), case.whole(1, 40)
    align, half = case.pick([(False, False), (True, False), (False, True)])
    if case.type == "RESIZE_NEAREST_NEIGHBOR" and case.chance(0.2):
        align = half = True
    x = case.image((n, h, w, c), "int8" if case.type == "RESIZE_BILINEAR" else case.activations())
    y = case.like(x, (n, height, width, c))
    size = case.ints("size", (height, width))
    return case.done([x, size], [y], align_corners=align, half_pixel_centers=half)
