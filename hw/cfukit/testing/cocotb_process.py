"""One run of cocotb's runner, as a program: `python -m cfukit.testing.cocotb_process REQUEST` (see script.Request)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cfukit.testing.script import Request


def main(request: Request) -> None:
    from cocotb_tools.runner import get_runner

    work = Path(request.work)
    runner = get_runner(request.simulator)
    if request.simulator == "icarus":  # for Verilator the program is there already
        # Not runner.build(), which names cfu.v by its whole path: Icarus cannot read that again if it has a quote.
        (work / "cmds.f").write_text("+timescale+1ns/1ps\n")
        words = ["iverilog", "-o", "sim.vvp", "-s", "Cfu", "-g2012", "-f", "cmds.f", "cfu.v"]
        if code := subprocess.run(words, cwd=work).returncode:
            sys.exit(code)
    runner.test(
        test_module=list(request.modules),
        hdl_toplevel="Cfu",
        build_dir=work,
        test_dir=work,
        hdl_toplevel_lang="verilog",
        results_xml=str(work / "results.xml"),
        timescale=("1ns", "1ps"),
    )


if __name__ == "__main__":
    main(Request.parse(sys.argv[1]))
