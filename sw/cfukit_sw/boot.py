"""Build the boot loader of a board, for the memory at its reset address: a ROM in a bitstream, or RAM in a simulation."""

from __future__ import annotations

import importlib.util
from dataclasses import asdict, replace
from pathlib import Path

from cfukit_base import process, tools
from cfukit_base.artefacts import Soc
from cfukit_base.artefacts.cpu import Memory
from cfukit_base.cache import cached, user_cache
from cfukit_base.digest import digest_of
from cfukit_base.errors import BuildError, UsageError
from cfukit_base.plain_paths import plain
from cfukit_sw.compile import TIMEOUT_SECONDS, Unit, compile_all
from cfukit_sw.elf_scan import check_instructions
from cfukit_sw.firmware import (
    COMMON_FLAGS,
    INCLUDE,
    OWN_FLAGS,
    RUNTIME,
    RUNTIME_OPTIMISATION,
    SOURCES,
    target_flags,
)
from cfukit_sw.linker import READ_ONLY_KINDS, soc_header

BOOT = SOURCES / "boot"
RESERVED_BYTES = 8 * 1024  # code, data and stack
_RUNTIME = ("uart.c", "wire.c", "memory.c")
# Code for DRAM that software initialises: LiteX's own, from its wheel, and ours around it. It stays in the boot ROM.
_LITEX = ("liblitedram/sdram.c", "liblitedram/accessors.c")
_STAYS = ("ddr3", "sdram", "accessors", "printf", "stdio")

_SCRIPT = """\
/* Generated from soc.json of board {board}. */
ENTRY(__boot_start)
SECTIONS
{{
  .start 0x{reset:08x} : {{ KEEP(*(.boot.start)) {code_that_stays} . = ALIGN(16); }}
  {constants_that_stay}
  __boot_copy_from = {image};
  .body 0x{begin:08x} : AT(__boot_copy_from)
  {{
    *(.text .text.*)
    . = ALIGN(16);
  }}
  .constants : AT(__boot_copy_from + SIZEOF(.body))
  {{
    *(.rodata .rodata.* .srodata .srodata.*)
    . = ALIGN(4);
    *(.data .data.* .sdata .sdata.*)
    . = ALIGN(4);
  }}
  .bss (NOLOAD) : ALIGN(4)
  {{
    __boot_bss_begin = .;
    *(.sbss .sbss.* .bss .bss.* COMMON)
    . = ALIGN(4);
    __boot_bss_end = .;
  }}
  __cfukit_text_load = LOADADDR(.body);
  __cfukit_text_begin = ADDR(.body);
  __cfukit_text_end = ADDR(.body) + SIZEOF(.body);
  __cfukit_rodata_load = LOADADDR(.constants);
  __cfukit_rodata_begin = ADDR(.constants);
  __cfukit_rodata_end = ADDR(.constants) + SIZEOF(.constants);
  __boot_copy_to = ADDR(.body);
  __boot_copy_end = ADDR(.constants) + SIZEOF(.constants);
  __boot_reserved_begin = 0x{begin:08x};
  __boot_reserved_end = 0x{end:08x};
  __boot_stack_top = 0x{end:08x};
  ASSERT(__boot_bss_end + 1024 <= __boot_reserved_end, "the boot loader is too large")
  /DISCARD/ : {{ *(.comment .note.* .eh_frame .eh_frame_hdr) }}
}}
"""


def boot_memory(soc: Soc) -> Memory:
    """The memory at whose end the loader runs. The CPU must be able to fetch from it and to write it.

    It is the memory of the reset address if that qualifies, else one on chip, which needs no initialisation.

    """
    usable = [m for m in soc.memories if m.kind not in (*READ_ONLY_KINDS, "dtcm")]
    if not usable:
        raise UsageError(
            "soc.json", "no memory to run a boot loader from", allowed="one that is fetched from and written"
        )
    here = [m for m in usable if m is _reset_memory(soc)]
    on_chip = [m for m in usable if m.kind in ("itcm", "sram")]
    return (here or on_chip or usable)[0]


def _reset_memory(soc: Soc) -> Memory:
    memory = soc.memory_at(soc.cpu.reset_address)
    assert memory is not None
    return memory


def _image(soc: Soc) -> str:
    """Where the loader lies before it runs: behind its first words, or in flash where the ROM at the reset address is small."""
    flash = [m for m in soc.memories if m.kind == "flash"]
    if flash and _reset_memory(soc).bytes < RESERVED_BYTES:
        return f"0x{flash[0].base:08x}"
    last = ".stays" if soc.headers else ".start"
    return f"ADDR({last}) + SIZEOF({last})"


