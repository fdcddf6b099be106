"""A CFU whose gateware is a Verilog file. Instructions, models and times are declared as for any other.

    def make_cfu():
        return VerilogCfu("cfu.v", {0: Popcount()}, name="popcount")

The file holds a module `Cfu` with the ports of CFU Playground, as written for it: nothing in it changes. Without instructions
the CFU runs and its handshake is tested, but nothing says what it computes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cfukit.base import UNNAMED, BaseCfu
from cfukit.dma import DmaPort
from cfukit.gate import with_gate
from cfukit.instruction import Instruction
from cfukit.memory import MemoryPort
from cfukit.memory_files import Find, inline
from cfukit.verilog_parser import FoundPort, parse
from cfukit.verilog_text import Folders, Source, definitions, gather
from cfukit_base.cfu_ports import CfuPort
from cfukit_base.errors import BuildError, UsageError

_LIKE_MEMORY = re.compile(r"dma|axi|avalon|burst|^wb_|wishbone|mem|ram|addr|din|dout|^port\d", re.IGNORECASE)
_MEMORY_HINT = (
    "a CFU reaches memory through the ports mem_* (memory=MemoryPort(width=32) in cfu.py declares them) and "
    "dma_* (dma=DmaPort(width=128)) alone"
)


class VerilogCfu(BaseCfu):
    """A CFU in Verilog or SystemVerilog.

    * file: relative to the Python file that makes the call.
    * more: further files that it needs. Those in the folder of `file` that define modules that it uses are found without.
    * adapter: True puts cfukit's gate before the file: `cmd_ready` is 1 whenever no command is offered, which makes double
      execution by the CPU impossible. It costs one LUT and no cycle, and most published CFUs need it
      (`assign cmd_ready = rsp_ready`). False takes the file as it is; the automatic test then fails by the name of the rule
      if the file breaks it.
    * root: the project's folder, where included files are looked for too; by default that of the Python file.
    """

    def __init__(
        self,
        file: str | Path,
        instructions: Mapping[int, Instruction] | None = None,
        *,
        more: Sequence[str | Path] = (),
        adapter: bool = True,
        name: str = UNNAMED,
        about: str = "",
        params: Mapping[str, object] | None = None,
        autonomous: bool = False,
        memory: MemoryPort | None = None,
        dma: DmaPort | None = None,
        root: Path | None = None,
    ):
        self.root = root or folder_of_caller()
        self.verilog_files = [self.root / path for path in (file, *more)]
        for path in self.verilog_files:
            if not path.is_file():
                raise UsageError(str(path), "no such Verilog file", hint="the path is relative to cfu.py")
        self.adapter = adapter
        super().__init__(
            instructions or {},
            name=name,
            about=about,
            params=params,
            autonomous=autonomous,
            front_end="gate" if adapter else "none",
            memory=memory,
            dma=dma,
        )

    def verilog(self) -> str:
        return self._checked.text

    @property
    def verilog_name(self) -> str:
        suffixes = {path.suffix for path in self.verilog_files}
        return "cfu.sv" if self._checked.system_verilog or ".sv" in suffixes else "cfu.v"

    @cached_property
    def _checked(self) -> Checked:
        folders = Folders([*(path.parent for path in self.verilog_files), self.root])
        source = gather(self.verilog_files, folders)
        return checked(source, str(self.verilog_files[0]), self.port_list, folders.read, self.adapter)


@dataclass(frozen=True)
class Checked:
    """A Verilog text with module Cfu as it should be, which reads no file."""

    text: str
    system_verilog: bool


def checked(source: Source, where: str, ports: Sequence[CfuPort], find: Find, adapter: bool) -> Checked:
    """Check a Verilog source, take in the files that it reads, and add the gate if wanted."""
    if "Cfu" not in definitions(source.text):
        raise BuildError(where, "it has no module named Cfu", allowed="exactly one is needed")
    parsed = parse(source, where)
    check_ports(parsed.ports, where, ports)
    text = inline(source, parsed.memory_reads, find)
    return Checked(with_gate(text, ports) if adapter else text, parsed.system_verilog)


def check_ports(found: Sequence[FoundPort], where: str, ports: Sequence[CfuPort]) -> None:
    """Raise BuildError unless module Cfu has exactly the `ports`, by name, direction and width."""
    allowed = "its ports are " + ", ".join(port.name for port in ports)
    by_name = {port.name: port for port in found}
    known = {port.name for port in ports}
    missing = [port.name for port in ports if port.name not in by_name]
    unknown = [port.name for port in found if port.name not in known]
    wrong = []
    if missing:
        wrong.append(f"has no port {', '.join(missing)}")
    if unknown:
        wrong.append(f"has a port that nothing is connected to: {', '.join(unknown)}")
    if wrong:
        raise BuildError(
            where, f"module Cfu {' and '.join(wrong)}", allowed=allowed, hint=_hint(unknown, known)
        )
    for port in ports:
        there = by_name[port.name]
        if there.direction != port.direction or there.bits not in (port.bits, None):
            given = f"port {port.name} of module Cfu is an {there.direction} of {_bits(there.bits or 0)}"
            raise BuildError(where, given, allowed=f"an {port.direction} of {_bits(port.bits)} is needed")


def _hint(unknown: Sequence[str], known: set[str]) -> str:
    if any(name.startswith(("mem_", "dma_")) for name in known):
        return ""
    alike = any(_LIKE_MEMORY.search(name) for name in unknown)
    return _MEMORY_HINT if alike else ""


def _bits(count: int) -> str:
    return "1 bit" if count == 1 else f"{count} bits"


def folder_of_caller() -> Path:
    """The folder of the file that makes the Cfu whose `__init__` calls this."""
    file = sys._getframe(2).f_globals.get("__file__")
    return Path(file).resolve().parent if file else Path.cwd()
