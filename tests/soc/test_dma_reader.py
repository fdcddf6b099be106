"""The DMA port's way from commands to elements, alone, for every width of element and memory."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from migen import ResetInserter, passive, run_simulation

from cfukit_base.cfu_ports import DMA_OUTSTANDING, DmaShape
from cfukit_soc.boards import MAIN_RAM_BASE, BusMemory
from cfukit_soc.dma import DmaReader

BYTES = 4096
MEMORY = BusMemory("main_ram", MAIN_RAM_BASE, BYTES, "ram", 2, 2)
CONTENTS = random.Random(1).randbytes(BYTES)


class Played:
    """A reader between a memory of random latency and a CFU that asks for `bursts` (element, count) and is ready at random.

    A reset comes in cycle `reset_at`; after it the CFU begins anew.
    """

    def __init__(
        self, width: int, word_bits: int, bursts: list[tuple[int, int]], seed: int, reset_at: int = -1
    ):
        self.reader = ResetInserter()(DmaReader(DmaShape(width=width), MEMORY, word_bits))
        self.signals, self.size, self.bursts = self.reader.signals, width // 8, bursts
        self.word_bytes, self.reset_at = word_bits // 8, reset_at
        self.rng = random.Random(seed)
        self.got: list[bytes] = []
        self.most_waiting = 0
        run_simulation(self.reader, [self.cfu(), self.memory()])

    @property
    def wanted(self) -> list[bytes]:
        places = [at + n for at, count in self.bursts for n in range(count)]
        return [CONTENTS[at * self.size : (at + 1) * self.size] for at in places]

    def cfu(self) -> Iterator[Any]:
        s, sent, cycle = self.signals, 0, 0
        while len(self.got) < len(self.wanted):
            cycle += 1
            assert cycle < 20_000, "it hangs"
            offers = sent < len(self.bursts) and self.rng.random() < 0.7
            at, count = self.bursts[min(sent, len(self.bursts) - 1)]
            yield s["dma_read_cmd_valid"].eq(offers)
            yield s["dma_read_cmd_payload_addr"].eq(MAIN_RAM_BASE + at * self.size)
            yield s["dma_read_cmd_payload_count"].eq(count)
            takes = self.rng.random() < 0.6
            yield s["dma_read_rsp_ready"].eq(takes)
            yield self.reader.reset.eq(cycle == self.reset_at)
            yield
            # What was driven before the last clock edge counts in the cycle that begins with it.
            if cycle == self.reset_at:
                sent, self.got = 0, []
                yield s["dma_read_cmd_valid"].eq(0)
                yield s["dma_read_rsp_ready"].eq(0)
                yield self.reader.reset.eq(0)
                yield
                continue
            if offers and (yield s["dma_read_cmd_ready"]):
                assert not (yield self.reader.outside)
                sent += 1
            if takes and (yield s["dma_read_rsp_valid"]):
                element = yield s["dma_read_rsp_payload_data"]
                self.got.append(element.to_bytes(self.size, "little"))
            ends = [sum(count for _, count in self.bursts[: n + 1]) for n in range(sent)]
            self.most_waiting = max(self.most_waiting, sum(end > len(self.got) for end in ends))

    @passive
    def memory(self) -> Iterator[Any]:
        reader, waiting = self.reader, []
        while True:
            ready, valid = self.rng.random() < 0.7, bool(waiting) and self.rng.random() < 0.7
            yield reader.addresses.ready.eq(ready)
            yield reader.words.valid.eq(valid)
            yield reader.words.data.eq(waiting[0] if valid else 0xDEAD)
            yield
            if (yield reader.reset):
                waiting.clear()
                continue
            if valid and (yield reader.words.ready):
                waiting.pop(0)
            if ready and (yield reader.addresses.valid):
                at = (yield reader.addresses.address) * self.word_bytes
                assert at + self.word_bytes <= BYTES
                waiting.append(int.from_bytes(CONTENTS[at : at + self.word_bytes], "little"))


@st.composite
def traffic(draw: Any) -> tuple[int, int, list[tuple[int, int]], int]:
    width, word_bits = draw(st.sampled_from((32, 64, 128))), draw(st.sampled_from((16, 32, 64, 128)))
    room = BYTES * 8 // width
    burst = st.tuples(st.integers(0, room - 1), st.integers(1, 20)).map(
        lambda pair: (pair[0], min(pair[1], room - pair[0]))
    )
    return width, word_bits, draw(st.lists(burst, min_size=1, max_size=10)), draw(st.integers(0, 1 << 30))


@settings(max_examples=25, deadline=None)
@given(traffic())
def test_elements_come_in_order_whatever_the_widths(
    case: tuple[int, int, list[tuple[int, int]], int],
) -> None:
    played = Played(*case)
    assert played.got == played.wanted


@settings(max_examples=15, deadline=None)
@given(traffic(), st.integers(1, 60))
def test_a_reset_drops_what_is_outstanding(
    case: tuple[int, int, list[tuple[int, int]], int], cycle: int
) -> None:
    played = Played(*case, reset_at=cycle)
    assert played.got == played.wanted


def test_commands_are_outstanding() -> None:
    assert Played(32, 128, [(n, 3) for n in range(10)], 1).most_waiting >= DMA_OUTSTANDING


@pytest.mark.parametrize(
    ("address", "count", "outside"),
    [
        (MAIN_RAM_BASE, 256, False),
        (MAIN_RAM_BASE, 257, True),
        (MAIN_RAM_BASE + BYTES - 16, 1, False),
        (MAIN_RAM_BASE + BYTES - 16, 2, True),
        (MAIN_RAM_BASE + BYTES, 1, True),
        (MAIN_RAM_BASE - 16, 2, True),
        (MAIN_RAM_BASE + 8, 1, True),
        (MAIN_RAM_BASE, 0, True),
        (0xFFFF_FFF0, 0xFFFF, True),
    ],
)
def test_what_is_out_of_range(address: int, count: int, outside: bool) -> None:
    reader = DmaReader(DmaShape(width=128), MEMORY, 32)
    seen = []

    def ask() -> Iterator[Any]:
        yield reader.signals["dma_read_cmd_valid"].eq(1)
        yield reader.signals["dma_read_cmd_payload_addr"].eq(address)
        yield reader.signals["dma_read_cmd_payload_count"].eq(count)
        yield
        assert (yield reader.signals["dma_read_cmd_ready"])
        seen.append((yield reader.outside))

    run_simulation(reader, ask())
    assert seen == [outside]
