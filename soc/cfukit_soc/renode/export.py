"""`export_renode` writes all that Renode needs to run a program on the system with its CFU: one folder, all paths absolute."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cfukit_base.artefacts import Soc
from cfukit_base.cache import write_atomic
from cfukit_base.errors import UsageError
from cfukit_base.symbols import symbol
from cfukit_soc.renode.csrs import foreign_csrs
from cfukit_soc.renode.platform import DIALECTS, Dialect, overlay, platform
from cfukit_soc.renode.scripts import registers_script, state_script, stdin_script, uart_rest_script

MOST_VIRTUAL_SECONDS = 600  # that the .robot file waits; one is 100 million instructions
_UNSPEAKABLE = ';"\\*?[]'


@dataclass(frozen=True)
class RenodeScripts:
    """What `export_renode` wrote, and what of the system explains how a program ended."""

    folder: Path
    elf: Path
    clock_hz: int
    memories: tuple[range, ...]

    @property
    def uart_log(self) -> Path:
        """What the UART sent; Renode writes it."""
        return self.folder / "uart.log"

    @property
    def exit_file(self) -> Path:
        """What the program wrote to the exit register; Renode writes it."""
        return self.folder / "exit.txt"

    @property
    def status_file(self) -> Path:
        """The complaint of the CFU's library."""
        return self.folder / "cfu_status.json"

    @property
    def state_file(self) -> Path:
        """Where the processor is; Renode writes it when it runs `state_script`."""
        return self.folder / "state.txt"

    @property
    def state_script(self) -> Path:
        """The script that writes `state_file`."""
        return self.folder / "state.py"

    def run(self, dialect: Dialect) -> Path:
        """The script that loads and starts."""
        return self.folder / f"run_{dialect.suffix}.resc"

    def limited(self, dialect: Dialect, max_cycles: int) -> Path:
        """Write the script that loads, runs for so many cycles of the board's clock, and tells where the processor is."""
        microseconds = -(-max_cycles * 1_000_000 // self.clock_hz)
        script = self.folder / f"limited_{dialect.suffix}.resc"
        setup = monitor_path(self.folder / f"setup_{dialect.suffix}.resc")
        run_for = f'emulation RunFor "{microseconds // 1_000_000}.{microseconds % 1_000_000:06}"'
        write_atomic(script, f"include {setup}\n{run_for}\ninclude {monitor_path(self.state_script)}\n")
        return script

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
) -> RenodeScripts:
    """Write the files of docs/renode.md for Renode 1.13 and newer to `folder`.

    * library: from `build_library`.
    * stdin: what the UART receives.
    * expected: byte strings that the UART must have sent when the program has ended; the .robot file checks them.

    UsageError: the CFU has a memory port, or Renode's monitor has no way to write one of the paths.
    """
    soc = Soc.read(soc_json)
    if soc.cpu.memory_port_bits:
        raise UsageError(
            "--engine",
            "renode",
            allowed="Renode gives a CFU no memory, and this one has a memory port",
            hint="without --engine renode",
        )
    folder, elf, library = folder.resolve(), elf.resolve(), library.resolve()
    for path in (folder, elf, library):
        _check_path(path)
    folder.mkdir(parents=True, exist_ok=True)
    memories = tuple(range(memory.base, memory.end) for memory in soc.memories)
    scripts = RenodeScripts(folder, elf, soc.clock_hz, memories)
    registers, uart_rest = folder / "cfukit_registers.py", folder / "uart_rest.py"
    stdin_file = folder / "stdin.bin"
    files: dict[str, bytes | str] = {
        "soc.repl": platform(soc, registers, uart_rest),
        registers.name: registers_script(soc, scripts.exit_file),
        uart_rest.name: uart_rest_script(),
        stdin_file.name: stdin,
        "stdin.py": stdin_script(stdin_file),
        scripts.state_script.name: state_script(scripts.state_file, _stack_guard(elf)),
        "run.robot": _robot(scripts, expected),
    }
    csrs = foreign_csrs(elf)
    for dialect in DIALECTS:
        files[f"soc_{dialect.suffix}.repl"] = overlay(dialect, "soc.repl")
        files[f"setup_{dialect.suffix}.resc"] = _setup(scripts, soc, dialect, elf, library, csrs)
        files[f"run_{dialect.suffix}.resc"] = _run(folder, dialect)
    for name, content in files.items():
        write_atomic(folder / name, content)
    return scripts


