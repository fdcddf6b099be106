"""Parts of accelerators: gateware against integer models, with random gaps and back-pressure on their streams."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import unsigned
from amaranth.lib import data
from amaranth.sim import Simulator
from hypothesis import example, given
from hypothesis import strategies as st

from cfukit.parts import (
    MacArray,
    Requantizer,
    RowPacker,
    StreamBuffer,
    WindowGather,
    WindowWalker,
    requantize,
)
from cfukit.parts.mac_array import dots
from cfukit_sw import fixed_point

INT32 = st.one_of(
    st.sampled_from((0, 1, -1, -(1 << 31), (1 << 31) - 1)), st.integers(-(1 << 31), (1 << 31) - 1)
)
MULTIPLIER = st.one_of(st.sampled_from((0, 1 << 30, (1 << 31) - 1)), st.integers(1 << 30, (1 << 31) - 1))
LANES = 4


def simulate(component: Any, *processes: Callable[[Any], Any]) -> None:
    """Run until all `processes` have ended."""
    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    for process in processes:
        simulator.add_testbench(process)
    simulator.run()


def sender(stream: Any, items: list[Any], rng: random.Random, gaps: float) -> Callable[[Any], Any]:
    async def process(ctx: Any) -> None:
        for item in items:
            while rng.random() < gaps:
                await ctx.tick()
            ctx.set(stream.payload, item)
            ctx.set(stream.valid, 1)
            await ctx.tick().until(stream.ready)
            ctx.set(stream.valid, 0)

    return process


async def receive(ctx: Any, stream: Any, rng: random.Random, gaps: float) -> Any:
    """The next item of a stream; a waiting one may not change."""
    first = None
    while True:
        takes = rng.random() >= gaps
        ctx.set(stream.ready, takes)
        *_, valid, payload = await ctx.tick().sample(stream.valid, stream.payload)
        ctx.set(stream.ready, 0)
        if valid:
            item = {key: payload[key] for key in stream.payload.shape().members}
            assert first is None or item == first
            first = item
            if takes:
                return item


@given(
    INT32,
    MULTIPLIER,
    st.integers(-31, 30),
    st.integers(-128, 127),
    st.integers(-128, 127),
    st.integers(-128, 127),
)
@example(-(1 << 31), (1 << 31) - 1, 0, -2, 0, 1)  # the zero point leaves int32
def test_requantize_is_tflms(
    total: int, multiplier: int, shift: int, zero_point: int, a: int, b: int
) -> None:
    low, high = sorted((a, b))
    expected = fixed_point.requantize(np.array([total], np.int64), multiplier, shift, zero_point, low, high)
    assert requantize(total, multiplier, shift, zero_point, low, high) == int(expected[0])


@pytest.mark.parametrize("seed", range(4))
def test_requantizer(seed: int) -> None:
    rng = random.Random(seed)
    part = Requantizer(tag_bits=7)
    zero_point, low, high = rng.randint(-128, 127), *sorted(rng.randint(-128, 127) for _ in range(2))
    edges = (0, 1, -1, (1 << 31) - 1, -(1 << 31))
    requests = [
        {
            "total": rng.choice((*edges, rng.randint(-(1 << 31), (1 << 31) - 1), rng.randint(-9999, 9999))),
            "bias": rng.choice((0, rng.randint(-(1 << 31), (1 << 31) - 1))),
            "multiplier": rng.choice((0, 1 << 30, (1 << 31) - 1, rng.randint(1 << 30, (1 << 31) - 1))),
            "shift": rng.choice((0, -1, -31, 30, rng.randint(-31, 30), rng.randint(-12, 0))),
            "tag": n % 128,
        }
        for n in range(300)
    ]

    async def check(ctx: Any) -> None:
        for name, value in (("zero_point", zero_point), ("low", low), ("high", high)):
            ctx.set(getattr(part, name), value)
        for number, request in enumerate(requests):
            result = await receive(ctx, part.o, rng, 0.4 * (seed % 2))
            total = request["total"] + request["bias"]
            expected = requantize(total, request["multiplier"], request["shift"], zero_point, low, high)
            assert (result["value"], result["tag"]) == (expected, number % 128), request

    simulate(part, sender(part.i, requests, rng, 0.3 * (seed // 2)), check)


def test_requantizer_takes_one_per_cycle() -> None:
    part, cycles = Requantizer(), []

    async def check(ctx: Any) -> None:
        ctx.set(part.high, 127)
        ctx.set(part.o.ready, 1)
        ctx.set(part.i.valid, 1)
        for cycle in range(40):
            assert ctx.get(part.i.ready)
            if ctx.get(part.o.valid):
                cycles.append(cycle)
            await ctx.tick()

    simulate(part, check)
    assert cycles == list(range(Requantizer.LATENCY_CYCLES, 40))


@pytest.mark.parametrize(
    ("lanes", "outputs", "pixels"), [(4, 1, 1), (3, 2, 1), (16, 4, 1), (1, 1, 2), (4, 2, 2)]
)
def test_mac_array(lanes: int, outputs: int, pixels: int) -> None:
    rng, part = random.Random(lanes), MacArray(lanes, outputs, pixels)

    def vector(values: list[int], bits: int) -> int:
        return sum((value & (1 << bits) - 1) << bits * n for n, value in enumerate(values))

    async def check(ctx: Any) -> None:
        expected: list[tuple[int, int]] = []
        for _ in range(300 if lanes < 16 else 100):
            x = [
                [rng.choice((-128, 127, rng.randint(-128, 127))) for _ in range(lanes)] for _ in range(pixels)
            ]
            w = [
                [rng.choice((-128, 127, rng.randint(-128, 127))) for _ in range(lanes)]
                for _ in range(outputs)
            ]
            ctx.set(part.x, vector([value for row in x for value in row], 8))
            ctx.set(part.w, vector([value for row in w for value in row], 8))
            ctx.set(part.enable, 1)
            products = [a * b for a, b in zip(x[0], w[0], strict=True)]
            sums = [dot for pixel in x for dot in dots(pixel, w)]
            expected.append((vector(sums, part.sum_bits), vector(products, 16)))
            await ctx.tick()
            if rng.random() < 0.3:
                ctx.set(part.enable, 0)
                await ctx.tick().repeat(2)
            if len(expected) >= part.latency_cycles:
                assert (ctx.get(part.sums), ctx.get(part.products)) == expected[-part.latency_cycles]

    simulate(part, check)


def windows_of(rng: random.Random) -> dict[str, int]:
    channels = rng.randint(1, 9)
    pixel_bytes = channels + rng.choice((0, 0, rng.randint(0, 3)))
    width = rng.randint(1, 5)
    return {
        "address": rng.randrange(1 << 12),
        "pixel_bytes": pixel_bytes,
        "row_bytes": width * pixel_bytes + rng.randint(0, 3),
        "height": rng.randint(1, 5),
        "width": width,
        "channels": channels,
        "filter_height": rng.randint(1, 3),
        "filter_width": rng.randint(1, 5),
        "stride_height": rng.randint(1, 3),
        "stride_width": rng.randint(1, 3),
        "dilation_height": rng.randint(0, 2),
        "dilation_width": rng.choice((1, 1, rng.randint(0, 2))),
        "top": rng.randint(-3, 0),
        "left": rng.randint(-5, 0),
        "output_height": rng.randint(1, 4),
        "output_width": rng.randint(1, 4),
        "depthwise": rng.randint(0, 1),
    }


def merged(w: dict[str, int], runs: Iterable[dict[str, int]]) -> Iterator[dict[str, int]]:
    """Those of runs_of, with the dense taps of a filter row between the image's borders in one run."""
    dense = w["dilation_width"] == 1 and w["pixel_bytes"] == w["channels"] and not w["depthwise"]
    taps = list(runs)
    for begin in range(0, len(taps), w["filter_width"]):
        row = taps[begin : begin + w["filter_width"]]
        if not dense:
            yield from row
            continue
        columns = (run["column"] for run in row)
        zones = [(column >= 0) + (column >= w["width"]) for column in columns]
        for zone in dict.fromkeys(zones):
            run = [run for run, each in zip(row, zones, strict=True) if each == zone]
            yield run[0] | {"count": sum(each["count"] for each in run), "last": run[-1]["last"]}


