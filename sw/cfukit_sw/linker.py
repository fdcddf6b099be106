"""soc.json becomes soc.h (addresses, what the CPU has) and a linker script.

Each part of a program can go to a memory of its own (`Placement`):

| part | sections |
|---|---|
| code | .text, .rodata (a model's parameters come first, right behind its weights as in a blob: both packagings take the same cycles) |
| weights | .weights (from .rodata.cfukit.weights) |
| data | .data, .bss, stack |
| arena | .arena (from .bss.cfukit.arena; not cleared at the start) |
| far arena | .far_arena (from .bss.cfukit.far_arena, likewise): in the largest memory |

* In the loaded packaging, .blob is the room for models. It lies with the arena, and begins in the data cache where weights begin.
* The program starts at the CPU's reset address. If `code` is in another memory, the reset address holds a jump.
* A loader cannot fill a TCM (only a simulator can, if the CPU starts in one). Its contents come from the `load` memory. Code is copied
  from the reset address, which may be a boot ROM that only fetches see. crt0.S copies the rest.
* No symbol is called __global_pointer$. With one, GNU ld shortens accesses to data near it before it knows how far the places in the
  data cache move the sections apart, and then refuses what it has shortened ("relocation truncated to fit").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

from cfukit_base.artefacts import Soc
from cfukit_base.artefacts.cpu import Memory
from cfukit_base.errors import UsageError, suggest
from cfukit_sw.cache_lines import CACHE_HALVES

DEFAULT_STACK_BYTES = 16 * 1024
GUARD_BYTES = 64  # below the stack, checked at the end: GUARD_WORDS of crt0.S and stack.c
READ_ONLY_KINDS = ("rom", "flash")
TCM_KINDS = ("itcm", "dtcm")


@dataclass(frozen=True)
class Placement:
    """The memory of each part, by its name in soc.json. Comments explain what "auto" means."""

    code: str = "auto"  # the memory of the reset address; from a boot ROM the instruction TCM
    weights: str = "auto"  # as code
    data: str = "auto"  # code's memory if it can be written (the DTCM if code is in the ITCM), else the first that can
    arena: str = "auto"  # as data
    # Where the image lies before the start. If code's memory is read-only, there. For what a TCM holds, the memory of the reset
    # address (the first on the bus, if that is a boot ROM). Everything else lies in its place.
    load: str = "auto"


AUTO = Placement()


def soc_header(soc: Soc) -> str:
    """soc.h. C and assembler both include it, so it holds plain numbers only."""
    lines = [
        f"/* {soc.board}, CPU {soc.cpu.name}: generated from soc.json. */",
        "#ifndef CFUKIT_SOC_H",
        "#define CFUKIT_SOC_H",
        f"#define CFUKIT_CLOCK_HZ {soc.clock_hz}",
        f"#define CFUKIT_CPU_CFU_ENABLE {int(soc.cpu.cfu_enable_csr is not None)}",
        f"#define CFUKIT_CPU_TRAPS {int(soc.cpu.traps)}",
    ]
    for name, register in sorted(soc.csrs.items()):
        lines.append(f"#define CFUKIT_CSR_{name.upper()} 0x{register.address:08x}")
    for memory in soc.memories:
        lines.append(f"#define CFUKIT_{memory.name.upper()}_BASE 0x{memory.base:08x}")
        lines.append(f"#define CFUKIT_{memory.name.upper()}_BYTES {memory.bytes}")
    return "\n".join([*lines, "#endif", ""])


def resolve(soc: Soc, placement: Placement) -> dict[str, str]:
    """The memory of each part, with "auto" replaced. UsageError for a name that soc.json lacks."""
    memories = {memory.name: memory for memory in soc.memories}
    for item in fields(placement):
        name = getattr(placement, item.name)
        if name != "auto" and name not in memories:
            raise UsageError(f"place.{item.name}", f"'{name}'", allowed=suggest(name, memories, "memory"))
    reset = soc.cpu.reset_address
    boot = soc.memory_at(reset)
    if boot is None:
        raise UsageError(
            "soc.json", f"no memory at the reset address 0x{reset:08x}", allowed="one of its memories"
        )
    kinds = {name: memory.kind for name, memory in memories.items()}
    only_starts = boot.kind == "rom" and "itcm" in kinds.values()
    if placement.code != "auto":
        code = placement.code
    else:
        code = next(name for name, kind in kinds.items() if kind == "itcm") if only_starts else boot.name
    writable = [name for name, kind in kinds.items() if kind not in READ_ONLY_KINDS]
    writable.sort(key=lambda name: kinds[name] == "itcm")  # the last choice for data
    if placement.data != "auto":
        data = placement.data
    else:
        beside = [name for name, kind in kinds.items() if kind == "dtcm" and kinds[code] == "itcm"]
        data = next(iter(beside), code if code in writable else next(iter(writable), ""))
    arena = data if placement.arena == "auto" else placement.arena
    for part, name in (("data", data), ("arena", arena)):
        if name not in writable:
            raise UsageError(
                f"place.{part}", f"'{name}' cannot be written", allowed=f"one of {', '.join(writable)}"
            )
    if code != boot.name and boot.name not in writable and not only_starts:
        raise UsageError(
            "place.code", f"'{code}'", allowed=f"'{boot.name}', where this board's programs start"
        )
    weights = code if placement.weights == "auto" else placement.weights
    load = placement.load
    if load == "auto":
        load = code if code not in writable else ""
        if boot.kind not in TCM_KINDS and any(kinds[part] in TCM_KINDS for part in (code, weights, data)):
            on_bus = (name for name, kind in kinds.items() if kind not in (*TCM_KINDS, "rom"))
            load = next(on_bus, "") if only_starts else boot.name
    return {"code": code, "weights": weights, "data": data, "arena": arena, "load": load, "boot": boot.name}


# Weights, arena and the stack's end begin where the layout of the model's data expects them in the data cache. So two firmwares of
# one model differ in cycles by their kernels, and not by where the size of their code has pushed the data.
_CACHE_HALVES = tuple(CACHE_HALVES.items())
_ROOMY_BYTES = 1 << 20  # smaller memories may lack the room for the gaps


def roomy_memories(soc: Soc, placement: Placement, sizes: Mapping[str, int] | None) -> set[str]:
    """Memories with enough room to place parts by their lines in the data cache, as far as that is known without the parts' sizes."""
    where = resolve(soc, placement)
    roomy = set()
    for memory in soc.memories:
        here = [size for part, size in (sizes or {}).items() if where[part] == memory.name]
        gaps = len(_CACHE_HALVES) * soc.cpu.dcache_bytes
        if memory.bytes >= _ROOMY_BYTES or (here and sum(here) + gaps <= memory.bytes):
            roomy.add(memory.name)
    return roomy


