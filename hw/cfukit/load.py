"""From a project's CFU file to its Cfu, and to the Python module that has the functions of its kernels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from cfukit.base import BaseCfu
from cfukit.users_code import BROKEN, failed
from cfukit.users_modules import load_module
from cfukit.verilog_cfu import VerilogCfu
from cfukit.verilog_text import SUFFIXES
from cfukit_base.errors import CfukitError, UsageError


@dataclass(frozen=True)
class CfuCode:
    """A CFU file after its one execution. module: None for a bare Verilog file."""

    file: Path
    root: Path
    module: ModuleType | None

    def make(self, params: Mapping[str, object] | None = None) -> BaseCfu:
        """What `make_cfu(**params)` returns, or the bare Verilog file as a Cfu. UsageError or BuildError with the line."""
        if self.module is None:
            if params:
                raise UsageError(
                    str(self.file), "cfu.params is set", allowed="a bare Verilog file takes no parameters"
                )
            return VerilogCfu(self.file.resolve(), root=self.root.resolve())
        make_cfu = getattr(self.module, "make_cfu", None)
        if make_cfu is None:
            raise UsageError(
                str(self.file), "it defines no make_cfu", allowed="def make_cfu(**params) -> Cfu"
            )
        try:
            cfu = make_cfu(**(params or {}))
        except CfukitError:
            raise
        except BROKEN as error:
            raise failed(error, str(self.file), "make_cfu failed") from error
        if not isinstance(cfu, BaseCfu):
            given = f"make_cfu returned a {type(cfu).__name__}"
            raise UsageError(str(self.file), given, allowed="a Cfu is needed")
        return cfu


def load_code(file: Path, root: Path | None = None) -> CfuCode:
    """Execute `file`, a Python file or a bare Verilog file (.v, .sv). root: the project's folder, if it is another.

    Raises UsageError if there is no such file, and BuildError with the line if it does not load.
    """
    file = Path(file)
    if not file.is_file():
        raise UsageError(str(file), "no such file", hint="cfu.file in project.toml names the CFU")
    if file.suffix in SUFFIXES:
        return CfuCode(file, root or file.parent, None)
    try:
        return CfuCode(file, root or file.parent, load_module(file))
    except CfukitError:
        raise
    except BROKEN as error:
        raise failed(error, str(file), "it does not load") from error


def load_cfu(file: Path, params: Mapping[str, object] | None = None) -> BaseCfu:
    """The Cfu of `file`: what `make_cfu(**params)` of a Python file returns, or a bare Verilog file as it is."""
    return load_code(file).make(params)
