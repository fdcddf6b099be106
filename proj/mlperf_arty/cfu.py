"""A streaming engine for all of MLPerf Tiny: whole convolutions in the data TCM, started by one instruction.

`cfukit.engine` has the gateware and its model, engine.c the kernels. This file chooses the size, packs the weights, and says which
operators fit.
"""

from cfukit.engine import EngineSize, make_engine, pack_conv, pack_depthwise

MAX_SIZE = 4095  # of heights, widths, strides
MAX_CHANNELS = 8191  # of a tap


def make_cfu(lanes=16, outputs=4, requantizers=2, weight_rows=512, window_rows=512, channels=512):
    """lanes * outputs multiplications and `requantizers` results per cycle; see EngineSize."""
    return make_engine(EngineSize(lanes, outputs, requantizers, weight_rows, window_rows, channels))


def size_of(cfu):
    return EngineSize(**cfu.params)


def _fits(op, cfu, taps, channels):
    """Whether a window fits into its store, and one block of output channels into the weights' store."""
    rows = -(-taps * channels // cfu.params["lanes"])
    limits = min(cfu.params["window_rows"], cfu.params["weight_rows"])
    sizes = (*op.input_shape[1:3], *op.output_shape[1:3], *op.strides, *op.dilation)
    return rows <= limits and max(sizes, default=0) <= MAX_SIZE and channels <= MAX_CHANNELS


def supports_conv(op, cfu):
    height, width, channels = op.filter_shape[1:]
    return _fits(op, cfu, height * width, channels)


def pack_conv_weights(weights, op, cfu):
    return pack_conv(weights, size_of(cfu), op.groups)


def supports_depthwise(op, cfu):
    """A multiplier other than 1 is a convolution of one channel in each of its groups."""
    taps = op.filter_shape[1] * op.filter_shape[2]
    return _fits(op, cfu, taps, cfu.params["lanes"] if op.depth_multiplier == 1 else 1)


def pack_depthwise_weights(weights, op, cfu):
    if op.depth_multiplier == 1:
        return pack_depthwise(weights, size_of(cfu))
    return pack_conv(weights.reshape(-1, weights.shape[3]).T, size_of(cfu), op.groups)


def supports_fully_connected(op, cfu):
    batches = 1
    for size in op.input_shape:
        batches *= size
    batches //= op.filter_shape[1]
    return batches <= MAX_SIZE and _fits(op, cfu, 1, op.filter_shape[1])


def pack_fully_connected(weights, cfu):
    return pack_conv(weights, size_of(cfu))


def supports_average_pool(op, cfu):
    """Windows that lie inside the image: all have the same number of taps."""
    taps = op.filter_shape[0] * op.filter_shape[1]
    return not any(op.padding) and taps <= 4096 and _fits(op, cfu, taps, cfu.params["lanes"])


def supports_add(op):
    """Two computed tensors of one shape."""
    return op.input_type == "int8" and op.input_shape == op.second_shape == op.output_shape
