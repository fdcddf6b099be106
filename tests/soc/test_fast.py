"""The fast simulator gives the RTL's cycles: every retired instruction at its cycle, results, output and faults."""

from __future__ import annotations

import json
import random
import re
import subprocess

import pytest

from cfukit_base.artefacts import Soc
from cfukit_soc.fast import build, build_fast_simulator, simulate_fast
from cfukit_soc.fast.parameters import parameters
from cfukit_soc.generate import HARNESS
from support import cpu_programs
from support.bare import ODD_CFU, assemble, compile_c, patient_cfu
from support.fast_compare import Both, chunk, program_image
from support.flash_reads import first_of, flash_reads
from support.handshakes import BODIES, write_cfu
from support.nonsense_words import nonsense_words
from support.random_words import random_words
from support.socs import make_soc, small_board
from support.watched import FRAME, OTHER_STACKS, OVERFLOWS, REFUSED, TOP, on_stack, storing

CPUS = {
    "lean": "lean",
    "min": "min",
    "perf": "perf",
    "fomu": "fomu",
    "fomu-mac": "fomu-mac",
    "tcm": "tcm",
    "no bypass": {"bypass": False},
    "no prediction": {"prediction": "none", "icache_bytes": 512, "dcache_bytes": 65536},
    "no data cache": {"dcache_bytes": 0, "dtcm_bytes": 32768},
    "both TCMs": {"base": "tcm", "itcm_bytes": 32768},
    "TCMs of two ports": {"base": "fomu", "tcm": "block"},
}


SANITIZED = [("sim", "full+cfu"), ("sim", "fomu"), ("sim", "tcm"), ("sim", {"bypass": False})]
SANITIZED += [("ulx3s", "full+cfu"), ("fomu", "fomu")]


ENDS = {"exit", "trap", "bus_error", "fetch_fault", "hang", "cfu_hang", "time_out", "stack_overflow"}


