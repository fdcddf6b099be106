"""Whole networks with random weights, of kinds that no accelerator here was made for: `whole_model("resnet")`."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np

from cfukit_sw.model import Model
from cfukit_sw.model_builder import ModelBuilder

LSTM_INPUTS = 24


class Network:
    """Layers behind each other. Scales follow the sums, so that values neither vanish nor all saturate."""

    def __init__(self, name: str, seed: int):
        self.build, self.rng = ModelBuilder(name), np.random.default_rng(seed)

    def image(self, *shape: int) -> int:
        return self.build.tensor("x", (1, *shape), scale=0.02, zero_point=-5)

    def shape(self, x: int) -> tuple[int, ...]:
        return self.build.tensors[x].shape

    def conv(
        self,
        x: int,
        channels: int = 0,
        kernel: tuple[int, int] = (3, 3),
        stride: tuple[int, int] = (1, 1),
        padding: str = "SAME",
        activation: str = "RELU",
    ) -> int:
        """A convolution; a depthwise one without `channels`."""
        _, height, width, depth = self.shape(x)
        kind = "CONV_2D" if channels else "DEPTHWISE_CONV_2D"
        weights = (channels, *kernel, depth) if channels else (1, *kernel, depth)
        sizes = [
            -(-(size if padding == "SAME" else size - taps + 1) // step)
            for size, taps, step in zip((height, width), kernel, stride, strict=True)
        ]
        more = {} if channels else {"depth_multiplier": 1}
        return self._weighted(
            kind, x, weights, 0 if channels else 3, (1, *sizes, channels or depth), activation,
            padding=padding, stride_h=stride[0], stride_w=stride[1],
            dilation_h_factor=1, dilation_w_factor=1, **more,
        )  # fmt: skip

    def dense(self, x: int, units: int, activation: str = "NONE") -> int:
        depth = self.shape(x)[-1]
        return self._weighted("FULLY_CONNECTED", x, (units, depth), 0, (1, units), activation)

    def _weighted(
        self,
        kind: str,
        x: int,
        shape: tuple[int, ...],
        dimension: int,
        output: tuple[int, ...],
        activation: str,
        **options: str | int,
    ) -> int:
        channels = shape[dimension]
        terms = int(np.prod(shape)) // channels
        scales = self.rng.uniform(0.002, 0.02, 1 if kind == "FULLY_CONNECTED" else channels)
        weights = self.build.constant(
            "w",
            self.rng.integers(-127, 128, shape).astype(np.int8),
            scale=scales,
            quantized_dimension=dimension,
        )
        of_x = float(self.build.tensors[x].scale)
        bias = self.rng.integers(-2000, 2000, channels).astype(np.int32)
        bias_at = self.build.constant("b", bias, scale=of_x * scales)
        scale = of_x * float(scales.max()) * sqrt(terms) * 25
        y = self.build.tensor("y", output, scale=scale, zero_point=-128 if activation == "RELU" else 4)
        self.build.operator(kind, [x, weights, bias_at], [y], fused_activation_function=activation, **options)
        return y

    def add(self, a: int, b: int) -> int:
        scale = 1.3 * max(float(self.build.tensors[tensor].scale) for tensor in (a, b))
        y = self.build.tensor("sum", self.shape(a), scale=scale, zero_point=-128)
        self.build.operator("ADD", [a, b], [y], fused_activation_function="RELU")
        return y

    def like(self, x: int, shape: tuple[int, ...]) -> int:
        tensor = self.build.tensors[x]
        return self.build.tensor("y", shape, scale=float(tensor.scale), zero_point=int(tensor.zero_point))

    def pool(self, x: int, kind: str, size: tuple[int, int]) -> int:
        n, height, width, depth = self.shape(x)
        y = self.like(x, (n, height // size[0], width // size[1], depth))
        self.build.operator(
            kind, [x], [y], padding="VALID", filter_height=size[0], filter_width=size[1], stride_h=size[0],
            stride_w=size[1],
        )  # fmt: skip
        return y

    def reshape(self, x: int, *shape: int) -> int:
        y = self.like(x, shape)
        sizes = self.build.constant("shape", np.array(shape, np.int32))
        self.build.operator("RESHAPE", [x, sizes], [y], new_shape=shape)
        return y

    def mean(self, x: int) -> int:
        y = self.like(x, (1, self.shape(x)[-1]))
        axes = self.build.constant("axes", np.array([1, 2], np.int32))
        self.build.operator("MEAN", [x, axes], [y], keep_dims=False)
        return y

    def map(self, x: int, kind: str) -> int:
        """LOGISTIC, or SOFTMAX."""
        y = self.build.tensor("p", self.shape(x), scale=1 / 256, zero_point=-128)
        self.build.operator(kind, [x], [y], **({"beta": 1.0} if kind == "SOFTMAX" else {}))
        return y

    def lstm(self, x: int, cells: int) -> int:
        _, steps, depth = self.shape(x)

        def matrix(columns: int) -> int:
            data = self.rng.integers(-127, 128, (cells, columns)).astype(np.int8)
            return self.build.constant("w", data, scale=0.004)

        inputs = [-1] * LSTM_INPUTS
        inputs[0], inputs[1:5] = x, [matrix(depth) for _ in range(4)]
        inputs[5:9] = [matrix(cells) for _ in range(4)]
        for gate in range(4):
            bias = self.rng.integers(-999, 999, cells).astype(np.int32)
            inputs[12 + gate] = self.build.constant("b", bias, scale=1e-4)
        inputs[18] = self.build.tensor("h", (1, cells), scale=1 / 128, zero_point=0, variable=True)
        inputs[19] = self.build.tensor("c", (1, cells), "int16", scale=2.0**-12, zero_point=0, variable=True)
        y = self.build.tensor("hs", (1, steps, cells), scale=1 / 128, zero_point=0)
        self.build.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [y], fused_activation_function="TANH")
        return y


def _resnet() -> Model:
    """Twelve layers with odd widths on a 40 x 40 image, projections where the size changes, and a maximum in front."""
    net = Network("resnet", 1)
    first = net.image(40, 40, 3)
    x = net.pool(net.conv(first, 20, (5, 5)), "MAX_POOL_2D", (2, 2))
    for channels, stride in ((20, 1), (36, 2), (52, 2), (52, 1)):
        y = net.conv(net.conv(x, channels, stride=(stride, stride)), channels, activation="NONE")
        same = net.shape(x) == net.shape(y)
        x = net.add(x if same else net.conv(x, channels, (1, 1), (stride, stride), activation="NONE"), y)
    return net.build.model([first], [net.map(net.dense(net.mean(x), 12), "SOFTMAX")])


def _mobilenet() -> Model:
    """MobileNetV1 of width 0.5 on a 64 x 64 image."""
    net = Network("mobilenet", 2)
    first = net.image(64, 64, 3)
    x = net.conv(first, 16, stride=(2, 2))
    steps = ((32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (256, 2), *((256, 1),) * 5, (512, 2), (512, 1))
    for channels, stride in steps:
        x = net.conv(net.conv(x, stride=(stride, stride)), channels, (1, 1))
    x = net.reshape(net.pool(x, "AVERAGE_POOL_2D", (2, 2)), 1, 512)
    return net.build.model([first], [net.map(net.dense(x, 20), "SOFTMAX")])


def _detector() -> Model:
    """Boxes and scores on images of two sizes, side by side in two outputs, and the features as a third one."""
    net = Network("detector", 3)
    first = x = net.image(48, 64, 3)
    for channels in (12, 24, 40):
        x = net.conv(net.conv(x, channels, stride=(2, 2)), channels)
    heads = []
    for features in (x, net.conv(x, 48, stride=(2, 2))):
        _, height, width, _ = net.shape(features)
        boxes = net.reshape(net.conv(features, 12, activation="NONE"), 1, height * width * 3, 4)
        scores = net.reshape(net.conv(features, 6, (1, 1), activation="NONE"), 1, height * width * 3, 2)
        heads.append((boxes, net.map(scores, "LOGISTIC")))
    return net.build.model([first], [*heads[0], *heads[1], x])


def _recurrent() -> Model:
    """Two convolutions over 40 frames of a spectrum, then an LSTM over the frames."""
    net = Network("recurrent", 4)
    first = net.image(40, 20, 1)
    x = net.conv(net.conv(first, 16, (3, 5), (1, 2)), 24, (3, 3), (2, 2))
    _, steps, width, depth = net.shape(x)
    states = net.lstm(net.reshape(x, 1, steps, width * depth), 20)
    return net.build.model([first], [net.dense(net.reshape(states, 1, steps * 20), 5)])


def _waveform() -> Model:
    """Convolutions in one dimension on one channel: 512 samples as an image of height 1."""
    net = Network("waveform", 5)
    first = net.image(1, 512, 1)
    x = net.conv(first, 8, (1, 15), (1, 4))
    for channels in (16, 24, 32):
        x = net.pool(net.conv(x, channels, (1, 7)), "MAX_POOL_2D", (1, 2))
    return net.build.model([first], [net.map(net.dense(net.mean(x), 6), "SOFTMAX")])


WHOLE: dict[str, Callable[[], Model]] = {
    "resnet": _resnet,
    "mobilenet": _mobilenet,
    "detector": _detector,
    "recurrent": _recurrent,
    "waveform": _waveform,
}


def whole_model(name: str) -> Model:
    """One of WHOLE, always with the same weights."""
    return WHOLE[name]()
