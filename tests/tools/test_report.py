"""What people read: numbers as they are said, tables that fit in 100 columns, nothing that the document does not hold."""

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cfukit_tools.report import build as build_report
from cfukit_tools.report import documents as report
from support.documents import operator, run_document, variant

TYPES = ["CONV_2D", "DEPTHWISE_CONV_2D", "UNIDIRECTIONAL_SEQUENCE_LSTM", "RESIZE_NEAREST_NEIGHBOR"]
words = st.text("abcdefghij_ -/.", min_size=1, max_size=60)
cycles = st.integers(0, 1 << 48)


def drawn(
    capsys: pytest.CaptureFixture[str], show: Any, document: dict[str, Any], **options: Any
) -> list[str]:
    capsys.readouterr()
    show(document, **options)
    captured = capsys.readouterr()
    return (captured.out + captured.err).splitlines()


@given(st.floats(0, 9e12) | st.integers(0, 9 * 10**12))
def test_millions_are_right_to_four_digits(value: float) -> None:
    text = report.millions(value)
    number, _, unit = text.partition(" ")
    shown = float(number) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[unit]
    assert abs(shown - value) <= max(0.5, 0.0005 * value)
    assert len(text) <= 10


def test_numbers_as_they_are_said() -> None:
    said = {None: "-", 0: "0", 890: "890", 999: "999", 1000: "1 k", 56_700: "56.7 k", 12_340_000: "12.34 M"}
    assert {value: report.millions(value) for value in said} == said
    assert report.millions(2_500_000_000) == "2.5 G"
    assert report.ratio(10, 4) == "2.50x" and report.ratio(4, 10) == "0.40x"
    assert {report.ratio(*pair) for pair in ((None, 1), (1, None), (0, 1), (1, 0))} == {"-"}
    assert report.per_mac(5, 2) == "2.50" and {report.per_mac(None, 2), report.per_mac(5, 0)} == {"-"}


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
    assert report.region_line(dict(zip(("name", "count", "cycles"), region, strict=True))) == line


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
def test_the_table_of_a_run_fits_and_has_a_row_per_operator(
    capsys: pytest.CaptureFixture[str], ops: list[Any], name: str, count: int
) -> None:
    names = ("reference", "portable", "project")[-count:]
    variants = []
    for place, title in enumerate(names, 1):
        entry = variant(title, [op[place] for op in ops])
        entry["ops"] = [operator(number, op[place], op[0], op[4]) for number, op in enumerate(ops)]
        variants.append(entry)
    lines = drawn(capsys, report.run, run_document(*variants, project=name))
    table = lines[: next(number for number, line in enumerate(lines) if line.startswith("outputs: "))]
    assert max(map(len, table)) <= report.WIDTH
    numbers = [line.split()[0] for line in table[2:] if line.strip()]
    assert [number for number in numbers if number.isdecimal()] == [str(n) for n in range(len(ops))]


def test_a_run_says_what_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    three = [variant("reference", [800, 0]), variant("portable", [400, 90]), variant("project", [50, 40])]
    lines = drawn(capsys, report.run, run_document(*three, accuracy=0.875, samples=8))
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
    mismatch = {"sample": 1, "op": 2, "tensor": 3, "index": 4, "expected": 5, "got": 6, "variant": "project"}
    limit = {"name": "cycles", "asked": 1000, "reached": 2345, "offender": "operator 1"}
    document = run_document(variant("project", [1]), mismatch=mismatch, limits=[limit])
    lines = drawn(capsys, report.run, document)
    assert "WRONG in project: sample 1, operator 2, tensor 3, index 4: expected 5, got 6" in lines
    assert "limit exceeded: cycles asked 1,000, reached 2,345 (operator 1)" in lines
    assert not any("identical" in line for line in lines)


@pytest.mark.parametrize("engine", ["evaluator", "host", "renode"])
def test_an_engine_without_cycles_shows_none(capsys: pytest.CaptureFixture[str], engine: str) -> None:
    document = run_document(variant("portable", [None]), variant("project", [None]), engine=engine)
    lines = drawn(capsys, report.run, document)
    assert f"engine {engine} (no cycles), zig cc 0.17.0" in lines
    assert "mine               - cycles,      - per MAC" in lines


def test_more_words_on_request_and_several_memories_always(capsys: pytest.CaptureFixture[str]) -> None:
    ram = {"name": "ram", "base": 0x4000_0000, "bytes": 4096, "parts": {"code": 1234, "arena": 5}}
    empty = {"name": "rom", "base": 0x100, "bytes": 64, "parts": {}}
    one = run_document(variant("project", [1], memory_map=[ram], text="hi\n"))
    line = "  ram: 0x40000000, 4,096 bytes: code 1,234, arena 5"
    assert line not in drawn(capsys, report.run, one)
    assert line in (shown := drawn(capsys, report.run, one, verbose=True))
    assert "project printed: hi" in shown and any(
        text.startswith("project bytes: code 100,") for text in shown
    )
    two = run_document(variant("project", [1], memory_map=[ram, empty]))
    assert "  rom: 0x00000100, 64 bytes: nothing" in drawn(capsys, report.run, two)


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
def test_lists_fit(capsys: pytest.CaptureFixture[str], items: list[dict[str, Any]]) -> None:
    lines = drawn(capsys, report.list_, {"items": items})
    assert max(map(len, lines)) <= report.WIDTH
    assert lines == ["none"] if not items else len(lines) >= 2 + len(items)


