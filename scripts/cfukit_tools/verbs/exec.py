"""The verb exec: a bare program on the system, its output, its regions, its end."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError

from cfukit_base import progress
from cfukit_base.errors import BuildError, UsageError
from cfukit_base.protocol import wire
from cfukit_base.symbols import locate
from cfukit_tools.checking import at_least
from cfukit_tools.engines.devices import check_renode, exec_board, export_for_renode, run_renode, system_for
from cfukit_tools.engines.engine import check_engine
from cfukit_tools.project.project import Project, load_target
from cfukit_tools.project.system import System

WAVES_WINDOW_CYCLES = 2000  # shown when no window is given
AFTER_HANG_CYCLES = 200  # shown of a system that does nothing any more
_SUFFIXES = (".c", ".S", ".elf")


def exec_(
    program: Path,
    *,
    project: Path | None = None,
    board: str = "",
    assignments: tuple[str, ...] = (),
    variant: str = "",
    compiler: str = "",
    engine: str = "",
    stdin: bytes | None = None,
    max_cycles: int = 0,
    hang_cycles: int = 0,
    waves: str = "",
    trace: Path | None = None,
    gdb: int = 0,
    stream: bool = False,
) -> dict[str, Any]:
    """Run a .c, .S or .elf on a project's system (default: board sim, no CFU); the document cfukit.exec/1.

    program: also the name of one that comes with cfukit (membench).
    stdin: bytes for getchar(), None: this process's stdin unless that is a terminal. waves: "FILE" or "FILE:FROM:TO"
    (cycles). stream: the program's output also goes to stdout as it comes.
    """
    engine = check_engine(engine, ("host", "rtl", "renode", "board"))
    at_least(0, max_cycles=max_cycles, hang_cycles=hang_cycles, gdb=gdb)
    window = _waves(waves) if waves else None
    if engine != "rtl":
        _only_on_rtl(engine, waves=window, trace=trace, max_cycles=max_cycles, hang_cycles=hang_cycles)
    if gdb and engine == "board":
        raise UsageError(
            "--gdb",
            "no debugger on hardware: the CPU has no debug port, which would cost area on every board",
            hint="the same program runs on --engine rtl, where --trace and --waves show what it does",
        )
    if gdb:
        raise UsageError(
            "--gdb", f"engine {engine} cannot stop a program", hint="--trace and --waves show what it does"
        )
    program = _shipped(program)
    if program.suffix not in _SUFFIXES:
        ending = f"a file that ends in {', '.join(_SUFFIXES)}"
        raise UsageError(
            str(program), "not a program", allowed=ending, hint="cfukit run takes models and projects"
        )
    if not program.is_file():
        raise UsageError(
            str(program), "no such file", allowed="a program", hint="docs/tutorial.md has an example"
        )
    options: dict[str, Any] = {
        "board": board,
        "assignments": assignments,
        "variant": variant,
        "compiler": compiler,
    }
    home = load_target(project, **options) if project is not None else _stock(program, options)
    system = system_for(home, engine)
    text = _stdin() if stdin is None else stdin
    if engine == "host":
        return _on_host(system, program, text, stream)
    from cfukit_soc import HANG_CYCLES

    elf = _checked(system, program) if program.suffix == ".elf" else compiled(system, program)
    if engine != "rtl":
        return _on_device(engine, system, program, elf, text, stream)
    return _on_rtl(
        system, program, elf, text, max_cycles, hang_cycles or HANG_CYCLES, window, trace, stream, options
    )


def _on_rtl(
    system: System,
    program: Path,
    elf: Path,
    stdin: bytes,
    max_cycles: int,
    hang_cycles: int,
    window: tuple[Path, tuple[int, int] | None] | None,
    trace: Path | None,
    stream: bool,
    invoked: dict[str, Any],
) -> dict[str, Any]:
    from cfukit_soc import Waves, simulate

    def once(waves: Waves | None, last: bool) -> tuple[Any, _Output]:
        output = _Output(sys.stdout.buffer.write if stream and last else None)
        with progress.stage(f"running {program.name} on the RTL of the system"):
            result = simulate(
                simulator,
                system.soc_json,
                elf,
                stdin=wire.encode_stdin(stdin),
                max_cycles=max_cycles,
                hang_cycles=hang_cycles,
                waves=waves,
                trace=trace if last else None,
                on_output=output.feed,
            )
        output.close()
        return result, output

    simulator = system.simulator()
    waves: Waves | None = None
    if window is not None:
        # Without FROM and TO the end has to be known: a first, fast run finds it.
        waves = Waves(window[0], *(window[1] or _last_cycles(once(None, last=False)[0], hang_cycles)))
        simulator = system.simulator(waves=True)
    result, output = once(waves, last=True)
    fault = _placed(_fault(result, output, elf), system, program)
    if fault is not None and fault["kind"] == "cfu_hang":
        fault["waves"] = _waves_command(system, program, fault["cycle"], hang_cycles, invoked)
    code = result.exit_code
    document = _document("rtl", output, code, fault)
    document |= {"cycles": result.cycles, "instructions": result.instructions}
    document["host"]["files"] = [
        str(path) for path in (waves.path if waves else None, trace) if path is not None
    ]
    return document


def _on_device(
    engine: str, system: System, program: Path, elf: Path, stdin: bytes, stream: bool
) -> dict[str, Any]:
    """Renode or a board. Its output is shown at the end: only then it is known to be what the program said."""
    with progress.stage(f"running {program.name} on engine {engine}"):
        if engine == "board":
            raw = exec_board(system, elf, stdin)
        else:
            scripts = export_for_renode(system, elf, wire.encode_stdin(stdin), name=program.stem)
            check_renode([scripts])
            raw = run_renode(scripts)
    output = _Output(sys.stdout.buffer.write if stream else None)
    output.feed(raw.output)
    output.close()
    return _document(engine, output, raw.exit_code, _fault(raw, output, elf)) | {"cycles": raw.cycles}


def _on_host(system: System, program: Path, stdin: bytes, stream: bool) -> dict[str, Any]:
    from cfukit_sw.firmware import build_host
    from cfukit_tools.engines.engine import run_host
    from cfukit_tools.inference.program import host_cfu

    if program.suffix == ".elf":
        raise UsageError(
            str(program), "an ELF for RISC-V", allowed="engine host compiles .c", hint="--engine rtl"
        )
    file = build_host(
        [program.resolve()],
        build_dir=system.project.board_dir,
        cfu_dir=system.cfu_dir,
        cflags=system.project["sw.cflags"],
        libraries=host_cfu(system),
    )
    raw = run_host(file, wire.encode_stdin(stdin))
    output = _Output(sys.stdout.buffer.write if stream else None)
    output.feed(raw.output)
    output.close()
    return _document("host", output, raw.exit_code, None) | {"cycles": None, "instructions": None}


def _document(engine: str, output: _Output, code: int | None, fault: dict[str, Any] | None) -> dict[str, Any]:
    regions = [
        {
            "name": region.name,
            "count": region.count,
            "cycles": region.cycles if engine in ("rtl", "board") else None,
            "causes": None,
        }
        for region in wire.merge_regions(
            answer for answer in output.answers if isinstance(answer, wire.Region)
        )
    ]
    return {
        "schema": "cfukit.exec/1",
        "ok": code == 0 and fault is None,
        "engine": engine,
        "exit_code": code,
        "cycles": None,
        "instructions": None,
        "causes": None,
        "output": output.text.decode(errors="replace"),
        "regions": regions,
        "fault": fault,
        "host": {"files": []},
    }


class _Output:
    """The program's text and records, as they come."""

    def __init__(self, write: Callable[[bytes], Any] | None):
        self.text = b""
        self.answers: list[wire.Answer] = []
        self._decoder = wire.Decoder()
        self._write = write

    def feed(self, data: bytes) -> None:
        self._take(self._decoder.feed(data))

    def close(self) -> None:
        self._take(self._decoder.close())

    def _take(self, events: list[Any]) -> None:
        for event in events:
            if isinstance(event, bytes):
                self.text += event
                if self._write is not None:
                    self._write(event)
                    sys.stdout.buffer.flush()
            elif isinstance(event, wire.Frame):
                self.answers.append(wire.parse(event))