def _cache_place(roomy: bool, half: int, cache_bytes: int) -> Callable[..., str]:
    """Make an address expression: from `.` (given as text) on, the next address where a half of the cache begins, moved by `back`."""
    offset = half * cache_bytes // 2

    def expression(here: str, back: int = 0) -> str:
        if not roomy or not cache_bytes:
            return ""
        moved = f" - {-back}" if back else ""
        return f"(ALIGN({here} - {offset}, {cache_bytes}) + {offset}{moved})"

    return expression


def _next_free(memory: str, before: Sequence[tuple[str, str, str]]) -> str:
    """The first free address of `memory`, as an expression that GNU ld and lld evaluate alike.

    before: (section, memory, memory of its load image), in the script's order. In the address expression of a section GNU ld
    leaves `.` behind the previous section, in whatever memory that is; lld moves it to the memory of the new section first.
    """
    if before and before[-1][1] == memory:
        return "."
    for section, runs_in, loaded_in in reversed(before):
        if memory in (runs_in, loaded_in):
            address = "ADDR" if memory == runs_in else "LOADADDR"
            return f"{address}({section}) + SIZEOF({section})"
    return f"ORIGIN({memory})"


def _blob(place: str, memory: str) -> str:
    """The room for models. It begins in the data cache where weights begin."""
    return f"""
  .blob {place} (NOLOAD) : ALIGN(16)
  {{
    *(.bss.cfukit.blob)
    . = ALIGN(4);
  }} > {memory}"""


def _cfu_memory(soc: Soc) -> str:
    """What a CFU with a memory port shares with the program (CFU_MEMORY of cfu.h). It comes first in the data TCM."""
    if all(memory.kind != "dtcm" for memory in soc.memories):
        return ""
    return """  cfukit_dtcm_ = ORIGIN(dtcm);
  cfukit_dtcm_end_ = ORIGIN(dtcm) + LENGTH(dtcm);
  .cfu_memory (NOLOAD) : ALIGN(16)
  {
    *(.bss.cfukit.cfu_memory)
  } > dtcm
"""


def _main_memory(soc: Soc) -> str:
    """What a CFU with a DMA port may read (CFU_DMA_BEGIN of cfu.h)."""
    if all(memory.name != "main_ram" for memory in soc.memories):
        return ""
    return """  cfukit_main_ram_ = ORIGIN(main_ram);
  cfukit_main_ram_end_ = ORIGIN(main_ram) + LENGTH(main_ram);
"""


def largest_memory(soc: Soc) -> Memory:
    """The largest one that can be written."""
    return max((m for m in soc.memories if m.kind not in READ_ONLY_KINDS), key=lambda memory: memory.bytes)


def entry_symbol(soc: Soc, placement: Placement) -> str:
    """The symbol at the reset address."""
    where = resolve(soc, placement)
    if where["boot"] == where["code"]:
        return "_start"
    return "__cfukit_boot" if where["load"] in ("", where["code"]) else "__cfukit_boot_copy"


