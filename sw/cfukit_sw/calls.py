"""A lowered operator with its kernel, and what depends on the kernel: packed weights, rescaling, scratch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from cfukit_sw.kernels import Kernel
from cfukit_sw.lowering import Bytes, Lowered, Pieces, TensorAt
from cfukit_sw.lowering.lowered import CallOf, Calls, Param, ScratchAt

WORDS_OF_CHANNEL = {"int32": 3, "int64": 4}  # of struct cfukit_channel and struct cfukit_wide_channel


@dataclass(frozen=True)
class Call:
    """A lowered operator with its kernel and the constants that depend on it."""

    lowered: Lowered
    kernel: Kernel
    own: dict[str, Param]  # weights, channels
    scratch_bytes: int
    reads: tuple[int, ...]  # storage roots
    writes: tuple[int, ...]
    fused: tuple[int, ...]  # operators, the last one is lowered.op
    stages: tuple[str, ...] = ()  # in bands of rows: the kernel of each operator
    band_rows: int = 0

    @property
    def scratch_unit(self) -> int:
        return self.kernel.scratch_unit(self.lowered.op)

    @property
    def can_shrink(self) -> bool:
        return 0 < self.scratch_unit < self.scratch_bytes

    def smaller(self) -> Iterator[Call]:
        """The same call with less and less scratch: even numbers of units, and finally one."""
        for units in _FEWER_UNITS:
            if units * self.scratch_unit < self.scratch_bytes:
                yield replace(self, scratch_bytes=units * self.scratch_unit)


_FEWER_UNITS = sorted({1, *(n << k for n in (2, 6) for k in range(12))}, reverse=True)


def channels_of(lowered: Lowered, kernel: Kernel) -> bytes:
    """struct cfukit_channel[]: bias, multiplier, shift. Where sums have 64 bits: struct cfukit_wide_channel[]."""
    assert lowered.channels is not None
    channels = lowered.channels
    bias, multipliers, shifts = channels.bias, channels.multipliers, channels.shifts
    if lowered.op.input_type == "float32":
        return bias.astype("<i4").tobytes()
    if lowered.op.bias_type == "int64":
        words = [bias & 0xFFFFFFFF, bias >> 32, multipliers, shifts]
        return np.stack(words, axis=1).astype(np.uint32).astype("<u4").tobytes()
    if kernel.small:
        bias, multipliers, shifts = channels.small or (bias, multipliers, shifts)
    if kernel.fold:
        assert lowered.weights is not None
        axis = 3 if lowered.op.type == "DEPTHWISE_CONV_2D" else 0
        others = tuple(a for a in range(lowered.weights.ndim) if a != axis)
        bias = bias - lowered.op.input_zero_point * lowered.weights.astype(np.int64).sum(axis=others)
    own = np.stack([bias, multipliers, shifts], axis=1)
    if lowered.sum is not None:
        own = np.concatenate([np.repeat(np.array(lowered.sum), kernel.sum_rows, axis=0), own])
    return own.astype("<i4").tobytes()


def kernel_constants(lowered: Lowered, kernel: Kernel) -> dict[str, Param]:
    """The parameters `weights` and `channels`, where the operator has them."""
    if lowered.channels is None:
        return {}
    if lowered.weights is None:
        return {"channels": Bytes(channels_of(lowered, kernel))}
    packed = kernel.pack(lowered.op, lowered.weights) if kernel.pack else lowered.weights.tobytes()
    return {"weights": Bytes(packed), "channels": Bytes(channels_of(lowered, kernel))}


def with_bias(lowered: Lowered, kernel: Kernel) -> Lowered:
    """The call that writes the computed bias of `lowered` into a copy of its channels, and then calls its kernel."""
    assert lowered.bias is not None and lowered.channels is not None
    channels = channels_of(lowered, kernel)
    call = CallOf(kernel.function, lowered.struct, lowered.params | {"channels": ScratchAt(0)})
    params: dict[str, Param] = {
        "bias": TensorAt(lowered.bias.index),
        "channels": Bytes(channels),
        "op": Calls((call,)),
        "n_channels": lowered.channels.bias.size,
        "words": WORDS_OF_CHANNEL[lowered.op.bias_type],
        "bias_bytes": lowered.bias.dtype.itemsize,
    }
    return Lowered(lowered.op, "cfukit_with_bias", params, scratch_bytes=len(channels), kind="WITH_BIAS")


def tensors_in(params: Iterable[Param]) -> Iterable[TensorAt]:
    """Every tensor that parameters point to."""
    for param in params:
        if isinstance(param, TensorAt):
            yield param
        elif isinstance(param, Pieces):
            for item in param.items:
                yield from tensors_in(item.values())
        elif isinstance(param, Calls):
            for call in param.items:
                yield from tensors_in(call.params.values())
