"""Scripts for Xilinx tools, which no wheel brings, run with stand-ins; every port of every board has its pin."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from cfukit_base import process
from cfukit_base.errors import MissingToolError, UsageError
from cfukit_soc.boards import board_named, boards
from cfukit_soc.synthesis import place, vendor
from cfukit_soc.synthesis.top import constraints, top_verilog

REAL = [name for name, board in boards().items() if board.hardware]
# The Vivado commands that the script uses. They accept everything, and answer from variables.
STUBS = """
set standards {}
set pins {}
proc get_ports {name} { global ports; if {$name eq "*"} { return $ports }
  if {[lsearch -exact $ports $name] < 0} { error "no port $name" }; return $name }
proc get_iobanks {n} { return bank$n }
proc current_design {} { return design }
proc create_clock {args} { global clocked; set clocked $args }
proc set_property {name value what} { global set_; set set_($what,$name) $value }
proc get_property {name what} {
  global set_ slack
  switch $name { SLACK { return $slack } PERIOD { return 10.0 } STARTPOINT_PIN { return a/C } ENDPOINT_PIN { return b/D } }
  return [expr {[info exists set_($what,$name)] ? $set_($what,$name) : ""}] }
proc read_xdc {file} { uplevel #0 [list source $file] }
proc get_clocks {args} { return clk }
proc get_pins {name} { return $name }
proc get_timing_paths {args} { return [list path] }
proc read_verilog {args} { global read; lappend read [lindex $args end] }
proc write_bitstream {args} { close [open [lindex $args end] w] }
foreach name {create_project synth_design opt_design place_design phys_opt_design route_design report_utilization report_timing_summary} {
  proc $name {args} {} }
"""


def ports(name: str) -> set[str]:
    """The top module's ports, bit by bit."""
    board = board_named(name)
    header = re.search(r"module top \((.*?)\);", top_verilog(board, board.clock_hz), re.S)
    assert header is not None
    found = set()
    for port in header[1].split(","):
        way = re.fullmatch(r"\s*(?:input|output|inout) (?:\[(\d+):0\] )?(\w+)\s*", port)
        assert way is not None, port
        found |= {f"{way[2]}[{n}]" for n in range(int(way[1]) + 1)} if way[1] else {way[2]}
    return found


@pytest.mark.parametrize("name", REAL)
def test_every_port_has_one_pin_and_every_pin_a_port(name: str) -> None:
    hardware = board_named(name).hardware
    assert hardware is not None
    named = [pin.port for pin in hardware.pins]
    assert len(set(named)) == len(named) == len({pin.place for pin in hardware.pins})
    assert {port for port in ports(name) if not re.match(r"I?O_sdram_", port)} == set(named)


@pytest.mark.parametrize("name", [name for name in REAL if board_named(name).fpga.family in place.SUFFIX])
def test_constraints_name_every_pin(name: str) -> None:
    _, text = constraints(board_named(name))
    hardware = board_named(name).hardware
    assert all(re.search(rf"{re.escape(pin.port)}\b|{re.escape(pin.port)}", text) for pin in hardware.pins)
    assert all(re.search(rf"\b{pin.place}\b", text) for pin in hardware.pins)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files for an Arty, with empty sources."""
    for name in ("top.v", "soc.v", "boot_rom.hex", "cfu.v"):
        (tmp_path / name).write_text("")
    vendor.write_scripts(board_named("arty"), 100_000_000, ["top.v", "soc.v", "cfu.v"], tmp_path)
    return tmp_path


def vivado(folder: Path, slack: float = 0.5, without: str = "") -> process.Finished:
    script = (
        f"set slack {slack}\nset ports {{{' '.join(sorted(ports('arty')))}}}\n{STUBS}\nsource build.tcl\n"
    )
    if without:
        lines = (folder / "top.xdc").read_text().splitlines()
        (folder / "top.xdc").write_text("\n".join(line for line in lines if without not in line) + "\n")
    (folder / "stubs.tcl").write_text(script)
    return process.run(["tclsh", "stubs.tcl"], cwd=folder, timeout=300)


@pytest.mark.needs("tclsh")
def test_vivados_script_builds_and_says_what_it_reached(folder: Path) -> None:
    done = vivado(folder)
    assert done.ok, done.stderr
    assert done.stdout.endswith("arty.bit: 105.26 MHz\n") and (folder / "arty.bit").is_file()
    assert json.loads((folder / "result.json").read_text()) == {
        "fmax_mhz": 105.26,
        "slack_ns": 0.5,
        "hold_slack_ns": 0.5,
        "from": "a/C",
        "to": "b/D",
    }


@pytest.mark.needs("tclsh")
@pytest.mark.parametrize(
    ("without", "says"),
    [
        ("PACKAGE_PIN K5", "port ddram_dq[0] has no PACKAGE_PIN"),
        ("DIFF_SSTL135 [get_ports {ddram_clk_n}]", "port ddram_clk_n has no IOSTANDARD"),
    ],
)
def test_vivados_script_wants_a_pin_and_a_standard_for_every_port(
    folder: Path, without: str, says: str
) -> None:
    done = vivado(folder, without=without)
    assert done.code == 1 and f"cfukit: {says}" in done.stderr
    assert not (folder / "arty.bit").exists()


@pytest.mark.needs("tclsh")
def test_vivados_script_refuses_missed_timing_and_missing_sources(folder: Path) -> None:
    done = vivado(folder, slack=-0.25)
    assert done.code == 1 and "timing missed by 0.25 ns" in done.stderr
    assert not (folder / "arty.bit").exists() and json.loads((folder / "result.json").read_text())
    (folder / "cfu.v").unlink()
    assert "cfukit: cfu.v is not in" in vivado(folder).stderr


def openxc7(folder: Path, *programs: str, **variables: str) -> process.Finished:
    """build.sh with stand-ins, each of which writes the file that its arguments name."""
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    for name in programs:
        text = '#!/bin/sh\nwhile [ $# -gt 0 ]; do case $1 in --fasm|--output_file) echo x >"$2";;\n'
        said = "Info: Max frequency for clock '{}': {} MHz (FAIL at 100.00 MHz)"
        lines = [said.format(*each) for each in (("clk", 51.5), ("idelay_clk", 9.0), ("clk", 61.25))]
        text += f'--log) printf "%s\\n" "{lines[0]}" "{lines[1]}" "{lines[2]}" >"$2";; esac; shift; done\n'
        (tools / name).write_text(text + ("echo frames\n" if name == "fasm2frames" else ""))
        (tools / name).chmod(0o755)
    env = {"PATH": f"{tools}:/usr/bin:/bin", "CHIPDB": "", "PRJXRAY_DB_DIR": "", **variables}
    return process.run(["sh", "build.sh"], cwd=folder, env=env, timeout=300)


def test_openxc7s_script_says_what_is_missing_and_builds_when_all_is_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = ("nextpnr-xilinx", "fasm2frames", "xc7frames2bit")
    assert "cfukit: nextpnr-xilinx is not on PATH" in openxc7(folder).stderr
    done = openxc7(folder, *programs)
    assert done.code and "the folder with xc7a35t.bin" in done.stderr
    (folder / "db").mkdir()
    here = {"CHIPDB": str(folder / "db"), "PRJXRAY_DB_DIR": str(folder / "db")}
    assert "has no xc7a35t.bin: make it" in openxc7(folder, *programs, **here).stderr
    (folder / "db" / "xc7a35tcsg324.bin").write_text("")
    part = folder / "db" / "artix7" / "xc7a35tcsg324-1" / "part.yaml"  # of an xc7a35ticsg324-1L
    assert f"there is no {part}" in openxc7(folder, *programs, **here).stderr
    part.parent.mkdir(parents=True)
    part.write_text("")
    assert "neither netlist.json nor yosys" in openxc7(folder, *programs, **here).stderr
    (folder / "netlist.json").write_text("{}")
    done = openxc7(folder, *programs, **here)
    assert done.ok, done.stderr
    assert "61.25 MHz" in done.stdout and (folder / "arty.bit").is_file()
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:/usr/bin:/bin")
    for name, value in here.items():
        monkeypatch.setenv(name, value)
    assert vendor.router() == "openxc7"
    run = vendor.build(board_named("arty"), "openxc7", folder, folder / "log")
    # The system's clock after routing: neither the estimate after placing nor another clock.
    assert run.fmax_mhz == 61.25 and run.file == folder / "arty.bit"


@pytest.mark.parametrize(
    ("part", "parts"),
    [
        ("xc7a35ticsg324-1L", ("xc7a35t", "csg324", "1")),
        ("xc7a100tcsg324-1", ("xc7a100t", "csg324", "1")),
        ("xc7a200tsbg484-2", ("xc7a200t", "sbg484", "2")),
    ],
)
def test_the_part_in_the_words_of_the_open_databases(part: str, parts: tuple[str, str, str]) -> None:
    assert vendor.open_part(part) == parts


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH that has a shell and nothing else."""
    folder = tmp_path / "path"
    folder.mkdir()
    (folder / "sh").symlink_to(shutil.which("sh") or "/bin/sh")
    monkeypatch.setenv("PATH", str(folder))
    for name in ("CHIPDB", "PRJXRAY_DB_DIR"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.mark.parametrize(
    ("tool", "program", "says", "version"),
    [
        ("vivado", "vivado", "vivado v2024.1 (64-bit)", "2024.1"),
        ("vivado", "vivado", "Vivado v2019.2.1 (64-bit)", "2019.2.1"),
        (
            "openxc7",
            "nextpnr-xilinx",
            "nextpnr-xilinx -- Next Generation Place and Route (Version 0.8.2)",
            "0.8.2",
        ),
        ("openxc7", "nextpnr-xilinx", "what?", ""),
    ],
)
def test_the_version_of_a_tool(nothing: Path, tool: str, program: str, says: str, version: str) -> None:
    (nothing / program).write_text(f'#!/bin/sh\necho "{says}" >&2\nexit 1\n')
    (nothing / program).chmod(0o755)
    assert vendor.version(tool) == version


def test_what_is_missing_is_said_with_the_way_to_get_it(nothing: Path, folder: Path) -> None:
    assert vendor.router() is None
    error = vendor.missing(folder)
    assert isinstance(error, MissingToolError)
    for word in (
        "no vivado",
        "nextpnr-xilinx, fasm2frames, xc7frames2bit, $CHIPDB, $PRJXRAY_DB_DIR",
        "github.com/openXC7",
    ):
        assert word in error.message
    assert str(folder) in error.message and "--synthesis-only" in error.message


def test_a_tool_that_is_found_is_run_and_its_figures_are_read(nothing: Path, folder: Path) -> None:
    result = '{"fmax_mhz": 80.0, "slack_ns": -2.5, "hold_slack_ns": 0.1, "from": "a", "to": "b"}'
    (nothing / "vivado").write_text(f"#!/bin/sh\necho '{result}' >result.json\nexit 1\n")
    (nothing / "vivado").chmod(0o755)
    assert vendor.router() == "vivado"
    run = vendor.build(board_named("arty"), "vivado", folder, folder / "log")
    assert (run.fmax_mhz, run.file, run.worst_path.delay_ns) == (80.0, None, 12.5)


@pytest.mark.parametrize("name", ["ulx3s", "arty", "fomu"])
def test_a_clock_that_the_board_cannot_make_is_refused(name: str) -> None:
    board = board_named(name)
    with pytest.raises(UsageError, match=rf"soc.clock_hz: 33000000; board {name} makes .*{board.clock_hz}"):
        top_verilog(board, 33_000_000)


def test_an_arty_may_run_slower() -> None:
    board = board_named("arty")
    assert ".CLKFBOUT_MULT(12)" in top_verilog(board, 75_000_000)
    assert ".CLKOUT1_DIVIDE(8)" in top_verilog(board, 50_000_000)
    assert "Serial #(.DIVISOR(651))" in top_verilog(board, 75_000_000)
