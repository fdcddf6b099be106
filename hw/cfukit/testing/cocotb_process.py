"""One run of cocotb's runner, as a program: `python -m cfukit.testing.cocotb_process REQUEST` (see script.Request)."""

from __future__ import annotations

import sys
from pathlib import Path

from cfukit.testing.script import Request


def main(request: Request) -> None:
    from cocotb_tools.runner import get_runner

    work = Path(request.work)
    runner = get_runner(request.simulator)
    if request.simulator == "icarus":  # for Verilator the program is there already
        runner.build(
            sources=[work / "cfu.v"],
            hdl_toplevel="Cfu",
            build_dir=work,
            build_args=["-g2012"],
            timescale=("1ns", "1ps"),
            always=True,
        )
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