def runs_of(w: dict[str, int]) -> Iterator[dict[str, int]]:
    """What a WindowWalker gives if it merges nothing; the address of a run that is not inside means nothing."""
    groups = range(0, w["channels"], LANES) if w["depthwise"] else (0,)
    taps = [(y, x) for y in range(w["filter_height"]) for x in range(w["filter_width"])]
    for y in range(w["output_height"]):
        for x in range(w["output_width"]):
            for first in groups:
                for number, (filter_y, filter_x) in enumerate(taps):
                    row = w["top"] + y * w["stride_height"] + filter_y * w["dilation_height"]
                    column = w["left"] + x * w["stride_width"] + filter_x * w["dilation_width"]
                    yield {
                        "address": w["address"] + row * w["row_bytes"] + column * w["pixel_bytes"] + first,
                        "count": min(LANES, w["channels"] - first) if w["depthwise"] else w["channels"],
                        "inside": int(0 <= row < w["height"] and 0 <= column < w["width"]),
                        "last": int(number == len(taps) - 1),
                        "column": column,
                    }


@pytest.mark.parametrize("seed", range(16))
def test_window_walker(seed: int) -> None:
    rng, part = random.Random(seed), WindowWalker(LANES)

    async def check(ctx: Any) -> None:
        for _ in range(2):  # a walk leaves nothing behind
            windows = windows_of(rng)
            ctx.set(part.windows, windows)
            ctx.set(part.start, 1)
            await ctx.tick()
            ctx.set(part.start, 0)
            for expected in merged(windows, runs_of(windows)):
                del expected["column"]
                run = await receive(ctx, part.runs, rng, 0.3 * (seed % 2))
                if not expected["inside"]:
                    run["address"] = expected["address"]
                assert run == expected
            assert not ctx.get(part.runs.valid)

    simulate(part, check)


