"""What people read: numbers as they are said, tables that a pipe gets whole, nothing that the document does not hold."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cfukit_base import artefacts
from cfukit_base.artefacts import Artefact, Fault, Listing
from cfukit_base.artefacts.build import FamilyUse, ModuleUse, Parts, Placement, WorstPath
from cfukit_base.artefacts.causes import RegionRun
from cfukit_base.artefacts.documents import Check, DiffRow, DiffValue, ExecHost, InferHost
from cfukit_base.artefacts.documents import TestHost as Seconds
from cfukit_base.artefacts.limits import Limit
from cfukit_base.artefacts.run import MemoryUse, Mismatch
from cfukit_tools.report import build as build_report
from cfukit_tools.report import causes as causes_report
from cfukit_tools.report import diff as diff_report
from cfukit_tools.report import exec as exec_report
from cfukit_tools.report import others, tables
from cfukit_tools.report import run as run_report
from support.documents import (
    build_document,
    diff_document,
    exec_document,
    infer_document,
    operator,
    run_document,
    variant,
)

TYPES = ["CONV_2D", "DEPTHWISE_CONV_2D", "UNIDIRECTIONAL_SEQUENCE_LSTM", "RESIZE_NEAREST_NEIGHBOR"]
words = st.text("abcdefghij_ -/.", min_size=1, max_size=60)
cycles = st.integers(0, 1 << 48)


def drawn(
    capsys: pytest.CaptureFixture[str], show: Callable[..., None], document: Artefact, **options: Any
) -> list[str]:
    capsys.readouterr()
    show(document, **options)
    captured = capsys.readouterr()
    return (captured.out + captured.err).splitlines()


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """stdout is a terminal as wide as that."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")


@given(st.sets(st.integers(0, 9)))
def test_the_verdict_accounts_for_every_operator(without_code: set[int]) -> None:
    """Operators that need no kernel have no row; those fused into another have one."""
    rows = [replace(operator(index, 5), fused=(index,)) for index in range(10) if index not in without_code]
    if 9 in without_code and rows:  # the last one that is left covers operator 9 too
        rows[-1] = replace(rows[-1], fused=(*rows[-1].fused, 9))
        without_code = without_code - {9}
    document = run_document(variant("project", [1], ops=tuple(rows)), checked_operators=10)
    said = run_report.verdict(document)
    assert said.startswith("outputs: 1/1 samples identical, 10/10 operators")
    found = re.search(r"\((.*) needs? no code\)$", said)
    if not without_code:
        assert found is None
    elif len(without_code) > 3:
        assert found is not None and found[1] == f"{len(without_code)} of them"
    else:
        assert found is not None and found[1] == ", ".join(map(str, sorted(without_code)))


@given(st.floats(0, 9e12) | st.integers(0, 9 * 10**12))
def test_millions_are_right_to_four_digits(value: float) -> None:
    text = tables.millions(value)
    number, _, unit = text.partition(" ")
    shown = float(number) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[unit]
    assert abs(shown - value) <= max(0.5, 0.0005 * value)
    assert len(text) <= 10


def test_numbers_as_they_are_said() -> None:
    said = {None: "-", 0: "0", 890: "890", 999: "999", 1000: "1 k", 56_700: "56.7 k", 12_340_000: "12.34 M"}
    assert {value: tables.millions(value) for value in said} == said
    assert tables.millions(2_500_000_000) == "2.5 G"
    assert tables.ratio(10, 4) == "2.50x" and tables.ratio(4, 10) == "0.40x"
    assert {tables.ratio(*pair) for pair in ((None, 1), (1, None), (0, 1), (1, 0))} == {"-"}
    assert tables.per_mac(5, 2) == "2.50" and {tables.per_mac(None, 2), tables.per_mac(5, 0)} == {"-"}


@pytest.mark.parametrize(
    ("region", "line"),
    [
        (("a", 1, 1234), "region a: 1 run, 1,234 cycles"),
        (("a", 3, 10), "region a: 3 runs, 10 cycles, 3.3 each"),
        (("a", 2000, None), "region a: 2,000 runs"),
        (("a", 0, 0), "region a: 0 runs, 0 cycles"),
    ],
)
def test_regions(region: tuple[str, int, int | None], line: str) -> None:
    name, count, spent = region
    assert causes_report.region_line(RegionRun(name=name, count=count, cycles=spent, causes=None)) == line