def _stack_guard(elf: Path) -> int | None:
    try:
        return symbol(elf, "__cfukit_stack_guard")
    except KeyError:
        return None


def _check_path(path: Path) -> None:
    if found := {char for char in str(path) if char in _UNSPEAKABLE or (char.isspace() and char != " ")}:
        raise UsageError(
            str(path),
            f"{min(found)!r} in a path",
            allowed="Renode's scripts cannot name a path with one of ; \" \\ * ? [ ] or white space but spaces",
            hint="another folder",
        )


def monitor_path(path: Path) -> str:
    """A path as a word of Renode's monitor."""
    return "@" + str(path).replace(" ", "\\ ")


def _cell(text: str) -> str:
    """Text as a cell of a .robot file, with everything escaped that may mean something there (spaces, $, #)."""
    return re.sub(r"[^\w/.@-]", lambda found: f"\\U{ord(found[0]):08x}", text)


def _setup(
    scripts: RenodeScripts,
    soc: Soc,
    dialect: Dialect,
    elf: Path,
    library: Path,
    csrs: Sequence[int],
) -> str:
    folder = scripts.folder
    lines = [
        f"# Board {soc.board} with its CFU, for Renode {'.'.join(map(str, dialect.first))} and later. Generated.",
        "# Functional only: every instruction takes one tick here. Never take a cycle count or a speed-up from it.",
        f"$uart_log?={monitor_path(scripts.uart_log)}",
        "using sysbus",
        f'mach create "{soc.board}"',
        f"machine LoadPlatformDescription {monitor_path(folder / f'soc_{dialect.suffix}.repl')}",
        *(f'cpu0 RegisterCustomCSR "csr_{csr:03x}" {csr:#05x} 3' for csr in csrs),
        f"cpu0.cfu0 SimulationFilePathLinux {monitor_path(library)}",
        "uart CreateFileBackend $uart_log true",
        f"sysbus LoadELF {monitor_path(elf)}",
        f"include {monitor_path(folder / 'stdin.py')}",
    ]
    return "\n".join([*lines, ""])


def _run(folder: Path, dialect: Dialect) -> str:
    script = monitor_path(folder / f"run_{dialect.suffix}.resc")
    return (
        f"# renode --disable-xwt --console --plain -e 'include {script}'\n"
        f"include {monitor_path(folder / f'setup_{dialect.suffix}.resc')}\nstart\n"
    )


def _robot(scripts: RenodeScripts, expected: Sequence[bytes]) -> str:
    checks = "".join(
        f"    Should Be True              bytes.fromhex('{part.hex()}') in $sent    the UART did not send part {number}\n"
        for number, part in enumerate(expected)
    )
    folder = scripts.folder
    log = folder / "robot_uart.log"
    # Neither a failed script nor the program's end ends Renode. Only the file that the exit register writes shows the end.
    return f"""\
*** Settings ***
Suite Setup       Setup
Suite Teardown    Teardown
Test Setup        Reset Emulation
Test Teardown     Test Teardown
Resource          ${{RENODEKEYWORDS}}
Library           OperatingSystem

*** Variables ***
# renode-test {scripts.robot}
# Renode before 1.16: renode-test --variable VERSION:{DIALECTS[-1].suffix} {scripts.robot}
${{VERSION}}                    {DIALECTS[0].suffix}
${{SECONDS}}                    {MOST_VIRTUAL_SECONDS}
${{LOG}}                        {_cell(str(log))}
${{ENDED}}                      {_cell(str(scripts.exit_file))}
${{CREATE_SNAPSHOT_ON_FAIL}}    False

*** Test Cases ***
Firmware Sends What Is Expected
    Remove Files                ${{LOG}}    ${{ENDED}}
    Execute Command             $uart_log={_cell(monitor_path(log))}
    Execute Command             include {_cell(monitor_path(folder))}/setup_${{VERSION}}.resc
    Wait Until Keyword Succeeds    ${{SECONDS}}x    0s    Program Has Ended
    ${{sent}}=                    Get Binary File    ${{LOG}}
{checks}
*** Keywords ***
Program Has Ended
    Execute Command             emulation RunFor "1"
    File Should Exist           ${{ENDED}}    the program did not end in ${{SECONDS}} virtual seconds
"""
