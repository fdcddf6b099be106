"""SLICE and STRIDED_SLICE."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from cfukit_sw.lowering.lowered import Alias, Lowered, TensorAt, refuse
from cfukit_sw.lowering.movement import Axes, dense_strides, image_of, integers_of, moved
from cfukit_sw.model import Model, Operator, Tensor


def slice_(model: Model, op: Operator) -> Lowered | Alias:
    x, y = image_of(model, op), model.output_of(op)
    begin = integers_of(model, op, 1)
    ends = [b + n for b, n in zip(begin, y.shape, strict=True)]
    if any(b < 0 or e > n for b, e, n in zip(begin, ends, x.shape, strict=True)):
        raise refuse(model, op, f"begin {begin} and size {list(y.shape)} leave {list(x.shape)}")
    return _strided(model, op, x, y, begin, [1] * len(begin), y.shape)


def strided_slice(model: Model, op: Operator) -> Lowered | Alias:
    x, y = image_of(model, op), model.output_of(op)
    begins, ends, steps = (integers_of(model, op, position) for position in (1, 2, 3))
    masks = {name: int(op.options.get(f"{name}_mask", 0)) for name in ("begin", "end", "shrink_axis")}  # type: ignore[arg-type]
    if int(op.options.get("ellipsis_mask", 0)) or int(op.options.get("new_axis_mask", 0)):  # type: ignore[arg-type]
        raise refuse(model, op, "ellipsis or new axis mask", "begin, end and shrink masks")
    if not len(begins) == len(ends) == len(steps) == len(x.shape):
        raise refuse(model, op, f"{len(begins)} begins for {list(x.shape)}")
    first, counts = [], []
    for axis, size in enumerate(x.shape):
        begin, end, step = begins[axis], ends[axis], steps[axis]
        if step == 0:
            raise refuse(model, op, "stride 0")
        low, high = (0, size) if step > 0 else (-1, size - 1)
        start = (0 if step > 0 else size - 1) if masks["begin"] >> axis & 1 else begin + size * (begin < 0)
        start = min(max(start, low), high)
        stop = end + size * (end < 0)
        if masks["shrink_axis"] >> axis & 1:
            stop = start + (1 if step > 0 else -1)
            step = 1 if step > 0 else -1
        elif masks["end"] >> axis & 1:
            stop = size if step > 0 else -1
        else:
            stop = min(max(stop, low), high)
        first.append(start)
        counts.append(max(0, -(-(stop - start) // step)))
    if prod(counts) != y.elements:
        raise refuse(model, op, f"{counts} elements for an output of {list(y.shape)}")
    return _strided(model, op, x, y, first, steps, counts)


def _strided(
    model: Model,
    op: Operator,
    x: Tensor,
    y: Tensor,
    first: Sequence[int],
    steps: Sequence[int],
    counts: Sequence[int],
) -> Lowered | Alias:
    if x.elements == y.elements and all(step == 1 for step in steps):
        return Alias(x.index)
    strides = dense_strides(x.shape)
    at = sum(place * stride for place, stride in zip(first, strides, strict=True))
    axes = Axes(counts, [s * step for s, step in zip(strides, steps, strict=True)], dense_strides(counts))
    return moved(model, op, x, [(axes, TensorAt(x.index, at * x.dtype.itemsize), TensorAt(y.index))])
