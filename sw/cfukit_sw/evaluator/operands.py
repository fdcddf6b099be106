"""Weights and bias of CONV_2D and its like: constants, or what other operators have computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cfukit_sw.site import Array, Site


class Operands:
    """Gives (weights, bias) for the inputs of one inference. constants: the bias, unless another operator computes it."""

    def __init__(self, at: Site, weights_at: int, bias_at: int, constants: Array):
        self.weights_at, self.bias_at, self.constants = weights_at, bias_at, constants
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
        return weights, inputs[self.bias_at].reshape(-1).astype(self.constants.dtype)
