"""The verb exec on a simulated system: output, input, regions, faults, hangs and waves."""

import io
import json
import shlex
from pathlib import Path

import pytest

from cfukit_base.artefacts import Fault, Outcome
from cfukit_base.cache.manifest import NAME as MANIFEST
from cfukit_base.errors import BuildError, UsageError
from cfukit_tools import api
from cfukit_tools.cli import commands as cli
from cfukit_tools.engines.rtl import _last_cycles

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
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    return tmp_path


def program(folder: Path, body: str, name: str = "program.c") -> Path:
    path = folder / name
    path.write_text(f'#include "cfukit.h"\n#include "cfu.h"\n{body}\n')
    return path


def test_output_input_regions_and_exit_code(here: Path) -> None:
    body = r"""
int main(void) {
  for (int i = 0; i < 3; i++)
    CFUKIT_REGION("turn") { for (volatile int k = 0; k < 10; k++) {} }
  int c, sum = 0;
  while ((c = getchar()) != EOF) sum += c;
  printf("sum %d\n", sum);
  return 7;
}"""
    document = api.exec_(program(here, body), stdin=bytes(range(256)))
    assert document["output"] == f"sum {sum(range(256))}\n"
    assert document["exit_code"] == 7 and document["ok"] is False
    (region,) = document["regions"]
    assert region["name"] == "turn" and region["count"] == 3
    assert 3 * 50 < region["cycles"] < 3 * 2000
    assert document["cycles"] > document["instructions"] > 1000
    again = api.exec_(program(here, body), stdin=bytes(range(256)))
    assert again == document


