"""A running simulation tells how far it is, and where a program was when it is stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cfukit_base import progress
from cfukit_base.artefacts import Outcome
from cfukit_base.whereabouts import Stopped
from cfukit_soc import simulate, watching
from cfukit_soc.fast import simulate_fast
from support.bare import compile_c

SPIN = """static volatile int n;
__attribute__((noinline)) static void spin(void) {
  for (;;) n++;
}
int main(void) { put('o'); put('n'); spin(); return 0; }"""


class Doings:
    """A progress sink that keeps what was being done, and when."""

    def __init__(self) -> None:
        self.said: list[tuple[float, str]] = []

    def start(self, text: str) -> None: ...
    def advance(self, done: float, total: float, note: str) -> None: ...
    def end(self, text: str, seconds: float, ok: bool) -> None: ...
    def note(self, text: str) -> None: ...
    def doing(self, text: str) -> None:
        self.said.append((time.monotonic(), text))


@pytest.fixture
def doings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Doings]:
    monkeypatch.setattr(watching, "_LOOK_SECONDS", 0.02)
    sink = Doings()
    progress.show_with(sink)
    yield sink
    progress.show_with(None)


def cycles_of(text: str) -> int:
    return int(text.rpartition(" cycles")[0].split()[-1].replace(",", ""))


@pytest.fixture(params=["rtl", "fast"])
def run_c(request: pytest.FixtureRequest, system: Any, tmp_path: Path) -> Callable[..., Outcome]:
    """run_c(source, **options): compile a C program and run it on the simulator."""

    def run(source: str, **options: Any) -> Outcome:
        elf = compile_c(source, tmp_path)
        if request.param == "rtl":
            return simulate(system.simulator(), system.soc_json, elf, **options)
        return simulate_fast(system.soc_json, elf, None, build_dir=system.build_dir, **options)

    return run


CYCLES = {"rtl": 2_000_000, "fast": 100_000_000}


def test_an_endless_loop_is_seen_at_work(
    run_c: Callable[..., Outcome], doings: Doings, request: pytest.FixtureRequest
) -> None:
    limit = CYCLES[request.node.callspec.params["run_c"]]
    came: list[tuple[float, bytes]] = []
    result = run_c(
        SPIN,
        max_cycles=limit,
        label="loop",
        on_output=lambda data: came.append((time.monotonic(), data)),
    )
    assert result.fault is not None and result.fault.kind == "time_out" and result.cycles == limit
    told = [text for _, text in doings.said if "in spin" in text]
    cycles = [cycles_of(text) for text in told]
    assert len(set(cycles)) > 1 and cycles == sorted(cycles) and cycles[-1] < limit
    assert all(text.startswith("loop: ") and text.endswith("in spin (program.c:3)") for text in told)
    assert came[0][1] == b"on" and came[0][0] < doings.said[-1][0], "a line without an end waited for the end"


def test_a_stopped_simulation_names_the_place(run_c: Callable[..., Outcome]) -> None:
    def stop(data: bytes) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Stopped) as stopped:
        run_c(SPIN, max_cycles=0, on_output=stop)
    (at,) = stopped.value.running
    assert (at.function, Path(at.file).name) == ("spin", "program.c") and at.line in (2, 3)
    assert 0 < at.cycles < 20_000_000


LONG = """static volatile u32 n;
int main(void) { for (u32 i = 0; i < 200000; i++) { n += i ^ n << 3; if (i % 30000 == 0) put('a' + i / 30000); } return (int)n; }"""


def test_telling_the_progress_costs_no_simulated_cycle(system: Any, tmp_path: Path) -> None:
    """The fast model comes back for it; where and how often must not show in the result."""
    elf = compile_c(LONG, tmp_path)
    fast, exact = (
        simulate_fast(system.soc_json, elf, None, build_dir=system.build_dir, exact=exact)
        for exact in (False, True)
    )
    assert fast.cycles is not None and fast.cycles > 3 << 20, "as long as several periods"
    assert fast == exact == simulate(system.simulator(), system.soc_json, elf)
    assert fast.output == b"abcdefg"


def test_before_the_first_instruction_there_is_no_place(tmp_path: Path) -> None:
    watch = watching.Watch(tmp_path / "progress", tmp_path / "none.elf", "")
    assert watch.now() is None
