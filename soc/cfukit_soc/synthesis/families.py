"""What differs between FPGA families for synthesis: the command of Yosys, what its cells cost, the devices.

The vendors' resources have common names here: `lut`, `ff`, `bram`, `dsp`, `spram`, and on iCE40 `lc`: logic cells, each a LUT with a
flip-flop. Before placement `lc` is a lower bound, because packing needs some more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cfukit_base.errors import UsageError, suggest


@dataclass(frozen=True)
class Family:
    """A family. synth: the command of Yosys. cells: what a cell type (or a prefix that ends in `*`) costs."""

    name: str
    about: str
    synth: str
    cells: Mapping[str, tuple[tuple[str, float], ...]]
    resources: tuple[str, ...]

    def count(self, by_type: Mapping[str, int]) -> dict[str, int]:
        """Resources of `by_type` (cell type -> number). Halves (half a block RAM) are rounded up."""
        total = dict.fromkeys(self.resources, 0.0)
        for cell, number in by_type.items():
            for resource, each in self._costs(cell):
                total[resource] += each * number
        used = {name: -int(-value // 1) for name, value in total.items()}
        if "lc" in used:
            used["lc"] = _logic_cells(by_type, used)
        return used

    def _costs(self, cell: str) -> tuple[tuple[str, float], ...]:
        if cell in self.cells:
            return self.cells[cell]
        for pattern, costs in self.cells.items():
            if pattern.endswith("*") and cell.startswith(pattern[:-1]):
                return costs
        return ()


def _logic_cells(by_type: Mapping[str, int], used: Mapping[str, int]) -> int:
    """The least number of logic cells: each may hold a LUT, a flip-flop and a carry."""
    return max(used["lut"], used["ff"], by_type.get("SB_CARRY", 0))


def _one(resource: str, each: float = 1.0) -> tuple[tuple[str, float], ...]:
    return ((resource, each),)


_ICE40 = {
    "SB_LUT4": _one("lut"),
    "SB_DFF*": _one("ff"),
    "SB_RAM40_4K*": _one("bram"),
    "SB_MAC16": _one("dsp"),
    "SB_SPRAM256KA": _one("spram"),
}
_ECP5 = {
    "LUT4": _one("lut"),
    "CCU2C": _one("lut", 2),
    "TRELLIS_DPR16X4": _one("lut", 4),
    "TRELLIS_RAMW": (),
    "TRELLIS_FF": _one("ff"),
    "DP16KD": _one("bram"),
    "PDPW16KD": _one("bram"),
    "MULT18X18D": _one("dsp"),
}
_GOWIN = {
    **{f"LUT{n}": _one("lut") for n in (1, 2, 3, 4)},
    "ALU": _one("lut"),
    "RAM16SDP*": _one("lut", 4),
    "DFF*": _one("ff"),
    "SP": _one("bram"),
    "SPX9": _one("bram"),
    "SDPB": _one("bram"),
    "SDPX9B": _one("bram"),
    "DPB": _one("bram"),
    "DPX9B": _one("bram"),
    "MULT9X9": _one("dsp", 0.5),
    "MULT18X18": _one("dsp"),
    "MULT36X36": _one("dsp", 4),
    "MULTALU*": _one("dsp", 2),
    "MULTADDALU*": _one("dsp", 2),
}
_XC7 = {
    **{f"LUT{n}": _one("lut") for n in (1, 2, 3, 4, 5, 6)},
    "INV": (),
    "RAM32X1D": _one("lut", 2),
    "RAM64X1D": _one("lut", 2),
    "RAM128X1D": _one("lut", 4),
    "RAM32M": _one("lut", 4),
    "RAM64M": _one("lut", 4),
    "SRL16E": _one("lut"),
    "SRLC32E": _one("lut"),
    "FD*": _one("ff"),
    "RAMB18E1": _one("bram", 0.5),
    "RAMB36E1": _one("bram"),
    "DSP48E1": _one("dsp"),
}

FAMILIES = {
    family.name: family
    for family in (
        Family(
            "ice40",
            "Lattice iCE40 UltraPlus: LUT4, EBR of 4 Kbit, 16x16 DSP",
            "synth_ice40 -device u -dsp -spram -abc9",
            _ICE40,
            ("lc", "lut", "ff", "bram", "dsp", "spram"),
        ),
        Family(
            "ecp5",
            "Lattice ECP5: LUT4, EBR of 18 Kbit, 18x18 multipliers",
            "synth_ecp5",
            _ECP5,
            ("lut", "ff", "bram", "dsp"),
        ),
        Family(
            "gowin",
            "Gowin GW2A: LUT4, BSRAM of 18 Kbit, 18x18 multipliers",
            # Wide multiplexers tie LUTs together. nextpnr can hardly place a large design with them, and they save no LUTs.
            "synth_gowin -family gw2a -nowidelut",
            _GOWIN,
            ("lut", "ff", "bram", "dsp"),
        ),
        Family(
            "xc7",
            "Xilinx 7 series: LUT6, block RAM of 36 Kbit, DSP48E1",
            "synth_xilinx -family xc7",
            _XC7,
            ("lut", "ff", "bram", "dsp"),
        ),
    )
}


def family_named(name: str) -> Family:
    """The family `name`, else a UsageError that suggests one."""
    if name not in FAMILIES:
        raise UsageError("--family", f"'{name}'", allowed=suggest(name, FAMILIES, "family"))
    return FAMILIES[name]
