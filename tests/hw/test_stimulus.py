"""The commands that CFUs are tested with are reproducible, begin with edge words, and are affordable at any latency."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfukit import BaseCfu, Fixed, Instruction, Mode, Variable
from cfukit.testing import check_gateware, vectors
from cfukit.testing.stimulus import CYCLES_PER_OPERATION, EDGES, budget, expected_cycles, segments, sequence
from cfukit_base import progress
from support.latency_cfu import Count, make_latency_cfu
from support.odd_units import Countdown, Lazy


class Timed(Instruction):
    """A declaration: rd = rs1 after some cycles."""

    def __init__(self, name: str, time: Fixed | Variable, actual: int = 0):
        super().__init__(name=name, time=time)
        self.actual = actual

    def call(self, funct7, rs1, rs2):
        return rs1

    def cycles(self, funct7, rs1, rs2):
        return self.actual


LATENCIES = st.lists(st.sampled_from([0, 1, 3, 60, 100, 3000, 50_000, 1_000_000]), min_size=1, max_size=8)


def declared(latencies: list[int]) -> BaseCfu:
    return BaseCfu({n: Timed(f"timed{n}", Fixed(latency)) for n, latency in enumerate(latencies)})


def cycles_of(cfu: BaseCfu, made: list) -> int:
    return sum(cfu.latency_cycles(op.funct3, 0, 0, 0) for segment in made for op in segment.ops)


@given(latencies=LATENCIES, seed=st.integers(0, 100))
def test_any_latencies_are_affordable(latencies: list[int], seed: int) -> None:
    cfu, asked = declared(latencies), 2000
    made = segments(cfu, seed, asked)
    fewest = 40 * max(latencies)  # two alone, and the random segments, none of which is empty
    assert cycles_of(cfu, made) <= 3 * asked * CYCLES_PER_OPERATION + fewest
    assert {op.funct3 for segment in made for op in segment.ops if op.funct3 < len(latencies)} == set(
        range(len(latencies))
    )
    if max(latencies) <= CYCLES_PER_OPERATION:
        assert sum(len(segment.ops) for segment in made) >= asked


def test_fast_instructions_are_tested_as_often_beside_a_slow_one() -> None:
    made = segments(declared([100_000, 1, 1]), 1, 3000)
    counts = Counter(op.funct3 for segment in made for op in segment.ops)
    assert 2 <= counts[0] <= 20 and min(counts[1], counts[2]) > 1000


def test_a_variable_instruction_counts_with_what_it_takes() -> None:
    cfu = BaseCfu({0: Timed("rarely_long", Variable(1_000_000), 5), 1: Timed("long", Variable(9000), 8000)})
    assert expected_cycles(cfu) == {0: 5, 1: 8000}
    chosen = budget(cfu, 0, 1000)
    assert chosen.weights[0] == 1 and chosen.weights[1] == CYCLES_PER_OPERATION / 8000


def test_the_result_says_how_many_were_played_and_progress_is_shown() -> None:
    class Seen:
        def __init__(self) -> None:
            self.places: list[float] = []

        def start(self, text: str) -> None: ...
        def end(self, text: str, seconds: float, ok: bool) -> None: ...
        def doing(self, text: str) -> None: ...
        def advance(self, done: float, total: float, note: str) -> None:
            assert 0 <= done <= total and note == "commands"
            self.places.append(done)

    state = Count()
    from cfukit import Cfu

    cfu = Cfu({0: Countdown(700, name="long", state=state)}, name="long")
    seen = Seen()
    progress.show_with(seen)
    try:
        result = check_gateware(cfu, 1, 40)
    finally:
        progress.show_with(None)
    assert result.asked == 40 and 2 <= result.operations < 30
    assert len(seen.places) > 5 and seen.places == sorted(seen.places)


def test_the_same_seed_gives_the_same_commands() -> None:
    first = segments(make_latency_cfu(), 5, 3000)
    assert first == segments(make_latency_cfu(), 5, 3000) != segments(make_latency_cfu(), 6, 3000)
    assert vectors(make_latency_cfu(), 5, 300) == vectors(make_latency_cfu(), 5, 300)
    kinds = [segment.kind for segment in first]
    assert kinds[:7] == ["steady"] * 7 and {"cpu", "gaps", "pressure", "abort", "unassigned"} <= set(kinds)
    assert any(not segment.drain for segment in first) and any(not s.always_ready for s in first)


def test_edge_words_come_first() -> None:
    class Moded(Timed):
        modes = (Mode(3, "a"), Mode(9, "b"))

    cfu = BaseCfu({2: Moded("moded", Fixed(1))})
    (steady, *_) = segments(cfu, 0, 20_000)
    pairs = {(op.rs1, op.rs2) for op in steady.ops}
    assert len(pairs) >= 256 and {(a, b) for a in EDGES for b in EDGES} <= pairs
    assert {op.funct7 for op in steady.ops} == {3, 9}
    found = list(sequence(cfu, 0, 200))
    assert len(found) == 200 and all(op.rs1 in EDGES and op.rs2 in EDGES for op in found[:60])


def test_a_model_that_fails_does_not_stop_the_planning() -> None:
    class Raises(Timed):
        def cycles(self, funct7, rs1, rs2):
            raise ZeroDivisionError

    cfu = BaseCfu({0: Raises("raises", Variable(500))})
    assert expected_cycles(cfu) == {0: 500}


@pytest.mark.slow
def test_a_lazy_instruction_in_every_segment_kind() -> None:
    from cfukit import Cfu

    check_gateware(Cfu({5: Lazy(name="lazy", state=Count())}, name="lazy"), 11, 2000)
