"""Every step of docs/tour.md names a file and something that it defines."""

from __future__ import annotations

import ast
import re

import pytest

from support.pages import ROOT

TOUR = ROOT / "docs" / "tour.md"
STEPS = re.findall(r"^\| [^|]+ \| `([^`]+)` \| `([^`]+)` \|$", TOUR.read_text(), re.MULTILINE)


def test_the_tour_has_three_walks() -> None:
    assert len(STEPS) >= 30
    assert TOUR.read_text().count("| step | file | read |") == 3


@pytest.mark.parametrize(("file", "name"), STEPS, ids=[f"{file}:{name}" for file, name in STEPS])
def test_a_step_leads_somewhere(file: str, name: str) -> None:
    defined = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.Assign):
            defined |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    assert name in defined
