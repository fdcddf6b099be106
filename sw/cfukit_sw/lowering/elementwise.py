"""Operators element by element: tables for one int8 input, two-input operators with broadcasting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cfukit_sw.lowering.lowered import Alias, Bytes, Lowered, Op, Param, TensorAt, needs_type, refuse
from cfukit_sw.lowering.movement import dense_strides
from cfukit_sw.lowering.small_sums import MAX_RIGHT
from cfukit_sw.model import Model, Operator, Tensor
from cfukit_sw.quantization import LIMITS, activation_range, add_parameters, product_multipliers

TableOf = Callable[[Model, Operator], npt.NDArray[np.int8]]


def by_table(model: Model, op: Operator) -> Lowered | Alias:
    """A function of one int8: the table is what the evaluator gives for the 256 inputs."""
    from cfukit_sw.evaluator import evaluate_operator

    x = needs_type(model, op, model.input_of(op, 0), "int8")
    y = needs_type(model, op, model.output_of(op), "int8")
    every = np.arange(-128, 128, dtype=np.int8)
    tensors = list(model.tensors)
    tensors[x.index] = replace(x, shape=(256,), data=None)
    tensors[y.index] = replace(y, shape=(256,))
    (table,) = evaluate_operator(replace(model, tensors=tuple(tensors)), op, [every])
    table = np.asarray(table, np.int8).reshape(256)
    if x.elements != y.elements:
        raise refuse(model, op, f"{list(x.shape)} to {list(y.shape)}")
    described = Op(type=op.type, index=op.index, input_shape=x.shape, output_shape=y.shape)
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "table": Bytes(table.tobytes()),
        "output": TensorAt(y.index),
        "count": x.elements,
    }
    return Lowered(described, "cfukit_table", params, kind="TABLE", in_place=(x.index,))


def binary(model: Model, op: Operator) -> Lowered:
    """ADD, SUB, MUL, MINIMUM, MAXIMUM on int8; ADD, MUL, MINIMUM, MAXIMUM on int32."""
    x1, x2, y = model.input_of(op, 0), model.input_of(op, 1), model.output_of(op)
    types = ("int8",) if op.type == "SUB" else ("int8", "int32")
    x1 = needs_type(model, op, x1, *types)
    x2 = needs_type(model, op, x2, x1.type)
    needs_type(model, op, y, x1.type)
    sizes, strides1, strides2 = broadcast(model, op, x1, x2, y)
    params: dict[str, Param] = {
        "input1": TensorAt(x1.index),
        "input2": TensorAt(x2.index),
        "output": TensorAt(y.index),
        "sizes": sizes,
        "strides1": strides1,
        "strides2": strides2,
    }
    small, activation = True, str(op.options.get("fused_activation_function", "NONE"))
    if y.type == "int8" and op.type in ("ADD", "SUB", "MUL"):
        if min(x1.scales.size, x2.scales.size, y.scales.size) == 0:
            raise refuse(model, op, "a tensor has no scale")
        low, high = activation_range(activation, y.scale, y.zero_point, y.type)
        params |= {
            "zero_point1": x1.zero_point,
            "zero_point2": x2.zero_point,
            "output_zero_point": y.zero_point,
        }
        if op.type == "MUL":
            multipliers, shifts = product_multipliers(x1.scale, [x2.scale], y.scale)
            params |= {"multiplier": int(multipliers[0]), "shift": int(shifts[0])}
            small = -MAX_RIGHT <= int(shifts[0]) <= 0
        else:
            q = add_parameters(x1.scale, x2.scale, y.scale, y.type)
            if q.output[1] > 0:
                raise refuse(model, op, "the output's scale is too small for its inputs'")
            params |= {"left_shift": q.left_shift, "multiplier1": q.input1[0], "shift1": q.input1[1]}
            params |= {"multiplier2": q.input2[0], "shift2": q.input2[1]}
            params |= {"multiplier": q.output[0], "shift": q.output[1]}
            small = q.output[1] >= -MAX_RIGHT
    else:
        low, high = LIMITS[y.type]
        if op.type == "MUL":
            low, high = activation_range(activation, np.float32(1), 0, y.type)
    params |= {"activation_min": low, "activation_max": high}
    described = Op(
        type=op.type,
        index=op.index,
        input_shape=x1.shape,
        output_shape=y.shape,
        input_type=x1.type,
        output_type=y.type,
        input_zero_point=x1.zero_point,
        output_zero_point=y.zero_point,
        activation=(low, high),
        small_sums=small,
    )
    in_place = tuple(t.index for t in (x1, x2) if t.shape == y.shape)
    return Lowered(described, "cfukit_binary", params, in_place=in_place)


def broadcast(model: Model, op: Operator, x1: Tensor, x2: Tensor, y: Tensor) -> tuple[tuple[int, ...], ...]:
    """(sizes, strides 1, strides 2), five axes, neighbours merged."""
    rank = len(y.shape)

    def strides(x: Tensor) -> list[int]:
        shape = (1,) * (rank - len(x.shape)) + x.shape
        if len(shape) != rank or any(n not in (1, m) for n, m in zip(shape, y.shape, strict=True)):
            raise refuse(
                model, op, f"{list(x1.shape)} and {list(x2.shape)} do not broadcast to {list(y.shape)}"
            )
        return [0 if n == 1 else s for n, s in zip(shape, dense_strides(shape), strict=True)]

    merged: list[tuple[int, int, int]] = []
    for size, a, b in zip(y.shape, strides(x1), strides(x2), strict=True):
        if size == 1:
            continue
        if merged and merged[-1][1] == a * size and merged[-1][2] == b * size:
            merged[-1] = (merged[-1][0] * size, a, b)
        else:
            merged.append((size, a, b))
    if len(merged) > 5:
        raise refuse(model, op, f"{list(x1.shape)} and {list(x2.shape)}", "at most 5 axes after merging")
    padded = [(1, 0, 0)] * (5 - len(merged)) + merged
    return tuple(n for n, _, _ in padded), tuple(a for _, a, _ in padded), tuple(b for _, _, b in padded)
