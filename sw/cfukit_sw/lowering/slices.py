"""SLICE and STRIDED_SLICE."""

from __future__ import annotations

from collections.abc import Sequence

from cfukit_sw.evaluator.slicing import MAX_SLICE_RANK
from cfukit_sw.lowering.lowered import Alias, Lowered, Param, TensorAt, described
from cfukit_sw.lowering.movement import Axes, dense_strides, moved
from cfukit_sw.model import Tensor
from cfukit_sw.site import Site


def slice_(at: Site) -> Lowered | Alias:
    x, y = at.input(0), at.output()
    if at.input(1).data is None or at.input(2).data is None:
        return _computed_slice(at)
    begin = at.integers(1)
    return _strided(at, x, y, begin, [1] * len(begin), y.shape)


def _computed_slice(at: Site) -> Lowered:
    x, begins, sizes, y = at.input(0), at.input(1), at.input(2), at.output()
    ones = (1,) * (MAX_SLICE_RANK - len(x.shape))
    none = tuple(0 for _ in ones)
    rooms = (whole - part for whole, part in zip(x.shape, y.shape, strict=True))
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "begins": TensorAt(begins.index),
        "sizes": TensorAt(sizes.index),
        "output": TensorAt(y.index),
        "rank": len(x.shape),
        "begin_bytes": begins.dtype.itemsize,
        "size_bytes": sizes.dtype.itemsize,
        "output_sizes": (*ones, *y.shape),
        "rooms": (*none, *rooms),
        "strides": (*none, *(stride * x.dtype.itemsize for stride in dense_strides(x.shape))),
    }
    return Lowered(described(at, x, y), "cfukit_slice", params)


def strided_slice(at: Site) -> Lowered | Alias:
    x, y = at.input(0), at.output()
    begins, ends, steps = (at.integers(position) for position in (1, 2, 3))
    masks = {name: at.integer(f"{name}_mask") for name in ("begin", "end", "shrink_axis")}
    first, counts = [], []
    for axis, size in enumerate(x.shape):
        begin, end, step = begins[axis], ends[axis], steps[axis]
        low, high = (0, size) if step > 0 else (-1, size - 1)
        start = (0 if step > 0 else size - 1) if masks["begin"] >> axis & 1 else begin + size * (begin < 0)
        start = min(max(start, low), high)
        stop = end + size * (end < 0)
        if masks["shrink_axis"] >> axis & 1:
            stop = start + 1
        elif masks["end"] >> axis & 1:
            stop = size if step > 0 else -1
        else:
            stop = min(max(stop, low), high)
        first.append(start)
        counts.append(max(0, -(-(stop - start) // step)))
    return _strided(at, x, y, first, steps, counts)


def _strided(
    at: Site,
    x: Tensor,
    y: Tensor,
    first: Sequence[int],
    steps: Sequence[int],
    counts: Sequence[int],
) -> Lowered | Alias:
    if x.elements == y.elements and all(step == 1 for step in steps):
        return Alias(x.index)
    strides = dense_strides(x.shape)
    begin = sum(place * stride for place, stride in zip(first, strides, strict=True))
    axes = Axes(counts, [s * step for s, step in zip(strides, steps, strict=True)], dense_strides(counts))
    return moved(at, x, [(axes, TensorAt(x.index, begin * x.dtype.itemsize), TensorAt(y.index))])
