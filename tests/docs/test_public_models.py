"""The page's list of public models against the reference set, whose models the tests of evaluator and kernels run."""

from __future__ import annotations

from pathlib import Path

import pytest

from support import reference

PAGE = Path(__file__).parents[2] / "docs" / "models.md"


@pytest.mark.needs("reference")
def test_the_list_names_every_model_of_the_reference_set() -> None:
    table = PAGE.read_text().split("<!-- table: public models -->")[1].split("\n## ")[0]
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
