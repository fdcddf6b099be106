"""Dot products of int8: N lanes by M outputs, for one pixel or two, N * M products of each in every cycle."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


def dots(x: Sequence[int], w: Sequence[Sequence[int]]) -> list[int]:
    """The model: for each row of `w` the sum over the lanes of x[i] * w[o][i]."""
    return [sum(a * b for a, b in zip(x, row, strict=True)) for row in w]


class MacArray(wiring.Component):
    """sums[p][o] = sum over the lanes of x[p][lane] * w[o][lane], and products[lane] = x[0][lane] * w[0][lane].

    All are vectors: each `x` and each row of `w` of int8, `sums` of int(`sum_bits`), `products` of int16; lane 0, output 0, pixel 0 in the
    low bits.

    All outputs share the activations x, as the output channels of a convolution do, and all pixels share the weights. `products` serve a
    depthwise convolution, in which each lane is a channel of its own.

    * Latency: latency_cycles, for both outputs: 2, or 3 with two pixels. Throughput: one per cycle. Everything moves while `enable` is 1.
    * Area: lanes * outputs multipliers, of 8 x 8 bits for one pixel and of 25 x 8 for two, and `outputs` adder trees for each pixel.

    Two pixels: (x1 * 2^16 + x0) * w is x1 * w * 2^16 + x0 * w. Its low 16 bits are x0 * w. The bits above are x1 * w, minus 1 if x0 * w
    is negative. This holds for all int8.
    """

    def __init__(self, lanes: int = 16, outputs: int = 4, pixels: int = 1):
        self.lanes, self.outputs, self.pixels = lanes, outputs, pixels
        self.sum_bits = 16 + (lanes - 1).bit_length()
        self.latency_cycles = 1 + pixels
        # Plain vectors: Yosys' ABC9 fails on the names that the elements of an ArrayLayout get.
        super().__init__(
            {
                "enable": In(1),
                "x": In(8 * lanes * pixels),
                "w": In(8 * lanes * outputs),
                "sums": Out(self.sum_bits * outputs * pixels),
                "products": Out(16 * lanes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()

        def register(value: Value, name: str) -> Signal:
            made = Signal(value.shape(), name=name, reset_less=True)
            with m.If(self.enable):
                m.d.sync += made.eq(value)
            return made

        x = [
            [self.x.word_select(p * self.lanes + n, 8).as_signed() for n in range(self.lanes)]
            for p in range(self.pixels)
        ]
        w = [self.w.word_select(n, 8).as_signed() for n in range(self.lanes * self.outputs)]
        factors = x[0]
        if self.pixels == 2:
            both = [((high << 16) + low)[:25].as_signed() for low, high in zip(*x, strict=True)]
            factors = [register(value, f"both_{n}") for n, value in enumerate(both)]
            w = [register(value, f"weight_{n}") for n, value in enumerate(w)]
        for output in range(self.outputs):
            weights = w[output * self.lanes :][: self.lanes]
            products = [
                register(a * b, f"product_{output}_{lane}")
                for lane, (a, b) in enumerate(zip(factors, weights, strict=True))
            ]
            low = [product[:16].as_signed() for product in products]
            sums = [_tree(low)]
            if self.pixels == 2:
                sums.append(
                    _tree([product[16:32].as_signed() for product in products])
                    + _tree([p[15] for p in products])
                )
            with m.If(self.enable):
                for pixel, sum_ in enumerate(sums):
                    place = self.sums.word_select(pixel * self.outputs + output, self.sum_bits)
                    m.d.sync += place.eq(sum_)
                if output == 0:
                    m.d.sync += self.products.eq(Cat(low))
        return m


def _tree(terms: Sequence[Value]) -> Value:
    """Their sum, in pairs: a logarithmic number of adders one behind the other."""
    terms = list(terms)
    while len(terms) > 1:
        pairs = [a + b for a, b in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + terms[len(pairs) * 2 :]
    return terms[0]
