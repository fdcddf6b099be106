"""The streaming engine: its gateware against its model, on random jobs."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from cfukit.engine import EngineSize, make_engine
from cfukit.testing import verilator_driver
from cfukit.testing.checks import hang_cycles
from cfukit.testing.judge import judge
from cfukit.testing.mismatch import Context
from support.engine_jobs import random_segment

SIZES = {
    "16x4": EngineSize(),
    "8x2": EngineSize(lanes=8, outputs=2, requantizers=1, weight_rows=256, window_rows=64, channels=64),
    "4x1": EngineSize(lanes=4, outputs=1, requantizers=1, weight_rows=256, window_rows=64, channels=64),
    "16x8": EngineSize(outputs=8, requantizers=4, window_rows=128, channels=64),
}


def check_jobs(size: EngineSize, seeds: Iterable[int]) -> None:
    """Random jobs through the generated Verilog: status, memory, and nothing else written."""
    cfu = make_engine(size)
    segments = [random_segment(seed, size) for seed in seeds]
    bench = verilator_driver.build(cfu.verilog(), "engine", cfu.memory_width)
    records = verilator_driver.play(bench, segments, hang_cycles(cfu))
    for number, (segment, record) in enumerate(zip(segments, records, strict=True)):
        judge(Context(cfu, segment.memory_seed, "Verilator"), number, segment, record)


@pytest.mark.slow
@pytest.mark.parametrize("name", SIZES)
def test_random_jobs(name: str) -> None:
    check_jobs(SIZES[name], range(40))
