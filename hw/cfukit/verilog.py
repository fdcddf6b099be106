"""CFUs whose gateware is a Verilog file or a Migen class; instructions, models and times are declared all the same.

    def make_cfu():
        return VerilogCfu("cfu.v", {0: Popcount()}, name="popcount")

The file holds a module `Cfu` with the ports of CFU Playground (see PORTS), as written for it: nothing in it changes.
Without instructions the CFU runs and its handshake is tested, but nothing says what it computes.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from cfukit.cfu import PORTS, BaseCfu
from cfukit.instruction import Instruction
from cfukit.memory import MemoryPort
from cfukit.users_code import BROKEN
from cfukit_base.errors import BuildError, CfukitError, UsageError

INNER = "Cfu_inner"
PortList = Sequence[tuple[str, int, str]]


class VerilogCfu(BaseCfu):
    """A CFU in Verilog.

    file: relative to the Python file that makes the call; `more`: further files it needs.
    adapter=True (the default) puts our gate before it: `cmd_ready` is 1 whenever no command is offered, which makes
    double execution by the CPU impossible; it costs one LUT and no cycle, and most published CFUs need it
    (`assign cmd_ready = rsp_ready`). adapter=False takes the file as it is; then the automatic test fails by the name
    of the rule if the file breaks it.
    """

    def __init__(
        self,
        file: str | Path,
        instructions: Mapping[int, Instruction] | None = None,
        *,
        more: Sequence[str | Path] = (),
        adapter: bool = True,
        name: str = "",
        about: str = "",
        params: Mapping[str, object] | None = None,
        autonomous: bool = False,
        memory: MemoryPort | None = None,
    ):
        folder = _folder_of_caller()
        self.files = [folder / path for path in (file, *more)]
        for path in self.files:
            if not path.is_file():
                raise UsageError(str(path), "no such Verilog file", hint="the path is relative to cfu.py")
        self.adapter = adapter
        super().__init__(
            instructions or {},
            name=name or Path(file).stem,
            about=about,
            params=params,
            autonomous=autonomous,
            front_end="gate" if adapter else "none",
            memory=memory,
        )

    def verilog(self) -> str:
        text = "\n".join(path.read_text(encoding="utf-8") for path in self.files)
        check_ports(text, str(self.files[0]), self.port_list)
        return with_gate(text, self.port_list) if self.adapter else text


class MigenCfu(BaseCfu):
    """A CFU in Migen: `file` holds a Module class `class_name` whose attributes are named as the ports (without clk, reset).

    It is called with `params`; its sequential statements stand in the `sync` domain. Otherwise as VerilogCfu.
    """

    def __init__(
        self,
        file: str | Path,
        class_name: str,
        instructions: Mapping[int, Instruction] | None = None,
        *,
        adapter: bool = True,
        name: str = "",
        about: str = "",
        params: Mapping[str, object] | None = None,
        autonomous: bool = False,
        memory: MemoryPort | None = None,
    ):
        self.file = _folder_of_caller() / file
        self.class_name = class_name
        if not self.file.is_file():
            raise UsageError(str(self.file), "no such Python file", hint="the path is relative to cfu.py")
        self.adapter = adapter
        super().__init__(
            instructions or {},
            name=name or self.file.stem,
            about=about,
            params=params,
            autonomous=autonomous,
            front_end="gate" if adapter else "none",
            memory=memory,
        )

    def verilog(self) -> str:
        from migen import ClockDomain, Signal
        from migen.fhdl import verilog

        where = f"{self.file}: class {self.class_name}"
        try:
            made = getattr(load_module(self.file), self.class_name)(**self.params)
            ios = set()
            for name, bits, _ in self.port_list[2:]:
                signal = getattr(made, name)
                if len(signal) != bits:
                    raise BuildError(where, f"{name} has {len(signal)} bits", allowed=f"{bits} are needed")
                signal.name_override = name
                ios.add(signal)
            domain = ClockDomain("sys")
            domain.clk, domain.rst = Signal(name_override="clk"), Signal(name_override="reset")
            made.clock_domains.cd_sys = domain
            text = str(verilog.convert(made, ios | {domain.clk, domain.rst}, name="Cfu"))
        except CfukitError:
            raise
        except BROKEN as error:
            raise BuildError(
                where,
                f"it does not elaborate: {type(error).__name__}: {error}",
                allowed="a Migen Module with a Signal for each port of a CFU: "
                + ", ".join(name for name, _, _ in self.port_list[2:]),
            ) from error
        text = re.sub(r"/\*.*?\*/\n?", "", text, flags=re.DOTALL)
        return with_gate(text, self.port_list) if self.adapter else text


def with_gate(text: str, ports: PortList = PORTS) -> str:
    """`text` with its module Cfu renamed, behind a module Cfu whose `cmd_ready` is 1 whenever no command is offered."""
    inner = INNER
    while re.search(rf"\b{inner}\b", text):
        inner += "_"
    renamed, count = re.subn(r"(\bmodule\s+)Cfu\b", rf"\g<1>{inner}", text)
    assert count == 1, "check_ports has seen exactly one"
    lines = [f"  {direction} {_range(bits)}{name}" for name, bits, direction in ports]
    wires = [f"    .{name}({'inner_cmd_ready' if name == 'cmd_ready' else name})" for name, _, _ in ports]
    return "\n".join(
        [
            "// Module Cfu: cfukit's gate (cmd_ready is 1 whenever no command is offered) before the project's module.",
            "module Cfu(",
            ",\n".join(lines),
            ");",
            "  wire inner_cmd_ready;",
            "  assign cmd_ready = inner_cmd_ready | ~cmd_valid;",
            f"  {inner} inner(",
            ",\n".join(wires),
            "  );",
            "endmodule",
            "",
            renamed,
        ]
    )


def check_ports(text: str, where: str, ports: PortList = PORTS) -> None:
    """Raise BuildError unless `text` has one module Cfu that names every port."""
    code = re.sub(r"//[^\n]*|/\*.*?\*/", " ", text, flags=re.DOTALL)
    modules = re.findall(r"\bmodule\s+Cfu\b(.*?)\bendmodule\b", code, flags=re.DOTALL)
    if len(modules) != 1:
        raise BuildError(where, f"it has {len(modules)} modules named Cfu", allowed="exactly one is needed")
    missing = [name for name, _, _ in ports if not re.search(rf"\b{name}\b", modules[0])]
    if missing:
        raise BuildError(
            where,
            f"module Cfu has no port {', '.join(missing)}",
            allowed="its ports are " + ", ".join(name for name, _, _ in ports),
        )


def load_module(path: Path) -> object:
    """Execute a Python file as a module of its own, under a name that no other file has."""
    name = f"cfukit_project_{abs(hash(str(path.resolve()))):x}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # Migen's tracer and dataclasses look the module up
    try:
        spec.loader.exec_module(module)
    finally:
        sys.modules.pop(name, None)
    return module


def _folder_of_caller() -> Path:
    file = sys._getframe(2).f_globals.get("__file__")
    return Path(file).resolve().parent if file else Path.cwd()


def _range(bits: int) -> str:
    return f"[{bits - 1}:0] " if bits > 1 else ""
