"""generate_soc: the contents of its files, the same bytes every time, and refused names."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from cfukit_base.artefacts import Cpu, Soc
from cfukit_base.artefacts.soc import SocCpu
from cfukit_base.errors import UsageError
from cfukit_cpu import write_cpu
from cfukit_soc import generate_soc
from cfukit_soc.boards import board_named, boards
from support.socs import make_soc


def test_sim_is_the_system_of_the_contract(tmp_path):
    soc = Soc.read(make_soc("sim", tmp_path))
    assert soc.cpu.name == "full+cfu" and soc.cpu.isa == "rv32im"
    assert soc.cpu.reset_address == 0x40000000 and soc.clock_hz == 100_000_000
    (ram,) = soc.memories
    assert (ram.name, ram.base, ram.bytes) == ("main_ram", 0x40000000, 32 << 20)
    assert (ram.read_cycles, ram.write_cycles) == (2, 2)


def test_registers_have_what_software_uses(tmp_path):
    csrs = Soc.read(make_soc("sim", tmp_path)).csrs
    for name in (
        "uart_rxtx",
        "uart_txfull",
        "uart_rxempty",
        "uart_ev_pending",
        "cfukit_exit",
        "cfukit_instret",
    ):
        assert csrs[name].address >= 0x80000000, "uncached: address bit 31"
    assert csrs["cfukit_cycles"].bits == 64
    addresses = [csr.address for csr in csrs.values()]
    assert len(set(addresses)) == len(addresses)


def test_verilog_is_self_contained_but_for_cpu_and_cfu(tmp_path):
    soc_json = make_soc("sim", tmp_path)
    verilog = (tmp_path / "soc.v").read_text()
    assert "module soc (" in verilog and "Cfu Cfu(" in verilog and "module Cfu" not in verilog
    for path in Soc.read(soc_json).cpu.verilog:
        assert "module VexRiscv" in (tmp_path / path).read_text()
    assert str(tmp_path) not in verilog and "Date" not in verilog and "20" + "26-" not in verilog


def test_same_arguments_same_bytes_in_any_process(tmp_path):
    make_soc("sim", tmp_path / "a")
    make_soc("sim", tmp_path / "b")
    _generate_elsewhere(tmp_path / "c", {"PYTHONHASHSEED": "77"})
    for name in ("soc.v", "soc.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "c" / name).read_bytes()


def _generate_elsewhere(directory, environment):
    """The board `sim` in `directory`, by another process from plain statements."""
    cpu = write_cpu("full+cfu", directory)
    code = f"import pathlib, cfukit_soc; p = pathlib.Path; cfukit_soc.generate_soc('sim', p({str(cpu)!r}), p({str(directory)!r}))"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, **environment})


def _as_assignments(directory):
    """Calls of generate_soc in every kind of statement from which Migen could take a signal's name."""
    out = iter(range(100))

    cpu = write_cpu("full+cfu", directory / "cpu")

    def generate():
        return generate_soc("sim", cpu, directory / str(next(out)))

    class Holder:
        def __init__(self):
            self.attribute = generate()
            self.deeper()

        def deeper(self, depth=20):
            value = self.deeper(depth - 1) if depth else generate()
            return value

    result = generate()
    holder = Holder()
    holder.attribute = result2 = generate()
    table = {}
    table["key"] = generate()
    first, second = generate(), generate()
    if walrus := generate():
        pass
    _private: object = generate()
    for loop in (generate(),):
        assert loop
    with_lambda = (lambda: generate())()
    comprehension = [generate() for _ in range(2)]
    exec("statement = generate()", {"generate": generate})
    del result, result2, first, second, walrus, loop, with_lambda, comprehension
    return next(out)


def test_the_callers_statement_leaves_no_trace(tmp_path):
    _generate_elsewhere(tmp_path / "bare", {})
    count = _as_assignments(tmp_path)
    assert count > 10
    for index in range(count):
        assert (tmp_path / str(index) / "soc.v").read_bytes() == (tmp_path / "bare" / "soc.v").read_bytes()


def test_every_signal_has_a_name(tmp_path):
    make_soc("sim", tmp_path)
    declared = re.findall(
        r"^(?:reg|wire)\s+(?:\[[^]]*\]\s*)?(.*?)[;=\[]", (tmp_path / "soc.v").read_text(), re.M
    )
    assert len(declared) > 100 and all(re.fullmatch(r"[A-Za-z_]\w*\s*", name) for name in declared)


def test_threads_may_generate_at_the_same_time(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda index: make_soc("sim", tmp_path / str(index)), range(4)))
    assert len({(tmp_path / str(index) / "soc.v").read_bytes() for index in range(4)}) == 1


def test_a_failure_inside_the_elaboration_reaches_the_caller(tmp_path, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError("inside")

    monkeypatch.setattr("cfukit_soc.generate._elaborate_quietly", fail)
    cpu = write_cpu("full+cfu", tmp_path / "cpu")
    with pytest.raises(ZeroDivisionError, match="inside"):
        generate_soc("sim", cpu, tmp_path / "soc")
    assert not (tmp_path / "soc").exists()


def test_options_change_the_system_and_its_digest(tmp_path):
    stock = Soc.read(make_soc("sim", tmp_path / "stock"))
    other = Soc.read(make_soc("sim", tmp_path / "other", clock_hz=50_000_000, sram_bytes=65536))
    assert other.clock_hz == 50_000_000 == other.constants["config_clock_frequency"]
    assert [(m.name, m.base, m.bytes) for m in other.memories[1:]] == [("sram", 0x10000000, 65536)]
    assert other.digest != stock.digest
    assert other.csrs == stock.csrs, "software for one runs on the other"


def test_every_fact_of_cpu_json_stands_in_soc_json(tmp_path):
    for given in ("full+cfu", "fomu"):
        soc = Soc.read(make_soc("sim", tmp_path / given, cpu=given))
        cpu = Cpu.read(tmp_path / given / "cpu.json")
        assert SocCpu.of(cpu, soc.cpu.reset_address) == soc.cpu and soc.memories[1:] == cpu.memories


def test_an_unknown_board_and_a_missing_cpu_are_refused(tmp_path):
    missing = tmp_path / "cpu.json"
    with pytest.raises(
        UsageError, match=r"soc\.board: 'simm'; no such board, did you mean 'sim'\?.*list boards"
    ):
        generate_soc("simm", missing, tmp_path)
    with pytest.raises(UsageError, match=r"cpu\.json: cannot be read: No such file"):
        generate_soc("sim", missing, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "options, message",
    [
        ({"clock_hz": 5}, r"soc\.clock_hz: 5; 1000000 to"),
        ({"sram_bytes": 100}, r"soc\.sram_bytes: 100; 1024 to"),
        ({"sram_bytes": 5000}, r"soc\.sram_bytes: 5000; a power of two"),
        ({"sram_bytes": -1}, r"soc\.sram_bytes: -1"),
    ],
)
def test_impossible_figures_are_refused(tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        make_soc("sim", tmp_path, **options)


def test_every_board_describes_itself():
    for name, board in boards().items():
        assert board.name == name and board.about and board_named(name) is board
        bases = sorted((memory.base, memory.bytes) for memory in board.all_memories)
        assert all(base + size <= nxt for (base, size), (nxt, _) in pairwise(bases))
        assert any(m.base <= board.reset_address < m.base + m.bytes for m in board.all_memories)
