"""Play segments on the generated Verilog through cocotb, on Verilator or Icarus, and run a project's own cocotb tests."""

from __future__ import annotations

import os
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

from cfukit.testing.judge import Record
from cfukit.testing.script import Request, Script, read_records
from cfukit.testing.verilator_driver import RUNTIME, compile_verilog
from cfukit_base import process, progress, tools
from cfukit_base.errors import BuildError, MissingToolError, ResultError, UsageError

SIMULATORS = ("verilator", "icarus")
TIMEOUT_SECONDS = 1800
# Bits that are constant. Yosys writes them so where a process drives other bits of the same register.
_CONSTANT = re.compile(r"^( *)always @\*(?=\n *[^;\n]* = \d+'[bdh][0-9a-f]+;$)", re.MULTILINE)


def play(text: str, script: Script, build_dir: Path, simulator: str) -> list[Record]:
    """The record of each segment, up to the first that breaks a rule."""
    build_dir.mkdir(parents=True, exist_ok=True)
    given = build_dir / f"script_{simulator}.json"
    result = build_dir / f"records_{simulator}.json"
    result.unlink(missing_ok=True)
    script.write(given)
    _run(
        text,
        ["cfukit.testing.cocotb_bench"],
        [],
        build_dir,
        simulator,
        {"CFUKIT_SCRIPT": str(given), "CFUKIT_RECORDS": str(result)},
    )
    return read_records(result)


def run_tests(text: str, tests: Sequence[Path], build_dir: Path, simulator: str) -> tuple[str, ...]:
    """Run cocotb test files: the names of their tests. Raises ResultError that names the failed tests."""
    folders = sorted({str(Path(test).resolve().parent) for test in tests})
    return _run(text, [Path(test).stem for test in tests], folders, build_dir, simulator, {})


def _run(
    text: str,
    modules: Sequence[str],
    folders: Sequence[str],
    build_dir: Path,
    simulator: str,
    env: dict[str, str],
) -> tuple[str, ...]:
    """Build, and run cocotb in a process of its own, so that a time-out or Ctrl-C ends the simulator too."""
    where = f"cocotb on {simulator}"
    work = build_dir.resolve() / f"cocotb_{simulator}"
    work.mkdir(parents=True, exist_ok=True)
    results = work / "results.xml"
    results.unlink(missing_ok=True)
    if simulator == "verilator":
        program = work / "Cfu"
        program.unlink(missing_ok=True)
        program.symlink_to(_verilated(text, where))
    elif simulator != "icarus":
        raise UsageError("simulator", repr(simulator), allowed=f"one of {', '.join(SIMULATORS)}")
    elif tools.icarus() is None:
        raise MissingToolError("iverilog", "not found, or older than 11.0", hint="apt install iverilog")
    (work / "cfu.v").write_text(_started(text) if simulator == "icarus" else text)
    paths = [*folders, *(entry for entry in sys.path if entry)]
    request = Request(simulator, str(work), tuple(modules))
    with progress.stage(where):
        done = process.run(
            [sys.executable, "-m", "cfukit.testing.cocotb_process", request.text()],
            env={**env, "PYTHONPATH": os.pathsep.join(paths)},
            timeout=TIMEOUT_SECONDS,
        )
    log = work / "log.txt"
    log.write_text(done.stdout + done.stderr)
    if not results.is_file():
        errors = [line for line in (done.stdout + done.stderr).splitlines() if re.search("error", line, re.I)]
        raise BuildError(
            where, "it did not run:\n" + "\n".join(errors[:8] or [done.tail(8)]), hint=f"log: {log}"
        )
    cases = list(ElementTree.parse(results).getroot().iter("testcase"))
    failed = [
        case.get("name", "?")
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    ]
    if failed or not cases or not done.ok:
        raise ResultError(where, f"failed: {', '.join(failed) or 'no test ran'}", hint=f"log: {log}")
    return tuple(case.get("name", "?") for case in cases)


def _started(text: str) -> str:
    """`text` for Icarus, which never runs an `always @*` that reads nothing, so what it drives would stay unknown."""
    return _CONSTANT.sub(r"\1initial", text)


def _verilated(text: str, where: str) -> Path:
    """Module Cfu with cocotb's own main program. cocotb's runner would need make, and compile the runtime each time."""
    from cocotb_tools import config

    libraries = str(config.libs_dir)
    return compile_verilog(
        text,
        where,
        Path(config.share_dir) / "lib" / "verilator" / "verilator.cpp",
        "Vtop",
        options=("--vpi", "--public-flat-rw", "--timescale", "1ns/1ps"),
        link=(f"-Wl,-rpath,{libraries}", f"-L{libraries}", "-lcocotbvpi_verilator"),
        runtime=(*RUNTIME, "verilated_vpi"),
    )
