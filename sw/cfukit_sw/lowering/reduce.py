"""MEAN, SUM, REDUCE_MAX, REDUCE_MIN and REDUCE_ALL over any axes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from math import prod

from cfukit_sw.lowering.floats import bits
from cfukit_sw.lowering.lowered import Lowered, Param, TensorAt, described
from cfukit_sw.lowering.movement import dense_strides
from cfukit_sw.quantization import mean_multiplier, ratio_multiplier
from cfukit_sw.site import Site

MAX_AXES = 4


def reduce(at: Site) -> Lowered:
    x, y = at.input(0), at.output()
    axes = {at.axis(value, len(x.shape)) for value in at.integers(1)}
    kept, reduced = merged_axes(x.shape, axes)
    if max(len(kept), len(reduced)) > MAX_AXES:
        at.refuse(
            f"axes {sorted(axes)} of {list(x.shape)}", f"at most {MAX_AXES} axes of each kind after merging"
        )
    count = prod(x.shape[a] for a in axes)
    multiplier, shift = 0, 0
    if x.type == "float32":
        multiplier = bits(count if at.op.type == "MEAN" else 1)
    elif at.op.type == "MEAN":
        multiplier, shift = mean_multiplier(x.scale, y.scale, count)
    elif at.op.type == "SUM":
        multiplier, shift = ratio_multiplier(x.scale, y.scale)
    params: dict[str, Param] = {"input": TensorAt(x.index), "output": TensorAt(y.index)}
    for name, group in (("kept", kept), ("reduced", reduced)):
        padded = [(1, 0)] * (MAX_AXES - len(group)) + group
        params[f"{name}_sizes"] = tuple(n for n, _ in padded)
        params[f"{name}_strides"] = tuple(s for _, s in padded)
    params |= {"sum_zero_point": x.zero_point * count, "multiplier": multiplier, "shift": shift}
    params["output_zero_point"] = y.zero_point
    op = replace(described(at, x, y), axes=tuple(sorted(axes)))
    return Lowered(op, "cfukit_reduce", params)


def merged_axes(
    shape: tuple[int, ...], axes: Collection[int]
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """(size, stride) of the axes that stay and of `axes`, without axes of one element."""
    strides = dense_strides(shape)
    kept = _merged([(shape[a], strides[a]) for a in range(len(shape)) if a not in axes])
    return kept, _merged([(shape[a], strides[a]) for a in sorted(axes)])


def _merged(axes: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for size, stride in axes:
        if size == 1:
            continue
        if merged and merged[-1][1] == stride * size:
            merged[-1] = (merged[-1][0] * size, stride)
        else:
            merged.append((size, stride))
    return merged
