"""The page of `cfukit report`: its figures are those of the runs, it needs no network, and a browser draws all of its charts."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from cfukit_base.artefacts import Report, Run
from cfukit_base.artefacts.causes import (
    Busy,
    Causes,
    CfuUse,
    FunctionRun,
    InstructionRun,
    LineRun,
    OpFunction,
    RegionRun,
)
from cfukit_base.artefacts.roofline import Bound, Roof, Work
from cfukit_base.artefacts.run import ArenaBlock, MemorySpan, MemoryUse, Mismatch, Rung, VariantRun
from cfukit_base.errors import UsageError
from cfukit_tools.cli.commands import cli
from cfukit_tools.report.page.compute import WHOLE, report_of
from cfukit_tools.report.page.html import charts, datasets, html
from cfukit_tools.report.page.markdown import escaped, markdown, table
from cfukit_tools.report.page.memory import views
from cfukit_tools.verbs.report import report
from support.documents import build_document, operator, run_document, variant

MEGABYTE = 1_000_000
NASTY = '</script><script>alert(1)</script> & "quotes" <b>'


WORK = Work(loads=8, stores=1, products=8, cfu_calls=0, branches=2, others=9)
ROOF = Roof(
    instructions=28,
    limits=(Bound(name="loads and products", cycles=16),),
    bound="loads and products",
    attained=0.5,
)


def causes(total: int) -> Causes:
    """Causes that add up to `total`."""
    return Causes.of({"executing": total - total // 3, "icache": total // 3})


def blocks(count: int) -> tuple[ArenaBlock, ...]:
    return tuple(
        ArenaBlock(name=f"t{k}", kind="tensor", offset=16 * (k % 2), bytes=16, first=k - 1, last=k)
        for k in range(count + 1)
    )


def part_of(cycles: int) -> OpFunction:
    spent = {"executing": cycles - cycles // 4, "dcache": cycles // 4}
    return OpFunction(
        name="rows", inlined=False, cycles=cycles, instructions=spent["executing"], causes=spent
    )


def measured(name: str, cycles: list[int], **fields: Any) -> VariantRun:
    """A variant with everything that a profile tells."""
    ops = tuple(
        replace(operator(k, spent), causes=causes(spent), work=WORK, roof=ROOF, functions=(part_of(spent),))
        for k, spent in enumerate(cycles)
    )
    spent = causes(sum(cycles) + 10)
    function = FunctionRun(
        name="conv",
        file="/src/conv.c",
        line=3,
        inlined=False,
        cycles=100,
        instructions=40,
        causes=causes(100),
    )
    line = LineRun(file="/src/conv.c", line=4, cycles=100, instructions=40, causes={"executing": 40})
    code = InstructionRun(
        pc=0x40000000,
        word=0x13,
        text="mac4 a0, a1, a2",
        function="conv",
        file="/src/conv.c",
        line=4,
        inlined=(),
        executions=40,
        cycles=100,
        causes={"executing": 40, "cfu_wait": 60},
    )
    known = {
        "ops": ops,
        "causes": spent,
        "arena": blocks(len(cycles)),
        "memory_map": (
            MemoryUse(
                name="main_ram",
                base=1 << 30,
                bytes=1 << 25,
                parts={"code": 100},
                spans=(
                    MemorySpan(holds="code", address=1 << 30, bytes=100),
                    MemorySpan(holds="free", address=(1 << 30) + 100, bytes=(1 << 25) - 100),
                ),
            ),
        ),
        "functions": (function,),
        "lines": (line,),
        "code": (code,),
        "regions": (RegionRun(name="inner loop", count=7, cycles=90, causes=causes(90)),),
        "cfu": (CfuUse(instruction="mac4", mode=0, calls=40, issue_cycles=0, wait_cycles=60),),
        "busy": Busy(cfu=100, memory_port=0, dma_bytes=0),
    }
    return variant(name, list(cycles), **(known | fields))


def page_of(*runs: Run, **builds: Any) -> str:
    named = [(f"run{number}", run) for number, run in enumerate(runs)]
    return html(report_of(named, list(builds.items()), None))


class Page(HTMLParser):
    """What stands in a page: ids, links, tables as cells, scripts by id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.targets: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.scripts: dict[str, str] = {}
        self.charts: list[dict[str, str | None]] = []
        self.open: list[str] = []
        self.script = ""
        self.cell = False
        self.feed(text)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)
        if "id" in values:
            assert values["id"] not in self.ids, "an id stands twice"
            self.ids.add(str(values["id"]))
        self.targets += [str(values[key]) for key in ("href", "src") if key in values]
        if values.get("class") == "chart":
            self.charts.append(values)
        if tag == "script":
            self.script = str(values.get("id", "code"))
        elif tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self.cell = True

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"
        if tag == "script":
            self.script = ""
        elif tag in ("td", "th"):
            self.cell = False

    def handle_data(self, data: str) -> None:
        if self.script:
            self.scripts[self.script] = self.scripts.get(self.script, "") + data
        elif self.cell:
            self.tables[-1][-1][-1] += data