@given(
    st.lists(
        st.tuples(st.sampled_from(TYPES), cycles, cycles, cycles, st.integers(0, 1 << 40)),
        min_size=1,
        max_size=5,
    ),
    words,
    st.integers(1, 3),
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_table_of_a_run_is_whole_in_a_pipe_and_has_a_row_per_operator(
    capsys: pytest.CaptureFixture[str], ops: list[Any], name: str, count: int
) -> None:
    names = ("reference", "portable", "project")[-count:]
    variants = []
    for place, title in enumerate(names, 1):
        rows = tuple(operator(number, op[place], op[0], op[4]) for number, op in enumerate(ops))
        variants.append(variant(title, [op[place] for op in ops], ops=rows))
    lines = drawn(capsys, run_report.show, run_document(*variants, project=name))
    table = lines[: next(number for number, line in enumerate(lines) if line.startswith("outputs: "))]
    shown = name if count == 3 or names[-1] == "project" else names[-1]
    assert shown.strip() in table[0]
    body = table[2:]
    assert len(body) == len(ops)
    for number, (line, op) in enumerate(zip(body, ops, strict=True)):
        cells = [str(number), op[0], f"portable/{op[0].lower()}", *tables.millions(op[count]).split()]
        assert line.split()[:3] == cells[:3]
        assert set(cells[3:]) <= set(line.split())


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_on_a_terminal_nothing_is_wider_than_it_and_nothing_is_lost(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    on_a_terminal(monkeypatch, columns)
    item = {
        "name": "a_function_with_a_long_name" * 2,
        "about": "what it does and why " * 4,
        "cycles": 12345678,
    }
    drawn_lines = drawn(capsys, others.list_, Listing(ok=True, what="kernels", items=(item,)))
    lines = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in drawn_lines]
    assert max(map(len, lines)) <= columns
    told = "".join(lines[2:])
    for value in (item["name"], item["about"], "12,345,678"):
        letters = set(value) - set(" ,")
        assert all(told.count(letter) >= value.count(letter) for letter in letters), value


def test_a_run_says_what_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    three = [variant("reference", [800, 0]), variant("portable", [400, 90]), variant("project", [50, 40])]
    lines = drawn(capsys, run_report.show, run_document(*three, accuracy=0.875, samples=8))
    text = "\n".join(lines)
    assert re.search(r"0 +CONV_2D +portable/conv_2d +400 +50 +8.00x +0.05", text)
    assert re.search(r"1 +CONV_2D +portable/conv_2d +90 +40 +2.25x +0.04", text)
    assert "outputs: 8/8 samples identical, 2/2 operators" in lines
    assert "reference        810 cycles,   0.41 per MAC, mine is 8.10x as fast" in lines
    assert "portable         500 cycles,   0.25 per MAC, mine is 5.00x as fast" in lines
    assert "mine             100 cycles,   0.05 per MAC" in lines
    assert "accuracy: 87.50% of 8 samples" in lines
    system = "engine rtl, board sim, CPU full+cfu, main_ram 32 MiB (2 cycles/word), 100 MHz, zig cc 0.17.0"
    assert lines[-2:] == [system, "build/sim/run.json"]


def test_a_wrong_result_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    mismatch = Mismatch(sample=1, op=2, tensor=3, index=4, expected=5, got=6, variant="project")
    limit = Limit(name="cycles", asked=1000, reached=2345, offender="operator 1")
    document = run_document(variant("project", [1]), mismatch=mismatch, limits=(limit,))
    lines = drawn(capsys, run_report.show, document)
    assert lines[-2] == "WRONG in project: sample 1, operator 2, tensor 3, index 4: expected 5, got 6"
    assert lines[-1].startswith("computed by no kernel")
    assert not [line for line in lines if " as fast" in line or line.startswith("accuracy")]
    assert "limit exceeded: cycles asked 1,000, reached 2,345 (operator 1)" in lines
    assert not any("identical" in line for line in lines)


@pytest.mark.parametrize("engine", ["evaluator", "host", "renode"])
def test_an_engine_without_cycles_shows_none(capsys: pytest.CaptureFixture[str], engine: str) -> None:
    document = run_document(variant("portable", [None]), variant("project", [None]), engine=engine)
    lines = drawn(capsys, run_report.show, document)
    assert f"engine {engine} (no cycles), zig cc 0.17.0" in lines
    assert "mine               - cycles,      - per MAC" in lines


def test_more_words_on_request_and_several_memories_always(capsys: pytest.CaptureFixture[str]) -> None:
    ram = MemoryUse(name="ram", base=0x4000_0000, bytes=4096, parts={"code": 1234, "arena": 5}, spans=())
    empty = MemoryUse(name="rom", base=0x100, bytes=64, parts={}, spans=())
    one = run_document(variant("project", [1], memory_map=(ram,), text="hi\n"))
    line = "  ram: 0x40000000, 4,096 bytes: code 1,234, arena 5"
    assert line not in drawn(capsys, run_report.show, one)
    assert line in (shown := drawn(capsys, run_report.show, one, verbose=True))
    assert "project printed: hi" in shown and any(
        text.startswith("project bytes: code 100,") for text in shown
    )
    two = run_document(variant("project", [1], memory_map=(ram, empty)))
    assert "  rom: 0x00000100, 64 bytes: nothing" in drawn(capsys, run_report.show, two)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "name": words,
                "cycles": st.integers(),
                "ok": st.booleans(),
                "about": words,
                "in": st.lists(words, max_size=3),
            }
        ),
        max_size=4,
    )
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lists_are_whole_in_a_pipe(capsys: pytest.CaptureFixture[str], items: list[dict[str, Any]]) -> None:
    lines = drawn(capsys, others.list_, Listing(ok=True, what="boards", items=tuple(items)))
    if not items:
        assert lines == ["none"]
        return
    assert len(lines) == 2 + len(items)
    for line, item in zip(lines[2:], items, strict=True):
        assert item["about"].strip() in line and f"{item['cycles']:,}" in line
        assert ", ".join(item["in"]).strip() in line