def test_a_list_hides_what_only_machines_read(capsys: pytest.CaptureFixture[str]) -> None:
    item = {
        "name": "x",
        "sha256": "abc",
        "source": "def",
        "bytes": 12345,
        "shipped": True,
        "parts": ["p", "q"],
    }
    heads, _, row = drawn(capsys, report.list_, {"items": [item]})
    assert heads.split() == ["name", "bytes", "shipped", "parts"] and row.split() == [
        "x",
        "12,345",
        "yes",
        "p,",
        "q",
    ]


def test_a_fault_of_exec_says_where_and_how_to_see_it(capsys: pytest.CaptureFixture[str]) -> None:
    fault = {
        "kind": "bus_error",
        "pc": 0x40,
        "function": "f",
        "file": "a.c",
        "line": 3,
        "message": "load",
        "waves": "do",
    }
    host = {"files": ["t.vcd"]}
    document = {
        "regions": [],
        "fault": fault,
        "exit_code": None,
        "cycles": None,
        "engine": "rtl",
        "host": host,
    }
    assert drawn(capsys, report.exec_, document) == [
        "fault: bus_error at pc 0x00000040 in f (a.c:3)",
        "  load",
        "  see it: do",
        "written: t.vcd",
        "no exit code, - cycles, engine rtl",
    ]
    document |= {
        "fault": {"kind": "hang", "pc": 4, "function": "", "file": ""},
        "exit_code": 3,
        "cycles": 1234,
    }
    assert drawn(capsys, report.exec_, document)[::2] == [
        "fault: hang at pc 0x00000004",
        "exit code 3, 1,234 cycles, engine rtl",
    ]


def test_checks_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    checks = [{"name": "a", "ok": True, "detail": "x"}, {"name": "b", "ok": False, "detail": "y"}]
    lines = drawn(capsys, report.test, {"checks": checks, "seed": 7})
    assert lines == ["ok     a: x", "FAILED b: y", "1/2 checks passed (seed 7)"]


def test_changes_and_regressions(capsys: pytest.CaptureFixture[str]) -> None:
    row = {"variant": "project", "op": "0 ADD", "before": 1000, "after": 1500, "change": 0.5}
    none = {"variant": "project", "op": "total", "before": None, "after": None, "change": None}
    limit = {"name": "project.cycles", "asked": 0.1, "reached": 0.5, "offender": "0 ADD"}
    lines = drawn(capsys, report.diff, {"rows": [row, none], "limits": [limit]})
    assert re.fullmatch(r"project +0 ADD +1 k +1.5 k +\+50.00%", lines[2].strip())
    assert re.fullmatch(r"project +total +- +- +-", lines[3].strip())
    assert lines[4].startswith("regression: project.cycles asked 0.1, reached 0.5")


def test_inferences_are_summed(capsys: pytest.CaptureFixture[str]) -> None:
    host = {"outputs": "o.npz", "dump": ["m.tflite", "a.npz"]}
    document = {"cycles": [600, 700], "samples": 2, "accuracy": 0.5, "host": host}
    assert drawn(capsys, report.infer, document) == [
        "2 samples, 1.3 k cycles, accuracy 50.00%: o.npz",
        "replay: cfukit infer m.tflite --inputs a.npz --outputs OUT.npz",
    ]
    document |= {"cycles": None, "accuracy": None, "host": {"outputs": "o.npz"}}
    assert drawn(capsys, report.infer, document) == ["2 samples: o.npz"]


def test_what_a_system_takes_of_a_device(capsys: pytest.CaptureFixture[str]) -> None:
    document = {
        "used": {"lc": 100, "dsp": 4},
        "parts": {"cpu": {"lc": 60, "dsp": 0}, "cfu": {"lc": 10, "dsp": 4}, "soc": None},
        "available": {"lc": 5280, "dsp": 8},
        "percent": {"lc": 1.9, "dsp": 50},
        "fmax_mhz": 13.25,
        "fmax_median_mhz": 13.0,
        "target_mhz": 12.0,
        "seeds": [{"seed": 1, "fmax_mhz": 13.25}, {"seed": 2, "fmax_mhz": None}],
        "worst_path": {"delay_ns": 75.5, "from": "a", "to": "b"},
        "limits": [{"name": "lut", "asked": 1, "reached": 2, "offender": ""}],
        "notes": ["DDR3 is slow"],
        "files": ["x.bin"],
    }
    lines = drawn(capsys, build_report.bitstream, document)
    rows = {line.split()[0]: line.split()[1:] for line in lines[2:8]}
    assert rows["CPU"] == ["60", "0"] and rows["CFU"] == ["10", "4"] and rows["rest"] == []
    assert (
        rows["system"] == ["100", "4"]
        and rows["device"] == ["5280", "8"]
        and rows["per"] == ["cent", "2", "50"]
    )
    assert lines[8:] == [
        "13.2 MHz of 12 asked (median 13.0; seeds: 13.2)",
        "worst path: 75.5 ns from a to b",
        "DDR3 is slow",
        "limit exceeded: lut asked 1, reached 2",
        "x.bin",
    ]
    document |= {"seeds": [], "fmax_mhz": None}
    assert drawn(capsys, build_report.bitstream, document)[8].startswith("lc: at least")