@given(st.lists(st.lists(st.integers(1, 1 << 40), min_size=2, max_size=2), min_size=1, max_size=4))
def test_figures_follow_from_the_runs(cycles: list[list[int]]) -> None:
    run = run_document(*(measured(f"v{number}", each) for number, each in enumerate(cycles)))
    found = report_of([("run", run)], [], None)
    first = sum(cycles[0]) + 10
    assert [rung.cycles for rung in found.rungs] == [sum(each) + 10 for each in cycles]
    for rung, each in zip(found.rungs, cycles, strict=True):
        assert rung.speed_up == pytest.approx(first / (sum(each) + 10))
        assert rung.microseconds == pytest.approx((sum(each) + 10) / 100)
    for position, row in enumerate(found.operators):
        assert [cell.cycles for cell in row.cells] == [each[position] for each in cycles]
        assert row.cells[0].speed_up is None
        for cell in row.cells[1:]:
            assert cell.speed_up == pytest.approx(cycles[0][position] / cell.cycles)
    for number, each in enumerate(cycles):
        parts = [part for part in found.stacks if part.rung == f"v{number}"]
        for operator_name, spent in (("0 CONV_2D", each[0]), (WHOLE, sum(each) + 10)):
            own = [part for part in parts if part.operator == operator_name]
            assert sum(part.cycles for part in own) == spent
            assert sum(part.share for part in own) == pytest.approx(1)


def test_shared_baselines_stand_there_once_and_names_do_not_clash() -> None:
    one = run_document(measured("reference", [100]), measured("project", [50]))
    two = run_document(measured("reference", [100]), measured("project", [25]))
    found = report_of([("a", one), ("b", two)], [], None)
    assert [rung.label for rung in found.rungs] == ["reference", "mine", "mine (b)"]
    assert [rung.cycles for rung in found.rungs] == [110, 60, 35]


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 3000)), max_size=8), st.integers(0, 1 << 22))
def test_views_of_a_memory_are_to_scale(gaps: list[tuple[int, int]], rest: int) -> None:
    spans, at = [], 1 << 30
    for gap, used in gaps:
        spans += [MemorySpan(holds="free", address=at, bytes=gap)] if gap else []
        spans.append(MemorySpan(holds="code", address=at + gap, bytes=used))
        at += gap + used
    spans += [MemorySpan(holds="free", address=at, bytes=rest)] if rest else []
    total, used = sum(span.bytes for span in spans), at - (1 << 30)
    memory = MemoryUse(name="ram", base=1 << 30, bytes=total, parts={}, spans=tuple(spans))
    found = list(views([memory]))
    assert found[0].spans == memory.spans and len({view.title for view in found}) == len(found)
    assert len(found) == 1 + (used > 0 and 8 * (1 << (used - 1).bit_length()) <= total)
    for view in found:
        assert view.bytes >= used
        end = view.base
        for span in view.spans:
            assert span.address == end and span.bytes > 0
            end += span.bytes
        assert end == view.base + view.bytes
        assert [span for span in view.spans if span.holds == "code"] == [
            s for s in spans if s.holds == "code"
        ]