def test_the_command_line_passes_the_exit_code_on(
    here: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    path = program(here, r'int main(void) { puts("out"); return 3; }')
    assert cli.run(["exec", str(path)]) == 1
    captured = capsysbinary.readouterr()
    assert captured.out == b"out\n"
    assert b"exit code 3" in captured.err
    assert cli.run(["exec", str(path), "--json"]) == 1
    assert json.loads(capsysbinary.readouterr().out)["exit_code"] == 3


@pytest.mark.parametrize(
    ("body", "kind", "line"),
    [
        ("int main(void) {\n  *(volatile int *)0x12345678 = 1;\n  for (;;) {}\n}", "bus_error", None),
        ('int main(void) {\n  __asm__ volatile(".word 0");\n  return 0;\n}', "illegal_instruction", 4),
        ("int main(void) {\n  return *(volatile int *)0x40000001;\n}", "load_misaligned", 4),
    ],
)
def test_a_fault_names_kind_place_and_registers(here: Path, body: str, kind: str, line: int | None) -> None:
    document = api.exec_(program(here, body), stdin=b"")
    fault = document["fault"]
    assert not document["ok"]
    assert fault["kind"] == kind
    assert fault["function"] == "main"
    assert fault["file"] == "program.c" and str(here) not in json.dumps(document)
    assert line is None or fault["line"] == line
    assert fault["registers"]["x0"] == 0 and fault["registers"]["x2"] != 0


@pytest.mark.parametrize("frame_words", [4, 5000])
def test_a_recursion_without_end_is_a_stack_overflow_of_its_function(here: Path, frame_words: int) -> None:
    """Small frames would overwrite everything below the stack; large ones jump over it."""
    body = f"""static __attribute__((noinline)) int deeper(int n) {{
  volatile int here[{frame_words}];
  here[n & 3] = n;
  return deeper(n + 1) + here[0];
}}
int main(void) {{ return deeper(0); }}"""
    fault = api.exec_(program(here, body), stdin=b"")["fault"]
    assert (fault["kind"], fault["function"]) == ("stack_overflow", "deeper")
    assert Path(fault["file"]).name == "program.c" and fault["line"] in (3, 4, 5)
    assert "below the stack of" in fault["message"] and "deeper" in fault["message"]
    assert fault["registers"]["x2"] > 0x40000000


def test_another_use_of_the_stack_pointer_is_no_overflow(here: Path) -> None:
    source = here / "program.S"
    source.write_text(".global main\nmain:\n  mv t0, sp\n  li sp, 5\n  add a0, sp, sp\n  mv sp, t0\n  ret\n")
    assert api.exec_(source, stdin=b"")["exit_code"] == 10


def test_an_endless_program_ends_at_max_cycles(here: Path) -> None:
    document = api.exec_(
        program(here, 'int main(void) { for (;;) __asm__ volatile(""); }'), stdin=b"", max_cycles=20_000
    )
    assert document["fault"]["kind"] == "time_out"
    assert document["fault"]["function"] == "main"
    assert document["exit_code"] is None


@pytest.mark.slow
def test_a_cfu_that_never_answers_is_reported_with_the_way_to_see_it(here: Path) -> None:
    (here / "hang").mkdir()
    (here / "hang" / "cfu.py").write_text(HANGING_CFU)
    (here / "hang" / "project.toml").write_text('name = "hang"\n[variant.other]\nabout = "other"\n')
    path = program(here, "int main(void) {\n  cfu_op3(0, 2, 3);\n  return (int)cfu_op3(5, 7, 9);\n}")
    inlined = program(
        here, '#include "cfu_ops.h"\nint main(void) {\n  return (int)cfu_wait(7);\n}', "inlined.c"
    )
    document = api.exec_(path, project=here / "hang", stdin=b"", hang_cycles=5000)
    fault = document["fault"]
    assert fault["kind"] == "cfu_hang"
    assert fault["cfu"] == {"funct3": 3, "funct7": 5, "a": 7, "b": 9, "accepted": True}
    assert (fault["function"], fault["line"]) == ("main", 5)
    called = api.exec_(inlined, project=here / "hang", stdin=b"", hang_cycles=5000)["fault"]
    assert (Path(called["file"]).name, called["line"]) == ("inlined.c", 5)
    words = shlex.split(fault["waves"])
    assert words[:2] == ["cfukit", "exec"]
    assert cli.run(words[1:]) == 1
    told = api.exec_(
        path,
        project=here / "hang",
        stdin=b"",
        hang_cycles=5000,
        assignments=("place.code = main_ram", "sw.cflags=['-DX']"),
        variant="other",
        board="sim",
        compiler="zig",
    )["fault"]["waves"]
    options = " --board sim --variant other --cc zig --set 'place.code = main_ram' --set "
    assert options in told and shlex.split(told)[-5] == "sw.cflags=['-DX']"
    text = Path("hang.vcd").read_text()
    assert "cfu_cmd_valid" in text and "$enddefinitions" in text


def test_what_does_not_compile_is_exit_2_with_place_and_text(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = program(here, "int main(void) { return undeclared; }")
    with pytest.raises(BuildError, match="undeclared"):
        api.exec_(path, stdin=b"")
    assert cli.run(["exec", str(path)]) == 2
    shown = capsys.readouterr().err
    assert f"{path}:3:" in shown and "Traceback" not in shown
    with pytest.raises(BuildError, match="undefined symbol 'gone'"):
        api.exec_(program(here, "int gone(void); int main(void) { return gone(); }"), stdin=b"")


def test_too_much_memory_does_not_fit(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = program(
        here, "static volatile char big[64 << 20];\nint main(void) { return big[cfukit_cycles_low()]; }"
    )
    assert cli.run(["exec", str(path)]) == 1
    assert "main_ram: does not fit" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["exec", "gone.c"], "no such file"),
        (["exec", "a.py"], "not a program"),
        (["exec", "ok.c", "--engine", "evaluator"], "evaluator runs models, not programs"),
        (["exec", "ok.c", "--engine", "quick"], "'quick' is no engine"),
        (["exec", "ok.c", "--engine", "rtk"], "did you mean 'rtl'"),
        (["exec", "ok.c", "--waves", "w.vcd:9:3"], "FROM below TO"),
        (["exec", "ok.c", "--waves", "w.vcd:9"], "FILE or FILE:FROM:TO"),
        (["exec", "ok.c", "--waves", ":1:2"], "FILE or FILE:FROM:TO"),
        (["exec", "ok.c", "--waves", "w.vcd", "--engine", "host"], "--waves: engine host has no cycles"),
        (["exec", "ok.c", "--trace", "t.txt", "--engine", "host"], "--trace: engine host has no cycles"),
        (
            ["exec", "ok.c", "--max-cycles", "5", "--engine", "host"],
            "--max-cycles: engine host has no cycles",
        ),
        (["exec", "ok.c", "--hang-cycles", "5", "--engine", "host"], "--hang-cycles: engine host has"),
        (["exec", "ok.c", "--max-cycles", "-1"], "--max-cycles: -1; 0 or more"),
        (["exec", "ok.c", "--hang-cycles", "-1"], "--hang-cycles: -1; 0 or more"),
        (["exec", "ok.c", "--board", "sym"], "did you mean 'sim'"),
        (["exec", "ok.c", "--cc", "msvc"], "one of zig, gcc"),
        (["exec", "ok.c", "--set", "soc.cpu=huge"], "soc.cpu"),
    ],
)
def test_wrong_usage(
    here: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    program(here, "int main(void) { return 0; }", "ok.c")
    assert cli.run(arguments) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "evaluator"}, "evaluator runs models, not programs"),
        ({"engine": "board", "port": "nowhere"}, "nowhere: no such port"),
        ({"engine": "host", "trace": "t.txt"}, "--trace: engine host has no cycles"),
    ],
)
def test_what_cannot_run_is_told_before_anything_is_compiled(
    here: Path, options: dict[str, str], message: str
) -> None:
    path = program(here, "int main(void) { return 0; }")
    with pytest.raises(UsageError, match=message):
        api.exec_(path, stdin=b"", **options)
    assert not list(here.glob("build/**/*.elf"))


