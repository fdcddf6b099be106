"""The Callgrind file: the grammar of the Valgrind manual, its sums, and what callgrind_annotate reads from it."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfukit_base.artefacts.causes import CAUSE_NAMES, Busy, Causes, Segment
from cfukit_base.errors import UsageError
from cfukit_base.symbols import code_words, locate
from cfukit_tools import api
from cfukit_tools.report.callgrind import callgrind
from support.bare import compile_c

# "Callgrind Format Specification", the parts of the grammar that a file without calls and jumps can have.
_NAME = r"[A-Za-z][A-Za-z0-9]*"
_NUMBER = r"(?:0x[0-9a-fA-F]+|[0-9]+)"
HEADER = re.compile(
    rf"(?:|#.*|cmd:.*|desc:[ \t]*{_NAME}[ \t]*:.*|event:[ \t]*{_NAME}(?:[ \t]*:.*)?"
    rf"|events:[ \t]*{_NAME}(?:[ \t]+{_NAME})*|positions: instr line|(?:summary|totals):(?:[ \t]+[0-9]+)+)"
)
COSTS = re.compile(rf"({_NUMBER}) ({_NUMBER})((?: {_NUMBER})*)")
POSITION = re.compile(rf"(ob|fl|fi|fe|fn)=[ \t]*(?:\(({_NUMBER})\))?[ \t]*(.*)")
SOURCE = """\
static inline __attribute__((always_inline)) u32 inner(u32 a) { return CFU(1, 2, a, a); }
__attribute__((noinline)) u32 other(u32 a) { return inner(a) * 3 + inner(a + 1); }
int main(void) { return (int)(inner(3) + other(4)); }
"""


def parsed(text: str) -> tuple[list[str], list[int], Counter[tuple[str, str, int, int]]]:
    """Events, summary, and the first cost of each (function, file, line, address)."""
    format_line, version, creator, *lines = text.splitlines()
    assert (format_line, version) == ("# callgrind format", "version: 1") and creator.startswith("creator:")
    events: list[str] = []
    summary: list[int] = []
    now = dict.fromkeys(("ob", "file", "fn"), "")
    names: dict[tuple[str, str], str] = {}
    found: Counter[tuple[str, str, int, int]] = Counter()
    body = False
    for line in lines:
        body |= re.match(r"ob=", line) is not None
        if not body:
            assert HEADER.fullmatch(line), line
            if line.startswith("events:"):
                events = line.split()[1:]
            if line.startswith("summary:"):
                summary = [int(word) for word in line.split()[1:]]
        elif place := POSITION.fullmatch(line):
            kind = "file" if place[1] in ("fl", "fi", "fe") else place[1]
            if place[2] and place[3]:
                assert (kind, place[2]) not in names
                names[kind, place[2]] = place[3]
            now[kind] = names[kind, place[2]] if place[2] else place[3]
        else:
            costs = COSTS.fullmatch(line)
            assert costs, line
            values = [int(word) for word in costs[3].split()]
            assert len(values) == len(events) and values[0] == sum(values[1:])
            found[now["fn"], now["file"], int(costs[2]), int(costs[1], 16)] += values[0]
    return events, summary, found


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_c(SOURCE, tmp_path_factory.mktemp("callgrind"))


def segment_of(program: Path, seed: int) -> Segment:
    """Cycles for every instruction of the program."""
    by_pc = {
        pc: tuple((seed * (pc + 7 * n)) % 1000 for n in range(len(CAUSE_NAMES))) for pc in code_words(program)
    }
    sums = [sum(row) for row in zip(*by_pc.values(), strict=True)]
    causes = Causes(**dict(zip(CAUSE_NAMES, sums, strict=True)))
    return Segment(causes.cycles, causes, Busy(cfu=0, memory_port=0, dma_bytes=0), by_pc)


@settings(max_examples=20)
@given(st.integers(1, 1 << 40), st.text())
def test_the_file_follows_the_grammar_and_loses_nothing(program: Path, seed: int, command: str) -> None:
    whole = segment_of(program, seed)
    events, summary, found = parsed(callgrind(whole, program, command))
    assert len(events) == len(set(events)) == 1 + len(CAUSE_NAMES)
    assert summary == [whole.causes.cycles, *whole.causes.named().values()]
    assert {pc: cycles for (*_, pc), cycles in found.items()} == {
        pc: sum(counts) for pc, counts in whole.by_pc.items()
    }
    for function, file, line, pc in found:
        at = locate(program, pc)
        assert (function, line) == (at.function or "???", at.line)
        assert not at.file or file == at.file


@pytest.mark.needs("callgrind_annotate")
def test_callgrind_annotate_reads_it(program: Path, tmp_path: Path) -> None:
    whole = segment_of(program, 12345)
    file = tmp_path / "callgrind.out"
    file.write_text(callgrind(whole, program, "a program"))
    command = ["callgrind_annotate", "--threshold=100", str(file)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"{whole.causes.cycles:,}" in said
    spent: Counter[str] = Counter()
    for pc, counts in whole.by_pc.items():
        spent[locate(program, pc).function] += sum(counts)
    for name in ("main", "other"):
        [row] = [line for line in said.splitlines() if re.search(rf":{name}(?: |$)", line)]
        assert row.split()[0] == f"{spent[name]:,}"


def test_engines_without_causes_write_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program.c").write_text("int main(void) { return 0; }")
    for call in (
        lambda: api.exec_("program.c", stdin=b"", engine="host", callgrind="out"),
        lambda: api.profile("digits", engine="evaluator", callgrind="out"),
    ):
        with pytest.raises(UsageError, match="--callgrind: engine .* does not tell where cycles go"):
            call()
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_exec_writes_all_of_its_cycles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program.c").write_text(
        "int main(void) { volatile int i = 0; while (i < 99) i++; return 0; }"
    )
    document = api.exec_("program.c", stdin=b"", engine="rtl", callgrind="out")
    _, summary, found = parsed((tmp_path / "out").read_text())
    assert summary == [document["cycles"], *document["causes"].values()]
    assert sum(cycles for (function, *_), cycles in found.items() if function == "main") == next(
        one["cycles"] for one in document["functions"] if one["name"] == "main"
    )
