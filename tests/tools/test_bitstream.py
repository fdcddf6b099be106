"""The verb bitstream: what it builds and refuses, and the contents of its memories. Also `make proof`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cfukit_base.artefacts import Build, Json, Run, Soc
from cfukit_base.artefacts.build import WorstPath
from cfukit_base.errors import MissingToolError, UsageError
from cfukit_soc import build_simulator, simulate
from cfukit_soc.boards import board_named, boards
from cfukit_soc.synthesis import place, vendor
from cfukit_soc.synthesis.flash_image import rom_words
from cfukit_sw.boot import build_boot
from cfukit_tools import api, boards_proof
from cfukit_tools.hardware.placement import place_with_seeds, too_slow
from cfukit_tools.project.project import load_target
from cfukit_tools.project.system import System
from support.documents import build_document, run_document, variant
from support.socs import make_soc, memory, soc_of

CFU = '''
from cfukit import Cfu, Fixed, Instruction, Signal


class Odd(Instruction):
    """rd = {about}."""

    rs1 = rs2 = rd = "uint32"
    time = Fixed(latency_cycles=1)

    def gateware(self, m, cmd):
        x = cmd.rs1
        {gateware}
        return x

    def call(self, funct7, rs1, rs2):
        return 0


def make_cfu():
    return Cfu({{0: Odd()}}, name="odd", about="{about}")
'''
# Three products of 32 bits take three multipliers each. That makes nine, the device has eight, and the CPU wants four.
LARGE = (
    "x = (cmd.rs1 * cmd.rs2)[:32] ^ ((cmd.rs1 ^ 0x1357) * ~cmd.rs2)[:32] ^ ((~cmd.rs1) * (cmd.rs2 + 5))[:32]"
)
# Twelve dependent additions that cannot be merged take more than 83 ns.
SLOW = "for n in range(12): y = Signal(32); m.d.comb += y.eq(x + (x.rotate_left(7) ^ cmd.rs2)); x = y"


def project(folder: Path, about: str, gateware: str) -> Path:
    folder.mkdir()
    (folder / "cfu.py").write_text(CFU.format(about=about, gateware=gateware))
    (folder / "project.toml").write_text('[soc]\nboard = "fomu"\n')
    return folder


@pytest.mark.long
@pytest.mark.needs("fpga")
def test_a_cfu_that_is_too_large_is_refused(tmp_path: Path) -> None:
    check_too_large(api.bitstream(project(tmp_path / "large", "too large", LARGE)))


@pytest.mark.needs("fpga")
def test_what_synthesis_says_is_too_large_is_refused_before_it_is_routed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As above, with the resources that Yosys finds there."""
    least = {"lc": 3900, "lut": 3900, "ff": 1600, "bram": 8, "dsp": 0, "spram": 4}
    parts = {"cpu": {**least, "dsp": 4}, "cfu": dict.fromkeys(least, 0) | {"dsp": 9}, "soc": least}
    text = json.dumps({"used": {**least, "dsp": 13}, "parts": parts})
    (tmp_path / "resources.json").write_text(text)
    monkeypatch.setattr("cfukit_soc.synthesis.system.synthesise", lambda *_: tmp_path)
    monkeypatch.setattr(place, "route", lambda *_: pytest.fail("it is routed"))
    check_too_large(api.bitstream(project(tmp_path / "large", "too large", "x = cmd.rs1")))


def check_too_large(document: Json) -> None:
    assert not document["ok"] and not document["fits"] and not document["files"]
    (limit,) = [item for item in document["limits"] if item["name"] == "device dsp"]
    assert limit["asked"] == 8 and limit["reached"] > 8 and limit["offender"] == "cfu: 9"
    assert document["timing_met"] is None and document["parts"]["cfu"]["dsp"] == 9


@pytest.mark.long
@pytest.mark.needs("fpga")
def test_a_cfu_that_is_too_slow_is_refused(tmp_path: Path) -> None:
    document = api.bitstream(project(tmp_path / "slow", "too slow", SLOW), seeds=1)
    assert not document["ok"] and document["fits"] and document["timing_met"] is False
    (limit,) = document["limits"]
    assert (limit["name"], limit["asked"]) == ("clock_mhz", 12.0) and limit["reached"] < 12
    assert limit["offender"].startswith("cfu: ") and " ns of the path " in limit["offender"]
    assert next(iter(document["worst_path"]["by_instance_ns"])) == "cfu" and not document["files"]


