"""QUANTIZE, DEQUANTIZE, PRELU, ARG_MAX, the resizes and TRANSPOSE_CONV."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from cfukit_sw.evaluator.float_rows import bilinear_places
from cfukit_sw.evaluator.resize import bilinear_indices, nearest_indices
from cfukit_sw.lowering.elementwise import broadcast, by_table
from cfukit_sw.lowering.floats import limits
from cfukit_sw.lowering.lowered import Alias, Bytes, Lowered, Param, TensorAt, described
from cfukit_sw.lowering.operands import with_operands
from cfukit_sw.lowering.windows import bias_type, channel_data
from cfukit_sw.quantization import LIMITS, quantize_multiplier, window_padding
from cfukit_sw.site import Site


def _bits(scale: np.float32) -> int:
    return int(np.float32(scale).view(np.uint32))


def quantize(at: Site) -> Lowered | Alias:
    x, y = at.input(0), at.output()
    if x.dtype.itemsize == y.dtype.itemsize == 1:
        return by_table(at)
    low, high = LIMITS[y.type]
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "output": TensorAt(y.index),
        "count": x.elements,
        "input_bytes": x.dtype.itemsize,
        "output_bytes": y.dtype.itemsize,
        "output_zero_point": y.zero_point,
        "output_min": low,
        "output_max": high,
    }
    if x.type == "float32":
        params["scale_bits"] = _bits(y.scale)
    else:
        multiplier, shift = quantize_multiplier(float(x.scale) / float(y.scale))
        params |= {"input_zero_point": x.zero_point, "multiplier": multiplier, "shift": shift}
    return Lowered(replace(described(at, x, y), small_sums=_moderate(y.scale)), "cfukit_quantize", params)


def _moderate(scale: np.float32) -> bool:
    """Neither tiny nor huge (exponent 8 .. 245 of 255), so kernels can compute float32 in integers without special cases."""
    return 8 <= _bits(scale) >> 23 <= 245


def dequantize(at: Site) -> Lowered:
    x, y = at.input(0), at.output()
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "output": TensorAt(y.index),
        "count": x.elements,
        "input_bytes": x.dtype.itemsize,
        "input_zero_point": x.zero_point,
        "scale_bits": _bits(x.scale),
    }
    return Lowered(replace(described(at, x, y), small_sums=_moderate(x.scale)), "cfukit_quantize", params)


def prelu(at: Site) -> Lowered:
    x, slope, y = at.input(0), at.input(1), at.output()
    above = below = (0, 0)
    if x.type != "float32":
        above = quantize_multiplier(float(x.scale) / float(y.scale))
        below = quantize_multiplier(float(x.scale) * float(slope.scale) / float(y.scale))
    params = broadcast(at, x, slope, y) | {
        "zero_point1": x.zero_point,
        "zero_point2": slope.zero_point,
        "output_zero_point": y.zero_point,
        "multiplier1": above[0],
        "shift1": above[1],
        "multiplier": below[0],
        "shift": below[1],
    }
    in_place = (x.index,) if x.shape == y.shape else ()
    return Lowered(described(at, x, y), "cfukit_binary", params, in_place=in_place)


def arg_max(at: Site) -> Lowered:
    x, y = at.input(0), at.output()
    axis = at.axis(at.integers(1)[0], len(x.shape))
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "output": TensorAt(y.index),
        "outer": prod(x.shape[:axis]),
        "depth": x.shape[axis],
        "inner": prod(x.shape[axis + 1 :]),
    }
    return Lowered(described(at, x, y), "cfukit_arg_max", params)


def resize(at: Site) -> Lowered:
    x, y = at.input(0), at.output()
    align, half = bool(at.option("align_corners")), bool(at.option("half_pixel_centers"))
    tables = []
    for axis in (1, 2):
        if at.op.type == "RESIZE_BILINEAR" and x.type == "float32":
            low, high, rest = bilinear_places(x.shape[axis], y.shape[axis], align, half)
            table = np.stack([low, high, rest.view(np.int32)], axis=1)
        elif at.op.type == "RESIZE_BILINEAR":
            table = np.stack(bilinear_indices(x.shape[axis], y.shape[axis], align, half), axis=1)
        else:
            table = nearest_indices(x.shape[axis], y.shape[axis], align, half)
        tables.append(Bytes(table.astype("<i4").tobytes()))
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "output": TensorAt(y.index),
        "rows": tables[0],
        "columns": tables[1],
        "batches": x.shape[0],
        "input_height": x.shape[1],
        "input_width": x.shape[2],
        # the nearest pixel is copied byte by byte
        "channels": x.shape[3] * (x.dtype.itemsize if at.op.type == "RESIZE_NEAREST_NEIGHBOR" else 1),
        "output_height": y.shape[1],
        "output_width": y.shape[2],
    }
    return Lowered(described(at, x, y), "cfukit_resize", params)


def transpose_conv(at: Site) -> Lowered:
    w, x, y = at.input(1), at.input(2), at.output()
    rescaling = channel_data(at, x, w, y, 0, y.shape[3], bias_at=3)
    strides = at.integer("stride_h"), at.integer("stride_w")
    top, bottom = window_padding(x.shape[1], y.shape[1], w.shape[1], strides[0])
    left, right = window_padding(x.shape[2], y.shape[2], w.shape[2], strides[1])
    low, high = limits(at) if y.type == "float32" else at.activation(y)
    op = replace(
        described(at, x, y),
        filter_shape=w.shape,
        strides=strides,
        padding=(top, bottom, left, right),
        activation=(low, high),
        small_sums=rescaling.small is not None,
        bias_type=bias_type(at, x, bias_at=3),
    )
    params: dict[str, Param] = {
        "input": TensorAt(x.index),
        "output": TensorAt(y.index),
        "batches": x.shape[0],
        "input_height": x.shape[1],
        "input_width": x.shape[2],
        "input_channels": x.shape[3],
        "filter_height": w.shape[1],
        "filter_width": w.shape[2],
        "filter_channels": x.shape[3],
        "output_height": y.shape[1],
        "output_width": y.shape[2],
        "output_channels": y.shape[3],
        "stride_height": strides[0],
        "stride_width": strides[1],
        "padding_top": top,
        "padding_left": left,
        "input_zero_point": x.zero_point,
        "output_zero_point": y.zero_point,
        "activation_min": low,
        "activation_max": high,
    }
    lowered = Lowered(op, "cfukit_conv", params, w.data, rescaling)
    return with_operands(at, lowered, w, bias_at=3)
