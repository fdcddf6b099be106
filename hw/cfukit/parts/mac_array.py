"""Dot products of int8: N lanes by M outputs, N * M products in every cycle."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


def dots(x: Sequence[int], w: Sequence[Sequence[int]]) -> list[int]:
    """The model: for each row of `w` the sum over the lanes of x[i] * w[o][i]."""
    return [sum(a * b for a, b in zip(x, row, strict=True)) for row in w]


class MacArray(wiring.Component):
    """sums[o] = sum over the lanes of x[lane] * w[o][lane], and products[lane] = x[lane] * w[0][lane].

    All are vectors: `x` and each row of `w` of int8, `sums` of int(`sum_bits`), `products` of int16; lane 0, output 0 in the low bits.

    All outputs share the activations x, as the output channels of a convolution do. `products` serve a depthwise convolution,
    in which each lane is a channel of its own.

    * Latency: LATENCY_CYCLES, for both outputs. Throughput: one per cycle. Everything moves while `enable` is 1.
    * Area: lanes * outputs multipliers of 8 x 8 bits, and `outputs` adder trees.
    """

    LATENCY_CYCLES = 2

    def __init__(self, lanes: int = 16, outputs: int = 4):
        self.lanes, self.outputs = lanes, outputs
        self.sum_bits = 16 + (lanes - 1).bit_length()
        # Plain vectors: Yosys' ABC9 fails on the names that the elements of an ArrayLayout get.
        super().__init__(
            {
                "enable": In(1),
                "x": In(8 * lanes),
                "w": In(8 * lanes * outputs),
                "sums": Out(self.sum_bits * outputs),
                "products": Out(16 * lanes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for output in range(self.outputs):
            products = []
            for lane in range(self.lanes):
                product = Signal(signed(16), name=f"product_{output}_{lane}", reset_less=True)
                x = self.x.word_select(lane, 8).as_signed()
                w = self.w.word_select(output * self.lanes + lane, 8).as_signed()
                with m.If(self.enable):
                    m.d.sync += product.eq(x * w)
                products.append(product)
            with m.If(self.enable):
                m.d.sync += self.sums.word_select(output, self.sum_bits).eq(_tree(products))
                if output == 0:
                    m.d.sync += self.products.eq(Cat(products))
        return m


def _tree(terms: Sequence[Value]) -> Value:
    """Their sum, in pairs: a logarithmic number of adders one behind the other."""
    terms = list(terms)
    while len(terms) > 1:
        pairs = [a + b for a, b in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + terms[len(pairs) * 2 :]
    return terms[0]
