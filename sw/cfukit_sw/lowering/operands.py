"""Weights and biases that other operators compute: kernels with TFLM's loops read them where those operators have left them."""

from __future__ import annotations

from dataclasses import replace

from cfukit_sw.lowering.lowered import Lowered, TensorAt
from cfukit_sw.model import Tensor
from cfukit_sw.site import Site


def with_operands(at: Site, lowered: Lowered, weights: Tensor, bias_at: int = 2) -> Lowered:
    """`lowered` for constant weights and biases, and its variant for others."""
    bias = at.optional(bias_at)
    constant_bias = bias is None or bias.is_constant
    if weights.is_constant and constant_bias:
        return lowered
    op = replace(lowered.op, plain=False, small_sums=False)
    params = lowered.params | {"weights": TensorAt(weights.index)}
    lowered = replace(lowered, op=op, params=params, weights=None, in_place=())
    if bias is None or constant_bias:
        return lowered
    if op.input_type == "float32":
        return replace(lowered, params=params | {"channels": TensorAt(bias.index)}, channels=None)
    return replace(lowered, bias=bias)
