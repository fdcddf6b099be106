"""From a project's CFU file to a Cfu."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import Path

from cfukit.cfu import BaseCfu
from cfukit.verilog import VerilogCfu, load_module
from cfukit_base.errors import BuildError, CfukitError, UsageError


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
    except Exception as error:
        lines = [entry for entry in traceback.extract_tb(error.__traceback__) if Path(entry.filename) == file]
        where = f"{file}:{lines[-1].lineno}" if lines else str(file)
        if isinstance(error, SyntaxError) and error.lineno:
            where = f"{error.filename}:{error.lineno}"
        raise BuildError(where, f"make_cfu failed: {type(error).__name__}: {error}") from error
    if not isinstance(cfu, BaseCfu):
        raise UsageError(str(file), f"make_cfu returned a {type(cfu).__name__}", allowed="a Cfu is needed")
    return cfu