def _fault(result: Any, output: _Output, elf: Path) -> dict[str, Any] | None:
    """The engine's fault, or the one that the program's own trap handler reported."""
    if result.fault is not None:
        return dict(result.fault) | {"registers": _named(result.fault["registers"])}
    trap = next((answer for answer in output.answers if isinstance(answer, wire.Fault)), None)
    if trap is None:
        return None
    return {
        "kind": trap.kind,
        "pc": trap.mepc,
        **asdict(locate(elf, trap.mepc)),
        "registers": _named([0, *trap.registers]),
        "value": trap.mtval,
        "message": str(trap),
    }


def _placed(fault: dict[str, Any] | None, system: System, program: Path) -> dict[str, Any] | None:
    """The fault with its file relative to the program, the project or cfukit: the same on every machine."""
    if fault is None or not fault.get("file"):
        return fault
    from cfukit_sw.firmware import INCLUDE, SOURCES

    file = Path(fault["file"])
    for folder in (program.resolve().parent, system.project.root, SOURCES, INCLUDE):
        if file.is_relative_to(folder):
            short = str(file.relative_to(folder))
            return fault | {"file": short, "message": fault["message"].replace(str(file), short)}
    return fault


def _named(registers: list[int]) -> dict[str, int]:
    return {f"x{number}": value for number, value in enumerate(registers)}


