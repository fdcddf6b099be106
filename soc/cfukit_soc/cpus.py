"""CPUs as data: which Verilog, which instruction set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cfukit_base.errors import MissingToolError, UsageError, suggest


@dataclass(frozen=True)
class Cpu:
    """A CPU: module `VexRiscv` in `verilog_name` of the wheel pythondata-cpu-vexriscv.

    litex_variant: what LiteX calls it (buses, interrupts, CFU port); isa: for the compiler's -march.
    """

    name: str
    about: str
    isa: str
    litex_variant: str
    verilog_name: str

    @property
    def verilog(self) -> Path:
        """Where the wheel keeps the file."""
        try:
            import pythondata_cpu_vexriscv as wheel
        except ImportError:
            raise MissingToolError(
                "pythondata-cpu-vexriscv", "this Python package is not installed", hint="pip install cfukit"
            ) from None
        return Path(wheel.data_location) / self.verilog_name


CPUS = {
    cpu.name: cpu
    for cpu in (
        Cpu(
            "full+cfu",
            "VexRiscv as it is in the wheel: 4 KiB I$, 4 KiB D$, multiplier, divider, traps, CFU port",
            "rv32im",
            "full+cfu",
            "VexRiscv_FullCfu.v",
        ),
    )
}


def list_cpus() -> list[dict[str, str]]:
    """Every CPU by name, for people and JSON."""
    return [{"name": cpu.name, "isa": cpu.isa, "about": cpu.about} for cpu in CPUS.values()]


def cpu_named(name: object) -> Cpu:
    """The CPU `name`, else a UsageError that suggests one."""
    if not isinstance(name, str):
        raise UsageError("soc.cpu", "a table of options", allowed=f"in this version one of {', '.join(CPUS)}")
    if name not in CPUS:
        raise UsageError("soc.cpu", f"'{name}'", allowed=suggest(name, CPUS, "cpu"), hint="cfukit list cpus")
    return CPUS[name]
