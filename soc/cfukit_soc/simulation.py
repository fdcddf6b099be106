"""`simulate` runs firmware on the RTL of the whole system, cycle by cycle."""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cfukit_base import interrupts
from cfukit_base.artefacts import Outcome, Soc
from cfukit_base.cache import disk_error, prepare_output, replaceable
from cfukit_base.errors import ResultError, UsageError
from cfukit_base.process import started
from cfukit_base.typed_json import decoded
from cfukit_soc.counted import counting_words
from cfukit_soc.faults import Ended, fault_from, stack_of
from cfukit_soc.image import memory_image
from cfukit_soc.linted import lint_from
from cfukit_soc.watching import Watch

HANG_CYCLES = 1_000_000


@dataclass(frozen=True)
class Waves:
    """Write VCD of the cycles begin <= cycle < end (None: to the end) to `path`."""

    path: Path
    begin: int = 0
    end: int | None = None


def simulate(
    simulator: Path,
    soc_json: Path,
    elf: Path,
    *,
    stdin: bytes = b"",
    max_cycles: int = 0,
    hang_cycles: int = HANG_CYCLES,
    waves: Waves | None = None,
    trace: Path | None = None,
    trace_cycles: bool = False,
    trace_window: tuple[int, int] | None = None,
    counts: Path | None = None,
    on_output: Callable[[bytes], object] | None = None,
    watch_stack: bool = True,
    timeout_seconds: float = 0,
    label: str = "",
) -> Outcome:
    """Run `elf` until it writes cfukit_exit, faults, or reaches max_cycles (0: none) or timeout_seconds (0: none).

    * stdin: given to the UART as fast as the program takes it, the same in every run.
    * hang_cycles: a fault if no instruction retires for so long.
    * waves: needs a simulator that was built with waves=True.
    * trace: a line "pc instruction [xN=value]" per retired instruction; trace_cycles puts its cycle in front.
      trace_window: only those that retire in the cycles begin <= cycle < end, "cycle pc instruction [xN=value] [cause=cycles]...", with
      the causes of the cycles since the instruction before; needs `counts`.
    * counts: cycles by cause and instruction, for `read_counts`; needs a simulator that was built with causes=True. The outcome has
      the causes then.
    * watch_stack: a fault when the stack pointer goes below the stack, which the linker script's symbols name.
    * label: which of several programs it is, where progress is shown.

    Raises Stopped, with the place, if the command is stopped meanwhile. Waves, trace and counts
    appear complete, or not at all after an exception.
    """
    if not simulator.is_file():
        raise UsageError(str(simulator), "no such file", allowed="what build_simulator returned")
    if waves and "_waves" not in simulator.name:
        raise UsageError(str(simulator), "built without waves", allowed="build_simulator(..., waves=True)")
    if counts and not simulator.name.endswith("_causes"):
        raise UsageError(str(simulator), "built without causes", allowed="build_simulator(..., causes=True)")
    for wanted in (trace, counts, waves.path if waves else None):
        if wanted is not None:
            prepare_output(wanted)
    soc = Soc.read(soc_json)
    image = memory_image(elf, soc)
    with tempfile.TemporaryDirectory(prefix="cfukit-") as name:
        scratch = Path(name)
        (scratch / "image").write_bytes(image)
        (scratch / "stdin").write_bytes(stdin)
        watch = Watch(scratch / "progress", elf, label)
        words = [str(simulator), f"image={scratch / 'image'}", f"result={scratch / 'result'}"]
        words.append(f"progress={watch.file}")
        words += [f"hang_cycles={hang_cycles}"] if hang_cycles else []
        words += [f"max_cycles={max_cycles}"] if max_cycles else []
        if watch_stack:
            bottom, top = stack_of(elf)
            words += [f"stack_bottom={bottom}", f"stack_top={top}"]
        partial = []
        if trace:
            partial.append((partial_of(trace), trace))
            words += tracing_words(partial_of(trace), trace_cycles, trace_window)
        if counts:
            partial.append((partial_of(counts), counts))
            words += counting_words(soc, elf, partial_of(counts))
        if waves:
            partial.append((partial_of(waves.path), waves.path))
            words += [f"waves={partial_of(waves.path)}", f"waves_begin={waves.begin}"]
            words.append(f"clock_period_ps={round(1e12 / soc.clock_hz)}")
            words += [f"waves_end={waves.end}"] if waves.end is not None else []
        try:
            with watch.shown():
                output = run_simulator(words, scratch / "stdin", on_output, timeout_seconds)
            ended = decoded((scratch / "result").read_bytes(), Ended)
            for temporary, final in partial:
                temporary.touch()  # a window that was never reached
                if temporary != final:
                    temporary.replace(final)
        except OSError as error:
            raise disk_error(scratch, error) from error
        finally:
            for temporary, final in partial:
                if temporary != final:
                    temporary.unlink(missing_ok=True)
    return outcome_of(ended, output, elf)


