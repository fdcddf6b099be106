"""MEAN, SUM and REDUCE_MAX over any axes."""

from __future__ import annotations

from math import prod

import numpy as np

from cfukit_sw.lowering.lowered import Lowered, Op, Param, TensorAt, needs_constant, needs_type, refuse
from cfukit_sw.lowering.movement import dense_strides
from cfukit_sw.model import Model, Operator
from cfukit_sw.quantization import mean_multiplier, ratio_multiplier

MAX_AXES = 4


def reduce(model: Model, op: Operator) -> Lowered:
    x = needs_type(model, op, model.input_of(op, 0), "int8")
    y = needs_type(model, op, model.output_of(op), "int8")
    wanted = model.input_of(op, 1)
    if wanted is None:
        raise refuse(model, op, "no axes")
    axes = {int(a) % max(1, len(x.shape)) for a in np.asarray(needs_constant(model, op, wanted)).reshape(-1)}
    strides = dense_strides(x.shape)
    kept = _merged([(x.shape[a], strides[a]) for a in range(len(x.shape)) if a not in axes])
    reduced = _merged([(x.shape[a], strides[a]) for a in sorted(axes)])
    count = prod(x.shape[a] for a in axes)
    if max(len(kept), len(reduced)) > MAX_AXES or prod(n for n, _ in kept) != y.elements or count == 0:
        raise refuse(model, op, f"axes {sorted(axes)} of {list(x.shape)} to {list(y.shape)}")
    multiplier, shift = 0, 0
    if op.type == "MEAN":
        multiplier, shift = mean_multiplier(x.scale, y.scale, count)
    elif op.type == "SUM":
        multiplier, shift = ratio_multiplier(x.scale, y.scale)
    described = Op(
        type=op.type,
        index=op.index,
        input_shape=x.shape,
        output_shape=y.shape,
        input_zero_point=x.zero_point,
        output_zero_point=y.zero_point,
    )
    params: dict[str, Param] = {"input": TensorAt(x.index), "output": TensorAt(y.index)}
    for name, group in (("kept", kept), ("reduced", reduced)):
        padded = [(1, 0)] * (MAX_AXES - len(group)) + group
        params[f"{name}_sizes"] = tuple(n for n, _ in padded)
        params[f"{name}_strides"] = tuple(s for _, s in padded)
    params |= {"sum_zero_point": x.zero_point * count, "multiplier": multiplier, "shift": shift}
    params["output_zero_point"] = y.zero_point
    return Lowered(described, "cfukit_reduce", params)


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
