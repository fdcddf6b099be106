"""Elementwise operators: tables for one int8 input, and operators of two inputs with broadcasting."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from cfukit_sw.evaluator.division import division_scale
from cfukit_sw.lowering.floats import limits
from cfukit_sw.lowering.lowered import Bytes, Lowered, Param, TensorAt, described
from cfukit_sw.lowering.movement import MAX_RANK, dense_strides
from cfukit_sw.lowering.small_sums import MAX_RIGHT
from cfukit_sw.model import Tensor
from cfukit_sw.quantization import LIMITS, add_parameters, product_multipliers, quantize_multiplier
from cfukit_sw.site import Site


def by_table(at: Site) -> Lowered:
    """A function of one byte. The evaluator computes the table, from all 256 inputs.

    The kernel takes any byte as int8 and gives int8. For uint8 the table has the same bits in another order.
    """
    x, y = at.input(0), at.output()
    table = _table(at, [np.arange(-128, 128, dtype=np.int8).view(x.dtype)])
    assert table.dtype.itemsize == 1 and table.shape == (256,)
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "table": Bytes(table.tobytes()),
        "output": TensorAt(y.index),
        "count": x.elements,
    }
    return Lowered(described(at, x, y), "cfukit_table", params, kind="TABLE", in_place=(x.index,))


def _table(at: Site, inputs: list[Any]) -> Any:
    """What the evaluator makes of 256 inputs, the first of which replaces the operator's first."""
    from cfukit_sw.evaluator import evaluate_operator

    x, y = at.input(0), at.output()
    tensors = list(at.model.tensors)
    tensors[x.index] = replace(x, shape=(256,), data=None)
    tensors[y.index] = replace(y, shape=(256,))
    (table,) = evaluate_operator(replace(at.model, tensors=tuple(tensors)), at.op, inputs)
    return table


def keeps_bytes(at: Site) -> bool:
    """Whether an ADD, SUB or MUL with one constant returns every int8 unchanged: then only the scale of the values changes.

    Models that normalise their input themselves begin with such operators.
    """
    if at.op.type not in ("ADD", "SUB", "MUL"):
        return False
    x1, x2, y = at.input(0), at.input(1), at.output()
    if x1.type != "int8" or x1.data is not None or x2.data is None or x2.elements != 1 or x1.shape != y.shape:
        return False
    # One value, whatever shape of ones it has: the table has a shape of its own.
    one = replace(x2, shape=(1,), data=np.asarray(x2.data).reshape(1))
    tensors = tuple(one if tensor.index == x2.index else tensor for tensor in at.model.tensors)
    every = np.arange(-128, 128, dtype=np.int8)
    table = _table(Site(replace(at.model, tensors=tensors), at.op), [every, one.data])
    return bool(np.array_equal(table, every))


def binary(at: Site) -> Lowered:
    """ADD, SUB, MUL, DIV, FLOOR_DIV, FLOOR_MOD, MINIMUM and MAXIMUM."""
    x1, x2, y = at.input(0), at.input(1), at.output()
    type = at.op.type
    params = broadcast(at, x1, x2, y)
    small = True
    if y.type in ("int8", "int16") and type in ("ADD", "SUB", "MUL", "DIV"):
        low, high = at.activation(y)
        params |= {
            "zero_point1": x1.zero_point,
            "zero_point2": x2.zero_point,
            "output_zero_point": y.zero_point,
        }
        if type == "MUL":
            multipliers, shifts = product_multipliers(x1.scale, [x2.scale], y.scale)
            params |= {"multiplier": int(multipliers[0]), "shift": int(shifts[0])}
            small = -MAX_RIGHT <= int(shifts[0]) <= 0
        elif type == "DIV":
            params["multiplier"], params["shift"] = quantize_multiplier(division_scale(at))
        else:
            q = add_parameters(x1.scale, x2.scale, y.scale, y.type)
            params |= {"left_shift": q.left_shift, "multiplier1": q.input1[0], "shift1": q.input1[1]}
            params |= {"multiplier2": q.input2[0], "shift2": q.input2[1]}
            params |= {"multiplier": q.output[0], "shift": q.output[1]}
            small = q.output[1] >= -MAX_RIGHT
    elif y.type == "float32":
        low, high = limits(at) if type in ("ADD", "SUB", "MUL", "DIV") else (0, 0)
    else:
        low, high = LIMITS.get(y.type, (0, 0))
        if type in ("SUB", "MUL", "DIV"):
            low, high = at.integer_activation()
    params |= {"activation_min": low, "activation_max": high}
    computed = x1.data is None and x2.data is None
    op = replace(
        described(at, x1, y),
        second_shape=x2.shape if computed else (),
        operands=(x1.shape, x2.shape),
        constant=None if computed else int(x1.data is None),
        activation=(low, high),
        small_sums=small,
    )
    in_place = tuple(t.index for t in (x1, x2) if t.shape == y.shape)
    return Lowered(op, "cfukit_binary", params, in_place=in_place)


def broadcast(at: Site, x1: Tensor, x2: Tensor, y: Tensor) -> dict[str, Param]:
    """Tensors, sizes and strides of an operator of two inputs, for five axes, after neighbouring axes have been merged."""
    merged = merged_axes(x1.shape, x2.shape, y.shape)
    if len(merged) > MAX_RANK:
        at.refuse(f"{list(x1.shape)} and {list(x2.shape)}", f"at most {MAX_RANK} axes after merging")
    padded = [(1, 0, 0)] * (MAX_RANK - len(merged)) + merged
    sizes, strides1, strides2 = zip(*padded, strict=True)
    return {
        "input1": TensorAt(x1.index),
        "input2": TensorAt(x2.index),
        "output": TensorAt(y.index),
        "sizes": sizes,
        "strides1": strides1,
        "strides2": strides2,
    }


def merged_axes(x1: tuple[int, ...], x2: tuple[int, ...], y: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """(size, stride of x1, stride of x2) of the axes of an operator with broadcasting, without axes of one element."""

    def strides(shape: tuple[int, ...]) -> list[int]:
        shape = (1,) * (len(y) - len(shape)) + shape
        return [0 if n == 1 else s for n, s in zip(shape, dense_strides(shape), strict=True)]

    merged: list[tuple[int, int, int]] = []
    for size, a, b in zip(y, strides(x1), strides(x2), strict=True):
        if size == 1:
            continue
        if merged and merged[-1][1] == a * size and merged[-1][2] == b * size:
            merged[-1] = (merged[-1][0] * size, a, b)
        else:
            merged.append((size, a, b))
    return merged
