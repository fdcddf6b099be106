"""Comparisons, LOGICAL_AND, LOGICAL_OR, LOGICAL_NOT, SELECT_V2 and CAST."""

from __future__ import annotations

from collections.abc import Sequence

from cfukit_sw.evaluator.logic import CAST_SOURCES, COMPARED_LEFT_SHIFT, compared_multiplier
from cfukit_sw.lowering.elementwise import broadcast
from cfukit_sw.lowering.lowered import Bytes, Lowered, Param, TensorAt, described
from cfukit_sw.lowering.movement import MAX_RANK, dense_strides
from cfukit_sw.model import Tensor
from cfukit_sw.site import Site


def compare(at: Site) -> Lowered:
    x1, x2, y = at.input(0), at.input(1), at.output()
    params = broadcast(at, x1, x2, y)
    params["element_bytes"] = x1.dtype.itemsize
    if x1.type == "int8":
        first, second = compared_multiplier(at, x1), compared_multiplier(at, x2)
        params |= {"zero_point1": x1.zero_point, "zero_point2": x2.zero_point}
        params |= {"left_shift": COMPARED_LEFT_SHIFT, "multiplier1": first[0], "shift1": first[1]}
        params |= {"multiplier2": second[0], "shift2": second[1]}
    kind = f"{at.op.type}_FLOAT" if x1.type == "float32" else ""
    return Lowered(described(at, x1, y), "cfukit_compare", params, kind=kind)


def logical(at: Site) -> Lowered:
    x1, x2, y = at.input(0), at.input(1), at.output()
    return Lowered(described(at, x1, y), "cfukit_binary", broadcast(at, x1, x2, y))


def logical_not(at: Site) -> Lowered:
    """A table in which only the entry of 0 is true."""
    x, y = at.input(0), at.output()
    table = bytes(128) + b"\1" + bytes(127)
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "table": Bytes(table),
        "output": TensorAt(y.index),
        "count": x.elements,
    }
    return Lowered(described(at, x, y), "cfukit_table", params, kind="TABLE", in_place=(x.index,))


def select(at: Site) -> Lowered:
    condition, x1, x2, y = at.input(0), at.input(1), at.input(2), at.output()
    sizes, strides = _merged(at, y, (condition, x1, x2))
    params: dict[str, Param] = {
        "condition": TensorAt(condition.index),
        "input1": TensorAt(x1.index),
        "input2": TensorAt(x2.index),
        "output": TensorAt(y.index),
        "sizes": sizes,
        "strides": strides[0],
        "strides1": strides[1],
        "strides2": strides[2],
        "element_bytes": y.dtype.itemsize,
    }
    return Lowered(described(at, x1, y), "cfukit_select", params)


def _merged(at: Site, y: Tensor, inputs: Sequence[Tensor]) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """The output's sizes and the strides of each input for five axes, after neighbouring axes have been merged."""
    rank = len(y.shape)
    all_strides = []
    for x in inputs:
        shape = (1,) * (rank - len(x.shape)) + x.shape
        strides = dense_strides(shape)
        all_strides.append([0 if n == 1 else s for n, s in zip(shape, strides, strict=True)])
    merged: list[tuple[int, tuple[int, ...]]] = []
    for axis, size in enumerate(y.shape):
        steps = tuple(strides[axis] for strides in all_strides)
        if size == 1:
            continue
        if merged and merged[-1][1] == tuple(step * size for step in steps):
            merged[-1] = (merged[-1][0] * size, steps)
        else:
            merged.append((size, steps))
    if len(merged) > MAX_RANK:
        at.refuse(f"{[list(x.shape) for x in inputs]}", f"at most {MAX_RANK} axes after merging")
    padded = [(1, (0,) * len(inputs))] * (MAX_RANK - len(merged)) + merged
    return tuple(n for n, _ in padded), [tuple(s[k] for _, s in padded) for k in range(len(inputs))]


def cast(at: Site) -> Lowered:
    x, y = at.input(0), at.output()
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "output": TensorAt(y.index),
        "count": x.elements,
        "input_kind": CAST_SOURCES.index(x.type),
        "output_kind": CAST_SOURCES.index(y.type),
    }
    return Lowered(described(at, x, y), "cfukit_cast", params)