def test_the_host_shows_output_and_regions(here: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    path = program(here, 'int main(void) { CFUKIT_REGION("r") { puts("out"); } return 0; }')
    assert cli.run(["exec", str(path), "--engine", "host"]) == 0
    captured = capsysbinary.readouterr()
    assert captured.out == b"out\n"
    assert b"region r: 1 run\n" in captured.err
    crash = program(here, "int main(void) { *(volatile int *)16 = 1; return 0; }", "crash.c")
    assert cli.run(["exec", str(crash), "--engine", "host"]) == 1
    assert b"SIGSEGV" in capsysbinary.readouterr().err


def test_the_host_runs_the_same_program_without_cycles(here: Path) -> None:
    document = api.exec_(
        program(here, 'int main(void) { printf("%d", 6 * 7); return 0; }'), engine="host", stdin=b""
    )
    assert (document["output"], document["cycles"], document["exit_code"]) == ("42", None, 0)


def test_assembler_and_elf_run_too(here: Path) -> None:
    source = here / "program.S"
    source.write_text(".global main\nmain:\n  li a0, 9\n  ret\n")
    assert api.exec_(source, stdin=b"")["exit_code"] == 9
    elf = next(here.glob("build/program/sim/firmware-*/firmware.elf"))
    copy = here / "copy.elf"
    copy.write_bytes(elf.read_bytes())
    assert api.exec_(copy, stdin=b"")["exit_code"] == 9
    copy.write_bytes(
        elf.read_bytes().replace(bytes.fromhex("13059000"), bytes.fromhex("0b000000"))
    )  # li a0, 9
    with pytest.raises(BuildError, match="rd = x0"):
        api.exec_(copy, stdin=b"")
    copy.write_text("not an ELF")
    with pytest.raises(UsageError, match="is not an ELF"):
        api.exec_(copy, stdin=b"")


def test_the_trace_has_a_line_per_instruction(here: Path) -> None:
    path = program(here, "int main(void) { return 0; }")
    document = api.exec_(path, stdin=b"", trace=here / "trace.txt")
    assert len((here / "trace.txt").read_text().splitlines()) == document["instructions"]


def cycles_shown(vcd: Path) -> tuple[int, int]:
    """The first and the last cycle of a VCD at 100 MHz: 10,000 ps each."""
    times = [int(line[1:]) for line in vcd.read_text().splitlines() if line.startswith("#")]
    return times[0] // 10_000, times[-1] // 10_000


@pytest.mark.slow
def test_causes_are_told_when_asked_for(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "divide.c").write_text(
        "volatile unsigned s;\nint main(void) { for (unsigned i = 1; i < 200; i++) s += 1000u / i; return 0; }\n"
    )
    document = api.exec_("divide.c", causes=True)
    told = [document[key] for key in ("functions", "lines", "code", "busy")]
    assert sum(document["causes"].values()) == document["cycles"]
    assert document["causes"]["executing"] == document["instructions"]
    assert document["causes"]["muldiv"] == 199 * 33
    plain = api.exec_("divide.c")
    assert plain["causes"] is None and plain["cycles"] == document["cycles"]
    assert (
        all(told)
        and document["cfu"] == []
        and document["busy"]
        == {
            "cfu": 0,
            "memory_port": 0,
            "dma_bytes": 0,
        }
    )
    assert [plain[key] for key in ("functions", "lines", "code", "cfu", "busy")] == [None] * 5
    own = [one for one in document["functions"] if not one["inlined"]]
    for rows in (own, document["lines"]):
        assert sum(row["cycles"] for row in rows) == document["cycles"]
        assert sum(row["instructions"] for row in rows) == document["instructions"]
    main = document["functions"][0]
    assert (main["name"], main["file"], main["line"]) == ("main", "divide.c", 2)
    assert main["causes"]["muldiv"] == 199 * 33 and main["cycles"] > document["cycles"] / 2
    (divide,) = [one for one in document["code"] if one["text"].startswith("divu")]
    assert (divide["function"], divide["file"], divide["line"]) == ("main", "divide.c", 2)
    assert divide["executions"] == 199 and divide["causes"]["muldiv"] == 199 * 33
    assert cli.run(["exec", "divide.c", "--causes"]) == 0
    shown = capsys.readouterr()
    assert "cycles: executing " in shown.err and shown.out == ""
    (row,) = [line for line in shown.err.splitlines() if line.endswith("divide.c:2")]
    assert " main " in row and "muldiv" in row
    assert cli.run(["exec", "divide.c", "--annotate", "main"]) == 0
    listed = capsys.readouterr().err
    assert f"main: {main['cycles']:,} cycles, " in listed
    assert "divide.c:2  int main(void) { for" in listed and listed.count("divu ") == 1
    with pytest.raises(UsageError, match="--annotate: 'mein'; no such hot function, did you mean 'main'"):
        api.exec_("divide.c", annotate="mein")
    with pytest.raises(UsageError, match="--annotate: engine host does not tell where cycles go"):
        api.exec_("divide.c", annotate="main", engine="host")
    with pytest.raises(UsageError, match="--causes: engine host has no cycles"):
        api.exec_("divide.c", causes=True, engine="host")


@pytest.mark.slow
def test_causes_of_a_program_that_faults_or_uses_the_cfu(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fault = 'int main(void) {\n  for (volatile int i = 0; i < 99; i++) {}\n  __asm__ volatile(".word 0");\n}'
    document = api.exec_(program(here, fault), stdin=b"", causes=True)
    assert document["fault"]["kind"] == "illegal_instruction"
    assert "main" in {one["name"] for one in document["functions"]}
    api.init("mine", "template")
    calls = "int main(void) {\n  for (unsigned i = 0; i < 5; i++)\n    s += cfu_dot4(i, s);\n  return 0;\n}\n"
    (here / "calls.c").write_text(f'#include "cfu_ops.h"\nvolatile unsigned s;\n{calls}')
    assert cli.run(["exec", "calls.c", "--project", "mine", "--causes", "--json"]) == 0
    (used,) = json.loads(capsys.readouterr().out)["cfu"]
    assert (used["instruction"], used["calls"]) == ("dot4", 5)
    assert cli.run(["exec", "calls.c", "--project", "mine", "--annotate", "main"]) == 0
    listed = capsys.readouterr().err
    assert "CFU dot4: 5 calls" in listed and "CFU idle in " in listed and "calls.c:5" in listed


def test_waves_show_a_window_or_the_end(here: Path) -> None:
    path = program(here, "int main(void) { for (volatile int k = 0; k < 1000; k++) {} return 0; }")
    end = api.exec_(path, stdin=b"", waves="last.vcd")["cycles"]
    assert end > 10_000
    first, last = cycles_shown(here / "last.vcd")
    assert (end - 2000, end) == pytest.approx((first, last), abs=2)
    document = api.exec_(path, stdin=b"", waves="some.vcd:100:200")
    assert document["host"]["files"] == ["some.vcd"]
    assert document["engine"] == "rtl"  # the default engine has no signals
    assert cycles_shown(here / "some.vcd") == (100, 199)


def test_without_a_window_waves_show_what_came_last() -> None:
    def ended(cycles: int, kind: str = "") -> Outcome:
        fault = Fault(kind=kind, pc=4, registers={}, message="") if kind else None
        return Outcome(output=b"", exit_code=None, cycles=cycles, fault=fault)

    assert _last_cycles(ended(60_000, "hang"), 50_000) == (8_200, 10_200)
    assert _last_cycles(ended(60_000, "cfu_hang"), 50_000) == (8_200, 10_200)
    assert _last_cycles(ended(60_000, "trap"), 50_000) == (58_001, 60_001)
    assert _last_cycles(ended(100), 50_000) == (0, 101)


def test_a_programs_text_comes_as_it_is_written_and_only_text(here: Path) -> None:
    came: list[bytes] = []
    path = program(here, 'int main(void) { CFUKIT_REGION("r") { puts("one"); } puts("two"); return 0; }')
    for engine in ("host", "rtl"):
        came.clear()
        document = api.exec_(path, engine=engine, stdin=b"", write=came.append)
        assert b"".join(came) == b"one\ntwo\n" == document["output"].encode()
        assert [region["name"] for region in document["regions"]] == ["r"]


def written(folder: Path) -> dict[Path, int]:
    """When each file below `folder` was last written, in nanoseconds."""
    files = [
        path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST
    ]  # its time is that of the last use
    return {path: path.stat().st_mtime_ns for path in files}


def test_a_second_run_is_quick_because_nothing_is_built(here: Path) -> None:
    path = program(here, "int main(void) { return 0; }")
    api.exec_(path, stdin=b"")
    before = written(here)
    api.exec_(path, stdin=b"")
    assert written(here) == before
