"""Engine fast at the command: the documents of engine rtl but for the engine's name, and refusals of what it does not model."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cfukit_base.errors import UsageError
from cfukit_tools import api
from support.marks import long_except

ENGINES = ("rtl", "fast")
PROGRAMS = {
    "output": 'int main(void) { int c, n = 0; while ((c = getchar()) != EOF) n += c; printf("sum %d\\n", n); return 3; }',
    "regions": 'int main(void) { for (int i = 0; i < 3; i++) CFUKIT_REGION("r") { for (volatile int k = 0; k < 20; k++) {} } return 0; }',
    "time": 'int main(void) { uint64_t t = cfukit_cycles(); printf("%d\\n", (int)(cfukit_cycles() - t)); return 0; }',
    "store": "int main(void) {\n  *(volatile int *)0x12345678 = 1;\n  for (;;) {}\n}",
    "load": "int main(void) {\n  return *(volatile int *)0x12345678;\n}",
    "illegal": 'int main(void) {\n  __asm__ volatile(".word 0");\n  return 0;\n}',
    "misaligned": "int main(void) {\n  return *(volatile int *)0x40000001;\n}",
    "stack": "static __attribute__((noinline)) int deeper(int n) {\n  volatile int here[9];\n  here[n & 3] = n;\n"
    "  return deeper(n + 1) + here[0];\n}\nint main(void) { return deeper(0); }",
    "endless": 'int main(void) { for (;;) __asm__ volatile(""); }',
    "waiting": 'int main(void) { __asm__ volatile("wfi"); return 0; }',
    "jump": "int main(void) { ((void (*)(void))0x50000000)(); return 0; }",
}
WINDOW = """static volatile unsigned sums[64];
int main(void) {
  for (unsigned i = 0; i < 64; i++) sums[i] = 1000 / (i + 1);
  return 0;
}
"""


def same_but_for_provenance(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in ("engine", "host")}


def same_on_both(verb: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
    """The document of engine fast, which is that of engine rtl but for the engine's name."""
    rtl, fast = (verb(*arguments, engine=engine, **options) for engine in ENGINES)
    assert (rtl["engine"], fast["engine"]) == ENGINES
    assert same_but_for_provenance(fast) == same_but_for_provenance(rtl)
    return dict(fast)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.long
