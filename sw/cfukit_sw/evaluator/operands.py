"""Weights and bias of CONV_2D and its like: constants, or what other operators have computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cfukit_sw.site import Array, Site
from cfukit_sw.values import value_refusal

MAX_COMPUTED_BIAS = 2**46  # of 64 bits; so sums stay below 2**47


class Operands:
    """Gives (weights, bias) for the inputs of one inference. constants: the bias, unless another operator computes it."""

    def __init__(self, at: Site, weights_at: int, bias_at: int, constants: Array):
        self.at, self.weights_at, self.bias_at, self.constants = at, weights_at, bias_at, constants
        self.weights = at.input(weights_at).data
        bias = at.optional(bias_at)
        self.has_constant_bias = bias is None or bias.is_constant

    @property
    def are_constant(self) -> bool:
        return self.weights is not None and self.has_constant_bias

    def __call__(self, inputs: Sequence[Any]) -> tuple[Array, Array]:
        weights = inputs[self.weights_at] if self.weights is None else self.weights
        if self.has_constant_bias:
            return weights, self.constants
        bias = inputs[self.bias_at].reshape(-1).astype(self.constants.dtype)
        large = (bias >= MAX_COMPUTED_BIAS) | (bias < -MAX_COMPUTED_BIAS)
        if large.any():
            self.at.refuse(*value_refusal(self.at.op.type, int(np.argmax(large))))
        return weights, bias
