"""CPU configurations as data: the keys of `[soc] cpu`, the presets, and which keys contradict each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from cfukit_base.artefacts.cpu import Memory, MemoryKind
from cfukit_base.cfu_ports import MEMORY_PORT_WIDTHS
from cfukit_base.errors import UsageError, suggest

KIB = 1024
CACHE_BYTES = tuple(512 << n for n in range(8))
TCM_STEP_BYTES, TCM_MAX_BYTES = 16 * KIB, 512 * KIB
ITCM_BASE, DTCM_BASE, BOOT_ROM_BASE = 0x2000_0000, 0x3000_0000, 0x2008_0000
BOOT_ROM_BYTES = tuple(KIB << n for n in range(5))
MEMORY_PORT_BITS = {"block": MEMORY_PORT_WIDTHS, "spram": (32, 64)}
STOCK = "full+cfu"
WHERE = "soc.cpu"


@dataclass(frozen=True)
class Configuration:
    """A VexRiscv. Sizes are in bytes; 0 means that there is none.

    * icache_bytes, dcache_bytes: direct-mapped, with lines of 32 bytes. The D$ writes through.
    * itcm_bytes, dtcm_bytes: memories that answer in one cycle, at addresses of their own (see `memories`).
    * boot_rom_bytes: a ROM that only fetches see. A CPU that has one starts there.
    * tcm: "block" (dual-ported, no stalls) or "spram" (two single-ported banks; data accesses go first).
    * multiplier, divider: mul*; div and rem.
    * prediction: "static" (backward branches are predicted taken) or "none".
    * bypass: a result reaches the next instruction before it is in the register file.
    * traps: exceptions. Without them a faulting instruction does something undefined.
    * interrupts, alignment_check: both need traps.
    * csrs: "all", "few" (mstatus, mip, mie, mtvec, mepc, mcause, mtval, mcycle and VexRiscv's own) or "none".
    """

    icache_bytes: int = 4 * KIB
    dcache_bytes: int = 4 * KIB
    itcm_bytes: int = 0
    dtcm_bytes: int = 0
    boot_rom_bytes: int = 0
    tcm: str = "block"
    multiplier: bool = True
    divider: bool = True
    prediction: str = "static"
    bypass: bool = True
    traps: bool = True
    interrupts: bool = True
    alignment_check: bool = True
    csrs: str = "all"

    def __post_init__(self) -> None:
        _check(self)


_CHOICES = {"prediction": ("static", "none"), "csrs": ("all", "few", "none"), "tcm": ("block", "spram")}


def _check(config: Configuration) -> None:
    """Check the type and range of each key, then the keys against each other."""
    for field in fields(config):
        value, where = getattr(config, field.name), f"{WHERE}.{field.name}"
        if isinstance(field.default, bool):
            if not isinstance(value, bool):
                raise UsageError(where, repr(value), allowed="true or false")
        elif field.name in _CHOICES:
            if value not in _CHOICES[field.name]:
                raise UsageError(where, repr(value), allowed=f"one of {', '.join(_CHOICES[field.name])}")
        elif isinstance(value, bool) or not isinstance(value, int):
            raise UsageError(where, repr(value), allowed="a number of bytes")
        elif field.name.endswith("cache_bytes") and value and value not in CACHE_BYTES:
            raise UsageError(where, str(value), allowed="0 (none) or a power of two from 512 to 65536")
        elif field.name == "boot_rom_bytes" and value and value not in BOOT_ROM_BYTES:
            raise UsageError(where, str(value), allowed="0 (none) or a power of two from 1024 to 16384")
        elif field.name.endswith("tcm_bytes") and (value % TCM_STEP_BYTES or not 0 <= value <= TCM_MAX_BYTES):
            raise UsageError(where, str(value), allowed="0 (none) or a multiple of 16384 up to 524288")
    _check_contradictions(config)


def _check_contradictions(config: Configuration) -> None:
    def refuse(key: str, value: object, rule: str, hint: str) -> None:
        raise UsageError(f"{WHERE}.{key}", _text(value), allowed=rule, hint=hint)

    if not config.traps:
        if config.interrupts:
            refuse("interrupts", True, "an interrupt is a trap, and traps = false", "set interrupts = false")
        if config.alignment_check:
            refuse(
                "alignment_check",
                True,
                "a check can only raise a trap, and traps = false",
                "set alignment_check = false",
            )
    if config.csrs == "none" and config.traps:
        refuse("csrs", "none", "traps need CSRs", "set traps = false")
    if not config.icache_bytes and not config.itcm_bytes:
        refuse("icache_bytes", 0, "instructions come from an I$ or an instruction TCM", "set itcm_bytes")
    if config.tcm == "spram" and (config.icache_bytes or config.dcache_bytes):
        refuse("tcm", "spram", "single-ported banks take the place of both caches", 'set tcm = "block"')


_SMALL = Configuration(divider=False, traps=False, interrupts=False, alignment_check=False, csrs="few")
_FOMU = replace(
    _SMALL, icache_bytes=0, dcache_bytes=0, itcm_bytes=64 * KIB, dtcm_bytes=64 * KIB, tcm="spram", csrs="none"
)

PRESETS: dict[str, tuple[str, Configuration]] = {
    STOCK: (
        "4 KiB I$ and D$, multiplier, divider, traps: the wheel's",
        Configuration(),
    ),
    "lean": (
        "2 KiB I$, 2 KiB D$, no divider, no traps",
        replace(_SMALL, icache_bytes=2 * KIB, dcache_bytes=2 * KIB),
    ),
    "min": (
        "1 KiB I$, no D$, no divider, no traps, no branch prediction",
        replace(_SMALL, icache_bytes=KIB, dcache_bytes=0, prediction="none"),
    ),
    "perf": ("16 KiB I$, 16 KiB D$", Configuration(icache_bytes=16 * KIB, dcache_bytes=16 * KIB)),
    "fomu": ("64 KiB of code, 64 KiB of data in SPRAM, no traps", _FOMU),
    "fomu-mac": ("as fomu without multiplier: all DSP for the CFU", replace(_FOMU, multiplier=False)),
    "tcm": ("4 KiB caches and 80 KiB data TCM beside them", Configuration(dtcm_bytes=80 * KIB)),
}
KEYS = ("base", *(field.name for field in fields(Configuration)))


@dataclass(frozen=True)
class Named:
    """A configuration and its name in outputs; `stock`: it is the wheel's file, unedited."""

    name: str
    about: str
    configuration: Configuration
    stock: bool = False


def configuration(given: str | Mapping[str, Any]) -> Named:
    """What `[soc] cpu` means: a preset's name, or a table of keys that change a preset (`base`, by default the stock CPU).

    A table with `traps = false` also turns off interrupts and alignment_check. Asking for them then is refused.
    """
    if isinstance(given, str):
        about, config = _preset(given, WHERE)
        return Named(given, about, config, stock=given == STOCK)
    table = dict(given)
    for key in table:
        if key not in KEYS:
            raise UsageError(f"{WHERE}.{key}", f"'{table[key]}'", allowed=suggest(key, KEYS, "key"))
    base = table.pop("base", STOCK)
    about, config = _preset(base, f"{WHERE}.base")
    if not table:
        return Named(base, about, config, stock=base == STOCK)
    implied: dict[str, Any] = {}
    if table.get("traps") is False:
        implied = {key: False for key in ("interrupts", "alignment_check") if key not in table}
    changed = [field.name for field in fields(Configuration) if field.name in table]
    name = ",".join([base, *(f"{key}={_text(table[key])}" for key in changed)])
    return Named(name, f"{base} with other keys", replace(config, **{**implied, **table}))


def keys_of(config: Configuration) -> dict[str, int | bool | str]:
    """Every key of `[soc] cpu` with its value."""
    return asdict(config)


def memories(config: Configuration) -> tuple[Memory, ...]:
    """The TCMs and the boot ROM inside the CPU."""
    return tuple(
        Memory(
            name=name,
            base=base,
            bytes=size,
            kind=kind,
            read_cycles=1,
            write_cycles=1,
            verilog_path=f"VexRiscv.tcm.{name}.mem",
            verilog_module=module,
        )
        for name, kind, base, size, module in _inside(config)
        if size
    )


def _inside(config: Configuration) -> tuple[tuple[str, MemoryKind, int, int, str], ...]:
    return (
        ("itcm", "itcm", ITCM_BASE, config.itcm_bytes, "InstructionTcm"),
        ("dtcm", "dtcm", DTCM_BASE, config.dtcm_bytes, "DataTcm"),
        ("boot_rom", "rom", BOOT_ROM_BASE, config.boot_rom_bytes, "BootRom"),
    )


def check_memory_port(config: Configuration, bits: int, cpu: str) -> None:
    """Raise UsageError unless a CPU of `config` can have a port of `bits`."""
    if not config.dtcm_bytes:
        raise UsageError(
            "soc.cpu",
            f"CPU {cpu} has no data TCM",
            allowed="the CFU's memory port needs one",
            hint='cpu = "tcm", or a table with dtcm_bytes',
        )
    if bits not in MEMORY_PORT_BITS[config.tcm]:
        widths = ", ".join(map(str, MEMORY_PORT_BITS[config.tcm]))
        raise UsageError(
            "the CFU's memory port", f"{bits} bits", allowed=f"{widths} with tcm = {config.tcm!r}"
        )


def _preset(name: object, where: str) -> tuple[str, Configuration]:
    if not isinstance(name, str) or name not in PRESETS:
        raise UsageError(
            where, f"'{name}'", allowed=suggest(str(name), PRESETS, "cpu"), hint="cfukit list cpus"
        )
    return PRESETS[name]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
