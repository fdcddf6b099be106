"""generate_soc: what stands in the files, the same bytes every time, wrong names refused."""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from cfukit_base.errors import UsageError
from cfukit_soc import generate_soc
from cfukit_soc.boards import board_named, boards


def test_sim_is_the_system_of_the_contract(tmp_path):
    soc = json.loads(generate_soc("sim", tmp_path).read_text())
    assert soc["schema"] == "cfukit.soc/1"
    assert soc["cpu"]["name"] == "full+cfu" and soc["cpu"]["isa"] == "rv32im" and soc["cpu"]["cfu"]
    assert soc["cpu"]["reset_address"] == 0x40000000 and soc["clock_hz"] == 100_000_000
    (ram,) = soc["memories"]
    assert (ram["name"], ram["base"], ram["bytes"]) == ("main_ram", 0x40000000, 32 << 20)
    assert (ram["read_cycles"], ram["write_cycles"]) == (2, 2)


def test_registers_have_what_software_uses(tmp_path):
    csrs = json.loads(generate_soc("sim", tmp_path).read_text())["csrs"]
    for name in (
        "uart_rxtx",
        "uart_txfull",
        "uart_rxempty",
        "uart_ev_pending",
        "cfukit_exit",
        "cfukit_instret",
    ):
        assert csrs[name]["address"] >= 0x80000000, "uncached: address bit 31"
    assert csrs["cfukit_cycles"]["bits"] == 64
    addresses = [csr["address"] for csr in csrs.values()]
    assert len(set(addresses)) == len(addresses)


def test_verilog_is_self_contained_but_for_cpu_and_cfu(tmp_path):
    soc_json = generate_soc("sim", tmp_path)
    verilog = (tmp_path / "soc.v").read_text()
    assert "module soc (" in verilog and "Cfu Cfu(" in verilog and "module Cfu" not in verilog
    for path in json.loads(soc_json.read_text())["cpu"]["verilog"]:
        assert "module VexRiscv" in (tmp_path / path).read_text()
    assert str(tmp_path) not in verilog and "Date" not in verilog and "20" + "26-" not in verilog


def test_same_arguments_same_bytes_in_any_process(tmp_path):
    generate_soc("sim", tmp_path / "a")
    generate_soc("sim", tmp_path / "b")
    code = (
        f"import pathlib, cfukit_soc; cfukit_soc.generate_soc('sim', pathlib.Path({str(tmp_path / 'c')!r}))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONHASHSEED": "77"})
    for name in ("soc.v", "soc.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "c" / name).read_bytes()


def _as_assignments(directory):
    """generate_soc called from every kind of statement that Migen could take a signal's name from."""
    out = iter(range(100))

    def generate():
        return generate_soc("sim", directory / str(next(out)))

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
    code = f"import pathlib, cfukit_soc; cfukit_soc.generate_soc('sim', pathlib.Path({str(tmp_path / 'bare')!r}))"
    subprocess.run([sys.executable, "-c", code], check=True)
    count = _as_assignments(tmp_path)
    assert count > 10
    for index in range(count):
        assert (tmp_path / str(index) / "soc.v").read_bytes() == (tmp_path / "bare" / "soc.v").read_bytes()


def test_every_signal_has_a_name(tmp_path):
    generate_soc("sim", tmp_path)
    declared = re.findall(
        r"^(?:reg|wire)\s+(?:\[[^]]*\]\s*)?(.*?)[;=\[]", (tmp_path / "soc.v").read_text(), re.M
    )
    assert len(declared) > 100 and all(re.fullmatch(r"[A-Za-z_]\w*\s*", name) for name in declared)


def test_threads_may_generate_at_the_same_time(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda index: generate_soc("sim", tmp_path / str(index)), range(4)))
    assert len({(tmp_path / str(index) / "soc.v").read_bytes() for index in range(4)}) == 1


def test_a_failure_inside_the_elaboration_reaches_the_caller(tmp_path, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError("inside")

    monkeypatch.setattr("cfukit_soc.generate._elaborate_quietly", fail)
    with pytest.raises(ZeroDivisionError, match="inside"):
        generate_soc("sim", tmp_path)
    assert not list(tmp_path.iterdir())


def test_options_change_the_system_and_its_digest(tmp_path):
    stock = json.loads(generate_soc("sim", tmp_path / "stock").read_text())
    other = json.loads(
        generate_soc("sim", tmp_path / "other", clock_hz=50_000_000, sram_bytes=65536).read_text()
    )
    assert other["clock_hz"] == 50_000_000 == other["constants"]["config_clock_frequency"]
    assert [(m["name"], m["base"], m["bytes"]) for m in other["memories"][1:]] == [
        ("sram", 0x10000000, 65536)
    ]
    assert other["digest"] != stock["digest"]
    assert other["csrs"] == stock["csrs"], "software for one runs on the other"


def test_unknown_board_and_cpu_are_refused_with_a_suggestion(tmp_path):
    with pytest.raises(
        UsageError, match=r"soc\.board: 'simm'; no such board, did you mean 'sim'\?.*list boards"
    ):
        generate_soc("simm", tmp_path)
    with pytest.raises(UsageError, match=r"soc\.cpu: 'ful\+cfu'; no such cpu, did you mean 'full\+cfu'\?"):
        generate_soc("sim", tmp_path, cpu="ful+cfu")
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
        generate_soc("sim", tmp_path, **options)


def test_every_board_describes_itself():
    for name, board in boards().items():
        assert board.name == name and board.about and board_named(name) is board
        bases = sorted((memory.base, memory.bytes) for memory in board.all_memories)
        assert all(base + size <= nxt for (base, size), (nxt, _) in pairwise(bases))
        assert any(m.base <= board.reset_address < m.base + m.bytes for m in board.all_memories)