@pytest.mark.needs("fpga")
def test_too_slow_is_said_with_the_instance_that_takes_longest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = WorstPath(
        delay_ns=120.0, begin="soc.a", end="soc.Cfu.b", by_instance_ns={"cfu": 90.0, "cpu": 30.0}
    )
    used = {"lc": 3900, "lut": 3900, "ff": 1600, "bram": 8, "dsp": 8, "spram": 4}
    parts = {"cpu": used, "cfu": dict.fromkeys(used, 0), "soc": dict.fromkeys(used, 0)}
    (tmp_path / "resources.json").write_text(json.dumps({"used": used, "parts": parts}))

    def routed(_: Any, netlist: Path, clock_hz: int, seed: int, build_dir: Path) -> place.Routed:
        return place.Routed(seed, tmp_path, 8.0 + seed / 100, path, {"lc": 4000})

    monkeypatch.setattr("cfukit_soc.synthesis.system.synthesise", lambda *_: tmp_path)
    monkeypatch.setattr(place, "route", routed)
    document = api.bitstream(project(tmp_path / "any", "any", "x = cmd.rs1 ^ cmd.rs2"), seeds=3)
    assert document["limits"] == [
        {
            "name": "clock_mhz",
            "asked": 12.0,
            "reached": 8.03,
            "offender": "cfu: 90.0 ns of the path soc.a -> soc.Cfu.b",
        }
    ]
    assert (document["fmax_median_mhz"], document["timing_met"], document["ok"]) == (8.02, False, False)
    assert (document["used"]["lc"], document["percent"]["lc"], document["files"]) == (4000, 75.8, [])


@pytest.mark.long
@pytest.mark.needs("fpga")
def test_a_fomu_without_a_cfu_is_placed_and_routed(tmp_path: Path) -> None:
    (tmp_path / "project.toml").write_text('[cfu]\nfile = ""\n[soc]\nboard = "fomu"\ncpu = "fomu-mac"\n')
    check_fomu(api.bitstream(tmp_path, seeds=1), luts=3000)


@pytest.mark.long
@pytest.mark.needs("fpga")
def test_mac4_on_fomu_leaves_room_and_runs_as_a_netlist(tmp_path: Path) -> None:
    api.init(str(tmp_path / "mine"), "mac4")
    check_fomu(api.bitstream(tmp_path / "mine", board="fomu", seeds=1), luts=3400)
    program = tmp_path / "hello.c"
    program.write_text(
        '#include "cfu_ops.h"\n#include "cfukit.h"\nint main(void) {\n  (void)cfu_acc_set0(100);\n'
        '  printf("mac4 %d\\n", (int)cfu_mac4_add0(0x01020304, 0x01010101));\n  return 0;\n}\n'
    )
    ran = api.bitstream(tmp_path / "mine", board="fomu", run_netlist=program)
    assert ran["netlist"]["output"] == "mac4 110\n"


def check_fomu(document: Json, luts: int) -> None:
    """The figures and files of a bitstream for Fomu."""
    assert document["ok"] and document["fmax_mhz"] >= 12
    assert document["used"]["lc"] <= luts and document["used"]["dsp"] <= 8 and document["used"]["spram"] == 4
    names = [Path(file).name for file in document["files"]]
    assert names == ["fomu.bin", "fomu.firmware", "fomu.dfu"]
    whole = Path(document["files"][2]).read_bytes()
    gateware, firmware = (Path(file).read_bytes() for file in document["files"][:2])
    # A comment that makes foboot start it after five seconds, as its examples/add_autoboot_timeout.py writes it.
    assert whole[:16].hex(" ", 4) == "ff000000 ace36d4a 05000000 000000ff"
    assert whole[16:].startswith(gateware[4:]) and gateware[:8].hex(" ", 4) == "ff0000ff 7eaa997e"
    assert whole[0x20000:-16] == firmware and whole[-8:-5] == b"UFD"


@pytest.mark.slow
def test_the_boot_rom_on_the_bus_holds_the_loader_and_starts_it(tmp_path: Path) -> None:
    soc_json = make_soc("tang20k", tmp_path / "soc", from_rom=True)
    boot = build_boot(soc_json, bytes(range(16)), build_dir=tmp_path)
    result = simulate(build_simulator(soc_json, None, build_dir=tmp_path), soc_json, boot, max_cycles=100_000)
    text = f"\ncfukit boot: board tang20k, system {bytes(range(16)).hex()}\n"
    assert result.output.decode() == text
    # What hardware gets is the same: the words of the ELF, in the order of the ROM.
    words = rom_words(Soc.read(soc_json), None, boot)
    assert words is not None and len(words) == 2048
    assert b"cfukit boot: board tang20k" in b"".join(word.to_bytes(4, "little") for word in words)


