"""docs/figures.md: it is what the command writes, with a row for each entry of figures.toml."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts"))

from bench import figures  # noqa: E402 (a development tool, which is not installed)
from cfukit_tools.project.catalogue import listed_models  # noqa: E402
from cfukit_tools.project.project import load_target  # noqa: E402

ROWS, KEPT = figures.read_rows(), figures.read_kept()


def test_the_page_is_what_the_command_writes() -> None:
    assert figures.PAGE.read_text() == figures.page(ROWS, KEPT)


def test_the_page_has_all_rows_and_what_was_published() -> None:
    text = figures.PAGE.read_text()
    for model in {row.model for row in ROWS.row}:
        section = text.partition(f"## {model}\n")[2].partition("\n## ")[0]
        shown = Counter(re.findall(r"^\| `([^`]+)`", section, re.MULTILINE))
        assert shown == Counter(row.project or "no CFU" for row in ROWS.row if row.model == model)
        for other in (one for one in ROWS.published if one.model == model):
            assert f"| {other.system} | {other.cycles:,} | {other.source} |" in section


def test_rows_exist_and_are_told_apart() -> None:
    assert len({row.name for row in ROWS.row}) == len(ROWS.row)
    assert set(KEPT) <= {row.name for row in ROWS.row}, "figures.json has what figures.toml has no more"
    for row in ROWS.row:
        assert row.model in listed_models() and row.engine in ("rtl", "fast")
        board = {"board": row.board} if row.board else {}
        load_target(ROOT / "proj" / row.project if row.project else row.model, **board)


@pytest.mark.parametrize("name", sorted(KEPT))
def test_figures_are_possible(name: str) -> None:
    [row], found = [row for row in ROWS.row if row.name == name], KEPT[name]
    assert 0 < sum(one.cycles for one in found.operators) <= found.cycles <= 2 * min(found.baselines.values())
    assert found.macs == sum(one.macs for one in found.operators) <= found.cycles * row.most
    assert all(one.macs <= one.cycles * row.most for one in found.operators)
    assert found.cpu_bytes + found.port_bytes + found.dma_bytes >= found.floor_bytes
    assert set(found.baselines) == {"reference", "portable"} - set(row.skip)
    assert found.built is None or (found.built.fmax_mhz is None) == (found.built.how != "routed")
