"""Engine renode: on a stand-in that understands the exported files, in Renode itself if it is here, and without Renode."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from cfukit_base import tools
from cfukit_base.errors import MissingToolError, ResultError, UsageError
from cfukit_base.protocol import wire
from cfukit_base.tools import tool
from cfukit_tools import api
from cfukit_tools.cli import commands as cli
from cfukit_tools.report import exec as report
from cfukit_tools.verbs import exec as verb
from support import fake_renode
from support.marks import long_except

SUM = r"""
#include "cfukit.h"
int main(void) {
  int c, sum = 0;
  while ((c = getchar()) != EOF) sum += c;
  uint64_t before = cfukit_cycles();
  CFUKIT_REGION("said") { printf("sum %d\n", sum); }
  return cfukit_cycles() > before ? 7 : 1;
}
"""


HANGING_CFU = """
from cfukit import Cfu, SequentialInstruction, Variable


class Wait(SequentialInstruction):
    '''Answers when rs1 is even, else never.'''

    rs2 = None
    time = Variable(max_cycles=4)

    def gateware(self, m, work):
        m.d.comb += [work.done.eq(work.start & ~work.rs1[0]), work.rd.eq(work.rs1)]

    def call(self, funct7, rs1, rs2):
        return rs1


def make_cfu():
    return Cfu({3: Wait()}, name="hanging")
"""


@pytest.fixture
def renode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """renode(version) puts the stand-in in Renode's place; renode(script=...) another program."""

    def use(version: str = "1.16.0", script: str = "") -> None:
        path = tmp_path / "renode"
        text = f'exec "{sys.executable}" "{fake_renode.__file__}" "$@"'
        path.write_text(f"#!/bin/sh\n{script or text}\n")
        path.chmod(0o755)
        monkeypatch.setenv("RENODE", str(path))
        monkeypatch.setenv("FAKE_RENODE_VERSION", version)
        tools.renode.cache_clear()
        tool._version.cache_clear()

    yield use
    tools.renode.cache_clear()
    tool._version.cache_clear()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    return tmp_path


def program(text: str = SUM) -> Path:
    Path("program.c").write_text(text)
    return Path("program.c")


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.13.0", "1.15.3", "1.16.0", "1.17.1"])
def test_a_program_on_every_version(renode: Callable[..., None], here: Path, version: str) -> None:
    renode(version)
    given = bytes(range(256))
    document = api.exec_(program(), engine="renode", stdin=given)
    assert (document["output"], document["exit_code"]) == (f"sum {sum(given)}\n", 7)
    assert document["cycles"] is None and document["instructions"] is None
    assert document["regions"] == [{"name": "said", "count": 1, "cycles": None, "causes": None}]


@pytest.mark.slow
def test_a_model_equals_the_evaluator_and_has_no_cycles(
    renode: Callable[..., None], mac4: Path, two_samples: Path
) -> None:
    renode()
    assert cli.run(["profile", str(mac4), "--engine", "renode", "--inputs", str(two_samples), "--json"]) == 0
    document = json.loads((mac4 / "build" / "sim" / "profile.renode.json").read_text())
    assert document["ok"] and document["mismatch"] is None and document["checked_operators"] == 11
    assert (document["engine"], document["cfu_engine"]) == ("renode", "verilog")
    [variant] = document["variants"]
    assert variant["cycles"] is None and variant["instructions"] is None
    assert all(op["cycles"] is None for op in variant["ops"])
    # The exported .robot file expects what was sent. The run with pauses expects nothing.
    checked = []
    for folder in (mac4 / "build" / "sim" / "renode").iterdir():
        sent = (folder / "uart.log").read_bytes()
        for line in (folder / "run.robot").read_text().splitlines():
            if "fromhex" in line:
                checked.append(bytes.fromhex(line.split("'")[1]) in sent)
    assert checked == [True, True]
    assert wire.split(sent)[2] == 0