@pytest.mark.long
@pytest.mark.needs("fpga")
def test_the_synthesised_block_rams_hold_the_loader(tmp_path: Path) -> None:
    (tmp_path / "project.toml").write_text('[cfu]\nfile = ""\n[soc]\nboard = "ulx3s"\n')
    document = api.bitstream(tmp_path, synthesis_only=True)
    assert document["ok"] and document["timing_met"] is None and document["used"]["bram"] >= 4
    (folder,) = (tmp_path / "build" / "ulx3s" / "bitstream").glob("synthesis-ulx3s*")
    cells = json.loads((folder / "netlist.json").read_text())["modules"]["top"]["cells"]
    roms = [
        cell["parameters"] for name, cell in cells.items() if "bus_rom" in name and cell["type"] == "DP16KD"
    ]
    ones = sum(value.count("1") for rom in roms for key, value in rom.items() if key.startswith("INITVAL"))
    words = (folder / "boot_rom.hex").read_text().split()
    assert len(roms) == 4 and ones == sum(int(word, 16).bit_count() for word in words)


@pytest.mark.parametrize("name", [name for name, board in boards().items() if board.bus_rom_bytes])
def test_the_loader_fits_the_rom_of_every_board(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "project.toml").write_text(f'[cfu]\nfile = ""\n[soc]\nboard = "{name}"\n')
    system = System(load_target(tmp_path))
    words = rom_words(Soc.read(system.hardware_soc_json), None, system.boot_loader)
    assert words is not None and 4 * len(words) == board_named(name).bus_rom_bytes and words[-1] == 0
    assert system.identity in b"".join(word.to_bytes(4, "little") for word in words)


def test_without_a_router_an_arty_is_refused_before_synthesis_and_its_scripts_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vendor, "router", lambda: None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "project.toml").write_text('[cfu]\nfile = ""\n[soc]\nboard = "arty"\n')
    with pytest.raises(MissingToolError, match="no vivado; of openXC7 no"):
        api.bitstream(tmp_path)
    folder = tmp_path / "build" / "arty" / "bitstream" / "vendor"
    script = (folder / "build.tcl").read_text()
    named = script.partition("set sources {")[2].partition("}")[0].split()
    assert {"top.v", "soc.v", "bus_rom.v", "serial.v"} <= set(named)
    assert all((folder / name).is_file() for name in (*named, "boot_rom.hex", "top.xdc", "build.sh"))


def test_ddr3_below_its_slowest_clock_is_told() -> None:
    from cfukit_tools.verbs.bitstream import _notes

    soc = soc_of(memory())
    assert _notes(replace(soc, clock_hz=100_000_000)) == ()
    (note,) = _notes(replace(soc, clock_hz=50_000_000, constants={"ddr3_out_of_specification": 1}))
    assert note.startswith("DDR3 at 50 MHz is out of specification")


def test_a_board_that_is_only_simulated_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"soc.board: 'sim' is only simulated; one of .*arty.*ulx3s"):
        api.bitstream(project(tmp_path / "any", "any", "x = cmd.rs1"), board="sim")


@pytest.mark.parametrize("options", [{"seeds": -1}, {"seed": -1}, {"jobs": -3}])
def test_negative_numbers_are_refused(tmp_path: Path, options: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=r"--(seeds?|jobs): -\d; 0 or more"):
        api.bitstream(project(tmp_path / "any", "any", "x = cmd.rs1"), board="fomu", **options)
    if "jobs" in options:
        with pytest.raises(UsageError, match="--jobs: -3; 0 or more"):
            api.area(tmp_path / "any", jobs=-3)


@pytest.mark.needs("fpga")
@pytest.mark.parametrize("option", ["firmware", "run_netlist"])
def test_a_program_for_flash_is_refused_before_synthesis(tmp_path: Path, option: str) -> None:
    folder = project(tmp_path / "any", "any", "x = cmd.rs1")
    file = tmp_path / "program.c"
    dashed = "--" + option.replace("_", "-")
    with pytest.raises(UsageError, match=f"{dashed}: board 'tang20k' has no flash for a program"):
        api.bitstream(folder, board="tang20k", **{option: file})
    with pytest.raises(UsageError, match=r"program\.c: no such file"):
        api.bitstream(folder, board="fomu", **{option: file})
    assert not list((folder / "build" / "fomu").glob("bitstream/synthesis*"))


@pytest.mark.long
@pytest.mark.needs("fpga")
def test_resources_alone_leave_what_was_built(tmp_path: Path) -> None:
    folder = project(tmp_path / "any", "any", "x = cmd.rs1 ^ cmd.rs2")
    built = folder / "build" / "fomu" / "bitstream"
    built.mkdir(parents=True)
    (built / "build.json").write_text("what was built")
    api.bitstream(folder, board="fomu", synthesis_only=True)
    assert json.loads((built / "synthesis.json").read_text())["ok"]
    assert (built / "build.json").read_text() == "what was built"