def linker_script(
    soc: Soc,
    placement: Placement = AUTO,
    stack_bytes: int = DEFAULT_STACK_BYTES,
    sizes: Mapping[str, int] | None = None,
    loads_models: bool = False,
) -> str:
    """The script for GNU ld and lld.

    * sizes: of the parts (`elf.part_sizes`), if they are known.
    * loads_models: with .blob.
    """
    where = resolve(soc, placement)
    roomy = roomy_memories(soc, placement, sizes)
    stack_bytes = (stack_bytes + 15) & ~15
    regions = "\n".join(
        f"  {memory.name} (rwx) : ORIGIN = 0x{memory.base:08x}, LENGTH = 0x{memory.bytes:x}"
        for memory in soc.memories
    )

    def at(part: str) -> str:
        """`> memory`, with the memory of the load image if that is another."""
        load = where["load"] or where[part]
        return f"> {where[part]}" + (f" AT > {load}" if load != where[part] else "")

    copies = "\n".join(
        f"    LONG(LOADADDR({section})) LONG(ADDR({section})) LONG(ADDR({section}) + SIZEOF({section}))"
        for section, part in ((".weights", "weights"), (".data", "data"))
        if where["load"] not in ("", where[part])
    )
    weights_at, arena_at, stack_at = (
        _cache_place(where[part] in roomy, half, soc.cpu.dcache_bytes) for part, half in _CACHE_HALVES
    )
    loaded = {part: where["load"] or where[part] for part in ("code", "weights", "data")}
    before = [(".boot", where["boot"], where["boot"])] if where["boot"] != where["code"] else []
    before += [(".cfu_memory", "dtcm", "dtcm")] if _cfu_memory(soc) else []
    before += [(".text", where["code"], loaded["code"])]
    weights_start = weights_at(_next_free(where["weights"], before))
    before += [(".weights", where["weights"], loaded["weights"]), (".rodata", where["code"], loaded["code"])]
    before += [(".data", where["data"], loaded["data"])]
    arena_start = arena_at(_next_free(where["arena"], before))
    # Only if there is one, because its place in the cache would push .bss onto the lines of .data.
    blob = ""
    if loads_models:
        blob = _blob(_cache_place(where["arena"] in roomy, 0, soc.cpu.dcache_bytes)("."), where["arena"])
    reset, at_reset = soc.cpu.reset_address, where["boot"] == where["code"]
    start = f"0x{reset:08x}" if at_reset else ""
    section = entry_symbol(soc, placement).replace("__cfukit_", ".cfukit.")
    boot = f"\n  .boot 0x{reset:08x} : {{ KEEP(*({section})) }} > {where['boot']}" if not at_reset else ""
    return f"""/* Generated from soc.json of board {soc.board}. */
ENTRY({entry_symbol(soc, placement)})
MEMORY
{{
{regions}
}}
SECTIONS
{{{boot}
{_main_memory(soc)}{_cfu_memory(soc)}  .text {start} : ALIGN(4)
  {{
    KEEP(*(.cfukit.start))
    *(.text .text.*)
    . = ALIGN(4);
  }} {at("code")}
  .weights {weights_start} : ALIGN(4)
  {{
    *(.rodata.cfukit.weights .rodata.cfukit.weights.*)
    . = ALIGN(4);
  }} {at("weights")}
  .rodata : ALIGN(16)
  {{
    *(.rodata.cfukit.params)
    . = ALIGN(4);
    __cfukit_copy_begin = .;
{copies}
    __cfukit_copy_end = .;
    *(.rodata .rodata.* .srodata .srodata.*)
    . = ALIGN(4);
  }} {at("code")}
  __cfukit_text_load = LOADADDR(.text);
  __cfukit_text_begin = ADDR(.text);
  __cfukit_text_end = ADDR(.text) + SIZEOF(.text);
  __cfukit_rodata_load = LOADADDR(.rodata);
  __cfukit_rodata_begin = ADDR(.rodata);
  __cfukit_rodata_end = ADDR(.rodata) + SIZEOF(.rodata);
  .data : ALIGN(4)
  {{
    *(.data .data.*)
    __cfukit_gp = . + 0x800;
    *(.sdata .sdata.*)
    . = ALIGN(4);
  }} {at("data")}
  .arena {arena_start} (NOLOAD) : ALIGN(16)
  {{
    *(.bss.cfukit.arena .bss.cfukit.arena.*)
    . = ALIGN(4);
  }} > {where["arena"]}{blob}
  .far_arena (NOLOAD) : {{ *(.bss.cfukit.far_arena) }} > {largest_memory(soc).name}
  .bss (NOLOAD) : ALIGN(4)
  {{
    __cfukit_bss_begin = .;
    *(.sbss .sbss.* .bss .bss.* COMMON)
    . = ALIGN(4);
    __cfukit_bss_end = .;
  }} > {where["data"]}
  .stack {stack_at(f". + {stack_bytes + GUARD_BYTES}", -stack_bytes - GUARD_BYTES)} (NOLOAD) : ALIGN(16)
  {{
    __cfukit_stack_guard = .;
    . = . + {GUARD_BYTES};
    __cfukit_stack_bottom = .;
    . = . + {stack_bytes};
    __cfukit_stack_top = .;
  }} > {where["data"]}
  /DISCARD/ : {{ *(.comment .note.* .eh_frame .eh_frame_hdr) }}
}}
"""
