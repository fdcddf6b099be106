"""build_simulator: when it builds, waves, wrong CFUs, and both compilers."""

import json
import os
import re
import time

import pytest

from cfukit_base import process, tools
from cfukit_base.errors import BuildError, UsageError
from cfukit_soc import Waves, build_simulator, simulate
from cfukit_soc.generate import CFU_STUB
from support.bare import ODD_CFU, compile_c

HELLO = "int main(void) { put('h'); put('i'); return 0; }"


def test_second_build_does_nothing(system, monkeypatch):
    first = system.simulator()
    before = first.stat().st_mtime_ns
    monkeypatch.setattr("cfukit_base.process.run", lambda *a, **k: pytest.fail("a program was started"))
    assert system.simulator() == first and first.stat().st_mtime_ns == before


def test_another_folder_takes_what_was_built(system, tmp_path, monkeypatch):
    first = system.simulator()
    monkeypatch.setattr("cfukit_base.process.run", lambda *a, **k: pytest.fail("a program was started"))
    again = build_simulator(system.soc_json, ODD_CFU, build_dir=tmp_path)
    assert again.parent.parent == tmp_path and again.read_bytes() == first.read_bytes()
    assert os.access(again, os.X_OK)


def test_a_cfu_that_includes_files_is_built_for_its_folder(system, tmp_path, monkeypatch):
    """The files are no part of the key, so two such CFUs may differ."""
    cfu = tmp_path / "cfu.v"
    cfu.write_text('`include "rest.v"\n')

    class Started(Exception):
        pass

    def start(words, cwd, **_):
        raise Started(cwd)

    tools.host_cxx()  # it asks the compiler for its version, once
    monkeypatch.setattr("cfukit_base.process.run", start)
    with pytest.raises(Started) as caught:
        build_simulator(system.soc_json, cfu, build_dir=tmp_path / "build")
    assert caught.value.args[0].parent == tmp_path / "build"


@pytest.mark.long
def test_a_cfu_change_compiles_no_runtime(system, tmp_path, monkeypatch):
    changed = tmp_path / "cfu.v"
    changed.write_text(
        ODD_CFU.read_text().replace("cmd_payload_inputs_0 + cmd", "cmd_payload_inputs_0 - cmd")
        + f"// at {time.time_ns()}: in no cache yet\n"
    )
    started = []
    original = process.run
    monkeypatch.setattr(process, "run", lambda words, **k: started.append(words) or original(words, **k))
    system.simulator()
    started.clear()
    simulator = build_simulator(system.soc_json, changed, build_dir=system.build_dir)
    assert simulator != system.simulator()
    compiled = [str(word) for words in started for word in words if str(word).endswith(".cpp")]
    assert sorted(path.split("/")[-1] for path in compiled) == ["fast.cpp", "main.cpp"]
    assert any("-DRISING_EDGE_ONLY" in words for words in started), "one evaluation per cycle suffices"
    elf = compile_c("int main(void) { return (int)CFU(0, 0, 50, 8); }", tmp_path)
    assert simulate(simulator, system.soc_json, elf, max_cycles=9999).exit_code == 42
    assert simulate(system.simulator(), system.soc_json, elf, max_cycles=9999).exit_code == 58


GATED = """
  reg enable = 0, half = 0;
  wire gated = clk & enable;
  reg [7:0] count = 0;
  always @(negedge clk) begin enable <= cmd_valid & cmd_ready; half <= ~half; end
  always @(posedge gated) count <= count + 1;
"""


@pytest.mark.slow
def test_a_cfu_with_falling_edges_and_a_gated_clock(system, tmp_path):
    gated = tmp_path / "cfu.v"
    text = ODD_CFU.read_text().replace("  wire [2:0] funct3", GATED + "  wire [2:0] funct3")
    text = text.replace("cmd_payload_inputs_0 + cmd_payload_inputs_1", "{half, 23'd0, count}")
    gated.write_text(text)
    simulator = build_simulator(system.soc_json, gated, build_dir=system.build_dir)
    source = "int main(void) { u32 n = 0; for (int i = 0; i < 20; i++) n = CFU(0, 0, 0, 0); return (int)(n & 255); }"
    assert simulate(simulator, system.soc_json, compile_c(source, tmp_path), max_cycles=9999).exit_code == 19