def compiled(system: System, program: Path) -> Path:
    """The ELF of a .c or .S for this system."""
    from cfukit_sw.firmware import build_firmware

    try:
        with progress.stage(f"compiling {program.name}"), system.project.named():
            return build_firmware(
                [program.resolve()],
                system.soc_json,
                build_dir=system.project.board_dir,
                cfu_dir=system.cfu_dir,
                cflags=system.project["sw.cflags"],
                compiler=system.project["sw.compiler"],
            )
    except BuildError as error:
        if "cfu_ops.h" in error.given and system.cfu_dir is None:
            hint = "--project DIR gives it that project's CFU"
            raise BuildError(
                error.where, error.given, allowed=error.allowed, hint=hint, **error.details
            ) from None
        raise


def _checked(system: System, elf: Path) -> Path:
    """An ELF from elsewhere has only instructions that the CPU has, as our own builds."""
    from cfukit_sw.elf_scan import check_instructions

    try:
        check_instructions(elf, system.soc["cpu"], str(elf))
    except (ELFError, ValueError) as error:
        raise UsageError(str(elf), f"is not an ELF: {error}", allowed="an ELF for 32-bit RISC-V") from None
    return elf


def _shipped(program: Path) -> Path:
    """A bare name of one of cfukit's own programs as its path."""
    from cfukit_sw.firmware import SOURCES

    own = SOURCES / "programs" / f"{program.name}.c"
    return own if str(program) == program.stem and not program.exists() and own.is_file() else program


def _stock(program: Path, options: dict[str, Any]) -> Project:
    """The stock system for a program without a project; artefacts go to ./build/NAME."""
    from cfukit_tools.project.project import stock_project

    return stock_project(program.stem, **options)


def _stdin() -> bytes:
    return b"" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.buffer.read()


def _waves(text: str) -> tuple[Path, tuple[int, int] | None]:
    """ "FILE:FROM:TO", or "FILE" without a window."""
    path, *numbers = text.rsplit(":", 2)
    if not numbers:
        return Path(path), None
    if len(numbers) == 2 and path and all(map(str.isdecimal, numbers)) and int(numbers[0]) < int(numbers[1]):
        return Path(path), (int(numbers[0]), int(numbers[1]))
    raise UsageError(
        "--waves",
        f"'{text}'",
        allowed="FILE or FILE:FROM:TO in cycles, FROM below TO",
        hint="FILE alone shows the last 2000 cycles",
    )


def _only_on_rtl(engine: str, **given: Any) -> None:
    """What another engine would have to ignore is refused."""
    for name, value in given.items():
        if value:
            option = f"--{name.replace('_', '-')}"
            raise UsageError(
                option,
                f"engine {engine} has no cycles"
                if engine != "board"
                else "hardware shows nothing while it runs",
                allowed="engine rtl",
                hint=f"without --engine {engine}",
            )


def _last_cycles(found: Any, hang_cycles: int) -> tuple[int, int]:
    """The window before the end of a run; where nothing happened for long, before and behind the last thing that did."""
    end = found.cycles + 1
    if found.fault is not None and found.fault["kind"] in ("hang", "cfu_hang"):
        end = max(0, found.cycles - hang_cycles) + AFTER_HANG_CYCLES
    return max(0, end - WAVES_WINDOW_CYCLES), end


def _waves_command(
    system: System, program: Path, cycle: int, hang_cycles: int, invoked: dict[str, Any]
) -> str:
    """The command that shows what happened when the CFU stopped answering, for any shell and from any folder."""
    stopped = max(0, cycle - hang_cycles)
    begin = max(0, stopped - AFTER_HANG_CYCLES)
    words = ["cfukit", "exec", str(program.resolve())]
    words += [] if system.project.bare else ["--project", str(system.project.root)]
    for option, name in (("--board", "board"), ("--variant", "variant"), ("--cc", "compiler")):
        words += [option, invoked[name]] if invoked[name] else []
    for assignment in invoked["assignments"]:
        words += ["--set", assignment]
    words += ["--hang-cycles", str(hang_cycles)]
    words += ["--waves", f"hang.vcd:{begin}:{stopped + AFTER_HANG_CYCLES}"]
    return shlex.join(words)
