"""The flash after the gateware, which holds a header for the boot ROM and the firmware; and the boot ROM itself."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path
from typing import Any

from cfukit_base import process
from cfukit_base.artefacts import Soc
from cfukit_base.artefacts.cpu import Memory
from cfukit_base.errors import BuildError, ResultError, UsageError
from cfukit_base.tools import riscv_cc
from cfukit_soc.boards import FLASH_BASE, FLASH_HEADER_BYTES, Flash

MAGIC = 0x31554643  # "CFU1"
SOURCE = Path(__file__).parent / "boot_flash.S"
_COMMENT_BEGIN = b"\xff\x00"
_AUTO_BOOT = 0x4A6DE3AC
AUTO_BOOT_SECONDS = 5
_PARTS = ("text", "rodata")  # copied by the ROM; the program's start code copies the rest


def boot_rom_words(flash: Flash, size_bytes: int) -> list[int]:
    """The boot ROM of a system with this flash, as 32-bit words, padded with zeros."""
    compiler = riscv_cc("zig")
    target = ("-target", "riscv32-freestanding-none", "-mcpu=generic_rv32", "-mabi=ilp32")
    macros = (f"-DHEADER={FLASH_BASE + flash.begin_bytes}", f"-DMAGIC={MAGIC}")
    with tempfile.TemporaryDirectory(prefix="cfukit-") as name:
        out = Path(name) / "boot.o"
        words = [*compiler.argv, *target, *macros, "-c", str(SOURCE), "-o", str(out)]
        done = process.run(words, env=compiler.env, timeout=300)
        if not done.ok:
            raise BuildError("boot ROM", done.tail(5), log=done.tail(40))
        from elftools.elf.elffile import ELFFile

        with out.open("rb") as stream:
            section: Any = ELFFile(stream).get_section_by_name(".text")
            code: bytes = section.data()
    assert len(code) <= size_bytes, "the boot ROM is too small"
    return [word for (word,) in struct.iter_unpack("<I", code + bytes(size_bytes - len(code)))]


def flash_image(elf: Path, flash: Flash) -> bytes:
    """The bytes from `flash.begin_bytes` on that make the boot ROM start `elf`, a firmware linked for the board.

    UsageError for an ELF that lies elsewhere, ResultError for one that is larger than the flash.
    """
    from elftools.elf.elffile import ELFFile

    with elf.open("rb") as stream:
        program = ELFFile(stream)
        table: Any = program.get_section_by_name(".symtab")
        symbols = {s.name: s["st_value"] for s in table.iter_symbols()} if table else {}
        segments = [
            (s["p_paddr"], s.data())
            for s in program.iter_segments()
            if s["p_type"] == "PT_LOAD"
            and s["p_filesz"]
            and FLASH_BASE <= s["p_paddr"] < FLASH_BASE + (1 << 26)
        ]
    names = [f"__cfukit_{part}_{end}" for part in _PARTS for end in ("load", "begin", "end")]
    if any(name not in symbols for name in (*names, "_start")):
        raise UsageError(
            str(elf), "not a firmware that starts from flash", allowed="what cfukit builds for this board"
        )
    room = flash.memory.bytes
    body = bytearray()
    for address, data in segments:
        offset = address - flash.base
        if offset + len(data) > room:
            raise ResultError(
                "flash", f"does not fit: {offset + len(data):,} bytes asked", allowed=f"{room:,} bytes"
            )
        body.extend(bytes(max(0, offset + len(data) - len(body))))
        body[offset : offset + len(data)] = data
    header = struct.pack("<II", MAGIC, symbols["_start"]) + struct.pack(
        f"<{len(names)}I", *(symbols[n] for n in names)
    )
    return header.ljust(FLASH_HEADER_BYTES, b"\0") + bytes(body)


def with_auto_boot(gateware: bytes, seconds: int) -> bytes:
    """An iCE40 configuration whose comment tells Fomu's bootloader to start it after 1 to 255 seconds, unless something is being loaded.

    The words are foboot's (examples/add_autoboot_timeout.py of im-tomu/foboot). A bootloader that does not know them waits, and the
    FPGA skips comments. The rest stays at multiples of four, where the bootloader looks for the sync word.
    """
    assert gateware[:2] == _COMMENT_BEGIN and 1 <= seconds <= 255
    return _COMMENT_BEGIN + struct.pack("<HIIH", 0, _AUTO_BOOT, seconds, 0) + gateware[2:]


def dfu(image: bytes, vendor: int, product: int) -> bytes:
    """`image` with the suffix of DFU 1.1: 16 bytes with the ids and a CRC-32 (not inverted at the end, as the standard says)."""
    import zlib

    suffix = struct.pack("<HHHH3sB", 0xFFFF, product, vendor, 0x0100, b"UFD", 16)
    data = image + suffix
    return data + struct.pack("<I", zlib.crc32(data) ^ 0xFFFF_FFFF)


def hex_words(words: list[int]) -> str:
    """The words in the format of $readmemh."""
    return "".join(f"{word:08x}\n" for word in words)


def rom_words(soc: Soc, flash: Flash | None, loader: Path) -> list[int] | None:
    """The contents of the ROM in which this system starts; None for a system without a ROM.

    With flash the ROM starts the image there; without flash it is the boot loader's ELF.
    """
    rom = next((memory for memory in soc.memories if memory.kind == "rom"), None)
    if rom is None:
        return None
    return boot_rom_words(flash, rom.bytes) if flash is not None else _loader_words(rom, loader)


def _loader_words(rom: Memory, loader: Path) -> list[int]:
    from elftools.elf.elffile import ELFFile

    image = bytearray(rom.bytes)
    with loader.open("rb") as stream:
        for segment in ELFFile(stream).iter_segments():
            offset, data = segment["p_paddr"] - rom.base, segment.data()
            if segment["p_type"] != "PT_LOAD" or not data:
                continue
            if not 0 <= offset <= rom.bytes - len(data):
                raise ResultError(
                    "boot ROM", f"the loader does not fit: {len(data):,} bytes", allowed=f"{rom.bytes:,}"
                )
            image[offset : offset + len(data)] = data
    return [word for (word,) in struct.iter_unpack("<I", image)]
