"""The requantizer: a result in six cycles, with one multiplier."""

from size import CHANNELS, SUM_BITS

from cfukit import Cat, Mux, Signal, signed


def requantize_sums(pixel, m, held, bias, anew):
    """From sums to packed results, six cycles each. One multiplier makes all products, 16 x 16 bits, of magnitudes.

    phase  4: total = sum + bias of the next result
           5: its magnitude
           0 to 3: times the multiplier, and the high half with its rounding
           4, 5: times 2^(16 - shift) or 2^(32 - shift), which is the right shift with its rounding
           0: sign, zero point, clamp; out it goes

    anew: a job begins, and nothing of an earlier one is under way.
    """
    pixel.phase, pixel.preparing, pixel.multiplying, pixel.leaving = (
        Signal(3, init=4),
        Signal(),
        Signal(),
        Signal(),
    )
    packed, pixel.count = Signal(32), Signal(2)  # bytes that are packed
    phase, left, channel = pixel.phase, Signal(10), Signal(range(CHANNELS))
    total, x, sums = Signal(signed(32)), Signal(32), Signal(33)
    negative, leaves_negative = Signal(), Signal()
    # Of the result that is prepared, multiplied, and that leaves.
    shift0, shift1, leaves_wide = Signal(5), Signal(5), Signal()
    known0, known1, known2, last0, last1, last2 = (
        Signal(name=f"{name}{n}") for name in ("known", "last") for n in range(3)
    )
    frozen = (phase == 0) & pixel.leaving & pixel.queue.full
    m.d.comb += [
        # Bias and shift for phase 4, the multiplier for 0 to 3.
        pixel.channel_read.addr.eq(Cat((phase != 3) & (phase != 4), channel)),
    ]
    multiplier = pixel.channel_read.data[:31]
    operand, factor, product, base = Signal(16), Signal(16), Signal(32), Signal(33)
    power = Signal(16)
    m.d.comb += [
        power.eq(1 << ~shift1[:4]),  # 15 - shift
        operand.eq(Mux((phase == 2) | (phase == 3) | (phase == 5), x[16:], x[:16])),
        factor.eq(Mux(phase[2], power, Mux(phase[0], multiplier[16:], multiplier[:16]))),
        product.eq(operand * factor),
        base.eq(sums >> 16),
    ]
    with m.Switch(phase):
        with m.Case(0):
            m.d.comb += base.eq((1 << 30) - negative)
        with m.Case(2):
            m.d.comb += base.eq(sums)
        with m.Case(4):
            m.d.comb += base.eq(1 << 15)
        with m.Case(5):
            with m.If(shift1[4]):
                m.d.comb += base.eq(1 << 15)
    new = Signal(33)
    m.d.comb += new.eq(base + product)
    with m.If(~frozen):
        m.d.sync += [sums.eq(new), phase.eq(phase + 1)]
        with m.Switch(phase):
            with m.Case(0):
                m.d.sync += pixel.leaving.eq(0)
                with m.If(~pixel.multiplying):
                    m.d.sync += phase.eq(3)
            with m.Case(2):
                m.d.sync += channel.eq(Mux(last1, 0, channel + 1))
            with m.Case(3):
                m.d.sync += x.eq(Cat(sums[15], new))
            with m.Case(4):
                m.d.sync += [
                    total.eq(held[:SUM_BITS].as_signed() + bias),
                    shift0.eq(pixel.channel_read.data[32:]),
                    known0.eq(channel < pixel.channel_end[1:]),
                    last0.eq(left == 1),
                    pixel.preparing.eq(pixel.held_count != 0),
                ]
                with m.If(pixel.held_count != 0):
                    m.d.sync += [
                        held.eq(held >> SUM_BITS),
                        pixel.held_count.eq(pixel.held_count - 1),
                        left.eq(left - 1),
                    ]
                    with m.If(left == 1):
                        m.d.sync += [left.eq(pixel.results), pixel.held_count.eq(0)]
                with m.Elif(~pixel.multiplying):
                    m.d.sync += phase.eq(4)
            with m.Case(5):
                m.d.sync += [phase.eq(0), x.eq(Mux(total < 0, -total, total)), negative.eq(total < 0)]
                m.d.sync += [shift1.eq(shift0), known1.eq(known0), last1.eq(last0)]
                m.d.sync += [pixel.multiplying.eq(pixel.preparing), pixel.preparing.eq(0)]
                m.d.sync += [leaves_negative.eq(negative), leaves_wide.eq(shift1[4]), known2.eq(known1)]
                m.d.sync += [last2.eq(last1), pixel.leaving.eq(pixel.multiplying)]
    magnitude, moved, value = Signal(33), Signal(signed(12)), Signal(signed(8))
    m.d.comb += [
        magnitude.eq(Mux(leaves_wide, sums >> 16, sums)),
        moved.eq(Mux(known2, Mux(leaves_negative, -magnitude[:9], magnitude[:9]), 0) + pixel.zero_point),
    ]
    over = magnitude[9:].any() & known2
    with m.If(Mux(over, ~leaves_negative, moved > pixel.high)):
        m.d.comb += value.eq(pixel.high)
    with m.Elif(over | (moved < pixel.low)):
        m.d.comb += value.eq(pixel.low)
    with m.Else():
        m.d.comb += value.eq(moved)
    m.d.comb += [pixel.queue.word.eq(Cat(packed[8:], value)), pixel.queue.last.eq(last2)]
    with m.If((phase == 0) & pixel.leaving & ~pixel.queue.full):
        m.d.sync += [packed.eq(pixel.queue.word), pixel.count.eq(pixel.count + 1)]
        with m.If((pixel.count == 3) | last2):
            m.d.comb += pixel.queue.push.eq(1)
            m.d.sync += [packed.eq(0), pixel.count.eq(0)]
    with m.If(anew):
        m.d.sync += [left.eq(pixel.results), channel.eq(0), packed.eq(0)]
