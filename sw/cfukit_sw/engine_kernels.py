"""Which operators the streaming engine's kernels compute, and in which order they want the weights.

The kernels are in C, in src/cfu_kernels/engine. A refusal says why a kernel does not take an operator ("": it does), and
`cfukit info` shows it. `params` are those of cfu.json: the size of the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np
import numpy.typing as npt

from cfukit_sw.lowering import Op
from cfukit_sw.lowering.elementwise import merged_axes as merged_operands
from cfukit_sw.lowering.reduce import merged_axes

Int8s = npt.NDArray[np.int8]
Params = Mapping[str, int]
PARAMS = ("lanes", "outputs", "requantizers", "weight_rows", "window_rows", "channels")
MAX_SIZE = 4095  # of heights, widths, strides
MAX_CHANNELS = 8191  # of a tap
MAX_ORIGIN = 2048  # where a window begins is a signed number of 12 bits
MAX_DISTANCE = 131071  # bytes from a pixel, or a row, to the next one
MAX_TAPS = 4096  # of a mean
ADD_SCRATCH = 1024


def _too_large(op: Op, params: Params, taps: int, channels: int) -> str:
    """Whether a window exceeds its store, or one block of output channels the weights' store."""
    rows, limit = -(-taps * channels // params["lanes"]), min(params["window_rows"], params["weight_rows"])
    if rows > limit:
        return f"a window takes {rows} rows of {params['lanes']} bytes, but the engine's stores have {limit}"
    largest = max((*op.input_shape[1:3], *op.output_shape[1:3], *op.strides, *op.dilation), default=0)
    if largest > MAX_SIZE:
        return f"it has a size of {largest}, at most {MAX_SIZE} are possible"
    distance = max(prod(op.input_shape[2:]), op.output_shape[-1]) if len(op.input_shape) == 4 else 0
    if distance > MAX_DISTANCE:
        return f"a row has {distance} bytes, at most {MAX_DISTANCE} are possible"
    return f"{channels} channels, at most {MAX_CHANNELS} are possible" if channels > MAX_CHANNELS else ""


def conv_refusal(op: Op, params: Params) -> str:
    height, width, channels = op.filter_shape[1:]
    return _too_large(op, params, height * width, channels)


def pack_conv(op: Op, weights: Int8s, params: Params) -> bytes:
    return conv_order(weights, params, op.groups)


def depthwise_refusal(op: Op, params: Params) -> str:
    """A multiplier other than 1 is a convolution of one channel in each of its groups."""
    taps = op.filter_shape[1] * op.filter_shape[2]
    return _too_large(op, params, taps, params["lanes"] if op.depth_multiplier == 1 else 1)


def pack_depthwise(op: Op, weights: Int8s, params: Params) -> bytes:
    if op.depth_multiplier == 1:
        return depthwise_order(weights, params)
    return conv_order(weights.reshape(-1, weights.shape[3]).T, params, op.groups)


def sum_refusal(op: Op, params: Params) -> str:
    """A convolution with an ADD. An addend lies at a multiple of the results that come at once."""
    depthwise, together = op.type == "DEPTHWISE_CONV_2D", params["requantizers"]
    if op.depth_multiplier != 1 or (not depthwise and op.groups != 1):
        return "its result comes in several groups of channels, of which none can be added to another tensor"
    if op.output_shape[3] % together:
        return f"it has {op.output_shape[3]} channels, only multiples of {together} can be added to another tensor"
    return depthwise_refusal(op, params) if depthwise else conv_refusal(op, params)


def fully_connected_refusal(op: Op, params: Params) -> str:
    batches = prod(op.input_shape) // op.filter_shape[1]
    if batches > MAX_SIZE:
        return f"{batches} rows of inputs, at most {MAX_SIZE} are possible"
    return _too_large(op, params, 1, op.filter_shape[1])


def pack_fully_connected(op: Op, weights: Int8s, params: Params) -> bytes:
    return conv_order(weights, params)


def average_pool_refusal(op: Op, params: Params) -> str:
    taps = op.filter_shape[0] * op.filter_shape[1]
    if taps > MAX_TAPS:
        return f"a mean of {taps} values, at most {MAX_TAPS} are possible"
    largest = max(op.input_shape[1:3])
    if any(op.padding) and largest > MAX_ORIGIN:
        return f"it has padding and a size of {largest}, at most {MAX_ORIGIN} are possible"
    return _too_large(op, params, taps, params["lanes"])


def max_pool_refusal(op: Op, params: Params) -> str:
    return _too_large(op, params, op.filter_shape[0] * op.filter_shape[1], params["lanes"])


def mean_refusal(op: Op, params: Params) -> str:
    """MEAN and SUM. Outputs side by side, or inputs side by side, come from one row of the memory."""
    kept, reduced = merged_axes(op.input_shape, op.axes)
    if not reduced:
        return "it combines no values"
    if kept and kept[-1][1] == 1:
        taps = prod(size for size, _ in reduced)
        if len(reduced) > 2:
            return f"axes {list(op.axes)} of {list(op.input_shape)} are {len(reduced)} groups, at most 2 are possible"
        sizes = [size for size, _ in reduced]
        rows = taps
    else:
        if len(reduced) > 1:
            return f"axes {list(op.axes)} of {list(op.input_shape)} do not lie side by side"
        if reduced[0][0] > MAX_CHANNELS:
            return f"{reduced[0][0]} values side by side, at most {MAX_CHANNELS} are possible"
        sizes = [size for size, _ in kept[-2:]]
        rows = -(-reduced[0][0] // params["lanes"])
    limit = min(params["window_rows"], params["weight_rows"])
    if rows > limit:
        return f"the inputs of an output take {rows} rows, but the engine's stores have {limit}"
    return (
        f"it has a size of {max(sizes)}, at most {MAX_SIZE} are possible"
        if max(sizes, default=0) > MAX_SIZE
        else ""
    )


def add_refusal(op: Op, params: Params) -> str:
    """One input is a computed tensor of the output's shape. The other one may be a constant, a scalar, or a vector along the last axes."""
    first, second = op.operands
    if op.constant is not None and op.operands[1 - op.constant] != op.output_shape:
        return "the input that is computed is broadcast"
    merged = merged_operands(first, second, op.output_shape)
    strides = [tuple(axis[1:]) for axis in merged]
    inner = merged[-1][0] if merged else 1
    if len(merged) <= 1 or strides in ([(inner, 0), (1, 1)], [(0, inner), (1, 1)]):
        return ""
    return f"{list(first)} and {list(second)} are not broadcast along the first axes alone"


def add_scratch(op: Op, params: Params) -> int:
    """For the input that is not a computed tensor of the output's shape."""
    if op.constant is None and op.operands[0] == op.operands[1] == op.output_shape:
        return 0
    return min(ADD_SCRATCH, -(-prod(op.output_shape) // 4) * 4)


def conv_order(weights: Int8s, params: Params, groups: int = 1) -> bytes:
    """[outputs, taps and channels ...] as [group][block of outputs][row of lanes][output][lane], padded with zeros."""
    outputs, lanes = params["outputs"], params["lanes"]
    parts = []
    for group in np.split(weights.reshape(weights.shape[0], -1), groups):
        blocks, rows = -(-group.shape[0] // outputs), -(-group.shape[1] // lanes)
        padded = np.zeros((blocks * outputs, rows * lanes), np.int8)
        padded[: group.shape[0], : group.shape[1]] = group
        parts.append(padded.reshape(blocks, outputs, rows, lanes).transpose(0, 2, 1, 3).tobytes())
    return b"".join(parts)


def depthwise_order(weights: Int8s, params: Params) -> bytes:
    """[1, height, width, channels] as [block of lanes][tap][lane], padded with zeros."""
    lanes = params["lanes"]
    taps = weights.reshape(-1, weights.shape[3])
    blocks = -(-taps.shape[1] // lanes)
    padded = np.zeros((taps.shape[0], blocks * lanes), np.int8)
    padded[:, : taps.shape[1]] = taps
    return padded.reshape(-1, blocks, lanes).transpose(1, 0, 2).tobytes()


def copy_refusal(op: Op, params: Params) -> str:
    """What the engine cannot copy, the kernel copies."""
    return ""


def move_refusal(op: Op, params: Params) -> str:
    """PAD, CONCATENATION and all others that move int8. The kernel leaves to the CPU what the engine cannot step over."""
    return "" if op.output_type == "int8" else f"its output is {op.output_type}, not int8"