def test_a_build_belongs_to_the_project_on_its_board() -> None:
    run = run_document(measured("portable", [100]), measured("project", [50]), board="fomu", cpu="fomu")
    found = report_of(
        [("run", run)], [("build", build_document()), ("other", build_document(board="arty"))], None
    )
    assert [(rung.lut, rung.dsp, rung.fmax_mhz) for rung in found.rungs] == [(None,) * 3, (2900, 4, 13.25)]
    assert [area.board for area in found.areas] == ["fomu", "arty"]


def test_a_ladder_brings_its_area_and_clocks() -> None:
    """Of `run --variants`: each rung has a CFU, a board and a clock of its own."""
    small = Rung(
        name="small",
        ok=True,
        board="fomu",
        cpu="fomu",
        clock_hz=12_000_000,
        model="digits",
        cycles=60,
        over_reference=2.0,
        over_first=1.0,
        cycles_per_mac=0.1,
        family="ice40",
        used={"lut": 7, "ff": 5, "bram": 1, "dsp": 2},
        error="",
    )
    run = run_document(measured("reference", [100]), measured("small", [50]), ladder=(small,))
    rung = report_of([("variants", run)], [], None).rungs[1]
    assert (rung.label, rung.lut, rung.dsp, rung.microseconds) == ("small", 7, 2, 5.0)


def test_the_page_is_whole() -> None:
    run = run_document(measured("reference", [900, 90]), measured("project", [500, 50]))
    text = page_of(run, build=build_document(project="mine"))
    page = Page(text)
    assert len(text) < 3 * MEGABYTE
    assert all(target.startswith("#") and target[1:] in page.ids for target in page.targets)
    sections = "ladder operators causes roofline functions cfu arena memory area provenance"
    assert {f"#{name}" for name in sections.split()} == set(page.targets)
    cells = [cell.strip() for each in page.tables for row in each for cell in row]
    for figure in ("1,000", "560", "900", "500", "1.79", "mac4", "2,900", "13.25"):
        assert figure in cells or figure in text
    region, part = (
        ["inner loop", "7", "90", "executing 67 %, icache 33 %"],
        ["0 CONV_2D", "rows", "500", "100.0", "1.33"],
    )
    rows = [[cell.strip() for cell in row] for each in page.tables for row in each]
    assert region in rows and [*part, "executing 75 %, dcache 25 %"] in rows
    for chart in page.charts:
        spec = json.loads(page.scripts[str(chart["data-spec"])])
        rows = json.loads(page.scripts[str(chart["data-rows"])])
        assert spec["data"]["name"] in rows, "a chart names rows that are not in the page"
    assert Report.parse(page.scripts["report"], "page").rungs[1].cycles == 560


def test_what_a_user_names_is_text() -> None:
    """No name can end a script or become markup."""
    run = run_document(measured("project", [5]), project=NASTY)
    text = page_of(run)
    page = Page(text)
    assert "<b>" not in text and "alert(1)</script>" not in text
    assert json.loads(page.scripts["report"])["rungs"][0]["label"] == NASTY
    assert NASTY in "".join(cell for each in page.tables for row in each for cell in row)


def test_nothing_comes_from_the_network() -> None:
    """Addresses stand in the script as names of formats; nothing is loaded from them."""
    text = page_of(run_document(measured("project", [5])))
    page = Page(text)
    assert not re.search(r"@import|url\(", text.partition("</style>")[0])
    assert not any(target.startswith(("http", "//")) for target in page.targets)


@pytest.mark.parametrize("name", sorted(charts()))
def test_a_chart_follows_its_public_format(name: str) -> None:
    """Vega-Lite compiles it with the rows of a real page, and each row becomes a mark."""
    import vl_convert

    run = run_document(measured("reference", [900, 90]), measured("project", [500, 50]))
    found = report_of([("run", run)], [("build", build_document())], None)
    spec = charts()[name]
    rows = datasets(found)[f"{name}-0" if name in ("arena", "memory") else "all"]
    drawn = spec | {"datasets": {spec["data"]["name"]: rows[spec["data"]["name"]]}}
    if "width" in drawn:
        drawn["width"] = 400
    picture = vl_convert.vegalite_to_svg(drawn, show_warnings=False)
    marks = len(re.findall(r'aria-roledescription="(?:bar|rect mark|point)"', picture))
    assert marks == len(rows[spec["data"]["name"]]) > 0


