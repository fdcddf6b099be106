"""The table of the parts of accelerators: what each takes alone on the four FPGA families.

    python -m bench.parts [--family ice40 ...] [--write hw/cfukit/README.md]

It needs the extra [fpga], and takes some minutes. Areas that are known are kept in the folder `build`. --write replaces the table
between the marks in that file.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from amaranth.hdl import Signal, Value
from amaranth.lib.wiring import Component

from cfukit.engine import EngineSize
from cfukit.engine.addends import Addends
from cfukit.engine.loader import Loader
from cfukit.engine.order import WindowOrder
from cfukit.engine.results import Results
from cfukit.engine.stores import ChannelStore, WeightStore
from cfukit.engine.sums import Sums
from cfukit.parts import MacArray, Requantizer, RowPacker, StreamBuffer, WindowGather, WindowWalker
from cfukit_base.verilog import verilog_of
from cfukit_soc.synthesis.area import cfu_area
from cfukit_soc.synthesis.families import FAMILIES

BEGIN, END = "<!-- table: bench.parts -->\n", "<!-- end of table -->\n"


def parts() -> dict[str, Component]:
    """The parts, then the engine's units, as they are in an engine of the default size."""
    size, residual = EngineSize(), EngineSize(pixels=2, residual=1)
    units = (WeightStore, ChannelStore, WindowOrder, Sums, Results, Loader)
    return {
        "MacArray(16, 4)": MacArray(16, 4),
        "Requantizer()": Requantizer(),
        "WindowWalker(16)": WindowWalker(16),
        "WindowGather(16, 512)": WindowGather(16, 512),
        "RowPacker(2, 16)": RowPacker(2, 16),
        "StreamBuffer(128)": StreamBuffer(128),
        **{unit.__name__: unit(size) for unit in units},
        "Results, residual": Results(residual),
        "Addends": Addends(residual),
    }


def area(part: Component, family: str, folder: Path) -> dict[str, int]:
    """Its resources. The synthesis of a CFU wants a module of that name."""
    file = folder / "cfu.v"
    folder.mkdir(parents=True, exist_ok=True)
    values = [Value.cast(value) for _, _, value in part.signature.flatten(part)]
    ports = [
        value for value in values if isinstance(value, Signal)
    ]  # a stream that is always ready has a constant
    file.write_text(verilog_of(part, "Cfu", ports))
    return cfu_area(file, family, folder).used


def table(families: list[str], build: Path) -> str:
    head = ["part", *(f"{name}: {', '.join(FAMILIES[name].resources)}" for name in families)]
    lines = [head, ["---"] * len(head)]
    for name, part in parts().items():
        folder = build / "parts" / "".join(c if c.isalnum() else "-" for c in name)
        cells = []
        for family in families:
            used = area(part, family, folder)
            cells.append(", ".join(f"{used[resource]:,}" for resource in FAMILIES[family].resources))
        lines.append([f"`{name}`", *cells])
        print(lines[-1], flush=True)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--family", nargs="+", choices=list(FAMILIES), default=list(FAMILIES))
    parser.add_argument("--write", type=Path)
    parser.add_argument("--build", type=Path, default=Path("build"))
    given = parser.parse_args()
    text = table(given.family, given.build)
    if given.write is None:
        print(text)
        return
    old = given.write.read_text()
    before, rest = old.split(BEGIN, 1)
    given.write.write_text(before + BEGIN + text + END + rest.split(END, 1)[1])


if __name__ == "__main__":
    main()