@pytest.mark.parametrize("seed", range(16))
def test_window_gather(seed: int) -> None:
    banks = seed // 8 + 1
    rng, part = random.Random(seed), WindowGather(LANES, depth=64, banks=banks)
    memory = rng.randbytes(1 << 13)
    windows = windows_of(rng)
    runs = [{key: value for key, value in run.items() if key != "column"} for run in runs_of(windows)]
    depthwise, zero_point = windows["depthwise"], rng.randint(-128, 127)
    taps = windows["filter_height"] * windows["filter_width"]
    rows = taps if depthwise else -(-taps * windows["channels"] // LANES)
    asked: list[int] = []
    stores, expected, done = [bytearray(64 * LANES) for _ in range(banks)], [], False
    in_turn = banks if not depthwise else 1  # windows that lie in the same rows, each in a bank
    for begin in range(0, len(runs), taps):
        parts = [
            memory[run["address"] : run["address"] + run["count"]]
            if run["inside"]
            else bytes([zero_point & 0xFF] * run["count"])
            for run in runs[begin : begin + taps]
        ]
        whole = b"".join(part.ljust(LANES, b"\0") if depthwise else part for part in parts)
        expected.append(whole.ljust(rows * LANES, b"\0"))

    async def answer(ctx: Any) -> None:
        """The memory: up to four reads on their way."""
        while not done:
            ready = rng.random() < 0.7
            ctx.set(part.reads.ready, ready)
            *_, valid, address = await ctx.tick().sample(part.reads.valid, part.reads.payload)
            if ready and valid:
                asked.append(address)
                assert len(asked) <= 4 and address % LANES == 0
            answers = bool(asked) and rng.random() < 0.6
            ctx.set(part.answer.valid, answers)
            if answers:
                at = asked.pop(0)
                ctx.set(part.answer.payload, int.from_bytes(memory[at : at + LANES], "little"))

    async def check(ctx: Any) -> None:
        nonlocal done
        ctx.set(part.depthwise, depthwise)
        ctx.set(part.zero_point, zero_point)
        ctx.set(part.rows, rows)
        base = found = 0
        while found < len(expected):
            ctx.set(part.room, rng.random() < 0.8)
            watched = (part.misfit, part.write, part.mask, part.bank, part.row, part.data, part.gathered)
            *_, misfit, write, mask, bank, row, data, gathered = await ctx.tick().sample(*watched)
            assert not misfit
            if write:
                for lane in range(LANES):
                    if mask >> lane & 1:
                        stores[bank][row * LANES + lane] = data >> 8 * lane & 0xFF
            if gathered:
                store = stores[found % in_turn]
                ring = bytes(store[base * LANES :] + store[: base * LANES])
                assert ring[: rows * LANES] == expected[found]
                found += 1
                base = found // in_turn * rows % 64
        done = True

    async def start(ctx: Any) -> None:
        ctx.set(part.start, 1)
        await ctx.tick()
        ctx.set(part.start, 0)
        await sender(part.runs, runs, rng, 0.2)(ctx)

    simulate(part, start, answer, check)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("width", [1, 2, 4])
def test_row_packer(width: int, pairs: bool, seed: int) -> None:
    rng, part = random.Random(seed), RowPacker(width, LANES, 1 + pairs)
    count, pixels, address = rng.randint(1, 11), rng.randint(1, 12), rng.randrange(64)
    pixel_bytes = count + rng.choice((0, 0, 1, rng.randint(0, 12)))
    memory, expected = bytearray(256), bytearray(256)
    items = []
    for pixel in range(pixels):
        values = rng.randbytes(count)
        at = address + pixel * pixel_bytes
        expected[at : at + count] = values
        for n in range(0, count, width):
            piece = values[n : n + width]
            ends = n + width >= count
            items.append(
                {
                    "bytes": int.from_bytes(piece + bytes(width - len(piece)), "little"),
                    "count": len(piece),
                    "second": pairs and pixel % 2,
                    "pixel_ends": ends,
                    "last": ends and pixel == pixels - 1,
                }
            )
    if pairs:  # the items of two pixels in turn
        each = -(-count // width)
        two = [items[n : n + 2 * each] for n in range(0, len(items), 2 * each)]
        items = [
            item
            for pair in two
            for both in (
                zip(pair[:each], pair[each:], strict=True) if len(pair) > each else ([i] for i in pair)
            )
            for item in both
        ]

    async def check(ctx: Any) -> None:
        last, rows = False, 0
        while not last:
            row = await receive(ctx, part.o, rng, 0.4 * (seed % 2))
            last, rows = bool(row["last"]), rows + 1
            assert row["mask"] and row["address"] % LANES == 0
            for lane in range(LANES):
                if row["mask"] >> lane & 1:
                    memory[row["address"] + lane] = row["data"] >> 8 * lane & 0xFF
        assert memory == expected
        if pixel_bytes == count and not pairs:  # no row is written twice
            assert rows == (address + pixels * count - 1) // LANES - address // LANES + 1

    async def start(ctx: Any) -> None:
        ctx.set(part.address, address)
        ctx.set(part.pixel_bytes, pixel_bytes)
        ctx.set(part.pairs, pairs)
        ctx.set(part.start, 1)
        await ctx.tick()
        ctx.set(part.start, 0)
        await sender(part.i, items, rng, 0.3 * (seed // 2 % 2))(ctx)

    simulate(part, start, check)


@pytest.mark.parametrize("gaps", [0.0, 0.5])
@pytest.mark.parametrize("stops", [0.0, 0.5])
def test_stream_buffer(gaps: float, stops: float) -> None:
    rng = random.Random(f"{gaps} {stops}")
    part = StreamBuffer(data.StructLayout({"value": unsigned(8)}))
    items = [{"value": rng.randrange(256)} for _ in range(200)]
    cycles = 0

    async def check(ctx: Any) -> None:
        for item in items:
            assert await receive(ctx, part.o, rng, stops) == item
        assert not ctx.get(part.o.valid)

    async def count(ctx: Any) -> None:
        nonlocal cycles
        taken = 0
        while taken < len(items):
            *_, valid, ready = await ctx.tick().sample(part.i.valid, part.i.ready)
            taken += valid & ready
            cycles += 1

    simulate(part, sender(part.i, items, rng, gaps), check, count)
    assert gaps or stops or cycles == len(items)


def test_a_stream_buffer_cuts_both_ways() -> None:
    """Neither valid nor ready depends on the other side in the same cycle, in any of its states."""
    part, seen = StreamBuffer(unsigned(8)), set()

    async def check(ctx: Any) -> None:
        rng = random.Random(1)
        for _ in range(100):
            outputs = set()
            for valid, ready in ((0, 0), (0, 1), (1, 0), (1, 1)):
                ctx.set(part.i.valid, valid)
                ctx.set(part.o.ready, ready)
                outputs.add((ctx.get(part.i.ready), ctx.get(part.o.valid)))
            assert len(outputs) == 1
            seen.update(outputs)
            ctx.set(part.i.valid, rng.random() < 0.5)
            ctx.set(part.o.ready, rng.random() < 0.5)
            await ctx.tick()

    simulate(part, check)
    assert seen == {(1, 0), (1, 1), (0, 1)}
