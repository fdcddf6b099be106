"""The pages are right: their shell blocks run in order and print what the page shows, and every CFU in Python passes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path

import pytest

from cfukit import BaseCfu, Cfu, load_cfu
from cfukit.testing import check_gateware
from support.pages import ROOT, RUN, Block, blocks, is_output, missing_lines, write

SECONDS = 1200
# A page that begins with commands of another one runs after it, in the same folder, and only what is new is run.
AFTER = {"README.md": ROOT / "docs" / "report.md"}
LONG = {
    "engine.md",  # it compiles five engines; `make test` runs larger ones elsewhere
    "lab.md",  # test_lab has its solution, right and wrong
    "suggest.md",  # it simulates some forty systems; test_suggest follows such advice
    "tutorial.md",  # it tests and measures four versions of a CFU; test_tutorial holds its tables to its outputs
}
WITH_SHELL = [
    pytest.param(page, id=page.name, marks=[pytest.mark.long] if page.name in LONG else [])
    for page in RUN
    if page not in AFTER.values() and any(block.language == "sh" for block in blocks(page))
]
WITH_CFUS = [ROOT / "docs" / "cfu.md", ROOT / "hw" / "cfukit" / "README.md"]


def run_block(block: Block, folder: Path, where: str) -> tuple[str, Path]:
    """Run a shell block as a newcomer would. Returns its output and the folder that it ends in."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    marker = "folder after the block: "
    script = f"trap 'echo \"{marker}$PWD\"' EXIT\n{block.text}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=os.environ | {"PATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
    )
    expected = int(block.note.removeprefix("exit code ")) if block.note.startswith("exit code ") else 0
    assert done.returncode == expected, f"{where}: exit code {done.returncode}\n{block.text}\n{done.stdout}"
    output, _, after = done.stdout.rpartition(marker)
    return output, Path(after.strip())


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_SHELL)
def test_the_commands_of_a_page_run_in_order(page: Path, tmp_path: Path) -> None:
    folder = run_page(page, tmp_path)
    if page.name in AFTER:
        run_page(AFTER[page.name], folder, known={line for block in blocks(page) for line in commands(block)})


def commands(block: Block) -> list[str]:
    return [line.partition("#")[0].strip() for line in block.text.splitlines()]


def run_page(page: Path, folder: Path, known: AbstractSet[str] = frozenset()) -> Path:
    """Follow the page without its `known` commands. Returns the folder that it ends in."""
    output = ""
    for block in blocks(page):
        where = f"{page.relative_to(ROOT)}:{block.line}"
        if is_output(block):
            missing = missing_lines(block, output)
            assert not missing, f"{where}: not printed: {missing}\nbut:\n{output}"
        elif not write(block, folder) and block.language == "sh" and not block.note.startswith("not run: "):
            if known:
                block = replace(block, text="\n".join(line for line in commands(block) if line not in known))
            output, folder = run_block(block, folder, where)
    return folder


def test_a_page_that_comes_after_another_begins_with_its_commands() -> None:
    for first, second in AFTER.items():
        before = {line for block in blocks(ROOT / first) for line in commands(block)}
        block = next(block for block in blocks(second) if block.language == "sh")
        assert commands(block)[0] in before and not {*commands(block)} <= before


def cfus(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.language == "python" and "def make_cfu" in block.text]


CFUS = [(page, block) for page in WITH_CFUS for block in cfus(page)]


def load(page: Path, block: Block, folder: Path) -> BaseCfu:
    for file in blocks(page):
        if file.note.startswith("file: "):
            write(file, folder)
    (folder / "cfu.py").write_text(block.text)
    return load_cfu(folder / "cfu.py")


@pytest.mark.parametrize(("page", "block"), CFUS, ids=[f"{p.name}-{b.line}" for p, b in CFUS])
def test_a_cfu_of_a_page_is_complete(page: Path, block: Block, tmp_path: Path) -> None:
    cfu = load(page, block, tmp_path)
    assert all(instruction.doc for instruction in cfu.instructions.values())
    cfu.write(tmp_path)
    if isinstance(cfu, Cfu):
        check_gateware(cfu, seed=1, operations=300)


FOREIGN = [(page, block) for page, block in CFUS if "VerilogCfu(" in block.text or "MigenCfu(" in block.text]


@pytest.mark.slow
@pytest.mark.parametrize(("page", "block"), FOREIGN, ids=[f"{p.name}-{b.line}" for p, b in FOREIGN])
def test_a_cfu_in_verilog_or_migen_of_a_page_passes(page: Path, block: Block, tmp_path: Path) -> None:
    check_gateware(load(page, block, tmp_path), seed=1, operations=300)


def test_the_instruction_of_the_data_sheet_passes(tmp_path: Path) -> None:
    [block] = [block for block in blocks(ROOT / "README.md") if block.language == "python"]
    text = f"from cfukit import Cfu, Fixed, Instruction, int8_lanes\n\n{block.text}\n\ndef make_cfu():\n    return Cfu({{0: Dot4()}})\n"
    (tmp_path / "cfu.py").write_text(text)
    check_gateware(load_cfu(tmp_path / "cfu.py"), seed=1, operations=300)