@pytest.mark.slow
def test_a_cfu_that_never_answers_is_a_fault(
    renode: Callable[..., None],
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    renode()
    monkeypatch.setenv("CFUKIT_RENODE_PATIENCE", "1000")
    (here / "p").mkdir()
    (here / "p" / "project.toml").write_text("[sw]\nsources = []\n")
    (here / "p" / "cfu.py").write_text(HANGING_CFU)
    text = (
        'int main(void) { printf("before\\n"); int x = (int)cfu_op3(0, 5, 6); printf("after\\n"); return x; }'
    )
    text = f'#include "cfu.h"\n#include "cfukit.h"\n{text}\n'
    document = verb.exec_(program(text), project=here / "p", engine="renode", stdin=b"")
    fault = document.fault
    assert not document.ok and document.exit_code is None
    assert fault is not None and fault.kind == "cfu_hang"
    assert "never answered the instruction funct3=3 funct7=0" in fault.message
    assert document.output == "before\n"  # what comes later is made from a wrong result
    assert fault.pc is None and fault.registers == {}
    report.show(document)
    assert "fault: cfu_hang\n" in capsys.readouterr().err


@pytest.mark.slow
def test_a_script_that_fails_is_told_though_renode_ends_with_0(
    renode: Callable[..., None], here: Path
) -> None:
    renode(script='[ "$1" = --version ] && echo "Renode v1.16.0" || echo "Error E01: no such type"')
    with pytest.raises(ResultError, match=r"engine renode: .*Error E01: no such type.*renode_1\.16\.log"):
        api.exec_(program(), engine="renode", stdin=b"")
    renode(
        script='[ "$1" = --version ] && echo "Renode v1.16.0" || { echo "No such command or device: x"; sleep 50; }'
    )
    with pytest.raises(ResultError, match="a script failed: No such command or device: x"):
        api.exec_(program(), engine="renode", stdin=b"")
    renode(script='[ "$1" = --version ] && echo "Renode v1.16.0" || exit 0')
    with pytest.raises(ResultError, match="ended with code 0 before the program did"):
        api.exec_(program(), engine="renode", stdin=b"")
    renode("1.12.0")
    with pytest.raises(UsageError, match=r"version 1\.12; 1\.13 or newer"):
        api.exec_(program(), engine="renode", stdin=b"")


@pytest.fixture
def no_renode(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RENODE", "/nothing")
    tools.renode.cache_clear()
    yield
    tools.renode.cache_clear()


def exported(action: Callable[[], object]) -> list[Path]:
    """The folders that a verb leaves without Renode."""
    with pytest.raises(MissingToolError, match=r"which is no program .*; what it would run is in ") as caught:
        action()
    folders = caught.value.details["scripts"]
    assert isinstance(folders, list)
    return [Path(text) for text in folders]


def robot(file: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run an exported file in Robot Framework, with Renode's keywords on the stand-in."""
    support = Path(fake_renode.__file__).parent
    keywords = file.parent / "keywords.resource"
    keywords.write_text("*** Settings ***\nLibrary    support.fake_renode_keywords.Keywords\n")
    command = [sys.executable, "-m", "robot", "--pythonpath", str(support.parent), "--output", "NONE"]
    command += ["--log", "NONE", "--report", "NONE", "--variable", f"RENODEKEYWORDS:{keywords}"]
    return subprocess.run([*command, *words, str(file)], capture_output=True, text=True, timeout=300)


@pytest.mark.slow
def test_without_renode_every_program_is_exported_and_its_robot_file_works(
    no_renode: None, mac4: Path, two_samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_RENODE_VERSION", "1.16.0")
    folders = exported(lambda: api.run(mac4, engine="renode", inputs=two_samples))
    assert [folder.name.split("-")[0] for folder in folders] == ["reference", "portable", "project"]
    file = folders[2] / "run.robot"
    done = robot(file)
    assert done.returncode == 0, done.stdout + done.stderr
    text = file.read_text()
    sent = next(line.split("'")[1] for line in text.splitlines() if "fromhex" in line)
    file.write_text(text.replace(sent, sent[:-6] + "00ffff"))
    done = robot(file)
    assert done.returncode == 1 and "the UART did not send part 0" in done.stdout


@pytest.mark.slow
def test_the_library_of_a_cfu_is_the_same_on_every_board(no_renode: None, here: Path) -> None:
    (here / "p").mkdir()
    (here / "p" / "project.toml").write_text("[sw]\nsources = []\n")
    (here / "p" / "cfu.py").write_text(HANGING_CFU)
    libraries = set()
    for board in ("sim", "sim_slow"):
        run = partial(api.exec_, program(), project=here / "p", engine="renode", stdin=b"", board=board)
        (folder,) = exported(run)
        libraries |= {
            line for line in (folder / "setup_1.16.resc").read_text().splitlines() if "FilePathLinux" in line
        }
    assert len(libraries) == 1


@pytest.mark.slow
def test_a_limit_in_cycles_stops_an_endless_loop(renode: Callable[..., None], here: Path) -> None:
    renode()
    text = '#include "cfukit.h"\nint main(void) { printf("hello\\n"); for (;;) { } }'
    document = api.exec_(program(text), engine="renode", stdin=b"", max_cycles=20_000_000)
    fault = document["fault"]
    assert (document["output"], fault["kind"], fault["function"]) == ("hello\n", "time_out", "main")
    assert (fault["file"], fault["line"]) == ("program.c", 2) and fault["registers"]["x2"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("version", long_except(("1.14.0", "1.16.0"), "1.16.0"))
def test_the_robot_file_waits_for_the_programs_end(
    no_renode: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    """In a folder whose name has characters that are special to the monitor and to Robot Framework."""
    here = tmp_path / "a  b $c #\N{LATIN SMALL LETTER L WITH STROKE}"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("FAKE_RENODE_VERSION", version)
    dialect = "VERSION:" + ("1.13" if version < "1.16" else "1.16")
    for text, right in ((SUM, True), ("int main(void) { for (;;) {} }", False)):
        (folder,) = exported(partial(api.exec_, program(text), engine="renode", stdin=b"\1\2"))
        done = robot(folder / "run.robot", "--variable", dialect, "--variable", "SECONDS:2")
        assert (done.returncode == 0) == right, done.stdout + done.stderr
        assert right or "the program did not end in 2 virtual seconds" in done.stdout
        assert not right or (folder / "robot_uart.log").read_bytes().startswith(b"sum 3\n")


@pytest.mark.slow
@pytest.mark.parametrize(("version", "said"), [("1.16.0", "1.15.3"), ("1.15.3", "1.16.0")])
def test_a_build_between_two_versions_is_understood(
    renode: Callable[..., None], here: Path, monkeypatch: pytest.MonkeyPatch, version: str, said: str
) -> None:
    renode(version)
    monkeypatch.setenv("FAKE_RENODE_SAYS", said)
    assert api.exec_(program(), engine="renode", stdin=b"\1\2")["output"] == "sum 3\n"


@pytest.mark.slow
def test_a_jump_to_where_no_code_is_is_a_fault(renode: Callable[..., None], here: Path) -> None:
    renode()
    document = api.exec_(
        program("int main(void) { ((void (*)(void))0x20000000)(); return 0; }"), engine="renode", stdin=b""
    )
    assert (document["fault"]["kind"], document["fault"]["address"]) == ("fetch_fault", 0x20000000)


@pytest.mark.parametrize("option", ["waves", "trace", "hang_cycles"])
def test_options_that_need_cycles_are_refused(here: Path, option: str) -> None:
    value = {"waves": "w.vcd", "trace": Path("t"), "hang_cycles": 5}[option]
    with pytest.raises(UsageError, match="engine renode has no cycles"):
        api.exec_(program(), engine="renode", stdin=b"", **{option: value})


@pytest.mark.needs("renode")
@pytest.mark.slow
def test_a_program_in_renode_itself(here: Path) -> None:
    document = api.exec_(program(), engine="renode", stdin=b"abc")
    assert (document["output"], document["exit_code"]) == ("sum 294\n", 7)


@pytest.mark.needs("renode")
@pytest.mark.slow
def test_a_model_in_renode_itself(mac4: Path, two_samples: Path) -> None:
    document = api.run(mac4, engine="renode", inputs=two_samples)
    assert document["ok"] and document["mismatch"] is None and document["checked_operators"] == 11
    assert all(variant["cycles"] is None for variant in document["variants"])
