"""`export_renode`: everything that Renode needs to run a firmware on the system with its CFU, in one folder, all paths absolute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfukit_base.cache import write_atomic
from cfukit_base.errors import UsageError
from cfukit_soc.renode.csrs import foreign_csrs
from cfukit_soc.renode.platform import (
    DIALECTS,
    Dialect,
    dialect_of,
    overlay,
    platform,
    registers_script,
    uart_rest_script,
)
from cfukit_soc.simulator import load_soc


@dataclass(frozen=True)
class RenodeScripts:
    """What `export_renode` wrote. uart_log, exit_file: written by Renode (the UART's bytes; what cfukit_exit got)."""

    folder: Path
    uart_log: Path
    exit_file: Path

    def run(self, version: tuple[int, ...] = ()) -> Path:
        """The script that loads and starts, for a version of Renode; () is the newest."""
        return self.folder / f"run_{dialect_of(version).suffix}.resc"

    @property
    def robot(self) -> Path:
        return self.folder / "run.robot"


def export_renode(
    folder: Path,
    soc_json: Path,
    elf: Path,
    library: Path,
    *,
    stdin: bytes = b"",
    expected: Sequence[bytes] = (),
    virtual_seconds: float = 10,
) -> RenodeScripts:
    """Write soc.repl, soc_VERSION.repl, setup_VERSION.resc, run_VERSION.resc, stdin.resc, run.robot and two Python files.

    library: of `build_library`. stdin: what the UART receives. expected: byte strings that must stand in what it sends, checked by
    the .robot file after `virtual_seconds` (100 million instructions each). The files are for Renode 1.13 to today's.
    """
    soc = load_soc(soc_json)
    if soc["cpu"].get("memory_port_bits"):
        raise UsageError(
            "--engine",
            "renode",
            allowed="Renode gives a CFU no memory, and this one has a memory port",
            hint="--engine rtl",
        )
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    scripts = RenodeScripts(folder, folder / "uart.log", folder / "exit.txt")
    registers, uart_rest = folder / "cfukit_registers.py", folder / "uart_rest.py"
    files = {
        "soc.repl": platform(soc, registers, uart_rest),
        registers.name: registers_script(soc, scripts.exit_file),
        uart_rest.name: uart_rest_script(),
        "stdin.resc": "".join(f"uart WriteChar {byte:#04x}\n" for byte in stdin),
        "run.robot": _robot(folder, expected, virtual_seconds),
    }
    csrs = foreign_csrs(elf)
    for dialect in DIALECTS:
        files[f"soc_{dialect.suffix}.repl"] = overlay(dialect, "soc.repl")
        files[f"setup_{dialect.suffix}.resc"] = _setup(scripts, soc, dialect, elf, library, csrs)
        files[f"run_{dialect.suffix}.resc"] = _run(folder, dialect)
    for name, text in files.items():
        write_atomic(folder / name, text)
    return scripts


def _setup(
    scripts: RenodeScripts,
    soc: dict[str, Any],
    dialect: Dialect,
    elf: Path,
    library: Path,
    csrs: Sequence[int],
) -> str:
    folder = scripts.folder
    lines = [
        f"# Board {soc['board']} with its CFU, for Renode {'.'.join(map(str, dialect.first))} and later. Generated.",
        "# Functional only: every instruction takes one tick here. Never take a cycle count or a speed-up from it.",
        f"$uart_log?=@{scripts.uart_log}",
        "using sysbus",
        f'mach create "{soc["board"]}"',
        f"machine LoadPlatformDescription @{folder / f'soc_{dialect.suffix}.repl'}",
        *(f'cpu0 RegisterCustomCSR "csr_{csr:03x}" {csr:#05x} 3' for csr in csrs),
        f"cpu0.cfu0 SimulationFilePathLinux @{library.resolve()}",
        "uart CreateFileBackend $uart_log true",
        f"sysbus LoadELF @{elf.resolve()}",
        f"include @{folder / 'stdin.resc'}",
    ]
    return "\n".join([*lines, ""])


def _run(folder: Path, dialect: Dialect) -> str:
    return (
        f"# renode --disable-xwt --console --plain -e 'include @{folder / f'run_{dialect.suffix}.resc'}'\n"
        f"include @{folder / f'setup_{dialect.suffix}.resc'}\nstart\n"
    )


def _robot(folder: Path, expected: Sequence[bytes], virtual_seconds: float) -> str:
    checks = "".join(
        f"    Should Be True              bytes.fromhex('{part.hex()}') in $sent    the UART did not send part {number}\n"
        for number, part in enumerate(expected)
    )
    # A script that fails does not end Renode: the log, which must be there and not empty, is what tells.
    return f"""\
*** Settings ***
Suite Setup       Setup
Suite Teardown    Teardown
Test Setup        Reset Emulation
Test Teardown     Test Teardown
Resource          ${{RENODEKEYWORDS}}
Library           OperatingSystem

*** Variables ***
# renode-test {folder / "run.robot"}
# Renode before 1.16: renode-test --variable VERSION:{DIALECTS[-1].suffix} {folder / "run.robot"}
${{VERSION}}        {DIALECTS[0].suffix}
${{SECONDS}}        {virtual_seconds:g}
${{LOG}}            {folder / "robot_uart.log"}

*** Test Cases ***
Firmware Sends What Is Expected
    Remove File                 ${{LOG}}
    Execute Command             $uart_log=@${{LOG}}
    Execute Command             include @{folder}/setup_${{VERSION}}.resc
    Execute Command             emulation RunFor "${{SECONDS}}"
    ${{sent}}=                    Get Binary File    ${{LOG}}
    Should Not Be Empty         ${{sent}}
{checks}"""
