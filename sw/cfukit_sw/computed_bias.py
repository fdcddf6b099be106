"""A bias that another operator computes: a call writes it into a copy of the channels, and then calls the kernel."""

from __future__ import annotations

from cfukit_sw.calls import channels_of
from cfukit_sw.kernels import choose, reference_kernels
from cfukit_sw.lowering.lowered import Bytes, CallOf, Calls, Lowered, Param, ScratchAt, TensorAt

WORDS_OF_CHANNEL = {"int32": 3, "int64": 4}  # of struct cfukit_channel and struct cfukit_wide_channel


def with_bias(lowered: Lowered) -> Lowered:
    """`lowered` itself, or the call around it that writes its `computed_bias`."""
    bias = lowered.computed_bias
    if bias is None:
        return lowered
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
