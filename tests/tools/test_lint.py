"""exec --lint: the findings in the document and for people."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from cfukit_soc.linted import lint_from
from cfukit_tools import api
from cfukit_tools.cli import commands as cli
from cfukit_tools.report.exec import FINDINGS
from support.pages import ROOT

PROGRAM = """#include "cfukit.h"
__attribute__((noinline)) volatile int *gone(void) {
  volatile int here[4], *p = here;
  here[0] = 1;
  __asm__ volatile("" : "+r"(p));
  return p;
}
int main(void) {
  volatile int *nobodys = (volatile int *)0x41000000;
  int found = *nobodys;
  volatile int *dead = gone();
  for (int i = 0; i < 3; i++) found += *dead;
  return found & 0;
}
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    (tmp_path / "program.c").write_text(PROGRAM)
    return tmp_path / "program.c"


def test_findings_have_function_and_line(program: Path) -> None:
    document, unasked = api.exec_(program, stdin=b"", lint=True), api.exec_(program, stdin=b"")
    found = [
        (each["kind"], each["function"], each["file"], each["line"]) for each in document["lint"]["findings"]
    ]
    assert found == [
        ("unwritten", "main", "program.c", 10),
        *[("below_stack", "main", "program.c", 12)] * (len(found) - 1),
    ]
    assert sum(each["count"] for each in document["lint"]["findings"][1:]) == 3
    assert (document["exit_code"], document["ok"], unasked["ok"]) == (0, False, True)
    assert {**document, "lint": None, "ok": True} == unasked
    assert 0 < document["lint"]["stack_used_bytes"] < document["lint"]["stack_bytes"]


def test_a_person_sees_the_findings(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program.write_text(PROGRAM.replace("found += *dead", "found += i"))
    assert cli.run(["exec", str(program), "--lint"]) == 1
    shown = capsys.readouterr().err
    assert "lint: program.c:10: unwritten: main reads memory that was never written, at pc 0x4" in shown
    assert "address 0x41000000\nlint: 1 finding; " in shown and " bytes of stack used\n" in shown


def test_other_engines_refuse_it(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["exec", str(program), "--lint", "--engine", "rtl"]) == 2
    assert "--lint: engine rtl" in capsys.readouterr().err


def test_every_kind_of_finding_is_told() -> None:
    kinds = set(re.findall(r'\* "(\w+)":', lint_from.__doc__ or ""))
    assert kinds == FINDINGS.keys() and len(kinds) == 6
    assert kinds <= set(
        re.findall(r"^\| `(\w+)`", (ROOT / "docs" / "debugging.md").read_text(), re.MULTILINE)
    )
