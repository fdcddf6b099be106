"""Damage to the files of a folder `build` and of the user's cache, and the commands that must stand it."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cfukit_base.cache import manifest
from cfukit_base.digest import digest_bytes
from cfukit_sw.tflite_writer import model_bytes
from cfukit_tools import api
from cfukit_tools.cli import commands as cli
from cfukit_tools.project.project import load_target
from cfukit_tools.project.system import System
from support.models import random_model
from support.own_cache import LINKED, own_cache

PROGRAM = '#include <stdio.h>\nint main(void) { printf("hello\\n"); return 3; }\n'
# Of the files of what takes long to make (a simulator, a synthesis) one in so many is damaged.
DEAR = {
    "rtl": 50,
    "fast": 50,
    "area": 50,
    "verilated": 50,
    "verilated_dpi": 200,
    "verilated_threads": 200,
    "verilated_vpi": 1000,
    "headers": 200,
    "cfu": 3,
}


@dataclass(frozen=True)
class Said:
    """What a command said: its exit code, its document without what differs from machine to machine, and its notes."""

    code: int
    document: dict[str, Any]
    notes: str = field(default="", compare=False)


Command = Callable[[], Said]


class Workshop:
    """A small project with its builds, in a folder with a cache of its own. documents: two results, for `diff`."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
        self.capsys, self.cache = capsys, own_cache(folder / "cache")
        monkeypatch.setenv("CFUKIT_CACHE", str(self.cache))
        monkeypatch.chdir(folder)
        api.init("p", "template")
        toml = Path("p/project.toml")
        toml.write_text('model = "tiny.tflite"\n' + toml.read_text())
        Path("p/tiny.tflite").write_bytes(model_bytes(random_model("CONV_2D", 3)))
        Path("main.c").write_text(PROGRAM)
        self.documents = {Path(f"p/build/{name}.json"): b"" for name in "ab"}
        for path in self.documents:
            self.command("run", "p", "--engine", "evaluator", "--samples", "1", "--output", str(path))()
            self.documents[path] = path.read_bytes()

    def command(self, *words: str) -> Command:
        """A command line, with --json."""

        def run() -> Said:
            self.capsys.readouterr()
            code = cli.run([*words, "--json"])
            shown = self.capsys.readouterr()
            document = json.loads(shown.out)
            document.pop("host", None)
            return Said(code, document, shown.err)

        return run

    def early_bitstream(self) -> Said:
        """What `bitstream` makes before its synthesis: the system as the FPGA has it, and the boot loader."""
        self.capsys.readouterr()
        system = System(load_target("p", board="fomu"))
        verilog = system.hardware_soc_json.with_name(system.soc.verilog)
        files = {"boot": system.boot_loader, "soc": verilog}
        document = {name: digest_bytes(path.read_bytes()) for name, path in files.items()}
        return Said(0, document | {"identity": system.identity.hex()}, self.capsys.readouterr().err)

    def diff(self, rng: random.Random) -> Said:
        """Compare two documents, one of which has just been truncated: right, or the file is named."""
        for path, data in self.documents.items():
            path.write_bytes(data)
        broken = rng.choice(sorted(self.documents))
        os.truncate(broken, rng.randrange(broken.stat().st_size))
        said = self.command("diff", *map(str, sorted(self.documents)))()
        if said.code:
            assert said.code == 2 and broken.name in said.document["where"], said
            assert "is damaged" in said.document["given"], said
            return self.diff_of_whole_documents()
        return said

    def diff_of_whole_documents(self) -> Said:
        for path, data in self.documents.items():
            path.write_bytes(data)
        return self.command("diff", *map(str, sorted(self.documents)))()

    def files(self, *tops: Path) -> list[Path]:
        """Everything below some folders; by default below `build` and the cache."""
        found = []
        for top in tops or (Path("p/build"), self.cache):
            for parent, folders, names in os.walk(top):
                folders[:] = [name for name in folders if name not in LINKED]
                found += [Path(parent) / name for name in names]
        return [path for path in sorted(found) if path not in self.documents]

    def entries(self) -> dict[Path, int]:
        """Every artefact, and when it was used last."""
        return {path.parent: path.stat().st_mtime_ns for path in self.files() if path.name == manifest.NAME}


def draw(rng: random.Random, files: list[Path]) -> Path | None:
    """One of the files, seldom one of what takes long to make; None if chance says so every time."""
    for _ in range(20):
        path = rng.choice(files)
        kind = next((DEAR[name] for part in path.parts if (name := part.partition("-")[0]) in DEAR), 1)
        if rng.randrange(kind) == 0 and path.is_file() and path.stat().st_size:
            return path
    return None


def damage(rng: random.Random, path: Path) -> str:
    """Truncate a file, or flip one of its bits, sometimes with the time as it was; what was done."""
    status = path.stat()
    if rng.random() < 0.8:
        length = rng.randrange(status.st_size)
        os.truncate(path, length)
        return f"{path} cut to {length} of {status.st_size} bytes"
    data, at = bytearray(path.read_bytes()), rng.randrange(status.st_size)
    data[at] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    if rng.random() < 0.5:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    return f"{path}: a bit of byte {at} flipped"