@pytest.fixture(autouse=True)
def _registers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The random programs end by our exit register."""
    monkeypatch.setattr(cpu_programs, "EXIT", 8)
    monkeypatch.setattr(cpu_programs, "ACK", 0)


@pytest.fixture(scope="module")
def stock(system, shared_tmp):
    return Both(system.soc_json, ODD_CFU, shared_tmp)


@pytest.mark.parametrize("seed", range(4))
def test_random_programs(system, shared_tmp, tmp_path, seed):
    both = Both(system.soc_json, None, shared_tmp)
    result = both.compare(program_image(system.soc_json, seed), tmp_path)
    assert result["end"] == "exit"
    both.compare(program_image(system.soc_json, seed), tmp_path, exact=1)


BUILT_ALONE = ("no data cache", "no prediction", "both TCMs")  # no other test has the RTL of such a CPU
MARKED = [
    pytest.param(name, marks=pytest.mark.long if name in BUILT_ALONE else pytest.mark.slow) for name in CPUS
]


@pytest.mark.parametrize("cpu", MARKED)
def test_random_programs_on_other_cpus(cpu, shared_tmp, tmp_path):
    soc_json = make_soc("sim", tmp_path / "soc", cpu=CPUS[cpu])
    both = Both(soc_json, patient_cfu(tmp_path), shared_tmp)
    for seed in range(3):
        both.compare(program_image(soc_json, seed), tmp_path)


HANDSHAKES = [pytest.param(name, marks=pytest.mark.long if n % 2 else ()) for n, name in enumerate(BODIES)]


@pytest.mark.parametrize("name", HANDSHAKES)
def test_every_handshake_of_a_cfu(system, shared_tmp, tmp_path, name):
    """The stock CPU gives some commands twice, the second time with what it happens to hold; a CFU that queues two shows that."""
    both = Both(system.soc_json, write_cfu(name, tmp_path), shared_tmp)
    for seed in range(5):
        both.compare(program_image(system.soc_json, seed), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("board", ["fomu", pytest.param("icebreaker", marks=pytest.mark.long)])
def test_a_flash_answers_when_it_does_on_the_rtl(shared_tmp, tmp_path, board):
    both = Both(make_soc(board, tmp_path / "soc", cpu="fomu"), None, shared_tmp)
    soc = Soc.read(both.soc_json)
    for seed in range(4):
        contents = chunk(soc, first_of(soc, "flash").base, random.Random(seed).randbytes(16384))
        code = chunk(soc, soc.cpu.reset_address, flash_reads(seed, soc))
        assert both.compare(contents + code, tmp_path)["end"] == "exit"


@pytest.mark.parametrize("seeds", [range(n, n + 25) for n in range(0, 100, 25)], ids=str)
def test_random_words_end_as_on_the_rtl(stock, tmp_path, seeds):
    soc = Soc.read(stock.soc_json)
    for seed in seeds:
        stock.compare(chunk(soc, soc.cpu.reset_address, random_words(seed, soc)), tmp_path)


TRAPLESS = ["lean", *(pytest.param(cpu, marks=pytest.mark.long) for cpu in ("min", "fomu", "fomu-mac"))]


@pytest.mark.parametrize("cpu", TRAPLESS)
def test_words_that_are_no_instructions_act_as_on_the_rtl(shared_tmp, tmp_path, cpu):
    """A CPU without traps executes them. Random words soon leave its memory or its code; the others run to the end."""
    both = Both(make_soc("sim", tmp_path / "soc", cpu=cpu), ODD_CFU, shared_tmp)
    soc = Soc.read(both.soc_json)
    for seed in range(8 if cpu == "lean" else 100):
        for words in (nonsense_words, random_words):
            both.compare(chunk(soc, soc.cpu.reset_address, words(seed, soc)), tmp_path)


@pytest.mark.parametrize("cpu", TRAPLESS)
def test_what_a_store_that_is_no_instruction_writes_to_its_register(shared_tmp, tmp_path, cpu):
    """Without D$ that is what the bus happens to carry, which is known only where every cycle is stepped."""
    both = Both(make_soc("sim", tmp_path / "soc", cpu=cpu), ODD_CFU, shared_tmp)
    soc, exact = Soc.read(both.soc_json), int(cpu == "min")
    for seed in range(8 if cpu == "lean" else 60):
        words = nonsense_words(seed, soc, lost_stores=True)
        both.compare(chunk(soc, soc.cpu.reset_address, words), tmp_path, exact=exact)


@pytest.mark.slow
def test_words_that_are_no_instructions_without_bypass(shared_tmp, tmp_path):
    """A word that is no instruction may wait for an answer for which no command has asked, and reads registers without a bypass."""
    soc_json = make_soc(small_board(), tmp_path / "soc", cpu={"base": "lean", "bypass": False})
    both = Both(soc_json, write_cfu("answers in the next cycle", tmp_path), shared_tmp)
    for seed in range(24, 32):
        words = nonsense_words(seed, both.soc)
        both.compare(chunk(both.soc, both.soc.cpu.reset_address, words), tmp_path, autonomous=1)


FUZZED = ["full+cfu", "fomu", "min", "tcm"]


@pytest.mark.parametrize("cpu", FUZZED)
def test_random_bytes_do_not_crash_the_simulator(tmp_path, cpu):
    """Whatever they make of them, they end."""
    fuzz(tmp_path, cpu, range(250))


@pytest.mark.long
@pytest.mark.parametrize("cpu", FUZZED)
def test_more_random_bytes_do_not_crash_the_simulator(tmp_path, cpu):
    fuzz(tmp_path, cpu, range(10_000, 12_500))


def fuzz(folder, cpu, seeds):
    """Run a program for each seed: random bytes, or random words behind a prologue. Each tells how it ended."""
    soc_json = make_soc("sim", folder / "soc", cpu=cpu)
    soc, words = Soc.read(soc_json), [str(build_fast_simulator())]
    (folder / "parameters").write_text(parameters(soc_json, soc))
    words += [f"{name}={folder / name}" for name in ("parameters", "image", "result")]
    words += ["max_cycles=20000", "hang_cycles=5000"]
    for seed in seeds:
        code = random.Random(seed).randbytes(4096) if seed % 4 == 0 else random_words(seed, soc)
        (folder / "image").write_bytes(chunk(soc, soc.cpu.reset_address, code))
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        assert done.returncode == 0, (cpu, seed, done)
        assert json.loads((folder / "result").read_text())["end"] in ENDS, (cpu, seed)


@pytest.mark.slow
@pytest.mark.needs("g++")
def test_random_words_find_no_error_of_memory_or_arithmetic(tmp_path):
    """On caches, TCMs, DRAM and flash, with trace and causes, under the sanitizers of the compiler."""
    sanitized(tmp_path, range(10))


@pytest.mark.long
@pytest.mark.needs("g++")
def test_more_random_words_find_no_error_of_memory_or_arithmetic(tmp_path):
    sanitized(tmp_path, range(10, 100))


def sanitized(folder, seeds):
    """Run random words of these seeds on each of SANITIZED."""
    simulator = build_fast_simulator(sanitized=True)
    for number, (board, cpu) in enumerate(SANITIZED):
        soc_json = make_soc(board, folder / "soc", cpu=cpu)
        soc = Soc.read(soc_json)
        (folder / "parameters").write_text(parameters(soc_json, soc))
        names = ("parameters", "image", "result", "trace", "counts")
        words = [str(simulator), *(f"{name}={folder / name}" for name in names)]
        for seed in (1000 * number + n for n in seeds):
            (folder / "image").write_bytes(chunk(soc, soc.cpu.reset_address, random_words(seed, soc)))
            more = ["max_cycles=20000", "hang_cycles=5000", f"lint={int(seed % 5 == 0)}"]
            done = subprocess.run([*words, *more], stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
            assert done.returncode == 0, f"{board}, CPU {cpu}, seed {seed}: {done.stderr.decode()[-2000:]}"


PROGRAMS = {
    "uart": "int main(void) { int c, n = 0; while ((c = get()) != '.') { put(c + 1); n++; } return n; }",
    "stores": "static u32 a[512]; int main(void) { for (u32 i = 0; i < 2048; i++) a[i & 511] = i * i; return (int)a[5]; }",
    "division": "int main(void) { u32 n = 0; for (u32 i = 1; i < 99; i++) n += 99999 / i % 7; return (int)n; }",
    "CFU": "int main(void) { u32 n = 0; for (u32 i = 0; i < 99; i++) n += CFU(1, 3, i, n) + CFU(0, 0, n, i); return (int)n; }",
}


@pytest.mark.parametrize("flags", ["-O0", "-O2", "-O3"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_compiled_programs(stock, tmp_path, name, flags):
    from cfukit_soc.image import memory_image

    elf = compile_c(PROGRAMS[name], tmp_path, flags)
    stock.compare(memory_image(elf, Soc.read(stock.soc_json)), tmp_path, stdin=b"some words.")


def test_its_digest_covers_every_header_that_it_reads():
    """Its own, and those of the RTL's harness."""
    pending, read = [build.SOURCES / "main.cpp"], set()
    while pending:
        file = pending.pop()
        read.add(file)
        for name in re.findall(r'^#include "(.+)"', file.read_text(), re.MULTILINE):
            near = [file.parent / name, HARNESS / name]
            pending += [path for path in near if path.is_file()][:1]
        pending = [path for path in pending if path not in read]
    assert {path.name for path in read if path.parent == HARNESS} == set(build._SHARED)


