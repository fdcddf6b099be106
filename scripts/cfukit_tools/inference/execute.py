"""Run a bare program on an engine: its text, its regions, its end; the document cfukit.exec/1."""

from __future__ import annotations

import contextlib
import shlex
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from cfukit_base.artefacts import Exec, Fault, Outcome
from cfukit_base.artefacts.causes import Segment
from cfukit_base.artefacts.documents import ExecHost
from cfukit_base.artefacts.outcome import Lint
from cfukit_base.cache import prepare_output, write_parts
from cfukit_base.errors import UsageError
from cfukit_base.protocol import wire
from cfukit_base.symbols import locate
from cfukit_base.whereabouts import Stopped
from cfukit_tools.engines.catalogue import check_options
from cfukit_tools.engines.engine import (
    Abilities,
    Engine,
    ExecOptions,
    Machine,
    Systems,
    prepared,
)
from cfukit_tools.firmware.bare import build_bare
from cfukit_tools.firmware.counted import merged
from cfukit_tools.firmware.sources import source_roots
from cfukit_tools.inference.places import Places, places
from cfukit_tools.inference.regions import told_regions
from cfukit_tools.inference.window import window_lines
from cfukit_tools.project.project import Project, words_of
from cfukit_tools.project.system import System

AROUND_HANG_CYCLES = 200  # shown before and after the last thing that a hanging system did


def execute(
    engine: Engine,
    project: Project,
    program: Path,
    stdin: bytes,
    options: ExecOptions,
    write: Callable[[bytes], object] | None = None,
    counted: Callable[[Segment, Path], object] = lambda whole, elf: None,
) -> Exec:
    """Compile `program` for the project's system and run it.

    * write: called with its text as it comes.
    * counted: called with what was counted in the whole run, and with the program's ELF, if causes were.
    """
    check_options(engine, options)
    if engine.abilities.machine is Machine.NONE:
        given = f"engine {engine.name} {engine.abilities.refusal}"
        raise UsageError("--engine", given, allowed="another engine", hint=f"without --engine {engine.name}")
    system = prepared(engine, project)
    file = build_bare(system, program, on_host=engine.abilities.machine is Machine.HOST)
    output = _Output(write)
    try:
        with _traced(options, system, file) as traced:
            outcome = engine.exec(system, file, stdin, replace(traced, on_output=output.feed))
    except KeyboardInterrupt as stop:
        output.close()
        stopped = Stopped.of([stop], output.text.decode(errors="replace"))
        stopped.running = tuple(
            replace(at, program=program.name, file=_short(at.file, system, program)) for at in stopped.running
        )
        raise stopped from None
    output.close()
    fault = _placed(_fault(outcome, output, file), system, program)
    if fault is not None and fault.kind == "cfu_hang" and engine.abilities.systems is not Systems.GIVEN:
        fault = replace(fault, waves=_waves_command(project, program, fault, options.hang_cycles))
    if outcome.segments:
        counted(merged(outcome.segments), file)
    found = _places(outcome, system, program, file)
    lint = outcome.lint and _shortened(outcome.lint, system, program)
    return _document(engine.name, engine.abilities, output, outcome, found, fault, lint, options)


@contextlib.contextmanager
def _traced(options: ExecOptions, system: System, elf: Path) -> Iterator[ExecOptions]:
    """The options for the engine. After the block, the trace of a window is there for people."""
    if options.trace is None or options.trace_window is None:
        yield options
        return
    prepare_output(options.trace)
    names = system.cfu_json.instruction_names if system.cfu_json else {}
    with tempfile.TemporaryDirectory(prefix="cfukit-") as scratch:
        raw = Path(scratch) / "trace"
        yield replace(options, trace=raw)
        write_parts(options.trace, window_lines(raw, elf, names))


