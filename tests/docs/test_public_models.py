"""The page's list of public models against the reference set, whose models the tests of evaluator and kernels run."""

from __future__ import annotations

import re

import pytest

from support import reference
from support.pages import ROOT

PAGE = ROOT / "docs" / "models.md"


@pytest.mark.needs("reference")
def test_the_list_names_every_model_of_the_reference_set() -> None:
    table = PAGE.read_text().split("<!-- table: public models -->")[1].split("<!--")[0]
    rows = {
        line.split(" | ")[0].removeprefix("| "): line for line in table.splitlines() if line.startswith("| ")
    }
    assert set(rows) - {"model"} == {entry["name"] for entry in reference.MODELS}
    for entry in reference.MODELS:
        source, row = entry["source"], rows[entry["name"]]
        for part in (
            source["repo"].removeprefix("github:"),
            source["path"],
            entry["sha256"],
            f"| {entry['n_ops']} |",
        ):
            assert part in row, (entry["name"], part)


def test_models_of_packages_are_listed_once() -> None:
    table = PAGE.read_text().split("<!-- table: models of packages -->")[1].split("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert len(rows) > 30
    shas = [
        re.fullmatch(r"\| `.+` \| \d+ \| [a-z-]+ [\d.]+ \| `.+` \| `([0-9a-f]{64})` \|", row)[1]
        for row in rows
    ]
    assert len(set(shas)) == len(shas)
    assert not {entry["sha256"] for entry in reference.MODELS} & set(shas)
