"""membench: the page's figures for every memory of every board are those of the simulated system."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cfukit_soc.boards import boards
from cfukit_tools import api

PAGE = Path(__file__).parents[2] / "docs" / "boards.md"
SHORT = ("sim", "fomu")  # other tests build these systems too


def told() -> dict[str, dict[str, list[str]]]:
    """board -> memory -> the page's figures."""
    text = PAGE.read_text().partition("## What memories cost")[2].partition("\n## ")[0]
    found: dict[str, dict[str, list[str]]] = {}
    for board, memory, *cells in re.findall(
        r"^\| `(\w+)` \| (\w+) \| ([\d. ]*)\| ([\d. ]*)\| ([\d. ]*)\| ([\d. ]*)\| ([\d. ]*)\|$", text, re.M
    ):
        found.setdefault(board, {})[memory] = [cell.strip() for cell in cells if cell.strip()]
    return found


def test_the_page_has_every_memory_of_every_board() -> None:
    page = told()
    assert set(page) == set(boards())
    for name, board in boards().items():
        on_bus = {memory.name for memory in board.all_memories} | ({"sram"} if board.sram_bytes else set())
        assert set(page[name]) - {"itcm", "dtcm"} == on_bus - ({"sram"} - set(page[name])), name
        assert ("itcm" in page[name]) == (board.boot_rom_bytes > 0)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in SHORT else pytest.mark.long) for n in boards()]
)
def test_membench_measures_what_the_page_says(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    document = api.exec_(Path("membench"), board=name, stdin=b"")
    assert document["ok"], document["fault"]
    lines = [line.split() for line in document["output"].splitlines()[1:]]
    assert {memory: values for memory, *values in lines} == told()[name]
