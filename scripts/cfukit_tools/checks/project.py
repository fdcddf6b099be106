"""Checks of a project: its CFU's gateware, Verilog, header and system, its outputs, and its own tests."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from cfukit_base import process, tools
from cfukit_base.cache import cached
from cfukit_base.digest import digest_of
from cfukit_base.errors import BuildError, ResultError
from cfukit_tools.checks.check import Request, Todo, outputs
from cfukit_tools.checks.vectors_program import Shared, first_wrong, told, vectors_program
from cfukit_tools.engines.catalogue import engine_named
from cfukit_tools.engines.engine import ExecOptions
from cfukit_tools.inference.execute import execute
from cfukit_tools.project.system import System

SYSTEM_VECTORS = 1000
MEMORY_VECTORS = 200  # of a CFU with a memory port; fewer if they leave the CPU not LEAST_WORDS of 4096
LEAST_WORDS = 256
# Commands times lines of cfu.v in Amaranth's simulator: a minute or so. A larger CFU gets fewer there, at least the second number.
AMARANTH_WORK, AMARANTH_LEAST = 2_000_000, 100
OUTPUT_SAMPLES = 4
OWN_TESTS_SECONDS = 1800


def checks(request: Request) -> dict[str, Todo]:
    """The checks that apply: those of a CFU if there is one, outputs, own tests if there are any."""
    project, seed, operations = request.project, request.seed, request.operations
    system = System(project)
    todo: dict[str, Todo] = {}
    if project.cfu_file is not None:
        todo["gateware"] = lambda: _gateware(system, operations, seed)
        todo["cocotb"] = lambda: _cocotb(system, operations, seed)
        todo["header"] = lambda: _header(system)
        todo["system"] = lambda: _system(system, seed)
    todo["outputs"] = lambda: outputs(request, OUTPUT_SAMPLES)
    if list(project.root.glob("test_*.py")) or list(project.root.glob("cocotb_*.py")):
        todo["own"] = lambda: _own_tests(system)
    return todo


def _gateware(system: System, operations: int, seed: int) -> str:
    from cfukit.testing import check_gateware, check_verilog

    waves = system.project.board_dir / "waves" / "gateware.vcd"
    assert system.cfu_verilog is not None
    lines = system.cfu_verilog.read_text().count("\n")
    few = min(operations, max(AMARANTH_LEAST, AMARANTH_WORK // max(1, lines)))
    on_gateware = check_gateware(system.cfu, seed, few, waves)
    on_verilog = check_verilog(system.cfu, seed, 10 * operations, waves)
    if not on_verilog.modelled:
        return f"{on_verilog.operations} operations keep the handshake's rules; not every instruction has a model"
    fewer = on_verilog.operations < on_verilog.asked
    return (
        f"{on_gateware.operations} operations equal the model in {on_gateware.simulator}, "
        f"{on_verilog.operations} in {on_verilog.simulator}"
    ) + (f" ({on_verilog.asked} asked for; latencies are long)" if fewer else "")


def _cocotb(system: System, operations: int, seed: int) -> str:
    from cfukit.testing import run_cocotb

    simulators = ["verilator", *(["icarus"] if tools.icarus() is not None else [])]
    folder = system.project.board_dir / "cocotb"
    count = max(1, operations // 4)
    waves = system.project.board_dir / "waves" / "cocotb.vcd"
    played, unread = [], ""
    for simulator in simulators:
        try:
            done = run_cocotb(system.cfu, folder / simulator, simulator, seed, count, waves)
            played.append(simulator)
        except BuildError:
            if simulator != "icarus" or system.cfu.verilog_name == "cfu.v":
                raise
            unread = "; Icarus does not read this SystemVerilog"
    return f"{done.operations} operations on the generated Verilog with {' and '.join(played)}{unread}"


def _header(system: System) -> str:
    from cfukit.testing import check_header
    from cfukit_sw.firmware import INCLUDE

    check_header(system.cfu, INCLUDE)
    return "cfu_ops.h compiles with -Wall -Wextra -Wconversion -Werror"


def _system(system: System, seed: int) -> str:
    """The model's vectors through CPU and CFU on the RTL of the whole system."""
    from cfukit.testing import vectors

    rows = vectors(system.cfu, seed, SYSTEM_VECTORS)
    if not rows:
        return f"not checked: {why_no_vectors(system.cfu)}; the gateware and cocotb checks play the CFU without the CPU"
    shared, state = None, 0
    if system.cfu.memory is not None:
        rows, shared, state = _with_memory(system.cfu, seed)
    divider = system.soc.cpu.divider
    text = vectors_program(rows, divider=divider, shared=shared, state=state)
    folder = cached(
        system.project.board_dir,
        "vectors",
        digest_of(text),
        lambda temporary: (temporary / "vectors.c").write_text(text),
    )
    options = ExecOptions(hang_cycles=100_000 + 2 * system.cfu.max_cycles)
    outcome = execute(engine_named("rtl"), system.project, folder / "vectors.c", b"", options)
    fault = outcome.fault
    if fault is not None:
        show = f"; see it with: {fault.waves}" if fault.waves else ""
        raise ResultError("CPU and CFU", f"{fault.message}{show} (seed {seed})", fault=fault)
    if outcome.exit_code:
        wrong = first_wrong(outcome.output, rows, system.cfu.description().instructions, seed)
        raise ResultError("CPU and CFU on the simulated system", told(wrong), first=wrong)
    behind = (
        "every second one behind a division" if divider else "without a division before any: the CPU has none"
    )
    if shared is not None:
        behind += f"; the CPU used {len(shared.mine)} words between the CFU's"
    return f"{len(rows)} vectors through CPU and CFU in {outcome.cycles:,} cycles, {behind}"


