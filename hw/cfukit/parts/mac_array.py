"""Dot products of int8: N lanes by M outputs, N * M products in every cycle."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out


def dots(x: Sequence[int], w: Sequence[Sequence[int]]) -> list[int]:
    """The model: for each row of `w` the sum over the lanes of x[i] * w[o][i]."""
    return [sum(a * b for a, b in zip(x, row, strict=True)) for row in w]


class MacArray(wiring.Component):
    """sums[o] = sum over the lanes of x[lane] * w[o][lane], and products[lane] = x[lane] * w[0][lane].

    All outputs share the activations x, as the output channels of a convolution do. `products` serve a depthwise convolution,
    in which each lane is a channel of its own.

    * Latency: LATENCY_CYCLES, for both outputs. Throughput: one per cycle. Everything moves while `enable` is 1.
    * Area: lanes * outputs multipliers of 8 x 8 bits, and `outputs` adder trees.
    """

    LATENCY_CYCLES = 2

    def __init__(self, lanes: int = 16, outputs: int = 4):
        self.lanes, self.outputs = lanes, outputs
        self.sum_bits = 16 + (lanes - 1).bit_length()
        row = data.ArrayLayout(signed(8), lanes)
        super().__init__(
            {
                "enable": In(1),
                "x": In(row),
                "w": In(data.ArrayLayout(row, outputs)),
                "sums": Out(data.ArrayLayout(signed(self.sum_bits), outputs)),
                "products": Out(data.ArrayLayout(signed(16), lanes)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for output in range(self.outputs):
            products = [
                Signal(signed(16), name=f"product_{output}_{lane}", reset_less=True)
                for lane in range(self.lanes)
            ]
            with m.If(self.enable):
                m.d.sync += [
                    product.eq(self.x[lane] * self.w[output][lane]) for lane, product in enumerate(products)
                ]
                m.d.sync += self.sums[output].eq(_tree(products))
                if output == 0:
                    m.d.sync += [self.products[lane].eq(product) for lane, product in enumerate(products)]
        return m


def _tree(terms: Sequence[Value]) -> Value:
    """Their sum, in pairs: a logarithmic number of adders one behind the other."""
    terms = list(terms)
    while len(terms) > 1:
        pairs = [a + b for a, b in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + terms[len(pairs) * 2 :]
    return terms[0]