def test_a_list_hides_what_only_machines_read(capsys: pytest.CaptureFixture[str]) -> None:
    item = {
        "name": "x",
        "sha256": "abc",
        "source": "def",
        "bytes": 12345,
        "shipped": True,
        "parts": ["p", "q"],
    }
    heads, _, row = drawn(capsys, others.list_, Listing(ok=True, what="x", items=(item,)))
    assert heads.split() == ["name", "bytes", "shipped", "parts"] and row.split() == [
        "x",
        "12,345",
        "yes",
        "p,",
        "q",
    ]


def test_a_fault_of_exec_says_where_and_how_to_see_it(capsys: pytest.CaptureFixture[str]) -> None:
    fault = Fault(
        kind="bus_error",
        pc=0x40,
        function="f",
        file="a.c",
        line=3,
        registers={},
        message="load",
        waves="do",
    )
    host = ExecHost(files=("t.vcd",))
    document = exec_document(ok=False, fault=fault, exit_code=None, cycles=None, host=host)
    assert drawn(capsys, exec_report.show, document) == [
        "fault: bus_error at pc 0x00000040 in f (a.c:3)",
        "  load",
        "  see it: do",
        "written: t.vcd",
        "no exit code, - cycles, engine rtl",
    ]
    bare = Fault(kind="hang", pc=4, registers={}, message="")
    assert drawn(capsys, exec_report.show, replace(document, fault=bare, exit_code=3, cycles=1234)) == [
        "fault: hang at pc 0x00000004",
        "written: t.vcd",
        "exit code 3, 1,234 cycles, engine rtl",
    ]
    nowhere = Fault(kind="cfu_hang", pc=None, registers={}, message="")
    assert drawn(capsys, exec_report.show, exec_document(fault=nowhere))[0] == "fault: cfu_hang"


