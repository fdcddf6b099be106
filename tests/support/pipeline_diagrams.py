"""Waveforms of the pipeline, one for each cause, as text for docs/causes.md.

`PYTHONPATH=tests python tests/support/pipeline_diagrams.py [FOLDER]` writes them into the page; FOLDER keeps the simulators.

Stages come from a VCD of the RTL; the cause of a cycle is the difference between runs that end before and after it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cfukit_base.artefacts import Soc
from cfukit_base.disassembly import disassemble
from cfukit_base.symbols import code_words, symbol
from cfukit_cpu import configuration
from cfukit_soc import Waves, build_simulator, read_counts, simulate
from cfukit_sw.firmware import build_firmware
from support import micro_programs
from support.bare import ODD_CFU
from support.socs import make_soc

PAGE = Path(__file__).parents[2] / "docs" / "causes.md"
BEGIN, END = "<!-- diagrams -->\n", "<!-- end of diagrams -->\n"
# Stage: (signal that is 1 if it holds an instruction, its address). The last column of the page is writeBack.
STAGES = {
    "decode": ("decode_arbitration_isValid", "decode_PC"),
    "execute": ("execute_arbitration_isValid", "decode_to_execute_PC"),
    "memory": ("memory_arbitration_isValid", "execute_to_memory_PC"),
    "writeBack": ("writeBack_arbitration_isValid", "lastStagePc"),
}
RETIRES = "lastStageIsFiring"
# Cause: (CPU, the sequence of micro_programs, what happens).
SHOWN = {
    "icache": ("full+cfu", "calls that miss", "The line of the called function is not in the I$."),
    "dcache": (
        "full+cfu",
        "store, load",
        "The D$ cannot read what is being written: the load is done again from fetch on.",
    ),
    "store": ("full+cfu", "stores", "The third store finds both places of the buffer full."),
    "uncached": ("full+cfu", "uncached load", "The load waits for the bus."),
    "branch": (
        "full+cfu",
        "forward branch, taken",
        "Execute sees the jump; two instructions behind it are dropped.",
    ),
    "hazard": ("full+cfu", "product, used at once", "The product is ready at the end of writeBack."),
    "muldiv": ("full+cfu", "division", "The divider takes 34 cycles."),
    "csr": ("full+cfu", "CSR", "A CSR instruction waits in execute until it is alone."),
    "cfu_issue": ("full+cfu", "load, CFU", "The command may not overtake a load that can miss."),
    "cfu_wait": ("full+cfu", "CFU, latency 10", "The answer comes ten cycles after the command."),
    "tcm": ("fomu", "store, nop, load", "The store has the only port of the memory."),
    "trap": (
        "full+cfu",
        "ecall",
        "The call goes to writeBack as a bubble and then jumps to the handler, and `mret` back.",
    ),
}


@dataclass(frozen=True)
class Cycle:
    """What the stages hold in a cycle (None: nothing), whether writeBack retires, and the cause."""

    stages: tuple[int | None, ...]
    retires: bool
    cause: str


class Recorded:
    """A CPU with a simulator, and the micro-programs as an ELF."""

    def __init__(self, cpu: str, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.soc_json = make_soc("sim", folder / "soc", cpu=cpu)
        soc, config = Soc.read(self.soc_json), configuration(cpu).configuration
        self.names = list(micro_programs.sequences(soc, config))
        self.texts = micro_programs.sequences(soc, config)
        source = folder / "program.S"
        source.write_text(micro_programs.program(soc, config))
        self.elf = build_firmware([source], self.soc_json, build_dir=folder / "build")
        options = {"waves": True, "causes": True}
        self.simulator = build_simulator(self.soc_json, ODD_CFU, build_dir=folder, **options)
        simulate(self.simulator, self.soc_json, self.elf, counts=folder / "counts")
        self.segments = read_counts(folder / "counts")
        self.words = code_words(self.elf)

    def cycles(self, name: str) -> list[Cycle]:
        """The cycles of the last run of a sequence in which one of its instructions is in a stage, and those in which it waits."""
        block = 2 * self.names.index(name)
        runs = micro_programs.REPEATS
        begin, end = (self.segments[2 * runs * block + 2 * runs - back].end for back in (2, 1))
        vcd = self.folder / "window.vcd"
        simulate(self.simulator, self.soc_json, self.elf, max_cycles=end + 1, waves=Waves(vcd, begin, end))
        values = list(_samples(vcd))
        spent = [self._causes(cycle) for cycle in range(begin, end + 1)]
        first = symbol(self.elf, f"block{block}") + 4 * (1 + 5)
        inside = {*range(first, first + 4 * self.texts[name].instructions, 4)}
        if name == "ecall":
            handler = symbol(self.elf, "handler")
            inside |= {*range(handler, handler + 4 * 4, 4)}
        found = []
        for number, sample in enumerate(values):
            before, after = spent[number], spent[number + 1]
            [cause] = [name for name, count in after.items() if count != before[name]]
            stages = tuple(sample[address] if sample[valid] else None for valid, address in STAGES.values())
            found.append(Cycle(stages, bool(sample[RETIRES]), cause))
        shown = [number for number, cycle in enumerate(found) if any(pc in inside for pc in cycle.stages)]
        return found[shown[0] : shown[-1] + 2]

    def _causes(self, cycle: int) -> dict[str, int]:
        counts = self.folder / "until"
        outcome = simulate(self.simulator, self.soc_json, self.elf, max_cycles=cycle, counts=counts)
        assert outcome.causes is not None and outcome.cycles == cycle
        return outcome.causes.named()

    def text(self, pc: int | None) -> str:
        return "." if pc is None else disassemble(self.words[pc], pc).split(",")[0]


def _samples(vcd: Path) -> Iterator[Mapping[str, int]]:
    """The watched signals of the CPU in each cycle, after its rising edge."""
    wanted = {RETIRES, *(name for pair in STAGES.values() for name in pair)}
    names: dict[str, str] = {}
    scopes: list[str] = []
    lines = iter(vcd.read_text().splitlines())
    for line in lines:
        words = line.split()
        if words[:1] == ["$scope"]:
            scopes.append(words[2])
        elif words[:1] == ["$upscope"]:
            scopes.pop()
        elif words[:1] == ["$var"] and words[4] in wanted and scopes[-1] == "VexRiscv":
            names[words[3]] = words[4]
        elif words[:1] == ["$enddefinitions"]:
            break
    assert set(names.values()) == wanted
    values = dict.fromkeys(wanted, 0)
    times = 0  # two for each cycle: after either edge
    for line in lines:
        if line.startswith("#"):
            if times % 2:
                yield dict(values)
            times += 1
        elif line and line[0] in "01" and line[1:] in names:
            values[names[line[1:]]] = int(line[0])
        elif line.startswith("b") and line.split()[1] in names:
            values[names[line.split()[1]]] = int(line[1:].split()[0], 2)


def diagram(recorded: Recorded, name: str) -> str:
    """A table of text: a row per cycle."""
    rows = [("cycle", *STAGES, "cause")]
    for number, cycle in enumerate(recorded.cycles(name)):
        *front, last = (recorded.text(pc) for pc in cycle.stages)
        rows.append((str(number), *front, last + " *" * cycle.retires, cycle.cause))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines, same = [], 0
    for number, row in enumerate(rows):
        same = same + 1 if number > 1 and row[1:] == rows[number - 1][1:] else 0
        repeats = number + 1 < len(rows) and row[1:] == rows[number + 1][1:]
        if same == 2 and repeats:
            lines.append("  ...")
        if same < 2 or not repeats:
            lines.append(
                "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            )
    return "\n".join(lines) + "\n"


def diagrams(folder: Path, causes: Collection[str] = SHOWN) -> str:
    """Those of `causes`, as they stand in the page."""
    recorded: dict[str, Recorded] = {}
    text = ""
    for cause in causes:
        cpu, name, what = SHOWN[cause]
        if cpu not in recorded:
            recorded[cpu] = Recorded(cpu, folder / cpu)
        text += f"\n**{cause}** ({cpu}). {what}\n\n```text\n{diagram(recorded[cpu], name)}```\n"
    return text + "\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        made = diagrams(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(name))
    before, rest = PAGE.read_text().split(BEGIN)
    PAGE.write_text(before + BEGIN + made + END + rest.split(END)[1])


if __name__ == "__main__":
    main()
