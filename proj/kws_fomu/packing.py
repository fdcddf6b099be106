"""Which operators the kernels in pixel.c compute, and how they want the weights."""

from dataclasses import replace
from math import prod

import numpy as np
from size import LANES, OUTPUTS, WINDOW_ROWS

WINDOW_LIMIT = WINDOW_ROWS // 2  # two windows fit into the store: the one in use, and the next one


def _taps(op):
    """Each tap has whole words of channels."""
    return op.groups == 1 and op.filter_shape[3] % LANES == 0


def _gathered(op):
    """The kernel gathers the window's bytes; see `enum order` in pass.h."""
    return not _taps(op) and (op.groups != 1 or op.dilation[1] != 1)


def _rows(op):
    """How many rows of the store a window takes."""
    height, width, channels = op.filter_shape[1:]
    if _gathered(op):
        return -(-height * width * channels // LANES)
    return height * -(-width * channels // LANES)


def _goes_down(op):
    """Pixels follow each other along the axis with more of them."""
    return op.output_shape[1] > op.output_shape[2]


def supports_conv(op):
    return op.small_sums and _rows(op) <= WINDOW_LIMIT


def conv_scratch(op):
    return LANES * _rows(op) if _gathered(op) else 0


def _pack(rows):
    """[outputs, taps] as [two outputs][four taps][output][tap], padded with zeros."""
    rows = _padded(rows, 0, OUTPUTS)
    rows = _padded(rows, 1, LANES)
    return rows.reshape(-1, OUTPUTS, rows.shape[1] // LANES, LANES).transpose(0, 2, 1, 3).tobytes()


def _padded(array, axis, multiple):
    more = [(0, -size % multiple if n == axis else 0) for n, size in enumerate(array.shape)]
    return np.pad(array, more)


def pack_conv(weights, op):
    outputs, height = weights.shape[:2]
    if _taps(op):
        taps = (weights if _goes_down(op) else weights.transpose(0, 2, 1, 3)).reshape(outputs, -1)
    elif _gathered(op):
        taps = weights.reshape(outputs, -1)
    else:
        taps = _padded(weights.reshape(outputs, height, -1), 2, LANES).reshape(outputs, -1)
    return b"".join(_pack(group) for group in np.split(taps, op.groups))


def supports_depthwise(op):
    """Whole words of channels, or one channel: that is a convolution."""
    taps, channels = prod(op.filter_shape[1:3]), op.filter_shape[3]
    if op.input_shape[3] == 1:
        return supports_conv(_as_conv(op))
    plain = op.depth_multiplier == 1 and channels % LANES == 0
    return op.small_sums and plain and taps <= WINDOW_LIMIT


def _as_conv(op):
    """A depthwise convolution of one channel."""
    _, height, width, outputs = op.filter_shape
    return replace(op, filter_shape=(outputs, height, width, 1), groups=1)


def depthwise_scratch(op):
    return conv_scratch(_as_conv(op)) if op.input_shape[3] == 1 else 0


def pack_depthwise(weights, op):
    """[four channels][line of taps][tap][channel]."""
    if op.input_shape[3] == 1:
        return pack_conv(weights.transpose(3, 1, 2, 0), _as_conv(op))
    lines = weights[0] if _goes_down(op) else weights[0].transpose(1, 0, 2)
    return lines.reshape(-1, lines.shape[2] // LANES, LANES).transpose(1, 0, 2).tobytes()


def supports_fully_connected(op):
    return op.small_sums and op.filter_shape[1] <= WINDOW_LIMIT * LANES


def pack_fully_connected(weights):
    return _pack(weights)


def supports_average_pool(op):
    """Every window lies inside the image, so all have equally many taps."""
    return not any(op.padding) and op.input_shape[3] % LANES == 0 and prod(op.filter_shape) <= WINDOW_LIMIT
