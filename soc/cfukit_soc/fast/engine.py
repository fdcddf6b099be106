"""`simulate_fast`: firmware on the model of the whole system, with the RTL's cycles.

The model is the C++ in this folder. It runs as a process of its own: this file writes what it reads, starts it and reads its result.
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from cfukit_base.artefacts import Outcome, Soc
from cfukit_base.cache import disk_error, prepare_output
from cfukit_base.digest import digest_of
from cfukit_base.errors import UsageError
from cfukit_base.typed_json import decoded
from cfukit_soc.counted import counting_words
from cfukit_soc.fast.build import build_cfu_library, build_fast_simulator, model_digest
from cfukit_soc.fast.parameters import parameters
from cfukit_soc.faults import Ended, stack_of
from cfukit_soc.image import memory_image
from cfukit_soc.simulation import HANG_CYCLES, outcome_of, partial_of, run_simulator, tracing_words
from cfukit_soc.watching import Watch

_DRAM_CHIPS = {"sdram.v", "ddr3_store.v"}


def simulate_fast(
    soc_json: Path,
    elf: Path,
    cfu_verilog: Path | None,
    *,
    build_dir: Path,
    autonomous: bool = False,
    stdin: bytes = b"",
    max_cycles: int = 0,
    hang_cycles: int = HANG_CYCLES,
    trace: Path | None = None,
    trace_cycles: bool = False,
    trace_window: tuple[int, int] | None = None,
    counts: Path | None = None,
    on_output: Callable[[bytes], object] | None = None,
    watch_stack: bool = True,
    timeout_seconds: float = 0,
    label: str = "",
    exact: bool = False,
    gdb: socket.socket | None = None,
    lint: bool = False,
) -> Outcome:
    """As `simulate`, but Verilator builds only the CFU, not the system.

    * cfu_verilog: the CFU, which is built under build_dir; None: a CFU that answers 0.
    * autonomous: the CFU works on its own, so it is clocked in every cycle.
    * exact: every cycle is stepped, which is slower. The result is the same, and tests compare the two.
    * gdb: a socket that listens. The run begins when gdb has connected there, and stops where gdb wants. Its cycles are the same unless
      gdb writes to registers or memory.
    * lint: the outcome tells what the program should not do (see `lint_from`). Every cycle is stepped.
    """
    soc = Soc.read(soc_json)
    _check(soc_json, soc)
    for wanted in (trace, counts):
        if wanted is not None:
            prepare_output(wanted)
    image = memory_image(elf, soc)
    simulator = build_fast_simulator()
    library = build_cfu_library(cfu_verilog, build_dir) if cfu_verilog else None
    with tempfile.TemporaryDirectory(prefix="cfukit-") as name:
        scratch = Path(name)
        (scratch / "image").write_bytes(image)
        (scratch / "stdin").write_bytes(stdin)
        (scratch / "parameters").write_text(parameters(soc_json, soc))
        watch = Watch(scratch / "progress", elf, label)
        words = [str(simulator), f"progress={watch.file}"]
        words += [f"{key}={scratch / key}" for key in ("parameters", "image", "result")]
        words += [f"hang_cycles={hang_cycles}"] if hang_cycles else []
        words += [f"max_cycles={max_cycles}"] if max_cycles else []
        if watch_stack:
            bottom, top = stack_of(elf)
            words += [f"stack_bottom={bottom}", f"stack_top={top}"]
        words += [f"cfu={library}", f"autonomous={int(autonomous)}"] if library else []
        words += ["exact=1"] if exact else []
        words += ["lint=1"] if lint else []
        words += [f"gdb={gdb.fileno()}"] if gdb else []
        partial = [(partial_of(path), path) for path in (trace, counts) if path]
        if trace:
            words += tracing_words(partial_of(trace), trace_cycles, trace_window)
        if counts:
            words += counting_words(soc, elf, partial_of(counts))
        try:
            with watch.shown():
                output = run_simulator(
                    words, scratch / "stdin", on_output, timeout_seconds, [gdb.fileno()] if gdb else ()
                )
            ended = decoded((scratch / "result").read_bytes(), Ended)
            for temporary, final in partial:
                if temporary != final:
                    temporary.replace(final)
        except OSError as error:
            raise disk_error(scratch, error) from error
        finally:
            for temporary, final in partial:
                if temporary != final:
                    temporary.unlink(missing_ok=True)
    return outcome_of(ended, output, elf)


def fast_digest(soc_json: Path, cfu_verilog: Path | None, *, autonomous: bool = False) -> str:
    """What the results on this system depend on, apart from the program and its input."""
    return digest_of(parameters(soc_json, Soc.read(soc_json)), model_digest(cfu_verilog), autonomous)


def not_modelled(soc: Soc) -> str:
    """The things in this system that the model lacks, as text for people; "" if it lacks none."""
    lacking = ["a boot ROM on the bus"] if "bus_rom.v" in soc.chips else []
    lacking += ["DRAM that soc.json does not describe"] if _DRAM_CHIPS & {*soc.chips} and not soc.dram else []
    return " and ".join(lacking)


def _check(soc_json: Path, soc: Soc) -> None:
    if lacking := not_modelled(soc):
        allowed = "memories on the chip, SPI flash, DRAM"
        raise UsageError(str(soc_json), lacking, allowed=allowed, hint="cfukit_soc.simulate runs this system")