def loaded_soc(soc: Soc) -> Soc:
    """The system as programs see it that the loader starts: the memories that it can fill, without what it needs itself."""
    own = boot_memory(soc)
    memories = tuple(
        replace(m, bytes=m.bytes - RESERVED_BYTES) if m is own else m
        for m in soc.memories
        if m.kind not in READ_ONLY_KINDS
    )
    reset = soc.cpu.reset_address
    if not any(m.holds(reset) for m in memories):
        reset = next((m for m in memories if m.kind in ("ram", "itcm")), memories[0]).base
    return replace(soc, memories=memories, cpu=replace(soc.cpu, reset_address=reset))


def build_boot(soc_json: Path, digest: bytes, *, build_dir: Path, compiler: str = "zig") -> Path:
    """The loader's ELF. It starts at the reset address and takes the last RESERVED_BYTES of `boot_memory`.

    digest: 16 bytes that identify what the system was built from. The loader reports them, so a host notices the wrong bitstream.
    """
    if len(digest) != 16:
        raise UsageError("digest", f"{len(digest)} bytes", allowed="16")
    soc = Soc.read(soc_json)
    tool = tools.riscv_cc(compiler)
    headers = {"soc.h": soc_header(soc), "boot_config.h": _config(soc, digest)}

    def write(folder: Path) -> None:
        for name, text in headers.items():
            (folder / name).write_text(text)

    folder = cached(user_cache() / "objects", "boot", digest_of(headers), write)
    target = target_flags(compiler, soc.cpu.isa)
    flags = (*target, *COMMON_FLAGS, *OWN_FLAGS, RUNTIME_OPTIMISATION, "-mno-relax")
    sources = [BOOT / "start.S", BOOT / "boot.c", *(RUNTIME / name for name in _RUNTIME)]
    units = [Unit(path, flags, (RUNTIME, INCLUDE, folder)) for path in sources]
    if soc.headers:
        units += _dram_units(flags, soc_json.parent, folder)
    objects = compile_all(tool, units)
    memory = boot_memory(soc)
    constants = f".stays : {{ {_stays('.rodata .rodata.*')} . = ALIGN(16); }}"
    script = _SCRIPT.format(
        board=soc.board,
        reset=soc.cpu.reset_address,
        image=_image(soc),
        code_that_stays=_stays(".text .text.*") if soc.headers else "",
        constants_that_stay=constants if soc.headers else "",
        begin=memory.end - RESERVED_BYTES,
        end=memory.end,
    )
    key = digest_of(tool.identity, script, list(target), asdict(soc.cpu), [item.key for item in objects])

    def link(folder: Path) -> None:
        (folder / "link.ld").write_text(script)
        given = "-Wl,--gc-sections,-T,link.ld,--entry=__boot_start"
        argv = [*tool.argv, *target, "-nostartfiles", given, *(str(plain(item.path)) for item in objects)]
        argv += [
            "-o",
            str(plain(folder / "boot.elf")),
            *(("-nostdlib", "-lgcc") if compiler == "gcc" else ()),
        ]
        done = process.run(argv, cwd=folder, env=tool.env, timeout=TIMEOUT_SECONDS)
        if not done.ok:
            raise BuildError("boot loader", done.tail(5), log=done.tail(40))
        check_instructions(folder / "boot.elf", soc.cpu, "boot.elf")

    return cached(build_dir, "boot", key, link) / "boot.elf"


def litex_software() -> Path:
    """Where LiteX's C sources are, found without importing it."""
    spec = importlib.util.find_spec("litex")
    assert spec is not None and spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "soc" / "software"


def _dram_units(flags: tuple[str, ...], headers: Path, config: Path) -> list[Unit]:
    """What initialises DRAM; `headers` has LiteX's own, in generated/."""
    software = litex_software()
    own = (RUNTIME, INCLUDE, INCLUDE / "libc", config, software)
    theirs = (BOOT / "litex", headers, INCLUDE / "libc", software, software / "include")
    quiet = (*(flag for flag in flags if flag not in OWN_FLAGS), "-std=gnu11", "-w", "-DSDRAM_TEST_DISABLE")
    units = [Unit(path, flags, own) for path in (BOOT / "ddr3.c", RUNTIME / "printf.c", RUNTIME / "stdio.c")]
    return units + [Unit(software / name, quiet, theirs) for name in _LITEX]


def _stays(sections: str) -> str:
    """Input sections of the units that run in place. An object's folder is named after its source."""
    return " ".join(f"*/{name}-*/unit.o({sections})" for name in _STAYS)


def _config(soc: Soc, digest: bytes) -> str:
    """boot_config.h: what the loader may write and what it says of itself."""
    writable = [m for m in soc.memories if m.kind not in READ_ONLY_KINDS]
    ranges = ", ".join(f"{{0x{m.base:08x}, 0x{m.bytes:x}}}" for m in writable)
    return f"""\
#define BOOT_BOARD "{soc.board}"
#define BOOT_WRITABLE {ranges}
#define BOOT_DIGEST {", ".join(f"0x{byte:02x}" for byte in digest)}
#define BOOT_DIGEST_TEXT "{digest.hex()}"
#define BOOT_FENCE_I {int(bool(soc.cpu.icache_bytes))}
"""
