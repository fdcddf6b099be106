"""A small convolutional network in numpy: forward, backward, Adam. Float32, NHWC, TFLite's weights and padding.

Every layer keeps `weights` and `bias` (where it has them) and, under the same names in `grads`, the gradients of the
last `backward`. It is linear, followed by ReLU when `relu` is set, so that each maps onto one TFLite operator.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int, int]:
    """(output size, padding before, padding after) of TFLite's padding SAME along one axis."""
    out = -(-size // stride)
    total = max(0, (out - 1) * stride + kernel - size)
    return out, total // 2, total - total // 2


def windows(x: Array, kernel: int, stride: int) -> Array:
    """im2col: x [n, h, w, c] -> [n, oh, ow, kernel * kernel, c], zeros outside the image."""
    n, h, w, c = x.shape
    oh, top, bottom = same_padding(h, kernel, stride)
    ow, left, right = same_padding(w, kernel, stride)
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    out = np.empty((n, oh, ow, kernel * kernel, c), x.dtype)
    for tap in range(kernel * kernel):
        ky, kx = divmod(tap, kernel)
        out[:, :, :, tap] = padded[:, ky : ky + stride * oh : stride, kx : kx + stride * ow : stride][
            :, :oh, :ow
        ]
    return out


def scatter(cols: Array, shape: tuple[int, ...], kernel: int, stride: int) -> Array:
    """The transpose of `windows`: adds each tap back where it came from; `shape` is that of x."""
    n, h, w, c = shape
    oh, top, bottom = same_padding(h, kernel, stride)
    ow, left, right = same_padding(w, kernel, stride)
    padded = np.zeros((n, h + top + bottom, w + left + right, c), cols.dtype)
    for tap in range(kernel * kernel):
        ky, kx = divmod(tap, kernel)
        ys, xs = slice(ky, ky + stride * (oh - 1) + 1, stride), slice(kx, kx + stride * (ow - 1) + 1, stride)
        padded[:, ys, xs] += cols[:, :, :, tap]
    return padded[:, top : top + h, left : left + w]


class Layer(Protocol):
    """What training needs of a layer. `forward` keeps what `backward` needs."""

    grads: dict[str, Array]

    def forward(self, x: Array, rng: np.random.Generator | None) -> Array:
        """The layer's output; rng is given in training only (dropout)."""

    def backward(self, dy: Array) -> Array:
        """The loss's gradient by the input, from that by the output; sets `grads`."""


@dataclass
class Conv:
    """CONV_2D, padding SAME: weights [out, kernel, kernel, in], bias [out]."""

    weights: Array
    bias: Array
    stride: int = 1
    relu: bool = True
    grads: dict[str, Array] = field(default_factory=dict)

    def forward(self, x: Array, rng: np.random.Generator | None) -> Array:
        cols = windows(x, self.weights.shape[1], self.stride)
        self.shape, self.cols = x.shape, cols.reshape(*cols.shape[:3], -1)
        y = self.cols @ self.weights.reshape(len(self.bias), -1).T + self.bias
        self.y = np.maximum(y, 0) if self.relu else y
        return self.y

    def backward(self, dy: Array) -> Array:
        dy = dy * (self.y > 0) if self.relu else dy
        flat = dy.reshape(-1, dy.shape[-1])
        self.grads["bias"] = flat.sum(0)
        self.grads["weights"] = (flat.T @ self.cols.reshape(len(flat), -1)).reshape(self.weights.shape)
        dcols = dy @ self.weights.reshape(len(self.bias), -1)
        kernel = self.weights.shape[1]
        return scatter(dcols.reshape(*dy.shape[:3], kernel * kernel, -1), self.shape, kernel, self.stride)


@dataclass
class Depthwise:
    """DEPTHWISE_CONV_2D, multiplier 1, stride 1, padding SAME: weights [1, kernel, kernel, c], bias [c]."""

    weights: Array
    bias: Array
    relu: bool = True
    grads: dict[str, Array] = field(default_factory=dict)

    def forward(self, x: Array, rng: np.random.Generator | None) -> Array:
        self.cols = windows(x, self.weights.shape[1], 1)
        taps = self.weights.reshape(-1, len(self.bias))
        y = sum((self.cols[:, :, :, t] * taps[t] for t in range(len(taps))), self.bias)
        self.y = np.maximum(y, 0) if self.relu else y
        return self.y

    def backward(self, dy: Array) -> Array:
        dy = dy * (self.y > 0) if self.relu else dy
        taps = self.weights.reshape(-1, len(self.bias))
        self.grads["bias"] = dy.sum((0, 1, 2))
        sums = [(self.cols[:, :, :, t] * dy).sum((0, 1, 2)) for t in range(len(taps))]
        self.grads["weights"] = np.stack(sums).reshape(self.weights.shape)
        return scatter(dy[:, :, :, None] * taps, dy.shape, self.weights.shape[1], 1)


@dataclass
class AveragePool:
    """AVERAGE_POOL_2D, window = stride = `size`, padding VALID; height and width are multiples of size."""

    size: int
    grads: dict[str, Array] = field(default_factory=dict)

    def forward(self, x: Array, rng: np.random.Generator | None) -> Array:
        n, h, w, c = x.shape
        return x.reshape(n, h // self.size, self.size, w // self.size, self.size, c).mean((2, 4))

    def backward(self, dy: Array) -> Array:
        return dy.repeat(self.size, 1).repeat(self.size, 2) / self.size**2


@dataclass
class Dense:
    """FULLY_CONNECTED on the flattened input: weights [out, in], bias [out]. dropout: of inputs, in training."""

    weights: Array
    bias: Array
    relu: bool = False
    dropout: float = 0.0
    grads: dict[str, Array] = field(default_factory=dict)

    def forward(self, x: Array, rng: np.random.Generator | None) -> Array:
        self.shape, self.x = x.shape, x.reshape(len(x), -1)
        self.kept: Array | float = 1.0
        if rng is not None and self.dropout:
            self.kept = (rng.random(self.x.shape, np.float32) >= self.dropout) / np.float32(1 - self.dropout)
            self.x = self.x * self.kept
        y = self.x @ self.weights.T + self.bias
        self.y = np.maximum(y, 0) if self.relu else y
        return self.y

    def backward(self, dy: Array) -> Array:
        dy = dy * (self.y > 0) if self.relu else dy
        self.grads["bias"], self.grads["weights"] = dy.sum(0), dy.T @ self.x
        return (dy @ self.weights * self.kept).reshape(self.shape)


def initial(rng: np.random.Generator, *shape: int, fan_in: int) -> tuple[Array, Array]:
    """(weights of `shape` after He, bias of zeros). Output channels are the first axis, or the last if that is 1."""
    weights = rng.normal(0, np.sqrt(2 / fan_in), shape).astype(np.float32)
    return weights, np.zeros(shape[0] if shape[0] > 1 else shape[-1], np.float32)


def forward(layers: list[Layer], x: Array, rng: np.random.Generator | None = None) -> list[Array]:
    """The output of every layer, in order; the last are the logits."""
    outputs = []
    for layer in layers:
        x = layer.forward(x, rng)
        outputs.append(x)
    return outputs


def loss_and_gradient(logits: Array, labels: Array, smoothing: float) -> tuple[float, Array]:
    """Mean cross-entropy after softmax, and its gradient by the logits. Labels weigh 1 - smoothing."""
    classes = logits.shape[-1]
    target = np.full(logits.shape, smoothing / classes, np.float32)
    target[np.arange(len(labels)), labels] += 1 - smoothing
    shifted = logits - logits.max(-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return float(-(target * log_p).sum(-1).mean()), (np.exp(log_p) - target) / np.float32(len(labels))


class Adam:
    """Adam with decoupled weight decay, and the running average of the weights, used after training."""

    def __init__(self, layers: list[Layer], decay: float, averaging: float):
        self.params = [
            (layer, name) for layer in layers for name in ("weights", "bias") if hasattr(layer, name)
        ]
        self.first = [np.zeros_like(getattr(*p)) for p in self.params]
        self.second = [np.zeros_like(getattr(*p)) for p in self.params]
        self.average = [getattr(*p).copy() for p in self.params]
        self.decay, self.averaging, self.steps = decay, averaging, 0

    def step(self, rate: float) -> None:
        self.steps += 1
        for i, (layer, name) in enumerate(self.params):
            value, grad = getattr(layer, name), layer.grads[name]
            self.first[i] += (1 - 0.9) * (grad - self.first[i])
            self.second[i] += (1 - 0.999) * (grad * grad - self.second[i])
            mean = self.first[i] / (1 - 0.9**self.steps)
            square = self.second[i] / (1 - 0.999**self.steps)
            value -= np.float32(rate) * (mean / (np.sqrt(square) + 1e-8))
            if name == "weights":
                value *= np.float32(1 - rate * self.decay)
            self.average[i] += np.float32(1 - self.averaging) * (value - self.average[i])

    def swap_average(self) -> None:
        """Exchange the weights with their running average (again: back)."""
        for i, (layer, name) in enumerate(self.params):
            value = getattr(layer, name).copy()
            getattr(layer, name)[...] = self.average[i]
            self.average[i] = value