def test_what_a_cfu_prints_is_no_output_of_the_program(system, tmp_path):
    text = ODD_CFU.read_text().replace("if (busy) begin", 'if (cmd_valid) $display("noise"); if (busy) begin')
    (tmp_path / "cfu.v").write_text(text)
    elf = assemble("  .globl main\nmain:\n .insn r 0x0B, 0, 0, a0, a1, a2\n li a0, 0\n ret\n", tmp_path)
    found = simulate_fast(system.soc_json, elf, tmp_path / "cfu.v", build_dir=tmp_path, max_cycles=30_000)
    assert (found.fault, found.exit_code, found.output) == (None, 0, b"")


FAULTS = {
    "trap": ".word 0",
    "time_out": "1: j 1b",
    "load": "li a0, 0x20000000\n lw a0, 0(a0)",
    "store": "li a0, 0x20000000\n sw a1, 0(a0)\n addi a0, a0, 4\n sw sp, -4(sp)\n sw a2, 0(a0)\n nop\n nop\n sw a1, -8(sp)",
    "store behind stores": "li a0, 0x20000000\n sw sp, -4(sp)\n sw a1, -8(sp)\n sw a2, 0(a0)\n addi a0, sp, -4\n j 1f\n1: nop",
    "cfu_hang": ".insn r 0x0B, 7, 0, a0, a1, a2\n add a0, a0, a0",
    "never accepted": ".insn r 0x0B, 6, 0, a0, a1, a2",
    "jump": "li a0, 0x50000000\n jr a0",
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_those_of_the_rtl(system, stock, tmp_path, name):
    assert outcome(system, stock, f"  .globl main\nmain:\n{FAULTS[name]}\n ret\n", tmp_path).fault is not None


def outcome(system, stock, text, folder):
    """What an assembly program left, the same on both simulators."""
    elf = assemble(text, folder)
    options = {"max_cycles": 30_000, "hang_cycles": 5_000}
    expected = system.run(elf, **options)
    assert simulate_fast(system.soc_json, elf, ODD_CFU, build_dir=stock.build_dir, **options) == expected
    return expected


@pytest.mark.parametrize("name", [*OTHER_STACKS, *OVERFLOWS])
def test_the_stack_is_watched_as_on_the_rtl(system, stock, tmp_path, name):
    inside = f"  li sp, {TOP - 256:#x}\n  nop\n" + FRAME
    code = OTHER_STACKS[name] + inside if name in OTHER_STACKS else OVERFLOWS[name]
    found = outcome(system, stock, on_stack(inside + code), tmp_path)
    assert (found.exit_code == 7) == (name in OTHER_STACKS)


@pytest.mark.parametrize("name", REFUSED)
def test_the_store_that_was_refused_is_named_as_on_the_rtl(system, stock, tmp_path, name):
    assert outcome(system, stock, storing(REFUSED[name]), tmp_path).fault.access == "store"
