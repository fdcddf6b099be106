"""Weights and biases that other operators compute: kernels with TFLM's loops read them where those operators have left them."""

from __future__ import annotations

from dataclasses import replace

from cfukit_sw.lowering.lowered import Bytes, CallOf, Calls, Lowered, Param, ScratchAt, TensorAt
from cfukit_sw.model import Tensor
from cfukit_sw.site import Site

WORDS_OF_CHANNEL = {"int32": 3, "int64": 4}  # of struct cfukit_channel and struct cfukit_wide_channel


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
    return _with_bias(lowered, bias)


def _with_bias(lowered: Lowered, bias: Tensor) -> Lowered:
    """A call that writes the bias into a copy of the channels, and then calls the kernel."""
    from cfukit_sw.calls import channels_of
    from cfukit_sw.kernels import choose, reference_kernels

    kernel = choose(reference_kernels(), lowered.kernels_for, lowered.op)
    assert kernel is not None
    channels = channels_of(lowered, kernel)
    call = CallOf(kernel.function, lowered.struct, lowered.params | {"channels": ScratchAt(0)})
    params: dict[str, Param] = {
        "bias": TensorAt(bias.index),
        "channels": Bytes(channels),
        "op": Calls((call,)),
        "n_channels": bias.elements,
        "words": WORDS_OF_CHANNEL[lowered.op.bias_type],
    }
    return Lowered(lowered.op, "cfukit_with_bias", params, scratch_bytes=len(channels), kind="WITH_BIAS")
