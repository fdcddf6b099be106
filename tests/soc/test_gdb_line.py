"""gdb at the fast simulator, where it is hard: a line that damages packets, an interrupt on the way back, a CFU at work."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cfukit_base.artefacts import Soc
from cfukit_base.symbols import symbol
from cfukit_soc.fast.build import build_cfu_library
from cfukit_soc.image import memory_image
from support.bare import ODD_CFU, assemble, compile_c
from support.gdb_client import INT, Run, State

LONG = """
u32 word;
__attribute__((noinline)) int end(int n) { return n + 1; }
int main(void) { for (u32 i = 0; i < 400000; i++) __asm__ volatile("" ::: "memory"); return end(word); }
"""
CFUS = """  .globl main
main:
 li a0, 0x01020304
 li a1, 3
 mv s1, ra
 .insn r 0x0B, 1, 3, a2, a0, a1
 .insn r 0x0B, 0, 0, a3, a2, a1
 .insn r 0x0B, 1, 9, a4, a3, a0
 sw a4, -4(sp)
 .insn r 0x0B, 2, 0, a5, a4, a3
 xor a0, a4, a5
 andi a0, a0, 63
 mv ra, s1
 ret
"""


@pytest.fixture
def run_of(system: Any, tmp_path: Path) -> Callable[..., Run]:
    """The run of an ELF on board `sim`."""

    def make(elf: Path, *more: str, **options: Any) -> Run:
        image = memory_image(elf, Soc.read(system.soc_json))
        limits = ("max_cycles=9000000", "hang_cycles=20000")
        return Run(system.soc_json, image, tmp_path, options=(*limits, *more), **options)

    return make


def test_a_client_that_acknowledges_gets_acknowledgements(run_of: Callable[..., Run], tmp_path: Path) -> None:
    run = run_of(compile_c("int main(void) { return 0; }", tmp_path))
    with run.debugged(acknowledges=True) as gdb:
        assert [gdb.ask("?"), gdb.heard] == ["S05", "+"]
        state = gdb.state()
        gdb.heard = ""
        for damaged in ("$?#00", "$g#zz", "$g#6", "$?"):  # the last two have lost their end
            gdb.socket.sendall(damaged.encode())
        assert gdb.ask("?") == "S05"
        assert gdb.heard == "--+" or gdb.heard == "---+"
        gdb.heard = ""
        first = gdb.ask("p20")
        gdb.socket.sendall(b"-")  # it came damaged
        assert [gdb.receive(), gdb.heard] == [first, "+"]
        gdb.socket.sendall(b"+-")
        gdb.send("?")
        assert [gdb.receive(), gdb.receive(), gdb.heard] == [first, "S05", "++"]
        assert gdb.ask("QStartNoAckMode") == "OK"
        gdb.heard = ""
        gdb.socket.sendall(b"$?#00-")
        assert [gdb.state(), gdb.heard] == [state, ""]
        assert gdb.ask("c") == "W00"
    assert run.result()["end"] == "exit"


@pytest.mark.parametrize("back", ["bs", "bc"])
def test_an_interrupt_stops_the_way_back(run_of: Callable[..., Run], tmp_path: Path, back: str) -> None:
    """gdb then is where the search was, before `there`. What gdb had changed behind that place is undone."""
    elf = compile_c(LONG, tmp_path)
    run, word = run_of(elf), symbol(elf, "word")
    with run.debugged() as gdb:
        gdb.stop_at(symbol(elf, "end"))
        assert gdb.ask("c") == "T05"
        there = gdb.state()
        gdb.set_memory(word, struct.pack("<I", 7))
        assert gdb.ask("s") == "T05"
        gdb.set_register(10, 40)
        gdb.socket.sendall(b"$%s#%02x\3" % (back.encode(), sum(back.encode())))
        assert gdb.receive() == f"T{INT:02x}"
        assert gdb.state().cycle < there.cycle and gdb.memory(word, 4) == bytes(4)
        assert [gdb.ask("s"), gdb.ask("bs")] == ["T05", "T05"]
        assert [gdb.ask("c"), gdb.state()] == ["T05", there]
        assert gdb.ask("c") == "W01"


@pytest.mark.parametrize(
    "sanitized", [False, pytest.param(True, marks=[pytest.mark.slow, pytest.mark.needs("g++")])]
)
def test_the_cfu_is_stepped_over_both_ways(
    system: Any, run_of: Callable[..., Run], tmp_path: Path, sanitized: bool
) -> None:
    """The CFU has a state, and begins anew with each way back; under the sanitizers none of them may be left over."""
    library = build_cfu_library(ODD_CFU, system.build_dir)
    elf = assemble(CFUS, tmp_path)
    run = run_of(elf, f"cfu={library}", sanitized=sanitized)
    expected, output, lines = run.alone()
    trace = [line.split() for line in lines]
    assert sum(int(word, 16) & 0x7F == 0x0B for _, _, word, *_ in trace) == 4
    with run.debugged() as gdb:
        gdb.stop_at(symbol(elf, "main"))
        assert [gdb.ask("c"), gdb.ask("s")] == ["T05", "T05"]
        states: list[State] = [gdb.state()]
        while len(states) < 13:
            assert gdb.ask("s") == "T05"
            states.append(gdb.state())
            cycle, _, word, *written = trace[states[-1].instructions - 1]
            assert states[-1].cycle == int(cycle) + 1
            if int(word, 16) & 0x7F == 0x0B:
                assert written == [f"x{int(word, 16) >> 7 & 31}={states[-1].x[int(word, 16) >> 7 & 31]:08x}"]
        for state in reversed(states[:-1]):
            assert [gdb.ask("bs"), gdb.state()] == ["T05", state]
        for state in states[1:]:
            assert [gdb.ask("s"), gdb.state()] == ["T05", state]
        assert gdb.ask("c") == f"W{expected['exit_code']:02x}"
    assert (run.result(), run.output) == (expected, output)