@pytest.mark.slow
def test_what_verilog_prints_is_no_output_of_the_program(system, tmp_path):
    noisy = tmp_path / "cfu.v"
    noisy.write_text(
        ODD_CFU.read_text().replace("if (busy) begin", 'if (cmd_valid) $display("noise"); if (busy) begin')
    )
    simulator = build_simulator(system.soc_json, noisy, build_dir=system.build_dir)
    elf = compile_c("int main(void) { put('a' + (int)CFU(0, 0, 0, 1)); return 0; }", tmp_path)
    assert simulate(simulator, system.soc_json, elf, max_cycles=9999).output == b"b"


@pytest.mark.slow
def test_without_cfu_every_instruction_answers_0(system, tmp_path):
    simulator = build_simulator(system.soc_json, None, build_dir=system.build_dir)
    source = """int main(void) {
      u32 any = 0;
      for (u32 i = 1; i < 9; i++) {
        any |= CFU(0, 0, i, i) | CFU(7, 127, i, i);
        u32 q = 1000u / i; any |= CFU(3, 1, q, q) | CFU(3, 1, i, q); any |= q != 1000u / i;
      }
      return (int)any; }"""
    assert simulate(simulator, system.soc_json, compile_c(source, tmp_path), max_cycles=99999).exit_code == 0


@pytest.mark.long
def test_waves_hold_the_chosen_window_only(system, tmp_path):
    elf = compile_c(HELLO, tmp_path)
    path = tmp_path / "waves.vcd"
    result = system.run(elf, waves=Waves(path, 100, 150))
    text = path.read_text()
    times = [int(stamp) for stamp in re.findall(r"^#(\d+)$", text, re.M)]
    assert min(times) == 1_000_000 and 1_490_000 <= max(times) < 1_500_000
    assert " cfu_cmd_valid " in text and " decode_to_execute_PC " in text and " rsp_valid " in text
    assert result == system.run(elf), "the simulator with waves counts the same cycles"
    whole = tmp_path / "whole.vcd"
    system.run(elf, waves=Waves(whole))
    stamps = re.findall(r"^#(\d+)$", whole.read_text(), re.M)
    assert int(stamps[0]) == 0 and int(stamps[-1]) // 10_000 == result.cycles
    system.run(elf, waves=Waves(path, 10**6))
    assert path.exists(), "a window that is never reached is an empty file"


def rising_edges(vcd: str, name: str) -> list[int]:
    """The times at which a one-bit signal becomes 1, in the file's unit."""
    code = re.search(rf"^\s*\$var wire\s+1 (\S+) {name} \$end", vcd, re.M)[1]
    time, found = 0, []
    for line in vcd[vcd.index("$enddefinitions") :].splitlines():
        if line.startswith("#"):
            time = int(line[1:])
        elif line == f"1{code}":
            found.append(time)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("clock_hz, period_ps", [(100_000_000, 10_000), (12_000_000, 83_333)])
def test_a_cycle_in_the_waves_is_a_period_of_the_clock(system, tmp_path, clock_hz, period_ps):
    soc = json.loads(system.soc_json.read_text()) | {"clock_hz": clock_hz}
    changed = system.soc_json.with_name(f"soc_{clock_hz}.json")
    changed.write_text(json.dumps(soc))
    path = tmp_path / "waves.vcd"
    elf = compile_c(HELLO, tmp_path)
    simulate(system.simulator(waves=True), changed, elf, waves=Waves(path, 50, 90), max_cycles=9999)
    text = path.read_text()
    assert re.search(r"\$timescale\s+1ps\s+\$end", text)
    assert rising_edges(text, "sys_clk") == [cycle * period_ps for cycle in range(50, 90)]


@pytest.mark.slow
def test_waves_on_a_full_disk(system, tmp_path):
    from cfukit_base.errors import ResultError

    (tmp_path / ".waves.vcd.partial").symlink_to("/dev/full")
    with pytest.raises(ResultError, match="No space left"):
        system.run(compile_c(HELLO, tmp_path), waves=Waves(tmp_path / "waves.vcd"))
    assert not (tmp_path / "waves.vcd").exists() and not (tmp_path / ".waves.vcd.partial").exists()


