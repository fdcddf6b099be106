"""From 32-bit sums to int8 outputs, as TFLM does it: two roundings, zero point, clamp."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, ShapeLike, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from cfukit.integers import to_signed

SHIFT_BITS = 6  # -31 to 31, two's complement
LOW_BITS = 17  # of a factor: what one DSP48E1 multiplies without a sign


def rescale(total: int, multiplier: int, shift: int) -> int:
    """The model: total * multiplier * 2^(shift - 31) with TFLM's double rounding.

    `total` and `total << shift` are taken modulo 2^32, as C does. 0 <= multiplier < 2^31, -31 <= shift <= 31 (-32 counts as 0).
    """
    left, right = max(shift, 0), max(-shift, 0) % 32
    high_half = (to_signed(total << left) * multiplier + (1 << 30)) >> 31  # nearest, halves up
    nudge = ((1 << right) - (high_half < 0)) >> 1  # nearest, halves away from zero
    return high_half + nudge >> right


def requantize(
    total: int, multiplier: int, shift: int, zero_point: int = 0, low: int = -128, high: int = 127
) -> int:
    """The model: clamp(rescale(total) + zero_point, low, high). The sum is an int32 and wraps like one."""
    moved = to_signed(rescale(total, multiplier, shift) + zero_point)
    return high if moved > high else max(moved, low)


class Requantizer(wiring.Component):
    """output = clamp(round(round((total + bias) * 2^left * multiplier / 2^31) / 2^right) + zero_point, low, high).

    `shift` >= 0 is `left`, else -shift is `right`. The first rounding goes to the nearest, halves up; the second one to the
    nearest, halves away from zero. That is TFLM's MultiplyByQuantizedMultiplier for every total and 0 <= multiplier < 2^31.
    `total + bias`, the left shift and `+ zero_point` wrap modulo 2^32. The models are `requantize` and `rescale`.

    * Latency: LATENCY_CYCLES. Throughput: one per cycle. The pipeline stands while an output waits.
    * scaled: the output before zero point and clamp.
    * tag: `tag_bits` that go along unchanged.
    * zero_point, low, high: constant while results are under way; or, with `announces`, those of the result whose tag is `next_tag`, the
      one that follows the one at the output.
    * Area: four DSP48E1 (17 x 17 bits each), or what the family needs for 32 x 31 bits.
    """

    LATENCY_CYCLES = 8

    def __init__(self, tag_bits: int = 0, *, announces: bool = False) -> None:
        self.announces = announces
        request = data.StructLayout(
            {
                "total": signed(32),
                "bias": signed(32),
                "multiplier": unsigned(31),
                "shift": signed(SHIFT_BITS),
                "tag": unsigned(tag_bits),
            }
        )
        result = data.StructLayout({"value": signed(8), "scaled": signed(32), "tag": unsigned(tag_bits)})
        super().__init__(
            {
                "i": In(stream.Signature(request)),
                "o": Out(stream.Signature(result)),
                "zero_point": In(signed(8)),
                "low": In(signed(8)),
                "high": In(signed(8)),
                **({"next_tag": Out(tag_bits)} if announces else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        advance = Signal()
        valid = Signal(self.LATENCY_CYCLES)
        m.d.comb += [
            advance.eq(~self.o.valid | self.o.ready),
            self.i.ready.eq(advance),
            self.o.valid.eq(valid[-1]),
        ]
        with m.If(advance):
            m.d.sync += valid.eq(valid << 1 | self.i.valid)

        def stage(value: Value, name: str, shape: ShapeLike | None = None) -> Signal:
            """`value` one register later."""
            register = Signal(shape or value.shape(), name=name, reset_less=True)
            with m.If(advance):
                m.d.sync += register.eq(value)
            return register

        request = self.i.payload
        # 1: bias. 2: left shift.
        total = stage(request.total + request.bias, "total", signed(32))
        multiplier = stage(request.multiplier, "multiplier1")
        shift = stage(request.shift, "shift1")
        left = Mux(shift >= 0, shift[:5], 0)
        shifted = stage(total.as_unsigned() << left, "shifted", signed(32))
        multiplier = stage(multiplier, "multiplier2")
        right = stage(Mux(shift < 0, (-shift)[:5], 0), "right2", unsigned(5))
        # 3: four partial products. 4: their sum.
        x_low, x_high = shifted[:LOW_BITS], shifted[LOW_BITS:].as_signed()
        m_low, m_high = multiplier[:LOW_BITS], multiplier[LOW_BITS:]
        low = stage(x_low * m_low, "product_low")
        middle_a = stage(x_low * m_high, "product_middle_a")
        middle_b = stage(x_high * m_low, "product_middle_b")
        high = stage(x_high * m_high, "product_high")
        right = stage(right, "right3")
        product = stage(
            low + ((middle_a + middle_b) << LOW_BITS) + (high << 2 * LOW_BITS) + (1 << 30),
            "product",
            signed(64),
        )
        right = stage(right, "right4")
        # 5: the high half, and the half of 2^right. 6: their sum. 7: right shift. 8: zero point, clamp.
        high_half = product[31:63].as_signed()
        half = stage((((1 << right) - (high_half < 0)) >> 1).as_unsigned(), "half", unsigned(31))
        high_half, right = stage(high_half, "high_half"), stage(right, "right5")
        nudged, right = stage(high_half + half, "nudged", signed(33)), stage(right, "right6")
        scaled = stage(nudged >> right, "scaled", signed(33))
        moved = Signal(signed(32))
        m.d.comb += moved.eq(scaled + self.zero_point)
        clamped = Mux(moved > self.high, self.high, Mux(moved < self.low, self.low, moved[:8].as_signed()))
        m.d.comb += self.o.payload.value.eq(stage(clamped, "clamped", signed(8)))
        m.d.comb += self.o.payload.scaled.eq(stage(scaled, "scaled_out", signed(32)))
        tag = request.tag
        for number in range(self.LATENCY_CYCLES):
            if self.announces and number == self.LATENCY_CYCLES - 1:
                m.d.comb += self.next_tag.eq(tag)
            tag = stage(tag, f"tag{number + 1}")
        m.d.comb += self.o.payload.tag.eq(tag)
        return m
