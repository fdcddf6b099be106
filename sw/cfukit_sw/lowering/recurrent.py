"""SVDF and UNIDIRECTIONAL_SEQUENCE_LSTM: operators with variable tensors."""

from __future__ import annotations

import numpy as np

from cfukit_sw.lowering.lowered import (
    Bytes,
    Lowered,
    Op,
    Param,
    Pieces,
    TensorAt,
    needs_constant,
    needs_type,
    refuse,
)
from cfukit_sw.model import Model, Operator, Tensor
from cfukit_sw.quantization import quantize_multiplier
from cfukit_sw.sigmoid_table import SIGMOID_TABLE_UINT16


def _input(model: Model, op: Operator, position: int, type: str) -> Tensor:
    return needs_type(model, op, model.input_of(op, position), type)


def _bias(model: Model, op: Operator, position: int, count: int) -> Bytes:
    tensor = model.input_of(op, position)
    if tensor is None:
        return Bytes(bytes(4 * count))
    return Bytes(needs_constant(model, op, needs_type(model, op, tensor, "int32")).astype("<i4").tobytes())


def _described(model: Model, op: Operator, x: Tensor) -> Op:
    y = model.output_of(op)
    return Op(
        type=op.type,
        index=op.index,
        input_shape=x.shape,
        output_shape=y.shape,
        input_zero_point=x.zero_point,
        output_zero_point=y.zero_point,
        macs=model.macs_of(op),
    )


def svdf(model: Model, op: Operator) -> Lowered:
    x, features = _input(model, op, 0, "int8"), _input(model, op, 1, "int8")
    state = needs_type(model, op, model.input_of(op, 4), "int16", "int8")
    times, y = _input(model, op, 2, state.type), needs_type(model, op, model.output_of(op), "int8")
    rank = int(op.options.get("rank", 1))  # type: ignore[arg-type]
    first = quantize_multiplier(float(x.scale) * float(features.scale) / float(state.scale))
    second = quantize_multiplier(float(state.scale) * float(times.scale) / float(y.scale))
    units = features.shape[0] // rank
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "feature_weights": TensorAt(features.index),
        "time_weights": TensorAt(times.index),
        "bias": _bias(model, op, 3, units),
        "state": TensorAt(state.index),
        "output": TensorAt(y.index),
        "batches": x.shape[0],
        "inputs": x.shape[1],
        "units": units,
        "rank": rank,
        "memory": times.shape[1],
        "input_zero_point": x.zero_point,
        "state_zero_point": state.zero_point,
        "output_zero_point": y.zero_point,
        "multiplier1": first[0],
        "shift1": first[1],
        "multiplier2": second[0],
        "shift2": second[1],
    }
    return Lowered(
        _described(model, op, x), "cfukit_svdf", params, kind="SVDF" if state.type == "int16" else "SVDF_INT8"
    )


def lstm(model: Model, op: Operator) -> Lowered:
    x, y = _input(model, op, 0, "int8"), needs_type(model, op, model.output_of(op), "int8")
    hidden, cell = _input(model, op, 18, "int8"), _input(model, op, 19, "int16")
    cells = y.shape[2]
    gates: list[dict[str, Param]] = []
    for number in range(4):
        weights, recurrent = _input(model, op, 1 + number, "int8"), _input(model, op, 5 + number, "int8")
        first = quantize_multiplier(float(x.scale) * float(weights.scale) / 2**-12)
        second = quantize_multiplier(float(hidden.scale) * float(recurrent.scale) / 2**-12)
        gates.append(
            {
                "weights": TensorAt(weights.index),
                "recurrent": TensorAt(recurrent.index),
                "bias": _bias(model, op, 12 + number, cells),
                "multiplier1": first[0],
                "shift1": first[1],
                "multiplier2": second[0],
                "shift2": second[1],
            }
        )
    scale = float(cell.scale)
    power = int(np.frexp(scale)[1]) - 1
    if scale != 2.0**power:
        raise refuse(model, op, f"{cell} has scale {scale}", "a power of two")
    clip = float(np.float32(op.options.get("cell_clip", 0.0)))  # type: ignore[arg-type]
    forget, update = quantize_multiplier(2.0**-15), quantize_multiplier(2.0**-30 / scale)
    output = quantize_multiplier(2.0**-30 / float(hidden.scale))
    time_major = bool(op.options.get("time_major"))
    batches, steps = x.shape[:2] if not time_major else (x.shape[1], x.shape[0])
    shift = power + 12
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "hidden": TensorAt(hidden.index),
        "cell": TensorAt(cell.index),
        "output": TensorAt(y.index),
        "gates": Pieces("cfukit_lstm_gate", tuple(gates)),
        "table": Bytes(np.array(SIGMOID_TABLE_UINT16, "<u2").tobytes()),
        "steps": steps,
        "batches": batches,
        "inputs": x.shape[2],
        "cells": cells,
        "step_stride": batches if time_major else 1,
        "item_stride": 1 if time_major else steps,
        "input_zero_point": x.zero_point,
        "hidden_zero_point": hidden.zero_point,
        "candidate_tanh": int(op.options.get("fused_activation_function", "TANH") == "TANH"),
        "cell_limit": min(32767, int(clip / scale)) if clip > 0 else 32768,
        "forget_multiplier": forget[0],
        "forget_shift": forget[1],
        "update_multiplier": update[0],
        "update_shift": update[1],
        "output_multiplier": output[0],
        "output_shift": output[1],
        "tanh_multiplier": 0 if shift >= 0 else 3,
        "tanh_shift": abs(shift),
    }
    return Lowered(_described(model, op, x), "cfukit_lstm", params)
