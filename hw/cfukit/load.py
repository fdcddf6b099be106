"""From a project's CFU file to a Cfu."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cfukit.cfu import BaseCfu
from cfukit.users_code import BROKEN, failed
from cfukit.verilog import VerilogCfu, load_module
from cfukit_base.errors import CfukitError, UsageError


def load_cfu(file: Path, params: Mapping[str, object] | None = None) -> BaseCfu:
    """The Cfu of `file`: what `make_cfu(**params)` of a Python file returns, or a bare Verilog file (.v, .sv) as it is.

    Everything that is wrong with the file is a UsageError or BuildError that names the line.
    """
    file = Path(file)
    if not file.is_file():
        raise UsageError(str(file), "no such file", hint="cfu.file in project.toml names the CFU")
    if file.suffix in (".v", ".sv"):
        if params:
            raise UsageError(
                str(file), "cfu.params is set", allowed="a bare Verilog file takes no parameters"
            )
        return VerilogCfu(file.resolve())
    try:
        make_cfu = getattr(load_module(file), "make_cfu", None)
        if make_cfu is None:
            raise UsageError(str(file), "it defines no make_cfu", allowed="def make_cfu(**params) -> Cfu")
        cfu = make_cfu(**(params or {}))
    except CfukitError:
        raise
    except BROKEN as error:
        raise failed(error, str(file), "make_cfu failed") from error
    if not isinstance(cfu, BaseCfu):
        raise UsageError(str(file), f"make_cfu returned a {type(cfu).__name__}", allowed="a Cfu is needed")
    return cfu
