"""Every operator type that can be lowered."""

from __future__ import annotations

from cfukit_sw.lowering import elementwise, movement, reduce, softmax, windows
from cfukit_sw.lowering.lowered import Lowering

LOWERINGS: dict[str, Lowering] = {
    "ADD": elementwise.binary,
    "AVERAGE_POOL_2D": windows.average_pool_2d,
    "CONCATENATION": movement.concatenation,
    "CONV_2D": windows.conv_2d,
    "DEPTHWISE_CONV_2D": windows.depthwise_conv_2d,
    "DEPTH_TO_SPACE": movement.depth_to_space,
    "EXPAND_DIMS": movement.alias,
    "FULLY_CONNECTED": windows.fully_connected,
    "HARD_SWISH": elementwise.by_table,
    "LEAKY_RELU": elementwise.by_table,
    "LOGISTIC": elementwise.by_table,
    "MAXIMUM": elementwise.binary,
    "MAX_POOL_2D": windows.max_pool_2d,
    "MEAN": reduce.reduce,
    "MINIMUM": elementwise.binary,
    "MIRROR_PAD": movement.mirror_pad,
    "MUL": elementwise.binary,
    "PACK": movement.pack,
    "PAD": movement.pad,
    "PADV2": movement.pad,
    "REDUCE_MAX": reduce.reduce,
    "RELU": elementwise.by_table,
    "RELU6": elementwise.by_table,
    "RESHAPE": movement.alias,
    "SLICE": movement.slice_,
    "SOFTMAX": softmax.softmax,
    "SPACE_TO_DEPTH": movement.space_to_depth,
    "SPLIT": movement.split,
    "SQUEEZE": movement.alias,
    "STRIDED_SLICE": movement.strided_slice,
    "SUB": elementwise.binary,
    "SUM": reduce.reduce,
    "TANH": elementwise.by_table,
    "TRANSPOSE": movement.transpose,
}