def test_markdown_is_a_table() -> None:
    run = run_document(measured("reference", [900]), measured("project", [500]), project="my|p*roj")
    lines = markdown(report_of([("run", run)], [], None)).splitlines()
    tables = [line for line in lines if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in tables[:4]}) == 1
    assert any("my\\|p\\*roj" in line and "1.78x" in line for line in tables)


@given(st.text(), st.text())
def test_cells_cannot_break_a_table(one: str, two: str) -> None:
    lines = list(table(["a", "b"], [[one, two]]))
    assert len(lines) == 3
    assert lines[2].replace("\\\\", "").replace("\\|", "").count("|") == 3
    assert "\n" not in escaped(one)


def test_what_cannot_be_compared_is_refused() -> None:
    good = run_document(measured("project", [5]))
    bad = Mismatch(sample=0, op=0, tensor=1, index=2, expected=3, got=4, variant="project")
    wrong = run_document(measured("project", [5]), ok=False, mismatch=bad)
    over = run_document(measured("project", [5]), ok=False)
    silent = run_document(variant("project", [None]), engine="host")
    other = run_document(
        measured("project", [5]), model=good.model.__class__(name="x", sha256="1" * 64, macs=5)
    )
    stopped = run_document(measured("project", [5]), clock_hz=0)
    hollow = run_document(replace(measured("project", [5]), cycles=()))
    none = replace(good, variants=())
    damaged = [(run, "is damaged: it has no variants, cycles or clock") for run in (stopped, hollow, none)]
    refused = [(wrong, "WRONG"), (over, "limit"), (silent, "no cycles"), (other, "model x"), *damaged]
    for run, said in refused:
        with pytest.raises(UsageError, match=said):
            report_of([("good", good), ("bad", run)], [], None)


