"""SOFTMAX."""

from __future__ import annotations

from cfukit_sw.lowering.lowered import Lowered, Op, TensorAt, needs_type, refuse
from cfukit_sw.model import Model, Operator
from cfukit_sw.quantization import softmax_parameters


def softmax(model: Model, op: Operator) -> Lowered:
    x = needs_type(model, op, model.input_of(op, 0), "int8")
    y = needs_type(model, op, model.output_of(op), "int8", "int16")
    if not x.shape or x.elements == 0 or x.scales.size == 0:
        raise refuse(model, op, f"{x}", "a quantised tensor with elements")
    depth = x.shape[-1]
    try:
        parameters = softmax_parameters(float(op.options.get("beta", 1.0)), x.scale)  # type: ignore[arg-type]
    except ValueError as error:
        raise refuse(model, op, str(error)) from None
    described = Op(
        type=op.type, index=op.index, input_shape=x.shape, output_shape=y.shape, output_type=y.type
    )
    return Lowered(
        described,
        "cfukit_softmax",
        {
            "input": TensorAt(x.index),
            "output": TensorAt(y.index),
            "rows": x.elements // depth,
            "depth": depth,
            "multiplier": parameters.multiplier,
            "left_shift": parameters.left_shift,
            "difference_min": parameters.minimum,
        },
    )
