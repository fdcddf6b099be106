"""A CFU whose gateware is a Migen class. Instructions, models and times are declared as for any other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from cfukit.base import UNNAMED, BaseCfu
from cfukit.dma import DmaPort
from cfukit.instruction import Instruction
from cfukit.memory import MemoryPort
from cfukit.users_code import BROKEN
from cfukit.users_modules import load_module
from cfukit.verilog_cfu import checked, folder_of_caller
from cfukit.verilog_text import Line, Source
from cfukit_base.errors import BuildError, CfukitError, UsageError


class MigenCfu(BaseCfu):
    """A CFU in Migen.

    `file` holds a Module class `class_name` that has a Signal for each port of a CFU, under the port's name. There is none for
    clk and reset: its sequential statements stand in the `sync` domain. The class is called with `params`. `adapter` is that of
    `VerilogCfu`.
    """

    def __init__(
        self,
        file: str | Path,
        class_name: str,
        instructions: Mapping[int, Instruction] | None = None,
        *,
        adapter: bool = True,
        name: str = UNNAMED,
        about: str = "",
        params: Mapping[str, object] | None = None,
        autonomous: bool = False,
        memory: MemoryPort | None = None,
        dma: DmaPort | None = None,
    ):
        self.file = folder_of_caller() / file
        self.class_name = class_name
        if not self.file.is_file():
            raise UsageError(str(self.file), "no such Python file", hint="the path is relative to cfu.py")
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
        return self._text

    @cached_property
    def _text(self) -> str:
        text, contents = self._converted()
        lines = tuple(Line(line, self.file, 1) for line in text.split("\n"))

        def find(name: str, beside: Path) -> tuple[Path, str] | None:
            return (self.file.parent / name, contents[name]) if name in contents else None

        return checked(Source(lines), self._where, self.port_list, find, self.adapter).text

    @property
    def _where(self) -> str:
        return f"{self.file}: class {self.class_name}"

    def _converted(self) -> tuple[str, dict[str, str]]:
        """Migen's Verilog, and the initial contents of its memories by file name."""
        from migen import ClockDomain, Signal
        from migen.fhdl import verilog

        try:
            made = getattr(load_module(self.file), self.class_name)(**self.params)
            ios = set()
            for port in self.port_list[2:]:
                signal = getattr(made, port.name)
                if len(signal) != port.bits:
                    raise BuildError(
                        self._where, f"{port.name} has {len(signal)} bits", allowed=f"{port.bits} are needed"
                    )
                signal.name_override = port.name
                ios.add(signal)
            domain = ClockDomain("sys")
            domain.clk, domain.rst = Signal(name_override="clk"), Signal(name_override="reset")
            made.clock_domains.cd_sys = domain
            converted = verilog.convert(made, ios | {domain.clk, domain.rst}, name="Cfu")
        except CfukitError:
            raise
        except BROKEN as error:
            raise BuildError(
                self._where,
                f"it does not elaborate: {type(error).__name__}: {error}",
                allowed="a Migen Module with a Signal for each port of a CFU: "
                + ", ".join(port.name for port in self.port_list[2:]),
            ) from error
        text = re.sub(r"/\*.*?\*/\n?", "", str(converted.main_source) + "\n", flags=re.DOTALL)
        return text, dict(converted.data_files)