def test_waves_need_their_own_build(system, tmp_path):
    elf = compile_c(HELLO, tmp_path)
    with pytest.raises(UsageError, match="built without waves"):
        simulate(system.simulator(), system.soc_json, elf, waves=Waves(tmp_path / "w.vcd"))


@pytest.mark.parametrize(
    "edit, message",
    [
        (lambda text: text.replace("module Cfu", "module Other"), "it has no module Cfu"),
        (lambda text: text.replace("assign cmd_ready", "assign = cmd_ready"), "syntax error"),
        (lambda text: text.replace("rsp_ready", "rsp_redy"), "rsp_ready"),
    ],
)
def test_cfus_that_do_not_build(system, tmp_path, edit, message):
    broken = tmp_path / "cfu.v"
    broken.write_text(edit(ODD_CFU.read_text()))
    with pytest.raises(BuildError, match=message) as caught:
        build_simulator(system.soc_json, broken, build_dir=tmp_path / "build")
    assert str(broken) in caught.value.message and "\n" not in caught.value.message
    assert not list((tmp_path / "build").glob("*")), "nothing half-built"


def test_missing_files_are_named(system, tmp_path):
    with pytest.raises(UsageError, match=r"gone: no such file; what build_simulator returned"):
        simulate(tmp_path / "gone", system.soc_json, tmp_path / "program.elf")
    with pytest.raises(UsageError, match=r"nothing\.v: no such file"):
        build_simulator(system.soc_json, tmp_path / "nothing.v", build_dir=tmp_path)
    with pytest.raises(UsageError, match=r"soc\.json: cannot be read"):
        build_simulator(tmp_path / "soc.json", None, build_dir=tmp_path)
    (tmp_path / "soc.json").write_text('{"schema": "other/1"}')
    with pytest.raises(UsageError, match=r"schema is 'other/1'; cfukit\.soc/2"):
        build_simulator(tmp_path / "soc.json", None, build_dir=tmp_path)


@pytest.mark.long
def test_zig_compiles_every_file_of_a_simulator(system, tmp_path, monkeypatch):
    """Without its optimiser and its C++ library. The long test below waits for both."""
    zig, original, compiled = tools.zig(), process.run, []
    monkeypatch.setenv("CFUKIT_CACHE", str(tmp_path / "cache"))  # for what is no simulator

    def run(words, **options):
        if words[0] != zig.argv[0]:
            return original(words, **options)
        output = words[words.index("-o") + 1]
        if "-c" not in words:
            (options["cwd"] / output).touch()
            return process.Finished(tuple(words), 0, "", "")
        compiled.append(output)
        return original([*words, "-O0"], **options)

    monkeypatch.setattr(process, "run", run)
    cxx = tools.Tool("zig c++", (*zig.argv, "c++"), zig.version, zig.path, zig.source, zig.env)
    build_simulator(system.soc_json, ODD_CFU, build_dir=tmp_path, cxx=cxx)
    assert sorted(compiled) == ["fast.o", "main.o", *3 * ["object.o"]]


@pytest.mark.long
def test_zig_builds_the_same_simulator(system, tmp_path):
    zig = tools.zig()
    cxx = tools.Tool("zig c++", (*zig.argv, "c++"), zig.version, zig.path, zig.source, zig.env)
    simulator = build_simulator(system.soc_json, ODD_CFU, build_dir=system.build_dir, cxx=cxx)
    elf = compile_c("int main(void) { for (int i = 0; i < 999; i++) put(i / 7); return 3; }", tmp_path)
    assert simulate(simulator, system.soc_json, elf, max_cycles=10**6) == system.run(elf)


def test_the_stub_has_the_ports_of_a_cfu():
    ports = set(re.findall(r"(\w+)\s*[,\n]\s*(?=input|output|\))", CFU_STUB.read_text()))
    assert ports == set(re.findall(r"(\w+)\s*[,\n]\s*(?=input|output|\))", ODD_CFU.read_text()))
    assert len(ports) == 10