def test_checks_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    checks = (
        Check(name="a", ok=True, detail="x", error=None),
        Check(name="b", ok=False, detail="y", error=None),
    )
    document = artefacts.Test(ok=False, target="t", seed=7, checks=checks, host=Seconds(seconds={}))
    assert drawn(capsys, others.test, document) == [
        "ok     a: x",
        "FAILED b: y",
        "1/2 checks passed (seed 7)",
    ]


def test_changes_and_regressions(capsys: pytest.CaptureFixture[str]) -> None:
    row = DiffRow(variant="project", op="0 ADD", before=1000, after=1500, change=0.5)
    none = DiffRow(variant="project", op="total", before=None, after=None, change=None)
    limit = Limit(name="project.cycles", asked=0.1, reached=0.5, offender="0 ADD")
    lines = drawn(capsys, diff_report.show, diff_document(ok=False, rows=(row, none), limits=(limit,)))
    assert re.fullmatch(r"project +0 ADD +1 k +1.5 k +\+50.00%", lines[2].strip())
    assert re.fullmatch(r"project +total +- +- +-", lines[3].strip())
    assert lines[4] == "regression: project.cycles asked 10.00%, reached 50.00% (0 ADD)"


def value(op: str, name: str, before: float, after: float) -> DiffValue:
    change = (after - before) / before if before else None
    return DiffValue(variant="project", op=op, name=name, before=before, after=after, change=change)


CHANGED = diff_document(
    same={"board": True, "toolchain": False},
    rows=(
        DiffRow(variant="project", op="0 ADD", before=1000, after=1500, change=0.5),
        DiffRow(variant="project", op="1 ADD", before=1000, after=1000, change=0.0),
        DiffRow(variant="project", op="total", before=2000, after=2500, change=0.25),
    ),
    causes=(
        value("0 ADD", "dcache", 10, 500),
        value("0 ADD", "hazard", 20, 30),
        value("1 ADD", "hazard", 20, 20),
        value("total", "dcache", 10, 500),
        value("total", "executing", 1000, 900),
    ),
    sizes=(value("total", "code_bytes", 10_000, 12_345), value("total", "arena_bytes", 5, 5)),
    area=(value("total", "dsp", 0, 4),),
)


def test_a_change_is_told_by_its_main_cause_and_what_stays_is_not_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = [line.split() for line in drawn(capsys, diff_report.show, CHANGED)]
    assert text[2] == ["project", "0", "ADD", "1", "k", "1.5", "k", "+50.00%", "dcache", "+490"]
    assert text[3] == ["project", "1", "ADD", "1", "k", "1", "k", "+0.00%"]
    assert ["project", "executing", "1,000", "900", "-10.00%"] in text
    assert ["project", "code_bytes", "10,000", "12,345", "+23.45%"] in text
    assert ["project", "dsp", "0", "4", "-"] in text
    assert ["not", "the", "same", "in", "both:", "toolchain"] in text
    assert not [line for line in text if "arena_bytes" in line]


def test_markdown_for_a_pull_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert drawn(capsys, diff_report.markdown, CHANGED) == [
        "**mine** (digits, board sim, CPU full+cfu, engine rtl)",
        "",
        "| | before | after | change |",
        "|---|--:|--:|--:|",
        "| **project** | 2 k | 2.5 k | +25.00% |",
        "| project: 0 ADD | 1 k | 1.5 k | +50.00% |",
        "| project: dcache | 10 | 500 | +4900.00% |",
        "| project: executing | 1,000 | 900 | -10.00% |",
        "| project: code_bytes | 10,000 | 12,345 | +23.45% |",
        "| project: dsp | 0 | 4 | - |",
        "",
        "not the same in both: toolchain",
    ]


@given(st.lists(st.integers(-300, 300), max_size=30), words)
def test_markdown_stays_short_and_is_one_table(changes: list[int], name: str) -> None:
    rows = [
        DiffRow(variant=f"{name}|", op=f"{number} ADD", before=1000, after=1000 + grown, change=grown / 1000)
        for number, grown in enumerate(changes)
    ]
    lines = list(diff_report.markdown_lines(diff_document(rows=tuple(rows))))
    body = [line for line in lines[4:] if line.startswith("|")]
    assert len(body) == min(10, sum(grown != 0 for grown in changes))
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in body} <= {5}
    hidden = sum(grown != 0 for grown in changes) - 10
    assert (f"{hidden} more operators changed" in lines) == (hidden > 0)


