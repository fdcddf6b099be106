"""Which operators the kernels in pixel.c compute, and how they want the weights."""

from dataclasses import replace
from math import prod

import numpy as np
from size import LANES, OUTPUTS, WINDOW_ROWS

WINDOW_LIMIT = WINDOW_ROWS // 2  # two windows fit into the store: the one in use, and the next one


def _rows(op):
    """How many rows of the store a window takes, and whether the kernel gathers its bytes; see `enum order` in pixel.c."""
    height, width, channels = op.filter_shape[1:]
    if op.groups != 1 or op.dilation[1] != 1:
        return -(-height * width * channels // LANES), True
    return height * (
        width * channels // LANES if channels % LANES == 0 else -(-width * channels // LANES)
    ), False


def supports_conv(op):
    return op.small_sums and _rows(op)[0] <= WINDOW_LIMIT


def conv_scratch(op):
    rows, gathered = _rows(op)
    return LANES * rows if gathered else 0


def _pack(rows):
    """[outputs, taps] as [two outputs][four taps][output][tap], padded with zeros."""
    rows = _padded(rows, 0, OUTPUTS)
    rows = _padded(rows, 1, LANES)
    return rows.reshape(-1, OUTPUTS, rows.shape[1] // LANES, LANES).transpose(0, 2, 1, 3).tobytes()


def _padded(array, axis, multiple):
    more = [(0, -size % multiple if n == axis else 0) for n, size in enumerate(array.shape)]
    return np.pad(array, more)


def pack_conv(weights, op):
    outputs, height, _, channels = weights.shape
    if _rows(op)[1]:
        taps = weights.reshape(outputs, -1)
    elif channels % LANES == 0:
        taps = weights.transpose(0, 2, 1, 3).reshape(outputs, -1)
    else:
        taps = _padded(weights.reshape(outputs, height, -1), 2, LANES).reshape(outputs, -1)
    return b"".join(_pack(group) for group in np.split(taps, op.groups))


def supports_depthwise(op):
    """Whole words of channels, or one channel: that is a convolution."""
    taps, channels = prod(op.filter_shape[1:3]), op.filter_shape[3]
    if op.input_shape[3] == 1:
        return supports_conv(_as_conv(op))
    plain = op.depth_multiplier == 1 and channels % 4 == 0 and op.dilation[1] == 1
    return op.small_sums and plain and taps <= WINDOW_LIMIT


def _as_conv(op):
    """A depthwise convolution of one channel."""
    _, height, width, outputs = op.filter_shape
    return replace(op, filter_shape=(outputs, height, width, 1), groups=1)


def depthwise_scratch(op):
    return conv_scratch(_as_conv(op)) if op.input_shape[3] == 1 else 0


def pack_depthwise(weights, op):
    """[four channels][column of taps][tap][channel]."""
    if op.input_shape[3] == 1:
        return pack_conv(weights.transpose(3, 1, 2, 0), _as_conv(op))
    columns = weights[0].transpose(1, 0, 2)
    return columns.reshape(-1, columns.shape[2] // LANES, LANES).transpose(1, 0, 2).tobytes()


def supports_fully_connected(op):
    return op.small_sums and op.filter_shape[1] <= WINDOW_LIMIT * LANES


def pack_fully_connected(weights):
    return _pack(weights)
