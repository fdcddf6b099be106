"""Builds and runs tests/hw/cpu_bench: the CPU's RTL with up to four CFUs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pythondata_cpu_vexriscv

from cfukit.testing.verilator_driver import compile_verilog
from cfukit_base import process
from support.rv32 import Program

HERE = Path(__file__).parent.parent / "hw" / "cpu_bench"
CPU = Path(pythondata_cpu_vexriscv.__file__).parent / "verilog" / "VexRiscv_FullCfu.v"
RAM_WORDS = 65536
RESULTS = 0x3F000


def renamed(text: str, suffix: str) -> str:
    """A cfu.v with `suffix` added to all its module names, so that several fit into one simulation."""
    names = set(re.findall(r"\bmodule\s+(\\\S+|\w+)", text))
    for name in sorted(names, key=len, reverse=True):
        plain = name.lstrip("\\")
        new = "Cfu" + suffix if plain == "Cfu" else re.sub(r"\W", "_", plain) + "_x" + suffix
        if name.startswith("\\"):
            text = text.replace(name + " ", new + " ")
        else:
            text = re.sub(rf"(?<![\\.\w]){re.escape(plain)}(?![\w.])(?=\s+\w+\s*\(|\s*\()", new, text)
    return text


def build(cfus: Sequence[str]) -> Path:
    """The bench with four CFUs (texts of cfu.v)."""
    assert len(cfus) == 4
    text = "\n".join(renamed(text, f"_{index}") for index, text in enumerate(cfus))
    return compile_verilog(
        (HERE / "cpu_bench.v").read_text() + text,
        "the CPU",
        HERE / "main.cpp",
        "Vcpu_bench",
        top="cpu_bench",
        more=[CPU],
    )


@dataclass
class Outcome:
    """What the CPU did.

    * memory: its final contents.
    * commands: how many were accepted at the CFU's port.
    * halted: False if the CPU hung.
    """

    memory: np.ndarray
    cycles: int
    commands: int
    halted: bool

    def difference(self, program: Program) -> str:
        """What differs from the interpreter's end state; "" if nothing does."""
        if not self.halted:
            return f"hung after {self.cycles} cycles, {self.commands} commands of {program.commands}"
        found = [
            f"[{address:05x}] is {self.memory[address // 4]:08x}, should be {value:08x}"
            for address, value in sorted(program.memory.items())
            if address < RAM_WORDS * 4 and self.memory[address // 4] != value
        ]
        if self.commands != program.commands:
            found.insert(0, f"{self.commands} commands at the port, {program.commands} in the program")
        return "; ".join(found[:4])


def run(bench: Path, which: int, wait_cycles: int, program: Program, folder: Path) -> Outcome:
    """Run a finished program with CFU number `which`, and memories with `wait_cycles` wait states."""
    assert len(program.words) * 4 < 0x30000, "code must stay below the data"
    image = np.zeros(RAM_WORDS, np.uint32)
    image[: len(program.words)] = np.array(program.words, np.uint32)
    path = folder / f"image_{which}_{wait_cycles}.bin"
    image.tofile(path)
    done = process.run([bench, str(which), str(wait_cycles), "20000000", path], timeout=300)
    assert done.code in (0, 1), done.tail()
    cycles, commands = (int(word) for word in done.stdout.split())
    return Outcome(np.fromfile(path, np.uint32), cycles, commands, done.code == 0)
