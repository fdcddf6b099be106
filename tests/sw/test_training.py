"""The trainer's gradients against finite differences, and its quantiser against the float network."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from cfukit_sw.evaluator import Evaluator

sys.path.append(str(Path(__file__).parents[2] / "scripts" / "train"))

import cnn
from quantise import activation_range, quantise, symmetric


def small_network(rng: np.random.Generator) -> list[cnn.Layer]:
    """One layer of each kind, with odd sizes where possible, and biases other than 0."""
    layers: list[cnn.Layer] = [
        cnn.Conv(*cnn.initial(rng, 4, 3, 3, 2, fan_in=18), stride=2),
        cnn.Depthwise(*cnn.initial(rng, 1, 3, 3, 4, fan_in=9)),
        cnn.Conv(*cnn.initial(rng, 6, 1, 1, 4, fan_in=4), relu=False),
        cnn.AveragePool(2),
        cnn.Dense(*cnn.initial(rng, 8, 24, fan_in=24), relu=True),
        cnn.Dense(*cnn.initial(rng, 3, 8, fan_in=8)),
    ]
    for layer in layers:
        if isinstance(layer, cnn.Conv | cnn.Depthwise | cnn.Dense):
            layer.bias = np.asarray(rng.normal(0, 0.3, layer.bias.shape))
            layer.weights = layer.weights.astype(np.float64)
    return layers


@pytest.mark.parametrize("seed", range(3))
def test_backward_is_the_gradient(seed: int) -> None:
    rng = np.random.default_rng(seed)
    layers, labels = small_network(rng), np.array([0, 1, 2, 1])
    images = rng.normal(0, 1, (4, 7, 7, 2))

    def loss() -> float:
        return cnn.loss_and_gradient(cnn.forward(layers, images)[-1], labels, 0.1)[0]

    gradient = cnn.loss_and_gradient(cnn.forward(layers, images)[-1], labels, 0.1)[1].astype(np.float64)
    for layer in reversed(layers):
        gradient = layer.backward(gradient)
    targets = [(getattr(layer, name), grad) for layer in layers for name, grad in layer.grads.items()]
    for values, grad in [*targets, (images, gradient)]:
        for _ in range(6):
            at = tuple(int(rng.integers(size)) for size in values.shape)
            kept, step = values[at], 1e-5
            values[at] = kept + step
            above = loss()
            values[at] = kept - step
            below = loss()
            values[at] = kept
            assert (above - below) / (2 * step) == pytest.approx(grad[at], rel=1e-3, abs=1e-5), (seed, at)


def test_padding_same_puts_the_odd_pixel_after() -> None:
    assert cnn.same_padding(8, 3, 2) == (4, 0, 1)
    assert cnn.same_padding(8, 3, 1) == (8, 1, 1)
    assert cnn.same_padding(7, 3, 2) == (4, 1, 1)
    assert cnn.same_padding(5, 1, 1) == (5, 0, 0)


def test_average_is_followed_and_swapped() -> None:
    layer = cnn.Dense(np.zeros((1, 1), np.float32), np.zeros(1, np.float32))
    adam = cnn.Adam([layer], decay=0.0, averaging=0.5)
    layer.grads = {"weights": np.ones((1, 1), np.float32), "bias": np.zeros(1, np.float32)}
    adam.step(0.5)  # Adam's first step has the size of the rate, against the gradient
    assert layer.weights[0, 0] == pytest.approx(-0.5)
    adam.swap_average()
    assert layer.weights[0, 0] == pytest.approx(-0.25)
    adam.swap_average()
    assert layer.weights[0, 0] == pytest.approx(-0.5)


def test_activation_range_holds_zero_exactly() -> None:
    for low, high in [(0.0, 4.0), (-1.0, 3.0), (0.5, 2.0), (-3.0, -1.0)]:
        scale, zero_point = activation_range(np.array([low, high]))
        assert -128 <= zero_point <= 127
        assert float(scale) * (-128 - zero_point) <= min(low, 0) + float(scale)
        assert float(scale) * (127 - zero_point) >= max(high, 0) - float(scale)


def test_symmetric_weights_reach_127_in_every_channel() -> None:
    weights = np.random.default_rng(0).normal(0, [[[[1.0]]], [[[0.01]]]], (2, 3, 3, 4))
    data, scales = symmetric(weights, 0)
    assert data.dtype == np.int8 and scales.shape == (2,) and scales.dtype == np.float32
    assert (np.abs(data.astype(int)).max((1, 2, 3)) == 127).all()
    assert np.abs(data * scales[:, None, None, None] - weights).max() <= scales.max() * 0.501
    assert symmetric(weights, None)[1].shape == (1,)


@pytest.mark.parametrize("seed", range(4))
def test_the_int8_model_follows_the_float_network(seed: int) -> None:
    rng = np.random.default_rng(seed)
    layers = small_network(rng)
    codes = rng.integers(-128, 128, (24, 7, 7, 2))
    images = (codes + 128) / 255
    model = quantise(layers, images, np.float32(1 / 255), "small")
    evaluator, seen = Evaluator(model), cnn.forward(layers, images)
    logits = model.tensors[model.operators[-1].inputs[0]]
    worst = 0.0
    for code, expected in zip(codes.astype(np.int8), seen[-1], strict=True):
        got = evaluator.run([code[None]], keep_layers=True).layers[-2][0]
        worst = max(
            worst, float(np.abs((got[0].astype(int) - logits.zero_point) * logits.scale - expected).max())
        )
    assert worst < 0.04 * float(seen[-1].max() - seen[-1].min()), f"seed {seed}"
