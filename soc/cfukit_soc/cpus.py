"""The CPU of a system: the stock one of the wheel, or what a cpu.json describes (written by `cfukit_cpu`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfukit_base.errors import MissingToolError, UsageError, suggest

SCHEMA = "cfukit.cpu/1"
STOCK = "full+cfu"
_STOCK_FILE = "VexRiscv_FullCfu.v"
# The numbers of its CSRs, as in the cpu.json of a derived CPU that lost none.
_STOCK_CSRS = (
    0x300,
    0x301,
    0x304,
    0x305,
    *range(0x340, 0x345),
    0xB00,
    0xB02,
    0xB80,
    0xB82,
    0xBC0,
    0xC00,
    0xC02,
)
_STOCK_CSRS += (0xC80, 0xC82, 0xCC0, *range(0xF11, 0xF15), 0xFC0)
_FACTS = (
    "icache_bytes",
    "dcache_bytes",
    "traps",
    "interrupts",
    "multiplier",
    "divider",
    "csrs",
    "cfu_enable_csr",
)


@dataclass(frozen=True)
class Cpu:
    """Module `VexRiscv` in `verilog`, with LiteX's variant `full+cfu` around it (buses, interrupts, CFU port).

    isa: for the compiler's -march. facts: what software and simulator must know, as in cpu.json. memories: those inside the
    CPU, as in soc.json. verilog: the file to copy; beside soc.json it is called `file`.
    """

    name: str
    isa: str
    verilog: Path
    file: str
    facts: dict[str, Any]
    memories: tuple[dict[str, Any], ...] = ()
    memory_port_bits: int = 0  # width of the CFU's port into the data TCM, 0: none

    @property
    def start(self) -> int | None:
        """Where it starts: in its boot ROM; without one and without I$ in its instruction TCM; else (None) where the board says."""
        found = {memory["kind"]: int(memory["base"]) for memory in self.memories}
        return found.get("rom", None if self.facts["icache_bytes"] else found.get("itcm"))


def cpu_named(given: str | Path) -> Cpu:
    """The stock CPU by its name, or the CPU of a cpu.json; another name is a UsageError."""
    if isinstance(given, Path):
        return _from_json(given)
    if given != STOCK:
        raise UsageError(
            "soc.cpu", f"'{given}'", allowed=suggest(given, [STOCK], "cpu"), hint="cfukit list cpus"
        )
    facts: dict[str, Any] = {"icache_bytes": 4096, "dcache_bytes": 4096, "traps": True, "interrupts": True}
    facts |= {"multiplier": True, "divider": True, "csrs": list(_STOCK_CSRS), "cfu_enable_csr": 0xBC0}
    return Cpu(STOCK, "rv32im", _stock_verilog(), _STOCK_FILE, facts)


def _stock_verilog() -> Path:
    try:
        import pythondata_cpu_vexriscv as wheel
    except ImportError:
        raise MissingToolError(
            "pythondata-cpu-vexriscv", "this Python package is not installed", hint="pip install cfukit"
        ) from None
    return Path(wheel.data_location) / _STOCK_FILE


def _from_json(path: Path) -> Cpu:
    try:
        document: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(str(path), f"cannot be read: {error}", allowed="a cpu.json of cfukit") from None
    if document.get("schema") != SCHEMA:
        raise UsageError(str(path), f"schema {document.get('schema')!r}", allowed=SCHEMA)
    return Cpu(
        name=document["name"],
        isa=document["isa"],
        verilog=path.parent / document["verilog"],
        file=document["verilog"],
        facts={key: document[key] for key in _FACTS} | _memory_port(document),
        memories=tuple(document.get("memories", ())),
        memory_port_bits=document.get("memory_port_bits", 0),
    )


def _memory_port(document: dict[str, Any]) -> dict[str, int]:
    bits = document.get("memory_port_bits", 0)
    return {"memory_port_bits": bits} if bits else {}
