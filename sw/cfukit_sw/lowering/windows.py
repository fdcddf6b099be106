"""CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED and the pools."""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt

from cfukit_sw.lowering.lowered import (
    Channels,
    Lowered,
    Op,
    Param,
    TensorAt,
    needs_constant,
    needs_type,
    refuse,
)
from cfukit_sw.lowering.small_sums import small_sums
from cfukit_sw.model import Model, Operator, Tensor
from cfukit_sw.quantization import activation_range, product_multipliers, window_padding


def conv_2d(model: Model, op: Operator) -> Lowered:
    x, w, y = _tensors(model, op)
    outputs, _, _, depth = w.shape
    if depth == 0 or x.shape[3] % depth or outputs % max(1, x.shape[3] // depth):
        raise refuse(
            model, op, f"{x.shape[3]} input channels, {outputs} filters of depth {depth}", "whole groups"
        )
    return _window(model, op, x, w, y, groups=x.shape[3] // depth, multiplier=1, depth=depth, channel_axis=0)


def depthwise_conv_2d(model: Model, op: Operator) -> Lowered:
    x, w, y = _tensors(model, op)
    if w.shape[0] != 1 or x.shape[3] == 0 or w.shape[3] % x.shape[3]:
        raise refuse(model, op, f"filter {list(w.shape)} for {x.shape[3]} input channels")
    multiplier = w.shape[3] // x.shape[3]
    return _window(model, op, x, w, y, groups=x.shape[3], multiplier=multiplier, depth=1, channel_axis=3)


def _tensors(model: Model, op: Operator) -> tuple[Tensor, Tensor, Tensor]:
    x = needs_type(model, op, model.input_of(op, 0), "int8")
    w = needs_type(model, op, model.input_of(op, 1), "int8")
    y = needs_type(model, op, model.output_of(op), "int8")
    if len(x.shape) != 4 or len(w.shape) != 4 or len(y.shape) != 4:
        raise refuse(model, op, "a tensor is not 4-dimensional")
    return x, w, y


def _window(
    model: Model,
    op: Operator,
    x: Tensor,
    w: Tensor,
    y: Tensor,
    groups: int,
    multiplier: int,
    depth: int,
    channel_axis: int,
) -> Lowered:
    strides = _pair(op, "stride_h", "stride_w")
    dilation = _pair(op, "dilation_h_factor", "dilation_w_factor")
    kernel = w.shape[1], w.shape[2]
    top, bottom = _padding(op, y.shape[1], x.shape[1], kernel[0], strides[0], dilation[0])
    left, right = _padding(op, y.shape[2], x.shape[2], kernel[1], strides[1], dilation[1])
    weights = needs_constant(model, op, w).astype(np.int8)
    channels = y.shape[3]
    rescaling = channel_data(model, op, x, w, y, weights, channel_axis, channels)
    low, high = fused_range(op, y)
    described = Op(
        type=op.type,
        index=op.index,
        input_shape=x.shape,
        output_shape=y.shape,
        filter_shape=w.shape,
        strides=strides,
        dilation=dilation,
        padding=(top, bottom, left, right),
        groups=groups,
        depth_multiplier=multiplier,
        input_zero_point=x.zero_point,
        output_zero_point=y.zero_point,
        activation=(low, high),
        small_sums=rescaling.small is not None,
        macs=model.macs_of(op),
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
    return Lowered(described, "cfukit_conv", params, weights, rescaling, in_place=(x.index,))


def fully_connected(model: Model, op: Operator) -> Lowered:
    x = needs_type(model, op, model.input_of(op, 0), "int8")
    w = needs_type(model, op, model.input_of(op, 1), "int8")
    y = needs_type(model, op, model.output_of(op), "int8")
    if len(w.shape) != 2 or prod(w.shape) == 0:
        raise refuse(model, op, f"weights of shape {list(w.shape)}", "[outputs, inputs]")
    outputs, depth = w.shape
    batches = x.elements // depth
    if batches * depth != x.elements or batches * outputs != y.elements:
        raise refuse(model, op, f"{list(x.shape)} times {list(w.shape)} does not give {list(y.shape)}")
    weights = needs_constant(model, op, w).astype(np.int8)
    rescaling = channel_data(model, op, x, w, y, weights, 0, outputs)
    low, high = fused_range(op, y)
    described = Op(
        type=op.type,
        index=op.index,
        input_shape=x.shape,
        output_shape=y.shape,
        filter_shape=w.shape,
        input_zero_point=x.zero_point,
        output_zero_point=y.zero_point,
        activation=(low, high),
        small_sums=rescaling.small is not None,
        macs=model.macs_of(op),
    )
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "output": TensorAt(y.index),
        "batches": batches,
        "input_channels": depth,
        "output_channels": outputs,
        "input_zero_point": x.zero_point,
        "output_zero_point": y.zero_point,
        "activation_min": low,
        "activation_max": high,
    }
    return Lowered(described, "cfukit_fully_connected", params, weights, rescaling)


def channel_data(
    model: Model,
    op: Operator,
    x: Tensor,
    w: Tensor,
    y: Tensor,
    weights: npt.NDArray[np.int8],
    axis: int,
    channels: int,
    bias_at: int = 2,
) -> Channels:
    """What rescales the sums of every output channel; `axis`: the weights' channel axis."""
    if x.scales.size == 0 or w.scales.size == 0 or y.scales.size == 0:
        raise refuse(model, op, "a tensor has no scale", "int8 tensors are quantised")
    multipliers, shifts = product_multipliers(x.scale, w.scales, y.scale)
    if multipliers.size == 1:
        multipliers, shifts = np.repeat(multipliers, channels), np.repeat(shifts, channels)
    if multipliers.size != channels:
        raise refuse(model, op, f"{multipliers.size} weight scales for {channels} channels")
    bias = np.zeros(channels, np.int64)
    tensor = model.input_of(op, bias_at)
    if tensor is not None:
        needs_type(model, op, tensor, "int32")
        bias = needs_constant(model, op, tensor).astype(np.int64).reshape(-1)
        if bias.size != channels:
            raise refuse(model, op, f"{bias.size} biases for {channels} channels")
    rows = np.moveaxis(weights, axis, 0).reshape(channels, -1).astype(np.int64)
    small = small_sums(rows, x.zero_point, bias, multipliers, shifts)
    return Channels(bias, multipliers, shifts, small)


def average_pool_2d(model: Model, op: Operator) -> Lowered:
    return _pool(model, op)


def max_pool_2d(model: Model, op: Operator) -> Lowered:
    return _pool(model, op)


def _pool(model: Model, op: Operator) -> Lowered:
    x = needs_type(model, op, model.input_of(op, 0), "int8")
    y = needs_type(model, op, model.output_of(op), "int8")
    if len(x.shape) != 4 or len(y.shape) != 4:
        raise refuse(model, op, "a tensor is not 4-dimensional")
    strides = _pair(op, "stride_h", "stride_w")
    kernel = _pair(op, "filter_height", "filter_width")
    top, bottom = _padding(op, y.shape[1], x.shape[1], kernel[0], strides[0], 1)
    left, right = _padding(op, y.shape[2], x.shape[2], kernel[1], strides[1], 1)
    low, high = fused_range(op, y)
    described = Op(
        type=op.type,
        index=op.index,
        input_shape=x.shape,
        output_shape=y.shape,
        filter_shape=kernel,
        strides=strides,
        padding=(top, bottom, left, right),
        input_zero_point=x.zero_point,
        output_zero_point=y.zero_point,
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
    return Lowered(described, "cfukit_pool", params, in_place=(x.index,))


def _pair(op: Operator, vertical: str, horizontal: str) -> tuple[int, int]:
    return int(op.options.get(vertical, 1)), int(op.options.get(horizontal, 1))  # type: ignore[arg-type]


def _padding(
    op: Operator, output: int, size: int, kernel: int, stride: int, dilation: int
) -> tuple[int, int]:
    """Before and after. VALID windows never leave the image, whatever is left over at the end."""
    if op.options.get("padding") == "VALID":
        return 0, 0
    return window_padding(output, size, kernel, stride, dilation)


def fused_range(op: Operator, y: Tensor) -> tuple[int, int]:
    """Lowest and highest stored output under the operator's fused activation."""
    if y.scales.size == 0:
        return -128, 127
    return activation_range(
        str(op.options.get("fused_activation_function", "NONE")), y.scale, y.zero_point, y.type
    )
