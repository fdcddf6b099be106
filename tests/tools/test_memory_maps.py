"""Memory maps of whole systems: nothing overlaps, registers are uncached, and the CPU starts in a memory."""

from itertools import pairwise
from pathlib import Path

import pytest

from cfukit_base.artefacts import Soc
from cfukit_base.errors import UsageError
from cfukit_soc.boards import boards, list_boards
from cfukit_tools.project.cpu import cpu_of
from cfukit_tools.project.project import stock_project
from cfukit_tools.project.system import System

UNCACHED = 0x8000_0000  # VexRiscv does not cache addresses with bit 31


def system(folder: Path, monkeypatch: pytest.MonkeyPatch, board: str, *settings: str) -> Soc:
    monkeypatch.chdir(folder)
    return System(stock_project("maps", board=board, assignments=settings)).soc


def check(soc: Soc) -> None:
    spans = sorted((memory.base, memory.end, memory.name) for memory in soc.memories)
    for (_, end, name), (begin, _, following) in pairwise(spans):
        assert end <= begin, f"{name} overlaps {following}"
    assert len({name for _, _, name in spans}) == len(spans)
    assert all(begin % 4 == end % 4 == 0 and begin < end <= UNCACHED for begin, end, _ in spans)
    registers = sorted((csr.address, csr.bits, name) for name, csr in soc.csrs.items())
    for (address, bits, name), (following, _, after) in pairwise(registers):
        assert address + 4 * -(-bits // 32) <= following, f"{name} overlaps {after}"
    assert registers[0][0] >= UNCACHED
    homes = [memory for memory in soc.memories if memory.holds(soc.cpu.reset_address)]
    assert len(homes) == 1
    assert soc.cpu.icache_bytes or homes[0].kind in ("itcm", "rom"), "only these can be fetched from"


SOME = [
    ("sim", ()),
    ("sim", ("soc.sram_bytes=1024",)),
    ("sim", ("soc.sram_bytes=67108864",)),
    ("sim", ("soc.cpu.itcm_bytes=16384", "soc.cpu.dtcm_bytes=65536")),
    ("sim_slow", ()),
    ("fomu", ()),
    ("fomu", ("soc.sram_bytes=4096",)),
    ("icebreaker", ("soc.cpu=full+cfu",)),
]


@pytest.mark.parametrize(("board", "settings"), SOME, ids=[" ".join((board, *more)) for board, more in SOME])
def test_memories_registers_and_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, board: str, settings: tuple[str, ...]
) -> None:
    check(system(tmp_path, monkeypatch, board, *settings))


@pytest.mark.slow
@pytest.mark.parametrize("board", sorted(boards()))
def test_every_board_as_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, board: str) -> None:
    soc = system(tmp_path, monkeypatch, board)
    check(soc)
    described = boards()[board]
    assert (soc.board, soc.clock_hz) == (board, described.clock_hz)
    assert soc.constants["bus_timeout_cycles"] == described.bus_timeout_cycles


def test_a_setting_out_of_range_names_its_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for setting, message in (
        ("soc.sram_bytes=3000", "--set soc.sram_bytes: 3000; a power of two"),
        ("soc.sram_bytes=134217728", "--set soc.sram_bytes: 134217728; 1024 to 67108864 bytes"),
        ("soc.clock_hz=999999", "--set soc.clock_hz: 999999; 1000000 to 1000000000 Hz"),
        ("soc.clock_hz=1000000001", "--set soc.clock_hz: 1000000001; 1000000 to 1000000000 Hz"),
        ("soc.board=simm", "--set soc.board: 'simm'; no such board, did you mean 'sim'"),
    ):
        with pytest.raises(UsageError, match=message):
            system(tmp_path, monkeypatch, "", setting)
    soc = system(tmp_path, monkeypatch, "sim", "soc.clock_hz=1_000_000")
    assert soc.clock_hz == soc.constants["config_clock_frequency"] == 1_000_000


@pytest.mark.parametrize("board", sorted(boards()))
def test_a_boards_description_holds_together(board: str) -> None:
    described = boards()[board]
    assert described.name == board and described.about
    for memory in described.all_memories:
        assert memory.base % 4 == memory.bytes % 4 == 0 and memory.read_cycles >= 2
    flash = described.flash
    if flash is not None:
        assert flash.chip_bytes & (flash.chip_bytes - 1) == 0 and flash.lanes in (1, 4)
        assert flash.memory.base + flash.memory.bytes == 0x0800_0000 + flash.chip_bytes, (
            "to the chip's last byte"
        )
    if described.hardware is not None:
        ports = [pin.port for pin in described.hardware.pins]
        assert len(set(ports)) == len(ports), "one place for each port"
        places = [pin.place for pin in described.hardware.pins]
        assert len(set(places)) == len(places), "one port for each place"
        assert {"clk_pin", "serial_tx", "serial_rx"} <= set(ports)
        assert all(amount > 0 for amount in described.hardware.fpga.available.values())


def test_the_list_of_boards_says_sizes(tmp_path: Path) -> None:
    listed = {entry["name"]: entry for entry in list_boards()}
    assert list(listed) == sorted(boards())
    assert listed["sim"]["memories"] == ["main_ram 32768 KiB"] and listed["sim"]["clock_hz"] == 100_000_000


@pytest.mark.parametrize(
    ("board", "cpu", "rom"),
    [("fomu", "", True), ("icebreaker", "fomu", True), ("fomu", "full+cfu", False), ("sim", "", False)],
)
def test_a_boot_rom_comes_with_a_cpu_that_cannot_fetch_elsewhere(board: str, cpu: str, rom: bool) -> None:
    given = cpu_of(stock_project("maps", board=board, assignments=(f"soc.cpu={cpu}",)))
    assert (not isinstance(given, str) and given.get("boot_rom_bytes") == 1024) == rom
