"""CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED and the pools."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cfukit_sw.evaluator.conv import has_wide_sums, weights_zero_point
from cfukit_sw.evaluator.floats import bias_of
from cfukit_sw.evaluator.windows import window_axes
from cfukit_sw.lowering.floats import limits
from cfukit_sw.lowering.lowered import Channels, Lowered, Param, TensorAt, described
from cfukit_sw.lowering.operands import with_operands
from cfukit_sw.lowering.small_sums import small_sums
from cfukit_sw.model import Tensor
from cfukit_sw.quantization import product_multipliers, window_padding
from cfukit_sw.site import Site


def conv_2d(at: Site) -> Lowered:
    depth = at.input(1).shape[3]
    return _window(at, groups=at.input(0).shape[3] // depth, multiplier=1, depth=depth, channel_axis=0)


def depthwise_conv_2d(at: Site) -> Lowered:
    channels = at.input(0).shape[3]
    multiplier = at.input(1).shape[3] // channels
    return _window(at, groups=channels, multiplier=multiplier, depth=1, channel_axis=3)


def _window(at: Site, groups: int, multiplier: int, depth: int, channel_axis: int) -> Lowered:
    x, w, y = at.input(0), at.input(1), at.output()
    strides = _pair(at, "stride_h", "stride_w")
    dilation = _pair(at, "dilation_h_factor", "dilation_w_factor")
    kernel = w.shape[1], w.shape[2]
    rows, columns = window_axes(at, x, y, kernel, dilated=True)
    top, left = rows.before, columns.before
    channels = y.shape[3]
    rescaling = channel_data(at, x, w, y, channel_axis, channels)
    low, high = limits(at) if y.type == "float32" else at.activation(y)
    op = replace(
        described(at, x, y),
        filter_shape=w.shape,
        strides=strides,
        dilation=dilation,
        padding=(top, rows.after, left, columns.after),
        groups=groups,
        depth_multiplier=multiplier,
        activation=(low, high),
        small_sums=rescaling.small is not None,
        bias_type=bias_type(at, x),
        plain=rows.is_usual and columns.is_usual,
    )
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "output": TensorAt(y.index),
        "batches": x.shape[0],
        "input_height": x.shape[1],
        "input_width": x.shape[2],
        "input_channels": x.shape[3],
        "filter_height": kernel[0],
        "filter_width": kernel[1],
        "filter_channels": depth,
        "output_height": y.shape[1],
        "output_width": y.shape[2],
        "output_channels": channels,
        "stride_height": strides[0],
        "stride_width": strides[1],
        "dilation_height": dilation[0],
        "dilation_width": dilation[1],
        "padding_top": top,
        "padding_left": left,
        "depth_multiplier": multiplier,
        "input_zero_point": x.zero_point,
        "output_zero_point": y.zero_point,
        "activation_min": low,
        "activation_max": high,
    }
    lowered = Lowered(op, "cfukit_conv", params, w.data, rescaling, in_place=(x.index,))
    return with_operands(at, lowered, w)


def fully_connected(at: Site) -> Lowered:
    x, w, y = at.input(0), at.input(1), at.output()
    depth = w.shape[-1]
    outputs = w.elements // depth
    rescaling = channel_data(at, x, w, y, 0, outputs)
    low, high = limits(at) if y.type == "float32" else at.activation(y)
    op = replace(
        described(at, x, y),
        filter_shape=(outputs, depth),
        activation=(low, high),
        small_sums=rescaling.small is not None,
        bias_type=bias_type(at, x),
    )
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "output": TensorAt(y.index),
        "batches": x.elements // depth,
        "input_channels": depth,
        "output_channels": outputs,
        "input_zero_point": x.zero_point,
        "output_zero_point": y.zero_point,
        "activation_min": low,
        "activation_max": high,
    }
    weights = None if w.data is None else w.data.reshape(outputs, depth)
    lowered = Lowered(op, "cfukit_fully_connected", params, weights, rescaling)
    if x.type != "float32" and weights_zero_point(w):
        lowered = _with_zero_point(lowered, w)
    return with_operands(at, lowered, w)


def _with_zero_point(lowered: Lowered, w: Tensor) -> Lowered:
    """As `lowered`, with weights that have a zero point."""
    return replace(
        lowered,
        op=replace(lowered.op, small_sums=False),
        struct="cfukit_fully_connected_zero_point",
        params=lowered.params | {"weights_zero_point": weights_zero_point(w)},
        kind="FULLY_CONNECTED_ZERO_POINT",
    )


def bias_type(at: Site, x: Tensor, bias_at: int = 2) -> str:
    return "int64" if has_wide_sums(at, x, bias_at) else "int32"


def channel_data(
    at: Site,
    x: Tensor,
    w: Tensor,
    y: Tensor,
    axis: int,
    channels: int,
    bias_at: int = 2,
) -> Channels:
    """What rescales the sums of each output channel. axis: the weights' channel axis. float32: the biases as bits."""
    if x.type == "float32":
        nothing = np.zeros(channels, np.int64)
        biases = bias_of(at, bias_at, channels, computed=True).view(np.int32).astype(np.int64)
        return Channels(biases, nothing, nothing, None)
    multipliers, shifts = product_multipliers(x.scale, at.weight_scales(w, channels, axis), y.scale)
    bias = at.bias(bias_at, channels, "int16", "int32", "int64", computed=True)
    if x.type == "int16" or w.data is None:
        return Channels(bias, multipliers, shifts, None)
    rows = np.moveaxis(w.data, axis, 0).reshape(channels, -1).astype(np.int64)
    small = small_sums(rows, x.zero_point, bias, multipliers, shifts)
    return Channels(bias, multipliers, shifts, small)


def pool_2d(at: Site) -> Lowered:
    x, y = at.input(0), at.output()
    strides = _pair(at, "stride_h", "stride_w")
    kernel = _pair(at, "filter_height", "filter_width")
    top, bottom = _padding(at, y.shape[1], x.shape[1], kernel[0], strides[0], 1)
    left, right = _padding(at, y.shape[2], x.shape[2], kernel[1], strides[1], 1)
    low, high = limits(at) if y.type == "float32" else at.activation(y)
    op = replace(
        described(at, x, y),
        filter_shape=kernel,
        strides=strides,
        padding=(top, bottom, left, right),
        activation=(low, high),
    )
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "output": TensorAt(y.index),
        "batches": x.shape[0],
        "input_height": x.shape[1],
        "input_width": x.shape[2],
        "channels": x.shape[3],
        "filter_height": kernel[0],
        "filter_width": kernel[1],
        "output_height": y.shape[1],
        "output_width": y.shape[2],
        "stride_height": strides[0],
        "stride_width": strides[1],
        "padding_top": top,
        "padding_left": left,
        "activation_min": low,
        "activation_max": high,
    }
    return Lowered(op, "cfukit_pool", params, in_place=(x.index,))


def _pair(at: Site, vertical: str, horizontal: str) -> tuple[int, int]:
    return at.integer(vertical), at.integer(horizontal)


def _padding(at: Site, output: int, size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Padding before and after. VALID windows never leave the image, even if some of it is left over at the end."""
    if at.option("padding") == "VALID":
        return 0, 0
    return window_padding(output, size, kernel, stride, dilation)
