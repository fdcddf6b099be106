"""gdb at the fast simulator: it stops where gdb wants, forwards and backwards, and its cycles are those of an undisturbed run."""

from __future__ import annotations

import random
import struct
from collections import Counter

import pytest

from cfukit_base.artefacts import Soc
from cfukit_base.symbols import symbol
from cfukit_soc.image import memory_image
from support import cpu_programs
from support.bare import assemble, compile_c
from support.fast_compare import program_image
from support.gdb_client import BUS, CYCLES, ILL, INT, PC, Run
from support.socs import make_soc

CPUS = {"one-port TCMs": "fomu", "no traps": "lean", "no bypass": {"bypass": False}}
SUMS = """
static u32 sums[8];
__attribute__((noinline)) u32 add(u32 n) { sums[n & 7] += n; return sums[n & 7]; }
int main(void) {
  u32 total = 0;
  for (u32 i = 0; i < 40; i++) total += add(i);
  put('.'), put('\\n');
  for (u32 i = 0; i < 40; i++) total += add(i);
  return (int)(total & 63);
}
"""


@pytest.fixture(autouse=True)
def _registers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The random programs end by our exit register."""
    monkeypatch.setattr(cpu_programs, "EXIT", 8)
    monkeypatch.setattr(cpu_programs, "ACK", 0)


@pytest.fixture
def run_of(system, tmp_path):
    """The run of an ELF on board `sim`."""
    return lambda elf, **options: Run(
        system.soc_json, memory_image(elf, Soc.read(system.soc_json)), tmp_path, **options
    )


def told(lines):
    """(cycle, pc) of the lines of a trace."""
    return [(int(cycle), int(pc, 16)) for cycle, pc, *_ in map(str.split, lines)]


def test_stepping_stops_where_the_trace_says_and_costs_nothing(system, tmp_path):
    check_steps(Run(system.soc_json, program_image(system.soc_json, 1, 100), tmp_path))


def test_breakpoints_stop_at_every_visit_and_cost_nothing(system, tmp_path):
    check_breakpoints(Run(system.soc_json, program_image(system.soc_json, 2, 300), tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("cpu", CPUS)
def test_other_cpus_are_debugged_as_well(cpu, tmp_path):
    soc_json = make_soc("sim", tmp_path / "soc", cpu=CPUS[cpu])
    check_steps(Run(soc_json, program_image(soc_json, 1, 100), tmp_path))
    check_breakpoints(Run(soc_json, program_image(soc_json, 2, 300), tmp_path))


def check_steps(run):
    """A stop is behind an instruction, in the cycle after it, or at the first instruction of a trap handler."""
    expected, output, lines = run.alone()
    trace = told(lines)
    with run.debugged() as gdb:
        begin = gdb.state()
        stops = [(begin.instructions, begin.pc)]
        while gdb.ask("s") == "T05":
            now = gdb.state()
            stops.append((now.instructions, now.pc))
            if now.instructions > stops[-2][0]:
                assert now.cycle == trace[now.instructions - 1][0] + 1
    assert (run.result(), run.output) == (expected, output)
    following = dict(stops)  # the last one, where a trap comes between
    assert [following[number] for number in range(len(trace))] == [pc for _, pc in trace]


def check_breakpoints(run):
    expected, output, lines = run.alone()
    trace = told(lines)
    places = set(random.Random(2).sample(sorted({pc for _, pc in trace}), 6))
    with run.debugged() as gdb:
        for number, place in enumerate(places):
            gdb.stop_at(place, kind=number % 2)
        stops = []
        while gdb.ask("c") == "T05":
            stops.append(gdb.state().pc)
    assert stops == [pc for _, pc in trace[1:] if pc in places]
    assert (run.result(), run.output) == (expected, output)


def test_a_watchpoint_stops_behind_each_access_and_costs_nothing(run_of, tmp_path):
    elf = compile_c(SUMS, tmp_path)
    run, place = run_of(elf), symbol(elf, "sums") + 12
    expected, output, _ = run.alone()
    with run.debugged() as gdb:
        gdb.stop_at(place, kind=2)
        seen = []
        while gdb.ask("c") == f"T05watch:{place:x};":
            seen.append(struct.unpack("<I", gdb.memory(place, 4))[0])
            if len(seen) == 5:  # half way, back over two of them, each seen from before it
                assert [gdb.ask("bc"), gdb.ask("bc")] == [f"T05watch:{place:x};"] * 2
                assert struct.unpack("<I", gdb.memory(place, 4))[0] == seen[2]
                assert [gdb.ask("c"), gdb.ask("c")] == [f"T05watch:{place:x};"] * 2
        adds = [3 + 8 * n for n in range(5)] * 2
        assert seen == [sum(adds[: n + 1]) for n in range(10)]
    assert (run.result(), run.output) == (expected, output)
    with run.debugged() as gdb:
        gdb.stop_at(place + 1, kind=3, size=1)
        assert gdb.ask("c") == f"T05rwatch:{place + 1:x};"
        gdb.stop_at(place + 1, kind=4, size=1)
        gdb.no_stop_at(place + 1, kind=3, size=1)
        assert gdb.ask("c") == f"T05awatch:{place + 1:x};"
        gdb.no_stop_at(place + 1, kind=4, size=1)
        assert gdb.ask("c") == f"W{expected['exit_code']:02x}"


@pytest.mark.parametrize("seed", range(3))
def test_the_way_back_is_the_way_forth(system, tmp_path, seed):
    """A random walk over a random program meets every state as the first way forth did."""
    run = Run(system.soc_json, program_image(system.soc_json, seed, 400), tmp_path)
    expected, _, _ = run.alone()
    rng = random.Random(seed)
    with run.debugged() as gdb:
        states = [gdb.state()]
        while len(states) < 150 and gdb.ask("s") == "T05":
            states.append(gdb.state())
        at = len(states) - 1
        places = {state.pc for state in rng.sample(states[5:], 2)}
        hits = [n for n, state in enumerate(states) if state.pc in places]
        for place in places:
            gdb.stop_at(place)
        for _ in range(30):
            kind = rng.choice(["s", "bs", "bs", "bc", "c"])
            if (kind == "s" and at + 1 == len(states)) or (kind == "c" and at >= hits[-1]):
                continue
            reply = gdb.ask(kind)
            begins = (kind == "bs" and at == 0) or (kind == "bc" and not any(n < at for n in hits))
            assert reply == ("T05replaylog:begin;" if begins else "T05")
            at = {
                "s": at + 1,
                "bs": max(at - 1, 0),
                "c": min((n for n in hits if n > at), default=0),
                "bc": max((n for n in hits if n < at), default=0),
            }[kind]
            assert gdb.state() == states[at], kind
        for place in places:
            gdb.no_stop_at(place)
        assert gdb.ask("c")[0] in "WT"
        gdb.send("c")
    assert run.result() == expected


def test_the_way_back_through_a_long_run(run_of, tmp_path):
    """The fast path takes most of it, with a change that gdb made on the way."""
    elf = compile_c(SUMS.replace("40", "3000"), tmp_path)
    run, place = run_of(elf), symbol(elf, "sums")
    trace = told(run.alone()[2])
    visits = Counter(pc for _, pc in trace)
    put = next(pc for cycle, pc in trace if cycle > 20_000 and visits[pc] == visits[pc + 4] == 1)
    with run.debugged() as gdb:
        gdb.stop_at(place, kind=2)
        for _ in range(3):
            assert gdb.ask("c") == f"T05watch:{place:x};"
        gdb.set_memory(place, bytes(4))
        gdb.set_register(30, 12345)
        gdb.no_stop_at(place, kind=2)
        for address in (put, put + 4):
            gdb.stop_at(address)
            assert gdb.ask("c") == "T05"
        there = gdb.state()
        assert there.x[30] == 12345 and there.cycle > 20_000
        assert [gdb.ask("bs"), gdb.state().pc, gdb.ask("s"), gdb.state()] == ["T05", put, "T05", there]
        gdb.no_stop_at(put)
        gdb.stop_at(place, kind=2)
        assert gdb.ask("bc") == f"T05watch:{place:x};"
        before = gdb.state()
        assert before.cycle < there.cycle and before.x[30] == 12345
        gdb.no_stop_at(place, kind=2)
        assert [gdb.ask("c"), gdb.state()] == ["T05", there]
        gdb.send("k")


def test_output_is_shown_once_whatever_the_way(run_of, tmp_path):
    run = run_of(compile_c(SUMS, tmp_path))
    expected, output, lines = run.alone()
    visited = [pc for _, pc in told(lines)]
    with run.debugged() as gdb:
        gdb.stop_at(next(pc for pc in reversed(visited[:-8]) if visited.count(pc) == 1))
        assert gdb.ask("c") == "T05"
        assert gdb.ask("bc") == "T05replaylog:begin;"
        assert gdb.ask("c") == "T05"
        assert gdb.ask("c") == f"W{expected['exit_code']:02x}"
    assert (run.result(), run.output, output) == (expected, b".\n", b".\n")


def test_what_gdb_writes_is_what_the_program_sees(run_of, tmp_path):
    elf = assemble(
        "  .globl main\nmain:\n li a0, 1\n la a1, word\n lw a2, 0(a1)\n"
        "stop: add a0, a0, a2\n addi a0, a0, 1\n ret\n .data\nword: .word 5\n",
        tmp_path,
    )
    run, stop, word = run_of(elf), symbol(elf, "stop"), symbol(elf, "word")
    with run.debugged() as gdb:
        gdb.stop_at(symbol(elf, "main"))
        assert gdb.ask("c") == "T05"
        gdb.set_memory(word, struct.pack("<I", 30))
        gdb.stop_at(stop)
        assert gdb.ask("c") == "T05"
        assert (gdb.state().x[12], gdb.memory(word, 4)) == (30, struct.pack("<I", 30))
        gdb.set_register(10, 2)
        gdb.set_register(12, 20)
        assert [gdb.ask("s"), gdb.state().x[10]] == ["T05", 22]
        assert [gdb.ask("bs"), gdb.state().x[10], gdb.state().x[12]] == ["T05", 2, 20]
        gdb.set_register(PC, stop + 4)
        gdb.set_memory(stop + 4, struct.pack("<I", 0x00750513))  # addi a0, a0, 7
        assert gdb.ask("c") == "W09"
    assert run.result()["exit_code"] == 9


def test_what_cannot_be_written_or_read_is_refused(run_of, tmp_path):
    run = run_of(compile_c("int main(void) { return 0; }", tmp_path))
    with run.debugged() as gdb:
        for packet in (
            f"P{CYCLES:x}=0000000000000000",
            "Pff=00000000",
            "P1=00",
            "M12345678,1:00",
            "M40000000,2:00",
        ):
            assert gdb.ask(packet) == "E01", packet
        for packet in ("m12345678,4", "mf0000000,4", "p99", "pffffffff"):
            assert gdb.ask(packet) == "E01", packet
        assert [gdb.ask(packet) for packet in ("vMustReplyEmpty", "Z7,0,4", "!", "")] == [""] * 4
        whole = gdb.ask("qXfer:features:read:target.xml:0,2000")
        parts = gdb.ask("qXfer:features:read:target.xml:0,64") + gdb.ask(
            "qXfer:features:read:target.xml:64,2000"
        )
        assert whole.startswith('l<?xml version="1.0"?>') and parts.replace("ml", "l", 1).count("<reg") > 30
        assert "l" + parts[1:101] + parts[102:] == whole
        assert gdb.ask("c") == "W00"


FAULTS = {
    "trap": (ILL, ".word 0"),
    "bus_error": (BUS, "li a1, 0x20000000\n lw a0, 0(a1)"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_a_place_to_look_at_and_to_go_back_from(run_of, tmp_path, kind):
    signal, code = FAULTS[kind]
    run = run_of(assemble(f"  .globl main\nmain:\n li a0, 7\n li a0, 8\n{code}\n ret\n", tmp_path))
    expected, _, _ = run.alone()
    assert expected["end"] == kind
    with run.debugged() as gdb:
        assert gdb.ask("c") == f"T{signal:02x}"
        there = gdb.state()
        assert (there.pc, there.x[10]) == (expected["pc"], 8)
        assert gdb.ask("P1=00000000") == "E02"
        assert [gdb.ask("bs"), gdb.ask("bs")] == ["T05", "T05"]
        assert gdb.state().x[10] in (0, 7) and gdb.state().pc == there.pc - 8
        assert [gdb.ask("c"), gdb.state()] == [f"T{signal:02x}", there]
        assert gdb.ask("c") == f"X{signal:02x}"
    assert run.result() == expected


def test_an_interrupt_a_kill_a_detach_and_the_end_of_the_connection(run_of, tmp_path):
    endless = compile_c('int main(void) { for (;;) __asm__ volatile(""); }', tmp_path / "endless")
    for last in ("k", "vKill;1", ""):
        run = run_of(endless, options=())
        with run.debugged() as gdb:
            gdb.send("c")
            gdb.socket.sendall(b"\3")
            assert gdb.receive() == f"T{INT:02x}"
            cycle = gdb.state().cycle
            assert gdb.ask("s") == "T05" and gdb.state().cycle > cycle
            if last:
                gdb.send(last)
        assert run.result()["end"] == "killed"
    run = run_of(compile_c(SUMS, tmp_path))
    expected, _, _ = run.alone()
    with run.debugged() as gdb:
        gdb.stop_at(0x40000000 + 8)
        assert gdb.ask("D") == "OK"
    assert run.result() == expected


def test_packets_that_are_damaged_are_asked_for_again(run_of, tmp_path):
    run = run_of(compile_c("int main(void) { return 0; }", tmp_path))
    with run.debugged() as gdb:
        gdb.socket.sendall(b"noise$?#00$?#3f")
        assert gdb.receive() == "S05"
        gdb.socket.sendall(b"$P0")
        gdb.socket.sendall(b"=00000000#")
        gdb.socket.sendall(b"%02x" % (sum(b"P0=00000000") & 255))
        assert gdb.receive() == "OK"
        gdb.socket.sendall(b"$X40000000,2:}]}\x03#" + b"%02x" % (sum(b"X40000000,2:}]}\x03") & 255))
        assert gdb.receive() == "OK" and gdb.memory(0x40000000, 2) == b"}#"


PACKETS = [
    "?",
    "g",
    "p20",
    "m40000000,40",
    "P5=01020304",
    "M40008000,4:01020304",
    "X40008000,2:ab",
    "Z0,40000010,4",
    "z0,40000010,4",
]
PACKETS += [
    "Z2,40008000,4",
    "z2,40008000,4",
    "Z4,fffffff0,ffffffff",
    "qSupported",
    "qXfer:features:read:target.xml:0,fff",
    "s",
    "bs",
]
PACKETS += [
    "s",
    "bs",
    "s",
    "bc",
    "s",
    "Hg0",
    "vCont?",
    "qfThreadInfo",
    "P20=00000040",
    "M40000100,4:13000000",
]


@pytest.mark.slow
@pytest.mark.needs("g++")
@pytest.mark.parametrize("seed", range(4))
def test_random_packets_do_no_harm(system, tmp_path, seed):
    """Each has an answer, also a damaged one; under the sanitizers of the compiler."""
    run = Run(system.soc_json, program_image(system.soc_json, seed, 200), tmp_path, sanitized=True)
    rng = random.Random(seed)
    with run.debugged() as gdb:
        for _ in range(250):
            packet = list(rng.choice(PACKETS))
            if rng.random() < 0.4:
                packet[rng.randrange(len(packet))] = rng.choice("0123456789abcdef,:;=zZmMX}")
            if packet[0] in "cCDk":
                continue
            if gdb.ask("".join(packet))[:1] in ("W", "X"):
                return
        gdb.send("k")
    assert run.result()["end"] in ("killed", "exit")
