"""nextpnr's report.json: resources after packing, the speed of the system's clock, and its slowest path."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from cfukit_base.artefacts.build import WorstPath
from cfukit_base.typed_json import decoded


class _Cell(msgspec.Struct):
    cell: str


class _Step(msgspec.Struct, rename={"begin": "from", "end": "to"}):
    """A cell's or a wire's part of a path; delay in nanoseconds."""

    delay: float
    begin: _Cell
    end: _Cell


class _Path(msgspec.Struct, rename={"begin": "from", "end": "to"}):
    """begin, end: an edge of a clock, "posedge clk", or "<async>"."""

    begin: str
    end: str
    path: list[_Step]

    @property
    def delay_ns(self) -> float:
        return sum(step.delay for step in self.path)


class _Clock(msgspec.Struct):
    achieved: float


class _Use(msgspec.Struct):
    used: int


class Report(msgspec.Struct):
    """What cfukit reads of the report."""

    fmax: dict[str, _Clock]
    utilization: dict[str, _Use]
    critical_paths: list[_Path]

    @property
    def system_clock(self) -> str | None:
        """The clock with the slowest path: others count or divide. None without a clock.

        nextpnr's ice40 also names a constant as the clock of multipliers that have no registers.
        """
        return max(self.fmax, key=self._slowest_ns, default=None)

    def _own_paths(self, clock: str | None) -> list[_Path]:
        """The paths from one edge of the clock to another."""
        edges = [f"{edge} {clock}" for edge in ("posedge", "negedge")]
        return [path for path in self.critical_paths if path.begin in edges and path.end in edges]

    def _slowest_ns(self, clock: str) -> float:
        return max((path.delay_ns for path in self._own_paths(clock)), default=0.0)

    @property
    def fmax_mhz(self) -> float | None:
        """Speed of the system's clock."""
        clock = self.system_clock
        return round(self.fmax[clock].achieved, 2) if clock else None

    @property
    def worst_path(self) -> WorstPath | None:
        """The slowest path from one edge of the system's clock to another."""
        found = self._own_paths(self.system_clock)
        if not found:
            return None
        worst = max(found, key=lambda path: path.delay_ns)
        spent: dict[str, float] = {}
        for step in worst.path:
            where = instance(step.end.cell)
            spent[where] = spent.get(where, 0.0) + step.delay
        return WorstPath(
            delay_ns=round(worst.delay_ns, 2),
            begin=_readable(worst.path[0].begin.cell),
            end=_readable(worst.path[-1].end.cell),
            by_instance_ns={
                name: round(delay, 2) for name, delay in sorted(spent.items(), key=lambda item: -item[1])
            },
        )


def read_report(path: Path) -> Report:
    """The report in `path`."""
    return decoded(path.read_bytes(), Report)


def instance(cell: str) -> str:
    """Which part of the system a placed cell belongs to, by its name."""
    if "VexRiscv" in cell:
        return "cpu"
    return "cfu" if re.search(r"(^|[.\\])Cfu\.", cell) else "soc"


def _readable(cell: str) -> str:
    """A cell's name without what synthesis and packing appended."""
    return re.sub(r"(_(SB_|TRELLIS_|LUT|DFF|CCU2C|ALU|MUX|PFUMX|L6MUX|DP16KD|RAM).*|\$.*)$", "", cell)
