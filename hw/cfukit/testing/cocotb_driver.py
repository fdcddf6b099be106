"""Plays segments on the generated Verilog through cocotb, on Verilator or Icarus; runs a project's own cocotb tests too."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from cfukit_base import process, progress, tools
from cfukit_base.digest import digest_of
from cfukit_base.errors import BuildError, MissingToolError, ResultError, UsageError

from cfukit.testing.judge import Record
from cfukit.testing.stimulus import Segment

SIMULATORS = ("verilator", "icarus")
TIMEOUT_SECONDS = 1800


def play(
    text: str, segments: Sequence[Segment], hang_cycles: int, build_dir: Path, simulator: str
) -> list[Record]:
    """The record of each segment, up to the first that breaks a rule."""
    build_dir.mkdir(parents=True, exist_ok=True)
    plan = build_dir / f"plan_{simulator}.json"
    result = build_dir / f"records_{simulator}.json"
    result.unlink(missing_ok=True)
    plan.write_text(json.dumps({"hang_cycles": hang_cycles, "segments": [asdict(s) for s in segments]}))
    _run(
        text,
        ["cfukit.testing.cocotb_bench"],
        [],
        build_dir,
        simulator,
        {"CFUKIT_PLAN": str(plan), "CFUKIT_RECORDS": str(result)},
    )
    return [Record(**record) for record in json.loads(result.read_text())]


def run_tests(text: str, tests: Sequence[Path], build_dir: Path, simulator: str) -> dict[str, object]:
    """Run cocotb test files; raises ResultError that names the failed tests."""
    folders = sorted({str(Path(test).resolve().parent) for test in tests})
    return _run(text, [Path(test).stem for test in tests], folders, build_dir, simulator, {})


def _run(
    text: str, modules: Sequence[str], folders: Sequence[str], build_dir: Path, simulator: str, env: dict[str, str]
) -> dict[str, object]:
    """Compile where needed and run in a process of its own, so that a time-out or Ctrl-C ends simulator and all."""
    if simulator not in SIMULATORS:
        raise UsageError("simulator", repr(simulator), allowed=f"one of {', '.join(SIMULATORS)}")
    environment = {**env, **_environment(build_dir, simulator)}
    # A folder per Verilog text and compiler: what was built for the same inputs serves again.
    key = digest_of(text, simulator, environment.get("CFUKIT_TOOLS", ""))
    work = build_dir / f"cocotb_{simulator}_{key}"
    work.mkdir(parents=True, exist_ok=True)
    (work / "cfu.v").write_text(text)
    results = work / "results.xml"
    results.unlink(missing_ok=True)
    paths = [*folders, *(entry for entry in sys.path if entry)]
    request = {"simulator": simulator, "work": str(work), "modules": list(modules)}
    with progress.stage(f"cocotb on {simulator}"):
        done = process.run(
            [sys.executable, "-m", "cfukit.testing.cocotb_process", json.dumps(request)],
            env={**environment, "PYTHONPATH": os.pathsep.join(paths)},
            timeout=TIMEOUT_SECONDS,
        )
    (work / "log.txt").write_text(done.stdout + done.stderr)
    where = f"cocotb on {simulator}"
    if not results.is_file():
        errors = [line for line in (done.stdout + done.stderr).splitlines() if re.search("error", line, re.I)]
        raise BuildError(where, "it did not run:\n" + "\n".join(errors[:8] or [done.tail(8)]), hint=f"log: {work}/log.txt")
    cases = list(ElementTree.parse(results).getroot().iter("testcase"))
    failed = [case.get("name", "?") for case in cases if case.find("failure") is not None or case.find("error") is not None]
    if failed or not cases or not done.ok:
        raise ResultError(where, f"failed: {', '.join(failed) or 'no test ran'}", hint=f"log: {work}/log.txt")
    return {"simulator": simulator, "tests": [case.get("name", "?") for case in cases]}


def _environment(build_dir: Path, simulator: str) -> dict[str, str]:
    """A PATH on which cocotb's runner finds exactly the tools that cfukit found."""
    folder = build_dir / "tools"
    folder.mkdir(parents=True, exist_ok=True)
    path = f"{folder.resolve()}{os.pathsep}{os.environ.get('PATH', '')}"
    if simulator == "icarus":
        found = tools.icarus()
        if found is None:
            raise MissingToolError("iverilog", "not found, or older than 11.0", hint="apt install iverilog")
        return {"PATH": path, "CFUKIT_TOOLS": found.identity}
    verilator, compiler = tools.verilator(), tools.host_cxx()
    if not shutil.which("make"):
        raise MissingToolError("make", "not on PATH; cocotb's Verilator flow needs it", hint="apt install make")
    _script(folder / "verilator", verilator)
    _script(folder / "cfukit-c++", compiler)
    return {
        **verilator.env,
        "PATH": path,
        "CXX": "cfukit-c++",
        "CFUKIT_TOOLS": f"{verilator.identity} {compiler.identity}",
    }


def _script(path: Path, tool: tools.Tool) -> None:
    exports = "".join(f"export {name}='{value}'\n" for name, value in tool.env.items())
    words = " ".join(f"'{word}'" for word in tool.argv)
    path.write_text(f'#!/bin/sh\n{exports}exec {words} "$@"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
