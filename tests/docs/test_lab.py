"""The lab's grading: the solution gets full marks, the starting point does not, and a wrong answer gets nothing for speed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cfukit_base.artefacts import Json
from cfukit_tools import api
from support.pages import ROOT, blocks

PAGE, SOLUTION = ROOT / "docs" / "lab.md", ROOT / "tests" / "lab"
[GRADER] = [block.text for block in blocks(PAGE) if block.note == "file: grade.py"]


def graded(folder: Path, gateware: Json, run: Json) -> str:
    """What the page's script prints."""
    for name, document in (("gateware", gateware), ("run", run)):
        (folder / f"{name}.json").write_text(json.dumps(document))
    (folder / "grade.py").write_text(GRADER)
    done = subprocess.run(
        [sys.executable, "grade.py"], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.slow
def test_the_solution_gets_full_marks_unless_it_is_wrong(tmp_path: Path) -> None:
    project = shutil.copytree(SOLUTION, tmp_path / "lab", ignore=shutil.ignore_patterns("build"))
    gateware = api.test(project, only="gateware")
    run = api.run(project, engine="fast", samples=1, skip=("reference",))
    assert graded(tmp_path, gateware, run) == "100 of 100 points"
    assert graded(tmp_path, gateware, {**run, "ok": False}) == "10 of 100 points"
    assert graded(tmp_path, {**gateware, "ok": False}, run) == "10 of 100 points"


def test_points_add_up_to_a_hundred() -> None:
    table = PAGE.read_text().partition("| points |")[2].partition("\n\n")[0]
    points = [int(row.split("|")[1]) for row in table.splitlines()[2:]]
    assert sum(points) == 100
