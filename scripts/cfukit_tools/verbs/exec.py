"""The verb exec: a bare program on the system, its output, its regions, its end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Unpack

from cfukit_base.artefacts import Exec
from cfukit_base.artefacts.causes import Segment
from cfukit_base.cache import prepare_output, write_atomic
from cfukit_base.errors import UsageError
from cfukit_tools.engines.catalogue import Line, check_options, engine_obeying
from cfukit_tools.engines.engine import ExecOptions
from cfukit_tools.firmware.bare import program_named
from cfukit_tools.firmware.sources import source_roots
from cfukit_tools.inference.execute import execute
from cfukit_tools.project.options import at_least
from cfukit_tools.project.project import Choice, load_target, stock_project
from cfukit_tools.report.annotate import annotated
from cfukit_tools.report.callgrind import callgrind as callgrind_text


def exec_(
    program: Path | str,
    *,
    project: Path | str | None = None,
    stdin: bytes | None = None,
    max_cycles: int = 0,
    hang_cycles: int = 0,
    waves: str = "",
    trace: Path | str = "",
    causes: bool = False,
    annotate: str = "",
    callgrind: Path | str | None = None,
    listing: Callable[[str], object] | None = None,
    write: Callable[[bytes], object] | None = None,
    engine: str = "",
    lint: bool = False,
    gdb: int = 0,
    port: str = "",
    baud: int = 0,
    **choice: Unpack[Choice],
) -> Exec:
    """Run a .c, .S or .elf on a project's system (default: board sim, no CFU); the document cfukit.exec/1.

    * program: also the name of one that comes with cfukit (membench).
    * stdin: bytes for getchar(); None = this process's stdin unless that is a terminal.
    * waves: "FILE" or "FILE:FROM:TO" in cycles. Without `engine` they take the simulator that has signals.
    * trace: a Path, or "FILE" or "FILE:FROM:TO" in cycles; the latter has cycles and causes.
    * causes: tell where the cycles went.
    * annotate: a function; `listing` gets its instructions, line by line, and the document has causes. UsageError if it is not a hot one.
    * callgrind: a file for KCachegrind; the document has causes.
    * lint: tell what the program should not do; a finding makes the document's `ok` false.
    * gdb: the port where gdb connects; the program waits for it. Progress shows the command that does so.
    * write: called with the program's text as it comes.
    * choice: as `load_target`.
    """
    at_least(0, max_cycles=max_cycles, hang_cycles=hang_cycles, gdb=gdb)
    path, window = _windowed(waves, "--waves", "FILE alone shows the last 2000 cycles")
    traced, trace_window = _windowed(trace, "--trace", "FILE alone has every instruction, without cycles")
    told = causes or bool(annotate or callgrind)
    options = ExecOptions(max_cycles, hang_cycles, path, window, traced, trace_window, told, lint, gdb)
    runner = engine_obeying(options, engine, Line(port, baud))
    if (annotate or callgrind) and not runner.abilities.causes:
        given = f"engine {runner.name} does not tell where cycles go"
        raise UsageError(
            "--annotate" if annotate else "--callgrind",
            given,
            allowed="engine fast or rtl",
            hint=f"without --engine {runner.name}",
        )
    if callgrind:
        prepare_output(Path(callgrind))
    check_options(runner, options)
    source = program_named(Path(program))
    home = load_target(project, **choice) if project is not None else stock_project(source.stem, **choice)

    def counted(whole: Segment, elf: Path) -> None:
        if callgrind:
            write_atomic(Path(callgrind), callgrind_text(whole, elf, source.name))

    document = execute(runner, home, source, _stdin() if stdin is None else stdin, options, write, counted)
    if annotate:
        for line in annotated(document, annotate, source_roots(source.resolve().parent, home.root)):
            if listing is not None:
                listing(line)
    return document


def _stdin() -> bytes:
    return b"" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.buffer.read()


def _windowed(given: Path | str, option: str, without: str) -> tuple[Path | None, tuple[int, int] | None]:
    """ "FILE:FROM:TO", or "FILE" or a Path without a window, or "" for nothing. without: what FILE alone does."""
    if isinstance(given, Path) or not given:
        return given or None, None
    path, *numbers = given.rsplit(":", 2)
    if not numbers or not numbers[-1].isdecimal():
        return Path(given), None  # a colon in a file's name
    if len(numbers) == 2 and path and numbers[0].isdecimal() and int(numbers[0]) < int(numbers[1]):
        return Path(path), (int(numbers[0]), int(numbers[1]))
    allowed = "FILE or FILE:FROM:TO in cycles, FROM below TO"
    raise UsageError(option, f"'{given}'", allowed=allowed, hint=without)