def test_the_proof_has_a_line_per_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    asked: list[Any] = []

    def build(_: Path, **options: Any) -> Build:
        asked.append((options["board"], options["seeds"], options["synthesis_only"]))
        fmax = None if options["synthesis_only"] else 17.25
        used = {"lc": 3000, "lut": 2900, "bram": 8, "dsp": 4}
        return build_document(used=used, fmax_mhz=fmax, fmax_median_mhz=fmax)

    def run(*_: Any, **options: Any) -> Run:
        cycles = {"reference": 990, "portable": 390, "project": 90}
        return run_document(*(variant(name, [value]) for name, value in cycles.items()))

    monkeypatch.setattr(vendor, "router", lambda: None)
    monkeypatch.setattr("cfukit_tools.verbs.bitstream.bitstream", build)
    monkeypatch.setattr("cfukit_tools.verbs.run.run", run)
    assert boards_proof.proof(["arty", "fomu", "ulx3s"], 5, "kws_ref", tmp_path) == 0
    header, arty, fomu, ulx3s, file = capsys.readouterr().out.splitlines()
    assert fomu.split() == ["fomu", "3000", "8", "-", "4", "17.2", "17.2", "12", "1,000", "100", "10.00x"]
    assert arty.split()[5:7] == ["-", "-"] and ulx3s.split()[-3:] == ["-", "-", "-"] and "median" in header
    assert asked == [("arty", 5, True), ("fomu", 5, False), ("ulx3s", 5, False)]
    assert len(json.loads(Path(file).read_text())["boards"]) == 3


def test_what_nextpnr_cannot_place_is_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failed(_: Any, netlist: Path, clock_hz: int, seed: int, build_dir: Path) -> place.Routed:
        return place.Routed(seed, None, None, None, {}, f"ERROR: Unable to place cell 'x' with {seed}")

    monkeypatch.setattr(place, "route", failed)
    placed = place_with_seeds(board_named("fomu"), tmp_path, soc_of(memory()), [4, 5], tmp_path, 1)
    (limit,) = placed.limits
    assert (limit.name, limit.asked, limit.reached) == ("device placement", 1, 0)
    assert limit.offender == "ERROR: Unable to place cell 'x' with 4"
    assert [(seed.seed, seed.fmax_mhz) for seed in placed.seeds] == [(4, None), (5, None)]
    assert (placed.timing_met, placed.fmax_mhz, placed.image) == (None, None, None)


def test_a_clock_is_missed_by_figures_or_because_the_tool_says_so() -> None:
    soc = replace(soc_of(memory()), clock_hz=12_000_000)
    assert too_slow(soc, 12.0, None) == ()
    (limit,) = too_slow(soc, 11.99, None)
    assert (limit.name, limit.asked, limit.reached, limit.offender) == ("clock_mhz", 12.0, 11.99, "")
    path = WorstPath(delay_ns=80.0, begin="a", end="b", by_instance_ns={})
    (limit,) = too_slow(soc, 13.0, path, refused=True)
    assert limit.offender == "the path a -> b"


def test_the_placement_that_is_fastest_is_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speeds = {1: 2.0, 2: 5.0, 3: None, 4: 3.0}

    def routed(_: Any, netlist: Path, clock_hz: int, seed: int, build_dir: Path) -> place.Routed:
        return place.Routed(seed, tmp_path, speeds[seed], None, {"lc": seed})

    monkeypatch.setattr(place, "route", routed)
    monkeypatch.setattr(place, "pack", lambda board, best, folder: tmp_path / f"seed{best.seed}")
    placed = place_with_seeds(board_named("fomu"), tmp_path, soc_of(memory()), list(speeds), tmp_path, 2)
    assert placed.image == tmp_path / "seed2" and placed.used == {"lc": 2}
    assert (placed.fmax_mhz, placed.fmax_median_mhz, placed.timing_met, placed.limits) == (5.0, 3.0, True, ())
    assert [(seed.seed, seed.fmax_mhz) for seed in placed.seeds] == list(speeds.items())


@pytest.mark.parametrize(("jobs", "tried"), [(1, [1, 2, 3]), (2, [1, 2, 3, 4])])
def test_seeds_are_tried_until_one_meets_the_clock(
    jobs: int, tried: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speeds = {1: 2.0, 2: None, 3: 12.0, 4: 13.0, 5: 14.0}

    def routed(_: Any, netlist: Path, clock_hz: int, seed: int, build_dir: Path) -> place.Routed:
        return place.Routed(seed, tmp_path, speeds[seed], None, {"lc": seed})

    monkeypatch.setattr(place, "route", routed)
    monkeypatch.setattr(place, "pack", lambda board, best, folder: tmp_path / f"seed{best.seed}")
    soc = replace(soc_of(memory()), clock_hz=12_000_000)
    seeds = range(1, 6)
    placed = place_with_seeds(board_named("fomu"), tmp_path, soc, seeds, tmp_path, jobs, until_met=True)
    assert [seed.seed for seed in placed.seeds] == tried and placed.timing_met
    assert placed.image == tmp_path / f"seed{tried[-1]}"
