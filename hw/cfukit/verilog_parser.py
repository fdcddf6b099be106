"""What a real parser, Verilator's, says of a Verilog text: the ports of its top module, and the memory files that it reads."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfukit.verilog_text import Source
from cfukit_base import process, tools
from cfukit_base.errors import BuildError

# What every call of Verilator has: delays count for nothing, and a forgotten port is an error for all other tools too.
OPTIONS = ("--no-timing", "-Wno-fatal", "-Wno-lint", "-Wno-style", "-Werror-NULLPORT", "-Werror-MODDUP")
_ERROR = re.compile(r"%Error[^:]*: (?:[^:]*):(\d+):\d+: (.*)")
_PARSE_SECONDS = 120
Node = dict[str, Any]  # of the tree that Verilator writes


@dataclass(frozen=True)
class FoundPort:
    """A port as declared; bits: None for a type whose width is not plain."""

    name: str
    bits: int | None
    direction: str


@dataclass(frozen=True)
class MemoryRead:
    """A call of $readmemh or $readmemb in the elaborated design.

    * line, column: its place in the text, from 1.
    * low, high: the addresses that it may write; None if the memory is not one array of words.
    """

    line: int
    column: int
    file: str
    memory: str
    low: int | None
    high: int | None


@dataclass(frozen=True)
class Parsed:
    """The elaborated module Cfu. system_verilog: the text is no Verilog-2005."""

    ports: tuple[FoundPort, ...]
    memory_reads: tuple[MemoryRead, ...]
    system_verilog: bool


def parse(source: Source, where: str) -> Parsed:
    """Parse and elaborate module Cfu. Raises BuildError with file and line of the first mistake."""
    tool = tools.verilator()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cfu.v").write_text(source.text, encoding="utf-8")
        words = [*tool.argv, "--json-only", *OPTIONS, "--top-module", "Cfu", "--prefix", "VCfu"]

        def run(output: str, *more: str) -> process.Finished:
            command = [*words, *more, "--Mdir", output, "cfu.v"]
            return process.run(command, cwd=folder, env=tool.env, timeout=_PARSE_SECONDS)

        done = run("tree")
        if not done.ok:
            raise _mistake(source, done, where)
        system_verilog = not run("tree2005", "--default-language", "1364-2005").ok
        tree: Node = json.loads((folder / "tree" / "VCfu.tree.json").read_bytes().decode(errors="replace"))
    types = {node["addr"]: node for node in _all(tree) if node["type"].endswith("DTYPE")}
    top = next(module for module in tree["modulesp"] if module["name"] == "Cfu")
    ports = (node for node in top["stmtsp"] if node["type"] == "VAR" and node.get("varType") == "PORT")
    return Parsed(
        tuple(FoundPort(p["origName"], _bits(p["dtypep"], types), p["direction"].lower()) for p in ports),
        tuple(_memory_read(node, types) for node in _all(tree) if node["type"] == "READMEM"),
        system_verilog,
    )


def _mistake(source: Source, done: process.Finished, where: str) -> BuildError:
    errors = [(source.place(int(m[1])), m[2]) for m in _ERROR.finditer(done.stderr)]
    if not errors:
        return BuildError(where, f"its Verilog does not elaborate:\n{done.tail(5)}")
    more = "".join(f"\n{place}: {text}" for place, text in errors[1:5])
    return BuildError(errors[0][0], f"the Verilog does not elaborate: {errors[0][1]}{more}")


def _all(node: Node) -> Iterator[Node]:
    yield node
    for value in node.values():
        if isinstance(value, list):
            for child in value:
                yield from _all(child)


def _bits(address: str, types: Mapping[str, Node]) -> int | None:
    node = types.get(address, {})
    if node.get("type") == "REFDTYPE":
        return _bits(node["refDTypep"], types)
    if node.get("type") != "BASICDTYPE":
        return None
    left, _, right = node.get("range", "0:0").partition(":")
    return abs(int(left) - int(right)) + 1


def _memory_read(node: Node, types: Mapping[str, Node]) -> MemoryRead:
    line, column = node["loc"].split(",")[1].split(":")
    memory = node["memp"][0]
    array = types.get(memory.get("dtypep", ""), {})
    low = high = None
    element = types.get(array.get("refDTypep", ""), {})
    if array.get("type") == "UNPACKARRAYDTYPE" and element.get("type") != "UNPACKARRAYDTYPE":
        low, high = sorted(int(end) for end in array["declRange"].strip("[]").split(":"))
        first, last = _constant(node["lsbp"]), _constant(node["msbp"])
        low, high = low if first is None else first, high if last is None else last
    return MemoryRead(int(line), int(column), _text(node["filenamep"][0]), memory.get("name", ""), low, high)


def _text(node: Node) -> str:
    """The string of a constant node; "" if it is none."""
    return str(node["name"]).replace('\\"', '"').strip('"') if node["type"] == "CONST" else ""


def _constant(nodes: list[Node]) -> int | None:
    match = re.fullmatch(r"\d+'s?h([0-9a-f]+)", nodes[0].get("name", "")) if nodes else None
    return int(match[1], 16) if match else None
