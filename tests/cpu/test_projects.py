"""Every preset runs today's programs and projects unchanged, and their outputs equal the evaluator's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cfukit_cpu import PRESETS
from cfukit_tools import api

PROJECTS = Path(__file__).resolve().parents[2] / "proj"
# The first two multiply slowly, other tests profile on the third, and the others have no TCM, as it has none.
LONG = ("fomu", "fomu-mac", "full+cfu", "lean", "min", "perf")
NAMES = [pytest.param(name, marks=pytest.mark.long if name in LONG else pytest.mark.slow) for name in PRESETS]
PROGRAM = """
#include "cfukit.h"
#include <stdio.h>
int main(void) {
  unsigned sum = 0;
  CFUKIT_REGION("sum") for (unsigned i = 1; i < 100; i++) sum = sum * 3 + 1000 / i;
  printf("%u\\n", sum);
  return 0;
}
"""


def expected() -> str:
    total = 0
    for i in range(1, 100):
        total = (total * 3 + 1000 // i) & 0xFFFFFFFF
    return f"{total}\n"


@pytest.mark.parametrize("project", [pytest.param("template", marks=pytest.mark.long), "mac4"])
@pytest.mark.parametrize("name", NAMES)
def test_projects(name: str, project: str, tmp_path: Path) -> None:
    folder = tmp_path / project
    shutil.copytree(PROJECTS / project, folder, ignore=shutil.ignore_patterns("build"))
    options = {"engine": "rtl", "assignments": (f'soc.cpu="{name}"',)}
    document = api.profile(folder, samples=1, **options)
    assert document["ok"] and document["mismatch"] is None and document["cpu"] == name
    (tmp_path / "program.c").write_text(PROGRAM)
    # With causes, because `profile` has built that simulator.
    ran = api.exec_(tmp_path / "program.c", project=folder, stdin=b"", causes=True, **options)
    assert ran["exit_code"] == 0 and ran["output"] == expected()
    assert [region["name"] for region in ran["regions"]] == ["sum"]
