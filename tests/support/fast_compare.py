"""The same program on the RTL and on the fast simulator: traces with cycles, causes, results and output."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfukit_base.artefacts import Soc
from cfukit_base.artefacts.causes import CAUSE_NAMES, Segment
from cfukit_soc import read_counts
from cfukit_soc.fast.build import build_cfu_library, build_fast_simulator
from cfukit_soc.fast.parameters import parameters
from cfukit_soc.simulator import build_simulator
from support import cpu_programs

HANG_CYCLES = 20_000
MAX_CYCLES = 400_000


@dataclass(frozen=True)
class Both:
    """A system on both simulators, which are built at the first comparison."""

    soc_json: Path
    cfu: Path | None
    build_dir: Path

    @functools.cached_property
    def soc(self) -> Soc:
        return Soc.read(self.soc_json)

    @functools.cached_property
    def simulators(self) -> dict[str, tuple[str, ...]]:
        """The words that every command of a simulator begins with."""
        rtl = build_simulator(self.soc_json, self.cfu, causes=True, build_dir=self.build_dir)
        library = [f"cfu={build_cfu_library(self.cfu, self.build_dir)}"] if self.cfu else []
        return {"rtl": (str(rtl),), "fast": (str(build_fast_simulator()), *library)}

    def compare(self, image: bytes, scratch: Path, *, stdin: bytes = b"", **fast: object) -> dict[str, Any]:
        """Run both; AssertionError with the first difference. The result, as the harness writes it."""
        for name, contents in (("image", image), ("stdin", stdin)):
            (scratch / name).write_bytes(contents)
        (scratch / "parameters").write_text(parameters(self.soc_json, self.soc))
        counter = self.soc.csrs["cfukit_cycles"].address + 4
        told = (f"counter={counter}", "trace_cycles=1", "trace_causes=1")
        rtl, quick = self.simulators["rtl"], self.simulators["fast"]
        quick += (f"parameters={scratch / 'parameters'}", *(f"{key}={value}" for key, value in fast.items()))
        runs = {"rtl": (*rtl, *told), "fast": (*quick, *told), "untold": quick}
        found = _run(runs, scratch)
        if _bytes(scratch, "trace", "rtl") != _bytes(scratch, "trace", "fast"):
            raise AssertionError(first_difference(scratch / "rtl.trace", scratch / "fast.trace"))
        assert found["fast"] == found["rtl"]
        if _bytes(scratch, "counts", "rtl") != _bytes(scratch, "counts", "fast"):
            segments = [read_counts(scratch / f"{name}.counts") for name in ("rtl", "fast")]
            assert (difference := first_cause(*segments)) == ""
            assert segments[0] == segments[1], difference
        result, output = found["rtl"]
        assert found["untold"] == ({key: value for key, value in result.items() if key != "causes"}, output)
        return result


def _run(commands: dict[str, tuple[str, ...]], scratch: Path) -> dict[str, tuple[dict[str, Any], bytes]]:
    """Run all at once on the same image and input. The result and the output of each."""
    common = (f"image={scratch / 'image'}", f"max_cycles={MAX_CYCLES}", f"hang_cycles={HANG_CYCLES}")
    with contextlib.ExitStack() as stack:
        children = {}
        for name, words in commands.items():
            kinds = ("result", "trace", "counts") if "trace_cycles=1" in words else ("result",)
            files = (f"{kind}={scratch / name}.{kind}" for kind in kinds)
            stdin, stdout, stderr = (
                stack.enter_context((scratch / place).open(mode))
                for place, mode in (("stdin", "rb"), (f"{name}.output", "wb"), (f"{name}.errors", "wb"))
            )
            child = subprocess.Popen((*words, *common, *files), stdin=stdin, stdout=stdout, stderr=stderr)
            stack.callback(child.kill)
            children[name] = child
        for name, child in children.items():
            assert (code := child.wait(timeout=600)) == 0, (
                f"{name}: {code}, {(scratch / f'{name}.errors').read_text()}"
            )
    return {
        name: (json.loads(_bytes(scratch, "result", name)), _bytes(scratch, "output", name))
        for name in commands
    }


def _bytes(scratch: Path, kind: str, name: str) -> bytes:
    return (scratch / f"{name}.{kind}").read_bytes()


def first_cause(rtl: tuple[Segment, ...], fast: tuple[Segment, ...]) -> str:
    """The first instruction and cause whose cycles differ; "" if there is none."""
    for number, (ours, theirs) in enumerate(zip(rtl, fast, strict=True)):
        nothing = (0,) * len(CAUSE_NAMES)
        for pc in sorted({*ours.by_pc, *theirs.by_pc}):
            pairs = zip(CAUSE_NAMES, ours.by_pc.get(pc, nothing), theirs.by_pc.get(pc, nothing), strict=True)
            for cause, one, other in pairs:
                if one != other:
                    return f"segment {number}, {pc:#x}, {cause}: rtl {one} cycles, fast {other}"
    return ""


def first_difference(rtl: Path, fast: Path) -> str:
    """The first lines "cycle pc instruction [xN=value] [cause=cycles]..." that differ, after those before them; "" if there are none."""
    before: list[str] = []
    with rtl.open() as one, fast.open() as other:
        for ours, theirs in itertools.zip_longest(one, other, fillvalue="nothing\n"):
            if ours != theirs:
                return f"after\n{''.join(before[-6:])}rtl  {ours}fast {theirs}"
            before = [*before[-6:], ours]
    return ""


def program_image(soc_json: Path, seed: int, length: int = 700) -> bytes:
    """The memory image of a random program for what the CPU has, in the places that the system has."""
    soc = Soc.read(soc_json)
    cpu = soc.cpu
    has = cpu_programs.Features(
        multiplier=cpu.multiplier,
        divider=cpu.divider,
        traps=cpu.traps,
        alignment_check=cpu.traps,
        csrs=frozenset(cpu.csrs),
    )
    code = cpu.reset_address
    big = [m for m in soc.memories if m.kind == "dtcm" and m.bytes >= cpu_programs.DATA_BYTES]
    main = next((m.base for m in soc.memories if m.kind == "ram"), None)
    in_tcm = big and (main is None or cpu.icache_bytes == 0 or seed % 3 == 0)
    data = big[0].base if in_tcm else main + 0x10000
    program = cpu_programs.generate(seed, has, code, data, length)
    chunks = [(code, struct.pack(f"<{len(program.words)}I", *program.words)), (data, program.data)]
    return b"".join(chunk(soc, base, contents) for base, contents in chunks)


def chunk(soc: Soc, base: int, contents: bytes) -> bytes:
    """The part of a memory image with `contents` at address `base`."""
    for index, memory in enumerate(soc.memories):
        if 0 <= base - memory.base < memory.bytes:
            return struct.pack("<III", index, base - memory.base, len(contents)) + contents
    raise AssertionError(f"no memory at {base:#x}")
