"""How many cycles the streaming engine's kernels take, from the table in hw/cfukit/README.md: the slowest unit determines them.

`params` are those of cfu.json. The estimates compare ways to divide work, so they leave out what all of them have in common.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from cfukit_sw.kernels import CALL_CYCLES
from cfukit_sw.lowering import Op

Params = Mapping[str, int]
TERMS_CYCLES = 520


def conv_cycles(op: Op, params: Params) -> int:
    height, width, channels = op.filter_shape[1:]
    pixels, outputs = prod(op.output_shape[:3]), op.output_shape[3]
    rows = _rows(height * width * channels, params)
    products = -(-pixels // params.get("pixels", 1)) * rows * -(-outputs // params["outputs"])
    reads = pixels * height * _rows(width * channels, params)
    return _largest(products, pixels * outputs, reads + pixels * _rows(outputs, params), params)


def depthwise_cycles(op: Op, params: Params) -> int:
    if op.depth_multiplier != 1:
        return conv_cycles(op, params)
    return _by_taps(op, prod(op.filter_shape[1:3]), params)


def sum_cycles(op: Op, params: Params) -> int:
    """A convolution with an ADD: each result is rescaled twice, and the terms are made first."""
    pixels, outputs = prod(op.output_shape[:3]), op.output_shape[3]
    depthwise = op.type == "DEPTHWISE_CONV_2D"
    alone = depthwise_cycles(op, params) if depthwise else conv_cycles(op, params)
    results = CALL_CYCLES + 2 * pixels * outputs // params["requantizers"]
    return max(alone, results) + TERMS_CYCLES


def pool_cycles(op: Op, params: Params) -> int:
    return _by_taps(op, prod(op.filter_shape[:2]), params)


def add_cycles(op: Op, params: Params) -> int:
    return _by_taps(op, 4, params) + TERMS_CYCLES


def copy_cycles(op: Op, params: Params) -> int:
    return CALL_CYCLES + 2 * _rows(prod(op.output_shape), params)


def _by_taps(op: Op, taps: int, params: Params) -> int:
    """Each lane is a channel."""
    pixels, channels = prod(op.output_shape[:-1]), op.output_shape[-1]
    rows = pixels * _rows(channels, params)
    return _largest(rows * taps, pixels * channels, rows * (taps + 1), params)


def _largest(products: int, results: int, port: int, params: Params) -> int:
    return CALL_CYCLES + max(products, results // params["requantizers"], port)


def _rows(count: int, params: Params) -> int:
    """Rows of the memory that `count` bytes take."""
    return -(-count // params["lanes"])