def test_files_become_a_page(tmp_path: Path) -> None:
    before, after = tmp_path / "before" / "run.json", tmp_path / "after" / "run.json"
    for path, spent in ((before, 100), (after, 50)):
        path.parent.mkdir()
        run_document(measured("project", [spent]), digests=run_document(measured("x", [1])).digests).write(
            path
        )
    build_document().write(tmp_path / "build.json")
    found = report([before, after, tmp_path / "build.json"])
    assert found.host.path == str(after.with_name("report.html"))
    assert [system.label for system in found.systems] == ["before/run", "after/run"]
    assert [(row.op, row.before, row.after) for row in found.differences] == [
        ("0 CONV_2D", 100, 50),
        ("total", 110, 60),
    ]
    assert (
        Report.parse(Page(after.with_name("report.html").read_text()).scripts["report"], "page").rungs
        == found.rungs
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "schema"),
        ('{"schema": "cfukit.run/0"}', "cfukit.run/0"),
        ('{"schema": "cfukit.run/1"', "damaged"),
        (None, "cannot be read"),
    ],
)
def test_files_that_are_none(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "run.json"
    if text is not None:
        path.write_text(text)
    result = CliRunner().invoke(cli, ["report", str(path)])
    assert isinstance(result.exception, UsageError) and said in str(result.exception)
    assert list(tmp_path.glob("*.html")) == []


@pytest.mark.parametrize("newer", ["run", "profile"])
@pytest.mark.parametrize("same", [True, False])
def test_a_profile_of_another_program_is_left_out(tmp_path: Path, newer: str, same: bool) -> None:
    """The newest result is the subject. A profile of the same program brings its causes, one of another program nothing."""
    (tmp_path / "project.toml").write_text('name = "mine"\n')
    folder = tmp_path / "build" / "sim"
    folder.mkdir(parents=True)
    digests = run_document(measured("project", [1])).digests
    other = replace(digests, firmware={"project": "f" if same else "older"})
    silent = replace(measured("project", [50]), causes=None)
    run_document(measured("reference", [100]), silent, digests=digests).write(folder / "run.json")
    run_document(measured("project", [50 if same else 70]), digests=other).write(folder / "profile.json")
    os.utime(folder / f"{newer}.json", (2e9, 2e9))
    found = report([tmp_path], page=False)
    cycles = [rung.cycles for rung in found.rungs]
    if same:
        assert cycles == [110, 60] and bool(found.roofline)
        assert {part.rung for part in found.stacks} == {"reference", "mine"}
    else:
        assert cycles == ([110, 60] if newer == "run" else [80])


def older(path: Path) -> None:
    """Take a field from a document, as if it had been written before there was such a field."""
    document = json.loads(path.read_text())
    del document["board"]
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("old", ["profile.json", "bitstream/build.json"])
def test_what_another_version_wrote_is_left_out(tmp_path: Path, old: str) -> None:
    (tmp_path / "project.toml").write_text('name = "mine"\n')
    folder = tmp_path / "build" / "sim"
    (folder / "bitstream").mkdir(parents=True)
    digests = run_document(measured("project", [1])).digests
    for name in ("run.json", "profile.json"):
        run_document(measured("project", [50]), digests=digests).write(folder / name)
    build_document().write(folder / "bitstream" / "build.json")
    os.utime(folder / "run.json", (2e9, 2e9))
    assert (len(report([tmp_path], page=False).systems), len(report([tmp_path], page=False).areas)) == (2, 1)
    older(folder / old)
    found = report([tmp_path], page=False)
    left = (1, 1) if old == "profile.json" else (2, 0)
    assert (len(found.systems), len(found.areas)) == left
    older(folder / "run.json")
    with pytest.raises(UsageError, match=r"run\.json: was written by another version of cfukit: .*`board`"):
        report([tmp_path], page=False)
    with pytest.raises(UsageError, match="was written by another version"):
        report([folder / old], page=False)


def test_a_run_that_was_moved_says_why_its_source_is_missing(tmp_path: Path) -> None:
    (tmp_path / "project.toml").write_text('name = "mine"\n')
    kept, moved = tmp_path / "build" / "sim" / "run.json", tmp_path / "kept.json"
    kept.parent.mkdir(parents=True)
    (tmp_path / "conv.c").write_text("a\nb\nc\nreturn 0;\n")
    line = LineRun(file="conv.c", line=4, cycles=100, instructions=40, causes={"executing": 40})
    for path in (kept, moved):
        run_document(measured("project", [50], lines=(line,))).write(path)
    here, there = report([kept], page=False), report([moved], page=False)
    assert here.programs[0].source == {"conv.c": {4: "return 0;"}} and there.programs[0].source == {}
    assert not [text for text in here.summary if "is not shown" in text]
    assert "The text of conv.c is not shown: kept.json lies outside" in there.summary[-1]


def test_a_target_that_was_never_run(tmp_path: Path) -> None:
    (tmp_path / "project.toml").write_text('name = "idle"\n')
    with pytest.raises(UsageError, match=r"(?s)no such result.*cfukit run"):
        report([tmp_path])


def test_without_a_page_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    run_document(measured("project", [5])).write(path)
    result = CliRunner().invoke(cli, ["report", str(path), "--md"])
    assert result.output.startswith("### mine: digits")
    assert [each.name for each in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.slow
@pytest.mark.needs("chromium")
@pytest.mark.parametrize("width", [390, 1200])
def test_a_browser_draws_it(tmp_path: Path, width: int) -> None:
    """On a phone and on a desk: every chart has marks, and the page is no wider than the window."""
    run = run_document(measured("reference", [900, 90]), measured("project", [500, 50]))
    text = page_of(run, build=build_document())
    probe = """<script>addEventListener("load", () => setTimeout(() => {
      const drawn = document.querySelectorAll(".chart svg").length;
      document.title = `${drawn}/${document.documentElement.scrollWidth}`;
      document.querySelector("th button").click();
    }, 2000));</script>"""
    path = tmp_path / "page.html"
    path.write_text(probe.join(text.rpartition("</body>")[:2]))
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or "google-chrome"
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000"]
    command += [
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--window-size={width},900",
        "--dump-dom",
        path.as_uri(),
    ]
    dom = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
    found = re.search(r"<title>(\d+)/(\d+)</title>", dom)
    assert found, "the page's script did not run to its end"
    assert int(found[1]) == len(Page(text).charts) > 4
    assert int(found[2]) <= max(width, 500)  # a window of headless Chromium has at least 500 pixels
    assert 'aria-sort="descending"' in dom
