"""The boot loader in memories, flash and bitstreams."""

from __future__ import annotations

from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from cfukit_base.artefacts import Soc
from cfukit_base.errors import ResultError, UsageError
from cfukit_base.protocol.wire import BootIs
from cfukit_base.symbols import symbol
from cfukit_soc.boards import boards
from cfukit_soc.synthesis.flash_image import flash_image
from cfukit_sw.boot import RESERVED_BYTES, boot_memory, build_boot, loaded_soc
from cfukit_tools.engines.board.image import board_image
from cfukit_tools.engines.board.system import BoardSystem
from cfukit_tools.project.project import stock_project
from support.bare import assemble

REAL = [name for name, board in boards().items() if board.hardware]


@pytest.fixture(params=["sim", *REAL])
def system(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BoardSystem:
    monkeypatch.chdir(tmp_path)
    return BoardSystem(stock_project("stock", board=request.param))


def test_it_runs_at_the_end_of_a_memory_and_knows_the_system(system: BoardSystem) -> None:
    elf = system.boot_loader
    soc = Soc.read(system.hardware_soc_json)
    end = boot_memory(soc).end
    with elf.open("rb") as file:
        program = ELFFile(file)
        run = [
            (s["sh_addr"], s["sh_addr"] + s["sh_size"])
            for s in program.iter_sections()
            if s["sh_flags"] & 2 and s.name not in (".start", ".stays")
        ]
        data = b"".join(s.data() for s in program.iter_segments("PT_LOAD"))
    assert all(end - RESERVED_BYTES <= begin <= last <= end - 1024 for begin, last in run)
    assert system.identity in data and system.project["soc.board"].encode() in data
    assert symbol(elf, "__boot_start") == soc.cpu.reset_address


def test_programs_get_the_rest(system: BoardSystem) -> None:
    soc = Soc.read(system.hardware_soc_json)
    rest = loaded_soc(soc)
    assert rest.memory_at(rest.cpu.reset_address) is not None
    assert not {"rom", "flash"} & {m.kind for m in rest.memories}
    room = {m.name: m.bytes for m in soc.memories}
    taken = {m.name: room[m.name] - m.bytes for m in rest.memories if room[m.name] != m.bytes}
    assert taken == {boot_memory(soc).name: RESERVED_BYTES}


@pytest.mark.parametrize("name", [name for name in REAL if boards()[name].flash])
def test_a_boot_rom_starts_it_from_flash(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    system = BoardSystem(stock_project("stock", board=name))
    flash = boards()[name].flash
    assert flash is not None
    image = flash_image(system.boot_loader, flash)
    start = int.from_bytes(image[4:8], "little")
    where, begin, end = (int.from_bytes(image[at : at + 4], "little") for at in (8, 12, 16))
    assert start == symbol(system.boot_loader, "_start") and begin <= start < end
    with system.boot_loader.open("rb") as file:
        text = ELFFile(file).get_section_by_name(".body").data()
    offset = 64 + where - flash.base
    assert image[offset : offset + len(text)] == text and end - begin == len(text)


def test_a_digest_has_16_bytes(system: BoardSystem, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="15 bytes; 16"):
        build_boot(system.hardware_soc_json, bytes(15), build_dir=tmp_path)


BOOT = BootIs(1, 1, 256, 0x41FFE000, 0x41FFE000, RESERVED_BYTES, 0, False, 0, 0, bytes(16), "sim")


@pytest.fixture
def stock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BoardSystem:
    monkeypatch.chdir(tmp_path)
    return BoardSystem(stock_project("stock"))


def built(system: BoardSystem, text: str) -> Path:
    from cfukit_sw.firmware import build_firmware

    Path("main.c").write_text(text)
    return build_firmware([Path("main.c")], system.soc_json, build_dir=Path("built"))


def test_an_image_says_where_input_log_and_loader_are(stock: BoardSystem) -> None:
    elf = built(stock, "int main(void) { return 0; }")
    image = board_image(elf, stock.soc, BOOT, b"input")
    words = [image.host + 4 * number for number in range(5)]
    contents = {a + i: byte for a, data in image.pieces for i, byte in enumerate(data)}
    read = [int.from_bytes(bytes(contents[at + i] for i in range(4)), "little") for at in words]
    begin, end = read[0], read[1]
    assert bytes(contents[at] for at in range(begin, end)) == b"input"
    assert (read[2], read[3], read[4]) == (*image.log, BOOT.back)
    assert image.log[1] <= BOOT.reserved_base and image.log[0] >= end
    assert all(address + len(data) <= begin for address, data in image.pieces[:-1])
    assert board_image(elf, stock.soc, BOOT, None).log[0] == begin  # the serial line is stdin


def test_what_does_not_fit_beside_the_loader_is_refused(stock: BoardSystem) -> None:
    elf = built(stock, "int main(void) { return 0; }")
    over = BootIs(**(vars(BOOT) | {"reserved_base": 0x40000100}))
    with pytest.raises(ResultError, match=r"does not fit.*the boot loader needs 0x40000100"):
        board_image(elf, stock.soc, over, None)
    with pytest.raises(ResultError, match="no room for 33,554,432 bytes of input"):
        board_image(elf, stock.soc, BOOT, bytes(32 << 20))
    other = assemble(".globl main\nmain: ret\n", Path())
    with pytest.raises(UsageError, match="was not linked with cfukit's runtime"):
        board_image(other, stock.soc, BOOT, None)