def tracing_words(file: Path, cycles: bool, window: tuple[int, int] | None) -> list[str]:
    """The words of a simulator's command line that make it write a trace into `file`."""
    words = [f"trace={file}", f"trace_cycles={int(cycles or window is not None)}"]
    return words + (
        ["trace_causes=1", f"trace_begin={window[0]}", f"trace_end={window[1]}"] if window else []
    )


def outcome_of(ended: Ended, output: bytes, elf: Path) -> Outcome:
    """What a simulator's last words mean."""
    by_itself = ended.end == "exit"
    code = ended.exit_code - (1 << 32 if ended.exit_code >> 31 else 0)
    return Outcome(
        output=output,
        exit_code=code if by_itself else None,
        cycles=ended.cycles,
        instructions=ended.instructions,
        fault=None if by_itself else fault_from(ended, elf),
        causes=ended.causes,
        lint=lint_from(ended, elf),
    )


def partial_of(path: Path) -> Path:
    """The name of a file until it is complete. A device or a pipe is written directly."""
    return path.resolve().with_name(f".{path.name}.partial") if replaceable(path) else path


def run_simulator(
    words: list[str],
    stdin: Path,
    on_output: Callable[[bytes], object] | None,
    timeout_seconds: float,
    passed: Sequence[int] = (),
) -> bytes:
    """The child's standard output; the child never outlives this call. passed: file descriptors that it gets."""
    output = bytearray()
    timed_out = threading.Event()
    with (
        stdin.open("rb") as given,
        tempfile.TemporaryFile() as messages,
        started(
            words, stdin=given, stdout=subprocess.PIPE, stderr=messages, bufsize=0, pass_fds=passed
        ) as child,
    ):

        def expire() -> None:
            timed_out.set()
            child.kill_group()

        timer = threading.Timer(timeout_seconds, expire) if timeout_seconds else None
        try:
            if timer:
                timer.start()
            assert child.stdout is not None
            while block := child.stdout.read(65536):
                output += block
                if on_output:
                    on_output(block)
            child.wait()
        finally:
            if timer:
                timer.cancel()
                timer.join()  # or it could kill a group that is no more ours
        if timed_out.is_set():
            raise ResultError(
                "simulation", f"still running after {timeout_seconds:g} s", hint="raise the time limit"
            )
        interrupts.check()
        if child.returncode:
            raise _failure(child.returncode, messages)
    return bytes(output)


def _failure(code: int, messages: IO[bytes]) -> ResultError:
    messages.seek(0)
    text = messages.read().decode(errors="replace").strip() or f"ended with code {code}"
    hint = "free space, or choose a shorter window" if "No space left" in text else ""
    if "did not converge" in text or "DIDNOTCONVERGE" in text:
        hint = "the CFU's Verilog has a combinational loop"
    return ResultError("simulation", text.splitlines()[0], hint=hint, log=text)
