"""Float layers -> int8 TFLite model (post-training quantisation after TFLite's int8 specification).

Activations: one scale and zero point per tensor, from the range seen on calibration images (0 always inside).
Convolution weights: symmetric, -127..127, one scale per output channel; fully connected weights: symmetric, one
scale. Bias: int32 with scale S_input * S_weights. Softmax: scale 1/256, zero point -128.
"""

from __future__ import annotations

from math import prod
from typing import Any

import cnn
import numpy as np
from cnn import Array, AveragePool, Conv, Dense, Depthwise, Layer

from cfukit_sw.model import Model, Operator, Option, Tensor

FUSED = {True: "RELU", False: "NONE"}


def activation_range(values: Array) -> tuple[np.float32, int]:
    """(scale, zero point) that put the range of `values`, widened to hold 0, on -128..127."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    scale = np.float32((high - low) / 255)
    return scale, int(np.clip(round(-128 - low / float(scale)), -128, 127))


def symmetric(weights: Array, axis: int | None) -> tuple[Array, Array]:
    """(int8 weights, float32 scales): one scale per index of `axis`, or one in all."""
    others = None if axis is None else tuple(i for i in range(weights.ndim) if i != axis)
    largest = np.abs(weights).max(others, keepdims=True).astype(np.float64)
    scales = np.maximum(largest / 127, 1e-9).astype(np.float32)
    return np.clip(np.round(weights / scales.astype(np.float64)), -127, 127).astype(np.int8), scales.reshape(
        -1
    )


class Builder:
    """Tensors and operators in file order; methods that make one tensor or operator return the (output's) index."""

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self.operators: list[Operator] = []

    def tensor(
        self, name: str, shape: tuple[int, ...], kind: str, scales: Any, zero_points: Any, **more: Any
    ) -> int:
        scales, zero_points = np.atleast_1d(np.float32(scales)), np.atleast_1d(np.int64(zero_points))
        made = Tensor(len(self.tensors), name, shape, kind, scales, zero_points, **more)
        self.tensors.append(made)
        return made.index

    def activation(self, name: str, shape: tuple[int, ...], scale: np.float32, zero_point: int) -> int:
        return self.tensor(name, shape, "int8", scale, zero_point)

    def weights(
        self, name: str, layer: Conv | Depthwise | Dense, source: int, axis: int | None
    ) -> tuple[int, int]:
        """(weights, bias) of a layer whose input is tensor `source`."""
        data, scales = symmetric(layer.weights, axis)
        zeros = np.zeros(len(scales), np.int64)
        first = self.tensor(
            f"{name}/weights", data.shape, "int8", scales, zeros, quantized_dimension=axis or 0, data=data
        )
        bias_scales = self.tensors[source].scale * scales
        steps = np.round(layer.bias.astype(np.float64) / bias_scales.astype(np.float64)).astype(np.int32)
        return first, self.tensor(f"{name}/bias", steps.shape, "int32", bias_scales, zeros, data=steps)

    def operator(self, kind: str, inputs: tuple[int, ...], output: int, **options: Option) -> int:
        self.operators.append(Operator(len(self.operators), kind, inputs, (output,), options))
        return output

    def pool(self, layer: AveragePool, name: str, source: int, seen: Array) -> int:
        before, size = self.tensors[source], layer.size  # the output keeps the input's scale and zero point
        out = self.activation(name, (1, *seen.shape[1:]), before.scale, before.zero_point)
        options: dict[str, Option] = {"padding": "VALID", "stride_w": size, "stride_h": size}
        options |= {"filter_width": size, "filter_height": size, "fused_activation_function": "NONE"}
        return self.operator("AVERAGE_POOL_2D", (source,), out, **options)

    def convolution(self, layer: Conv | Depthwise, name: str, source: int, seen: Array) -> int:
        is_dense = isinstance(layer, Conv)
        inputs = (source, *self.weights(name, layer, source, 0 if is_dense else 3))
        out = self.activation(name, (1, *seen.shape[1:]), *activation_range(seen))
        stride = layer.stride if isinstance(layer, Conv) else 1
        options: dict[str, Option] = {"padding": "SAME", "stride_w": stride, "stride_h": stride}
        options |= {
            "dilation_w_factor": 1,
            "dilation_h_factor": 1,
            "fused_activation_function": FUSED[layer.relu],
        }
        if is_dense:
            return self.operator("CONV_2D", inputs, out, **options)
        return self.operator("DEPTHWISE_CONV_2D", inputs, out, depth_multiplier=1, **options)

    def dense(self, layer: Dense, name: str, source: int, seen: Array) -> int:
        before = self.tensors[source]
        if len(before.shape) > 2:
            flat = (1, prod(before.shape))
            target = self.tensor(f"{name}/shape", (2,), "int32", [], [], data=np.array(flat, np.int32))
            out = self.activation(f"{name}/flat", flat, before.scale, before.zero_point)
            source = self.operator("RESHAPE", (source, target), out, new_shape=flat)
        inputs = (source, *self.weights(name, layer, source, None))
        out = self.activation(name, (1, *seen.shape[1:]), *activation_range(seen))
        options: dict[str, Option] = {"weights_format": "DEFAULT", "keep_num_dims": False}
        return self.operator(
            "FULLY_CONNECTED", inputs, out, fused_activation_function=FUSED[layer.relu], **options
        )


def quantise(layers: list[Layer], images: Array, input_scale: np.float32, name: str) -> Model:
    """The int8 model of `layers` and a softmax, calibrated with `images`.

    The input's zero point is -128: it holds images of 0 to 255 * input_scale.
    """
    build = Builder()
    current = source = build.activation("image", (1, *images.shape[1:]), input_scale, -128)
    for number, (layer, seen) in enumerate(zip(layers, cnn.forward(layers, images), strict=True)):
        label = f"{type(layer).__name__.lower()}_{number}"
        if isinstance(layer, AveragePool):
            current = build.pool(layer, label, current, seen)
        elif isinstance(layer, Dense):
            current = build.dense(layer, label, current, seen)
        else:
            assert isinstance(layer, Conv | Depthwise)
            current = build.convolution(layer, label, current, seen)
    out = build.activation("probabilities", build.tensors[current].shape, np.float32(1 / 256), -128)
    current = build.operator("SOFTMAX", (current,), out, beta=1.0)
    return Model(name, "", tuple(build.tensors), tuple(build.operators), (source,), (current,))