def test_a_variant_without_a_change_takes_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    same = DiffRow(variant="portable", op="0 ADD", before=1000, after=1000, change=0.0)
    faster = DiffRow(variant="project", op="0 ADD", before=1000, after=900, change=-0.1)
    lines = drawn(capsys, diff_report.show, diff_document(rows=(same, faster)))
    assert [line.split()[0] for line in lines[2:]] == ["project", "portable:"]
    assert lines[-1] == "portable: no change"
    lines = drawn(capsys, diff_report.show, diff_document(rows=(same,)))
    assert lines == ["portable: no change"]


def test_inferences_are_summed(capsys: pytest.CaptureFixture[str]) -> None:
    dumped = infer_document(host=InferHost(outputs="o.npz", layers="", dump=("m.tflite", "a.npz")))
    assert drawn(capsys, others.infer, dumped) == [
        "2 samples, 1.3 k cycles, accuracy 50.00%: o.npz",
        "replay: cfukit infer m.tflite --inputs a.npz --outputs OUT.npz",
    ]
    plain = infer_document(cycles=None, accuracy=None)
    assert drawn(capsys, others.infer, plain) == ["2 samples: o.npz"]


def test_a_wrong_inference_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    mismatch = Mismatch(sample=1, op=2, tensor=3, index=4, expected=5, got=6, variant="project")
    lines = drawn(capsys, others.infer, infer_document(ok=False, mismatch=mismatch))
    assert lines[1:] == ["WRONG: sample 1, operator 2, tensor 3, index 4: expected 5, got 6"]


def test_what_a_system_takes_of_a_device(capsys: pytest.CaptureFixture[str]) -> None:
    document = build_document(
        used={"lc": 100, "dsp": 4},
        parts=Parts(cpu={"lc": 60, "dsp": 0}, cfu={"lc": 10, "dsp": 4}, soc=None),
        available={"lc": 5280, "dsp": 8},
        percent={"lc": 1.9, "dsp": 50},
        seeds=(Placement(seed=1, fmax_mhz=13.25), Placement(seed=2, fmax_mhz=None)),
        worst_path=WorstPath(delay_ns=75.5, begin="a", end="b", by_instance_ns={}),
        limits=(Limit(name="lut", asked=1, reached=2, offender=""),),
        notes=("DDR3 is slow",),
        files=("x.bin",),
    )
    lines = drawn(capsys, build_report.bitstream, document)
    rows = {line.split()[0]: line.split()[1:] for line in lines[2:8]}
    assert rows["CPU"] == ["60", "0"] and rows["CFU"] == ["10", "4"] and rows["rest"] == []
    assert rows["system"] == ["100", "4"] and rows["device"] == ["5280", "8"]
    assert rows["per"] == ["cent", "2", "50"]
    assert lines[8:] == [
        "13.2 MHz of 12 asked (median 13.0; seeds: 13.2)",
        "worst path: 75.5 ns from a to b",
        "DDR3 is slow",
        "limit exceeded: lut asked 1, reached 2",
        "x.bin",
    ]
    unplaced = replace(document, seeds=(), fmax_mhz=None)
    assert drawn(capsys, build_report.bitstream, unplaced)[8].startswith("lc: at least")


def test_area_shows_a_cfu_of_one_part_once(capsys: pytest.CaptureFixture[str]) -> None:
    used = {"lut": 10, "ff": 3, "bram": 0, "dsp": 2}
    front = ModuleUse(module="Cfu", instructions=(), used=used)
    mac = ModuleUse(module="state_acc", instructions=("mac4", "acc"), used=used)
    whole = FamilyUse(name="ecp5", used=used, parts=(front, mac))
    lines = drawn(capsys, build_report.area, build_document(families=(whole,)))
    assert [line.split()[0] for line in lines[2:5]] == ["ecp5", "front", "mac4,"]
    assert lines[5].startswith("parts: each synthesised alone")
    alone = FamilyUse(name="ecp5", used=used, parts=(front,))
    assert len(drawn(capsys, build_report.area, build_document(families=(alone,)))) == 3
