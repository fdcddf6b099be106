"""nextpnr's report: which clock is the system's, which path is the worst, where its time goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cfukit_base.artefacts.build import WorstPath
from cfukit_soc.synthesis.timing import instance, read_report


def path(clocks: tuple[str, str], *steps: tuple[str, str, float]) -> dict[str, Any]:
    cells = [
        {
            "delay": delay,
            "from": {"cell": begin, "port": "O"},
            "to": {"cell": end, "port": "I"},
            "type": "logic",
        }
        for begin, end, delay in steps
    ]
    return {"from": clocks[0], "to": clocks[1], "path": cells}


SYSTEM = ("posedge clk", "posedge clk")
LONG = path(SYSTEM, ("soc.a_SB_DFF_Q", "soc.VexRiscv.b", 1.5), ("soc.VexRiscv.b", "soc.Cfu.c$abc$12", 2.25))
SHORT = path(SYSTEM, ("x", "y", 1.0))
OUTSIDE = path(("posedge clk", "<async>"), ("x", "pad", 9.0))
DIVIDER = path(("posedge clk_pin", "posedge clk_pin"), ("p", "q", 2.0))
# Between multipliers without registers: many steps, though short ones.
CONSTANT = path(("posedge $GND", "posedge $GND"), ("m", "n", 0.1), ("n", "n", 0.1), ("n", "o", 3.1))
REPORT = {
    "fmax": {
        "clk_pin": {"achieved": 99.0, "constraint": 48.0},
        "$GND": {"achieved": 307.0, "constraint": 12.0},
        "clk": {"achieved": 14.568, "constraint": 12.0},
    },
    "utilization": {"ICESTORM_LC": {"used": 7, "available": 5280}},
    "critical_paths": [SHORT, LONG, OUTSIDE, DIVIDER, CONSTANT],
}


def test_the_systems_clock_and_its_worst_path(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(json.dumps(REPORT))
    report = read_report(tmp_path / "report.json")
    assert (report.system_clock, report.fmax_mhz) == ("clk", 14.57)
    assert report.utilization["ICESTORM_LC"].used == 7
    assert report.worst_path == WorstPath(
        delay_ns=3.75, begin="soc.a", end="soc.Cfu.c", by_instance_ns={"cfu": 2.25, "cpu": 1.5}
    )


def test_a_design_without_a_clock_has_no_speed(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(json.dumps(REPORT | {"fmax": {}, "critical_paths": [OUTSIDE]}))
    report = read_report(tmp_path / "report.json")
    assert report.system_clock is None and report.fmax_mhz is None and report.worst_path is None


def test_cells_belong_to_parts_by_their_names() -> None:
    assert [instance(name) for name in ("a.VexRiscv.x", "soc.Cfu.y", "\\\\Cfu.z", "soc.uart")] == [
        "cpu",
        "cfu",
        "cfu",
        "soc",
    ]