def _document(
    engine: str,
    abilities: Abilities,
    output: _Output,
    outcome: Outcome,
    found: Places | None,
    fault: Fault | None,
    lint: Lint | None,
    options: ExecOptions,
) -> Exec:
    records = [answer for answer in output.answers if isinstance(answer, wire.Region)]
    regions = told_regions(records, outcome.segments or (), engine)
    if not abilities.cycles:
        regions = [replace(region, cycles=None) for region in regions]
    written = [str(path) for path in (options.waves, options.trace) if path is not None]
    return Exec(
        ok=outcome.exit_code == 0 and fault is None and not (lint and lint.findings),
        engine=engine,
        exit_code=outcome.exit_code,
        cycles=outcome.cycles,
        instructions=outcome.instructions,
        causes=outcome.causes,
        functions=found.functions if found else None,
        lines=found.lines if found else None,
        code=found.code if found else None,
        cfu=found.cfu if found else None,
        busy=merged(outcome.segments).busy if outcome.segments else None,
        output=output.text.decode(errors="replace"),
        regions=tuple(regions),
        fault=fault,
        lint=lint,
        host=ExecHost(files=tuple(written)),
    )


def _places(outcome: Outcome, system: System, program: Path, elf: Path) -> Places | None:
    """Where in the program the cycles went, where the engine has told."""
    if not outcome.segments:
        return None
    names = system.cfu_json.instruction_names if system.cfu_json else {}
    generated = [system.cfu_dir] if system.cfu_dir else []
    roots = source_roots(*generated, program.resolve().parent, system.project.root)
    return places(elf, merged(outcome.segments), names, roots)


class _Output:
    """The program's text and records, as they come."""

    def __init__(self, write: Callable[[bytes], object] | None):
        self.text = b""
        self.answers: list[wire.Answer] = []
        self._decoder = wire.Decoder()
        self._write = write

    def feed(self, data: bytes) -> None:
        self._take(self._decoder.feed(data))

    def close(self) -> None:
        self._take(self._decoder.close())

    def _take(self, events: list[bytes | wire.Frame | wire.Damaged]) -> None:
        for event in events:
            if isinstance(event, bytes):
                self.text += event
                if self._write is not None:
                    self._write(event)
            elif isinstance(event, wire.Frame):
                self.answers.append(wire.parse(event))


def _fault(outcome: Outcome, output: _Output, elf: Path) -> Fault | None:
    """The engine's fault, or the one that the program's own trap handler reported."""
    if outcome.fault is not None:
        return outcome.fault
    trap = next((answer for answer in output.answers if isinstance(answer, wire.Fault)), None)
    if trap is None:
        return None
    place = locate(elf, trap.mepc)
    return Fault(
        kind=trap.kind,
        pc=trap.mepc,
        function=place.function,
        file=place.file,
        line=place.line,
        registers={f"x{number}": value for number, value in enumerate([0, *trap.registers])},
        value=trap.mtval,
        message=str(trap),
    )


def _placed(fault: Fault | None, system: System, program: Path) -> Fault | None:
    """The fault with the short name of its file."""
    if fault is None or not fault.file:
        return fault
    short = _short(fault.file, system, program)
    return replace(fault, file=short, message=fault.message.replace(fault.file, short))


def _shortened(lint: Lint, system: System, program: Path) -> Lint:
    """The same with short names of files."""
    findings = [replace(found, file=_short(found.file, system, program)) for found in lint.findings]
    return replace(lint, findings=tuple(findings))


def _short(name: str, system: System, program: Path) -> str:
    """A file's name relative to the program, the project or cfukit: the same on every machine."""
    for folder in source_roots(program.resolve().parent, system.project.root):
        if name and Path(name).is_relative_to(folder):
            return str(Path(name).relative_to(folder))
    return name


def _waves_command(project: Project, program: Path, fault: Fault, hang_cycles: int) -> str:
    """The command that shows what happened when the CFU stopped answering, for any shell and from any folder."""
    from cfukit_soc import HANG_CYCLES

    hang_cycles = hang_cycles or HANG_CYCLES
    stopped = max(0, (fault.cycle or 0) - hang_cycles)
    begin = max(0, stopped - AROUND_HANG_CYCLES)
    words = ["cfukit", "exec", str(program.resolve())]
    words += [] if project.bare else ["--project", str(project.root)]
    words += words_of(project.choice)
    words += ["--hang-cycles", str(hang_cycles)]
    words += ["--waves", f"hang.vcd:{begin}:{stopped + AROUND_HANG_CYCLES}"]
    return shlex.join(words)
