"""Which operators the streaming engine's kernels compute, and how they want the weights: `supports` and `pack` of a [[kernel]].

The kernels are in C, in sw/src/cfu_kernels/engine. A project names them in project.toml, and its cfu.py imports the functions that go
with them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cfukit.base import BaseCfu
from cfukit.engine.packing import pack_conv, pack_depthwise
from cfukit.engine.size import EngineSize

Int8s = npt.NDArray[np.int8]
MAX_SIZE = 4095  # of heights, widths, strides
MAX_CHANNELS = 8191  # of a tap


def size_of(cfu: BaseCfu) -> EngineSize:
    return EngineSize(**cfu.params)  # type: ignore[arg-type]


def _fits(op: Any, cfu: BaseCfu, taps: int, channels: int) -> bool:
    """Whether a window fits into its store, and one block of output channels into the weights' store."""
    size = size_of(cfu)
    rows = -(-taps * channels // size.lanes)
    sizes = (*op.input_shape[1:3], *op.output_shape[1:3], *op.strides, *op.dilation)
    limit = min(size.window_rows, size.weight_rows)
    return rows <= limit and max(sizes, default=0) <= MAX_SIZE and channels <= MAX_CHANNELS


def supports_conv(op: Any, cfu: BaseCfu) -> bool:
    height, width, channels = op.filter_shape[1:]
    return _fits(op, cfu, height * width, channels)


def pack_conv_weights(weights: Int8s, op: Any, cfu: BaseCfu) -> bytes:
    return pack_conv(weights, size_of(cfu), op.groups)


def supports_depthwise(op: Any, cfu: BaseCfu) -> bool:
    """A multiplier other than 1 is a convolution of one channel in each of its groups."""
    taps = op.filter_shape[1] * op.filter_shape[2]
    return _fits(op, cfu, taps, size_of(cfu).lanes if op.depth_multiplier == 1 else 1)


def pack_depthwise_weights(weights: Int8s, op: Any, cfu: BaseCfu) -> bytes:
    if op.depth_multiplier == 1:
        return pack_depthwise(weights, size_of(cfu))
    return pack_conv(weights.reshape(-1, weights.shape[3]).T, size_of(cfu), op.groups)


def supports_fully_connected(op: Any, cfu: BaseCfu) -> bool:
    batches = 1
    for size in op.input_shape:
        batches *= size
    batches //= op.filter_shape[1]
    return batches <= MAX_SIZE and _fits(op, cfu, 1, op.filter_shape[1])


def pack_fully_connected(weights: Int8s, cfu: BaseCfu) -> bytes:
    return pack_conv(weights, size_of(cfu))


def supports_average_pool(op: Any, cfu: BaseCfu) -> bool:
    """Windows that lie inside the image: all have the same number of taps."""
    taps = op.filter_shape[0] * op.filter_shape[1]
    return not any(op.padding) and taps <= 4096 and _fits(op, cfu, taps, size_of(cfu).lanes)


def supports_add(op: Any) -> bool:
    """Two computed tensors of one shape."""
    return bool(op.input_type == "int8" and op.input_shape == op.second_shape == op.output_shape)