@pytest.mark.parametrize("board", ["fomu", "icebreaker"])
def test_a_model_runs_alike_on_a_board_with_flash(here: Path, two_samples: Path, board: str) -> None:
    assert same_on_both(api.run, "digits", inputs=two_samples, board=board, only=["portable"])["ok"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_end_alike(here: Path, name: str) -> None:
    (here / "program.c").write_text(f'#include "cfukit.h"\n{PROGRAMS[name]}\n')
    options = {"stdin": b"some bytes", "max_cycles": 300_000, "hang_cycles": 20_000}
    document = same_on_both(api.exec_, "program.c", **options)
    assert document["cycles"] > 500


def test_causes_are_the_same(here: Path) -> None:
    (here / "program.c").write_text(f'#include "cfukit.h"\n{PROGRAMS["regions"]}\n')
    document = same_on_both(api.exec_, "program.c", stdin=b"", causes=True)
    assert sum(document["causes"].values()) == document["cycles"] and document["functions"]


def test_a_profile_is_the_same(mac4: Path, two_samples: Path) -> None:
    document = same_on_both(api.profile, mac4, inputs=two_samples, samples=1)
    assert document["variants"][0]["ops"][0]["causes"]["executing"] > 0


def test_traces_are_the_same(here: Path) -> None:
    (here / "program.c").write_text("int main(void) { return 41; }\n")
    for engine in ENGINES:
        api.exec_("program.c", engine=engine, stdin=b"", trace=f"{engine}.trace")
    assert Path("fast.trace").read_bytes() == Path("rtl.trace").read_bytes() != b""


def test_a_project_runs_alike(mac4: Path, two_samples: Path) -> None:
    document = same_on_both(api.run, mac4, inputs=two_samples)
    assert document["ok"] and document["cfu_engine"] == "verilog"
    assert [len(variant["cycles"]) for variant in document["variants"]] == [2, 2, 2]
    written = json.loads((mac4 / "build" / "sim" / "run.rtl.json").read_text())
    assert written["variants"] == document["variants"]


def test_a_project_infers_and_tests_alike(mac4: Path, two_samples: Path, here: Path) -> None:
    document = same_on_both(
        api.infer, mac4, inputs=two_samples, outputs=here / "out.npz", layers=here / "l.npz"
    )
    assert document["ok"] and len(document["cycles"]) == 2
    with np.load(here / "l.npz") as layers:
        assert layers.files
    assert api.test(mac4, only="outputs", engine="fast")["checks"][0]["detail"].endswith("on engine fast")


@pytest.mark.long
@pytest.mark.parametrize(
    ("board", "code"),
    [
        *((board, "main_ram") for board in ("arty", "arty100t", "tang20k", "ulx3s")),
        *((board, "sram") for board in ("arty", "arty100t", "ulx3s")),  # that of tang20k is too small
    ],
)
def test_a_model_runs_alike_on_a_board_with_dram(
    here: Path, mac4: Path, two_samples: Path, board: str, code: str
) -> None:
    """Every cycle count of every operator. Weights, arena and data are in DRAM, and so is the code, or it is beside it."""
    places = [f"place.code={code}", "place.weights=main_ram", "place.arena=main_ram"]
    assert same_on_both(api.run, mac4, inputs=two_samples, board=board, assignments=places)["ok"]


@pytest.mark.slow
@pytest.mark.parametrize("cpu", long_except(("tcm", "fomu"), "tcm"))
def test_a_memory_port_works_alike(here: Path, cpu: str) -> None:
    """The CFU sums and copies vectors while the CPU waits, loads and stores."""
    api.init(str(here / "vector"), "vector")
    document = same_on_both(
        api.exec_,
        here / "vector" / "rate.c",
        project=here / "vector",
        assignments=[f'soc.cpu="{cpu}"', "cfu.params.width=32"],
        stdin=b"",
        causes=True,
    )
    assert document["exit_code"] == 0 and document["causes"]["cfu_wait"] > 1000


@pytest.mark.long
@pytest.mark.parametrize("project", ["mlperf_arty", "engine_ulx3s", "engine_tang20k", "kws_fomu"])
def test_a_project_with_an_engine_runs_alike(here: Path, project: str) -> None:
    """Every cycle of a whole model on a CFU that works on its own."""
    folder = here / "copy"
    api.init(str(folder), project)
    document = same_on_both(api.profile, folder, model="kws_ref", samples=1)
    assert document["ok"] and document["variants"][-1]["causes"]["cfu_wait"] > 1000


def test_waves_are_refused(here: Path) -> None:
    (here / "program.c").write_text("int main(void) { return 0; }\n")
    with pytest.raises(UsageError, match="--waves: engine fast has no signals"):
        api.exec_("program.c", engine="fast", stdin=b"", waves="w.vcd")


def test_the_trace_of_a_window_has_the_same_cycles_and_causes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call, a loop of stores and a division; the cycles of each line are those since the line before."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sums.c").write_text(WINDOW)
    texts = {}
    for engine in ("rtl", "fast"):
        document = api.exec_("sums.c", stdin=b"", engine=engine, trace=f"{engine}.txt:700:1500")
        assert document["exit_code"] == 0 and document["causes"] is None
        assert document["host"]["files"] == [f"{engine}.txt"]
        texts[engine] = (tmp_path / f"{engine}.txt").read_text()
    assert texts["fast"] == texts["rtl"]
    head, *lines = texts["fast"].splitlines()
    assert head.split()[1:6] == ["cycle", "cycles", "pc", "instruction", "result"]
    cycles = [int(line.split()[0]) for line in lines]
    since = [int(line.split()[1]) for line in lines]
    assert cycles[0] >= 700 and cycles[-1] < 1500 and len(lines) > 100
    assert [cycle - before for before, cycle in pairwise(cycles)] == since[1:]
    waits = [line for line in lines if int(line.split()[1]) > 1]
    assert all(re.search(r"  [a-z_]+ \d+( [a-z_]+ \d+)*$", line) for line in waits)
    assert re.search(r"divu \w+, \w+, \w+ +x\d+=\w+ +main +.*muldiv 33", texts["fast"])