def why_no_vectors(cfu: Any) -> str:
    """Why the CPU cannot compare a CFU's answers with the model's."""
    without = [item.name for item in cfu.instructions.values() if not item.has_model]
    if without or not cfu.instructions:
        return f"there is no model of {', '.join(without) or 'its instructions'}"
    if cfu.dma is not None:
        return "its answers depend on main memory, which it reads by DMA"
    return "its answers depend on when they are asked for"


def _with_memory(cfu: Any, seed: int) -> tuple[list[Any], Shared, int]:
    """Vectors, as many as leave the CPU some words of the memory, and what both sides do there."""
    from cfukit.testing import memory_contents, memory_seed, vectors

    count = MEMORY_VECTORS
    while True:
        rows, before = vectors(cfu, seed, count), memory_contents(seed)
        used = cfu.memory.read_words | cfu.memory.written_words
        mine = tuple(word for word in range(len(before) // 4) if word not in used)
        if len(mine) >= LEAST_WORDS or count <= 2:
            break
        count //= 2
    shared = Shared(before, bytes(cfu.memory.contents), mine or (0,), 4 * cfu.max_cycles + 1000)
    return rows, shared, memory_seed(seed)


def _own_tests(system: System) -> str:
    """The project's pytest files (test_*.py) and cocotb files (cocotb_*.py)."""
    project, said = system.project, []
    if list(project.root.glob("test_*.py")):
        words: list[str | Path] = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            project.root,
            project.root,
        ]
        words += ["--ignore", project.root / "build"]
        env = {"PYTHONDONTWRITEBYTECODE": "1"}
        done = process.run(words, cwd=project.root, env=env, timeout=OWN_TESTS_SECONDS)
        if not done.ok:
            raise ResultError(
                "the project's own tests", f"failed:\n{done.tail(25)}", hint="pytest in the project's folder"
            )
        summary = done.stdout.strip().splitlines()[-1]
        if not re.search(r"\b\d+ passed", summary):
            raise ResultError(
                "the project's own tests", f"none has passed: {summary}", hint="run or remove them"
            )
        said.append(summary)
    if project.cfu_file is not None:
        from cfukit.testing import project_cocotb_tests, run_project_cocotb

        tests = project_cocotb_tests(project.root)
        if tests:
            run_project_cocotb(system.cfu, tests, project.board_dir / "cocotb" / "own")
            said.append(f"{len(tests)} cocotb file(s)")
    return ", ".join(said)
