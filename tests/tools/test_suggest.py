"""`cfukit suggest`: what is tried where, which of it becomes advice, and that whoever follows it gets the cycles that it names."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cfukit_base.artefacts import Json
from cfukit_base.artefacts.causes import CAUSE_NAMES, Causes, FunctionRun
from cfukit_base.artefacts.roofline import Roof
from cfukit_base.artefacts.run import MemoryUse, VariantRun
from cfukit_base.errors import ResultError, UsageError
from cfukit_cpu.configuration import CACHE_BYTES, Configuration, configuration
from cfukit_sw.model_builder import ModelBuilder
from cfukit_sw.tflite_writer import model_bytes
from cfukit_tools import api
from cfukit_tools.advice import evidence, library
from cfukit_tools.advice.candidates import families
from cfukit_tools.advice.expression import value_of
from cfukit_tools.cli import commands as cli
from cfukit_tools.engines import catalogue
from cfukit_tools.engines.engine import Systems
from cfukit_tools.inference import trial
from cfukit_tools.inference.trial import Trial
from cfukit_tools.project.catalogue import project_folders
from cfukit_tools.project.keys import parse_assignment
from cfukit_tools.project.project import load_target, words_of
from cfukit_tools.verbs import suggest as verb
from support.documents import operator, variant


def caused(**counts: int) -> Causes:
    return Causes.of(counts)


def profiled(arena: int = 100, weights: int = 20_000, memory: str = "main_ram", **counts: int) -> VariantRun:
    """A profile of two operators; the second has all of `counts`, the first executes only."""
    first, second = caused(executing=1000), caused(**{"executing": 1000, **counts})
    ops = [replace(operator(0, 1000), causes=first), replace(operator(1, second.cycles), causes=second)]
    run = FunctionRun(
        name="f", file="f.c", line=3, inlined=False, cycles=second.cycles, instructions=1000, causes=second
    )
    return variant(
        "portable",
        [1000, second.cycles],
        overhead=0,
        ops=tuple(ops),
        causes=first + second,
        functions=(replace(run, inlined=True, name="copy"), run),
        memory_map=(
            MemoryUse(
                name=memory, base=0, bytes=1 << 20, parts={"arena": arena, "weights": weights}, spans=()
            ),
        ),
    )


def changes(cpu: Configuration, base: str = "", **sizes: int) -> dict[str, list[tuple[str, ...]]]:
    """What is offered for a CPU: the changes of each family, by kind and causes or functions."""
    return {
        f"{family.kind} {'+'.join(family.causes or sorted(family.functions))}": [
            candidate.changes for candidate in family.candidates
        ]
        for family in families(cpu, profiled(**sizes), base)
    }


def test_caches_grow_and_nothing_is_offered_that_is_there() -> None:
    offered = changes(Configuration())
    assert offered["icache icache"] == [
        (f"soc.cpu.icache_bytes={size}",) for size in CACHE_BYTES if size > 4096
    ]
    assert offered["dcache dcache+uncached"][-1] == ("soc.cpu.dcache_bytes=65536",)
    assert not any(name.startswith("cpu") for name in offered), "this CPU has all units"
    assert changes(Configuration(icache_bytes=65536))["icache icache"] == []
    small = changes(configuration("min").configuration)
    assert small["dcache dcache+uncached"][0] == ("soc.cpu.dcache_bytes=1024",)
    assert small["cpu branch"] == [("soc.cpu.prediction=static",)]
    assert list(changes(configuration("fomu-mac").configuration))[-1].startswith("cpu __divsi3")


@pytest.mark.parametrize("name", ["full+cfu", "lean", "min", "perf", "tcm"])
def test_every_change_is_a_cpu(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change keeps all other keys of a preset, whether the project names it or the board has it."""
    monkeypatch.chdir(tmp_path)
    known = configuration(name).configuration
    for base, given in (("", (f"soc.cpu={name}",)), (name, ())):
        for family in families(known, profiled(), base):
            for candidate in family.candidates:
                project = load_target("digits", assignments=(*given, *candidate.changes))
                made = configuration(project["soc.cpu"] or base).configuration
                keys = {
                    parse_assignment(text)[0].rpartition(".")[2]
                    for text in candidate.changes
                    if "cpu" in text
                }
                wanted = {key: getattr(made, key) for key in keys - {"base"}}
                assert made == replace(known, **wanted)


@pytest.mark.parametrize(
    ("arena", "weights", "sizes"),
    [
        (100, 20_000, [16, 32, 32]),
        (16384, 16384, [16, 16, 32]),
        (16385, 600_000, [32]),
        (1, 500_000, [16, 496, 496]),
    ],
)
def test_a_tcm_holds_what_is_put_there(arena: int, weights: int, sizes: list[int]) -> None:
    offered = changes(Configuration(), arena=arena, weights=weights)["tcm dcache+store+uncached"]
    assert [candidate[0] for candidate in offered] == [f"soc.cpu.dtcm_bytes={size * 1024}" for size in sizes]
    assert offered[0][1:] == ("place.arena=dtcm",)


def test_a_tcm_that_is_large_enough_stays_as_it_is() -> None:
    offered = changes(Configuration(dtcm_bytes=80 * 1024))["tcm dcache+store+uncached"]
    assert offered == [
        ("place.arena=dtcm",),
        ("place.weights=dtcm",),
        ("place.arena=dtcm", "place.weights=dtcm"),
    ]
    assert changes(Configuration(dtcm_bytes=80 * 1024), memory="dtcm")["tcm dcache+store+uncached"] == []


def test_evidence_adds_up_and_names_the_worst_place() -> None:
    one = evidence.of_causes(profiled(dcache=300, store=50, hazard=7), ("dcache", "store", "uncached"))
    assert (one.cycles, one.causes) == (350, {"dcache": 300, "store": 50})
    assert one.share == round(350 / 2357, 4) and one.operators == (1,)
    assert (one.function, one.file, one.line) == ("f", "f.c", 3)
    whole = evidence.of_operators(profiled(dcache=300), {0, 1})
    assert (whole.cycles, whole.share, whole.operators) == (2300, 1.0, (1, 0))
    assert "reaches" not in whole.text
    roof = Roof(instructions=1, limits=(), bound="CFU", attained=0.25)
    known = profiled(dcache=300)
    known = replace(known, ops=(known.ops[0], replace(known.ops[1], roof=roof)))
    assert evidence.of_operators(known, {0, 1}).text.endswith("1 CONV_2D reaches 25% of its limit (CFU)")
    assert evidence.of_data(known, ("dcache",)).text.endswith("; arena in main_ram, weights in main_ram")
    assert evidence.of_functions(profiled(), ("copy",)).cycles == 0, (
        "copies count in the function that they are in"
    )
    assert evidence.of_functions(profiled(), ("f",)).cycles == 1000


def test_engines_that_try_systems_come_in_the_order_of_their_cost() -> None:
    found = [(engine.name, engine.abilities.systems) for engine in catalogue.simulators()]
    assert found == [("fast", Systems.ANY), ("rtl", Systems.BUILT)]
    assert [engine.name for engine in catalogue.explainers()] == ["fast", "rtl"]


def test_a_command_line_says_its_choice_again() -> None:
    given = {"model": "m", "board": "b", "variant": "v", "compiler": "gcc", "assignments": ("x=1", "y=2")}
    expected = [
        "--model",
        "m",
        "--board",
        "b",
        "--variant",
        "v",
        "--cc",
        "gcc",
        "--set",
        "x=1",
        "--set",
        "y=2",
    ]
    assert words_of(given) == expected  # type: ignore[arg-type]
    assert words_of({}) == []


# --- with made-up cycles --------------------------------------------------------------------------------------------------


def tiny() -> bytes:
    """CONV_2D 3x3 over 8x8x8, in few cycles."""
    rng = np.random.default_rng(3)
    build = ModelBuilder("tiny")
    x = build.tensor("x", (1, 8, 8, 8), scale=0.5, zero_point=0)
    y = build.tensor("y", (1, 6, 6, 8), scale=0.5, zero_point=0)
    numbers = rng.integers(-127, 128, (8, 3, 3, 8)).astype(np.int8)
    weights = build.constant("w", numbers, scale=0.01, zero_point=0)
    bias = build.constant("b", np.zeros(8, np.int32), scale=0.005, zero_point=0)
    build.operator("CONV_2D", [x, weights, bias], [y], padding="VALID", stride_h=1, stride_w=1)
    return model_bytes(build.model([x], [y]))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", None)
    (tmp_path / "tiny.tflite").write_bytes(tiny())
    return tmp_path


@pytest.fixture
def no_cfus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Projects that ship are not tried."""
    monkeypatch.setattr(library, "begins", lambda project: False)


class Scripted:
    """Cycles by the value of one key, and what was asked for."""

    def __init__(self, key: str, cycles: dict[int, int]):
        self.key, self.cycles, self.asked = key, cycles, list[int]()

    def run(self, trials: object, project: object, name: str) -> Trial:
        cpu = project["soc.cpu"]  # type: ignore[index]
        size = cpu.get(self.key, 0) if isinstance(cpu, dict) else 0
        self.asked.append(size)
        if size not in self.cycles:
            raise UsageError(self.key, str(size), allowed="another")
        return Trial("toy", "cpu", self.cycles[size], {}, {})


def searched(scripted: Scripted, monkeypatch: pytest.MonkeyPatch, cycles: int, **counts: int) -> verb._Search:
    """A search whose profile has these causes and whose trials are scripted."""
    monkeypatch.setattr(trial.Trials, "run", lambda self, project, name: scripted.run(self, project, name))
    made = object.__new__(verb._Search)
    made.target, made.choice, made.project = "digits", {}, load_target("digits")
    made.trials = trial.Trials(None, [])  # type: ignore[arg-type]
    made.variant, made.cycles = profiled(**counts), cycles
    return made


@pytest.mark.parametrize(
    ("cycles", "asked", "best"),
    [
        (
            {8192: 900, 16384: 850, 32768: 849},
            [8192, 16384, 32768],
            16384,
        ),  # another doubling is not worth it
        ({8192: 995, 16384: 500}, [8192, 16384, 32768], 16384),  # 32768 is refused, and so is 65536
        ({8192: 900, 16384: 895, 32768: 100}, [8192, 16384], 8192),  # the search ends where nothing is gained
    ],
)
def test_the_smallest_cache_that_is_worth_it(
    cycles: dict[int, int], asked: list[int], best: int, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted = Scripted("icache_bytes", cycles)
    search = searched(scripted, monkeypatch, 1000, icache=100)
    [advice] = search.systems()
    assert scripted.asked[: len(asked)] == asked
    assert advice.changes == (f"soc.cpu.icache_bytes={best}",)
    assert (advice.cycles, advice.gain_cycles, advice.certainty) == (
        cycles[best],
        1000 - cycles[best],
        "exact",
    )
    assert advice.gain == round(1000 / cycles[best], 4)
    assert shlex.split(advice.command) == ["cfukit", "profile", "digits", "--set", advice.changes[0]]
    refused = [size for size in scripted.asked if size not in cycles]
    assert len(search.trials.left_out) == len(refused)


def test_a_cause_of_under_two_percent_is_not_looked_into(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = Scripted("icache_bytes", dict.fromkeys(CACHE_BYTES, 1))
    assert list(searched(scripted, monkeypatch, 1000, icache=10, branch=900).systems()) == []
    assert scripted.asked == []


def test_other_cycles_for_the_same_system_are_an_error(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    search = searched(Scripted("icache_bytes", {0: 999}), monkeypatch, 1000)
    search.run = type("", (), {"engine": "rtl"})()  # type: ignore[assignment]
    with pytest.raises(ResultError, match="999 cycles on engine toy, 1,000 on rtl"):
        search.check()
    search.cycles = 999
    search.check()


def test_only_what_has_no_cfu_of_its_own_gets_one(here: Path) -> None:
    api.init("copy", "template")
    api.init("own", "mac4")
    assert library.begins(load_target("digits")) and library.begins(load_target("copy"))
    assert not library.begins(load_target("own"))
    offered = dict(library.shipped(load_target("digits"), {}))
    for_boards = {"engine_tang20k", "engine_ulx3s", "kws_fomu"}
    left_out = {"vector", "donut", *for_boards}
    assert set(offered) == set(project_folders()) - left_out, (
        "vector and donut have no kernels, arty the largest FPGA"
    )
    fomu = dict(library.shipped(load_target("digits", board="fomu"), {"board": "fomu"}))
    assert set(fomu) == set(offered) - {"mlperf_arty"} | {"kws_fomu"}
    assert "template" not in dict(library.shipped(load_target("copy"), {}))
    assert {project["soc.board"] for project in offered.values()} == {"sim"}, (
        "gains are those on the target's board"
    )
    for project in offered.values():
        assert project.build_dir.is_relative_to(here) and project.model_file()[0] == "digits"


def test_a_variant_without_a_kernel_is_what_the_project_says(here: Path) -> None:
    api.init("own", "mac4")
    project = load_target("own")
    changed = library.without(project, project.kernels[1])
    with Path("own/project.toml").open("a") as file:
        file.write(f"\n{library.variant_toml('fewer', changed.kernels)}\n{library.variant_toml('none', ())}")
    assert load_target("own", variant="fewer").kernels == (project.kernels[0], project.kernels[2])
    assert load_target("own", variant="none").kernels == ()


# --- advice that is followed ----------------------------------------------------------------------------------------------


def follow(command: str, capsys: pytest.CaptureFixture[str]) -> int:
    """Run the lines of an advice as a user would; the cycles of the profile that they end with, on the RTL."""
    *before, last = command.replace(" && ", "\n").splitlines()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    if before:
        subprocess.run(["bash", "-ec", "\n".join(before)], env=os.environ | {"PATH": path}, check=True)
    capsys.readouterr()
    words = shlex.split(last)
    assert words[:2] == ["cfukit", "profile"]
    assert cli.run([*words[1:], "--samples", "1", "--engine", "rtl", "--json"]) == 0
    document: Json = json.loads(capsys.readouterr().out)
    assert document["engine"] == "rtl" and document["mismatch"] is None
    return int(document["variants"][-1]["cycles"][0])


def expect(document: Json, kind: str, change: str = "") -> Json:
    [advice] = [
        one for one in document["advice"] if one["kind"] == kind and change in "".join(one["changes"])
    ]
    assert isinstance(advice, dict)
    return advice


SMALL = '{ base = "min", icache_bytes = 512, bypass = false, multiplier = false }'
KINDS = [
    ("icache", "icache_bytes="),
    ("dcache", "dcache_bytes="),
    ("tcm", "dtcm_bytes="),
    *(("cpu", change) for change in ("bypass=", "prediction=", "multiplier=")),
]


def advised(folder: Path) -> Json:
    """All advice for a model on a CPU that lacks much."""
    (folder / "tiny.tflite").write_bytes(tiny())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(verb, "MOST_ADVICE", 20)
        patch.setattr(library, "begins", lambda project: False)
        return api.suggest("tiny.tflite", assignments=(f"soc.cpu={SMALL}",))


def check_promise(document: Json, kind: str, change: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The prediction is from a model of the system, the measurement from its RTL: not a cycle between them."""
    advice = expect(document, kind, change)
    assert document["simulators"] == ["fast"] and advice["certainty"] == "exact"
    assert advice["evidence"]["share"] >= verb.LEAST_SHARE
    assert advice["gain_cycles"] == document["cycles"] - advice["cycles"] > 0
    assert follow(advice["command"], capsys) == advice["cycles"]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Json]:
    folder = tmp_path_factory.mktemp("small")
    return folder, advised(folder)


@pytest.mark.long
@pytest.mark.parametrize(("kind", "change"), KINDS)
def test_a_changed_system_takes_the_cycles_that_were_promised(
    small: tuple[Path, Json],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    change: str,
) -> None:
    folder, document = small
    monkeypatch.chdir(folder)
    check_promise(document, kind, change, capsys)


@pytest.mark.long
def test_a_shipped_cfu_takes_the_cycles_that_were_promised(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = {name: project_folders()[name] for name in ("mac4", "template", "verilog_depthwise")}
    monkeypatch.setattr(library, "project_folders", lambda: folders)
    document = api.suggest("tiny.tflite")
    advice = expect(document, "cfu")
    assert document["advice"][0] == advice and "mac4" in advice["advice"] and "template" in advice["how"]
    assert follow(advice["command"], capsys) == advice["cycles"]


@pytest.mark.long
def test_a_kernel_that_is_slower_than_the_portable_one(
    here: Path, no_cfus: None, capsys: pytest.CaptureFixture[str]
) -> None:
    api.init("mine", "template")
    source = next(Path("mine").glob("*.c"))
    text = source.read_text()
    begin = text.index("{", text.rindex("void template_conv(")) + 1
    source.write_text(f"{text[:begin]} for (volatile int i = 0; i < 20000; i++) {{}} {text[begin:]}")
    document = api.suggest("mine", model="tiny.tflite")
    advice = expect(document, "kernel")
    assert advice["evidence"]["operators"] == [0]
    assert advice["gain_cycles"] > 20_000
    assert follow(advice["command"], capsys) == advice["cycles"]


MIX = """
static volatile uint32_t mixed;
static __attribute__((noinline)) void mix(const volatile uint32_t *x, uint32_t n) {
  uint32_t sum = 0;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t a = x[i & 15], b = x[16 + (i & 7)];
    sum += MIX(a, b);
  }
  mixed = sum;
}
"""
PLAIN = "#define MIX(a, b) ((((a) >> 9 ^ (a)) + 8) * (b))\n"
GATEWARE = '''
class Mix(Instruction):
    """rd = ((rs1 >> 9 ^ rs1) + 8) * rs2, without signs."""

    rs1 = rs2 = rd = "a word"
    time = Fixed(latency_cycles=1)

    def gateware(self, m, cmd):
        return (((cmd.rs1 >> 9) ^ cmd.rs1) + 8) * cmd.rs2

    def call(self, funct7, rs1, rs2):
        a = rs1 & 0xFFFFFFFF
        return ((a >> 9 ^ a) + 8) * rs2


def make_cfu():
    return Cfu({0: Dot4(), 1: Mix()}, about="a dot product, and a mixture")
'''


def mixture(a: int, b: int) -> int:
    return ((a >> 9 ^ a) + 8) * b & 0xFFFF_FFFF


@pytest.mark.slow
def test_a_new_instruction_saves_what_was_promised_and_more(here: Path, no_cfus: None) -> None:
    """A loop in a kernel, then the same loop with the expression as an instruction of the CFU, both on the RTL."""
    api.init("mine", "template")
    source, cfu = next(Path("mine").glob("*.c")), Path("mine/cfu.py")
    text = source.read_text()
    at = text.rindex("void template_conv(")
    begin = text.index("{", at) + 1
    call = " static const uint32_t mixture[32] = {3, 1u << 30, 77}; mix(mixture, 2000); "
    changed = f"{text[:at]}{MIX}{text[at:begin]}{call}{text[begin:]}"
    source.write_text(f"#include <stdint.h>\n{PLAIN}{changed}")
    document = api.suggest("mine", model="tiny.tflite")
    advice = expect(document, "instruction")
    found = advice["instruction"]
    assert advice["certainty"] == "at least" and advice["evidence"]["function"] == "mix"
    assert found["places"][0]["executions"] == 2000
    rng = np.random.default_rng(1)
    for a, b in rng.integers(0, 1 << 32, (50, 2)).tolist():
        values = {value_of(found["expression"], pair) for pair in ({"a": a, "b": b}, {"a": b, "b": a})}
        assert mixture(a, b) in values, found["expression"]

    code = cfu.read_text()
    start = code.index("def make_cfu")
    rest = code[code.index("# --- for the kernel") :]
    cfu.write_text(f"{code[:start]}{GATEWARE}\n\n{rest}")
    source.write_text(
        f'#include <stdint.h>\n#include "cfu_ops.h"\n#define MIX(a, b) cfu_mix(a, b)\n{changed}'
    )
    measured = api.profile("mine", model="tiny.tflite", samples=1, engine="rtl")["variants"][-1]["cycles"][0]
    saved = document["cycles"] - measured
    assert advice["gain_cycles"] <= saved <= 2 * advice["gain_cycles"]


@pytest.mark.long
def test_a_model_without_faults_gets_five_pieces_of_advice_at_most(
    here: Path, no_cfus: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["suggest", "digits", "-v"]) == 0
    shown = capsys.readouterr().out
    document = api.suggest("digits")
    gains = [advice["gain_cycles"] for advice in document["advice"]]
    assert 2 <= len(gains) <= 5 and gains == sorted(gains, reverse=True)
    assert min(gains) >= verb.LEAST_GAIN * document["cycles"]
    for advice in document["advice"]:
        assert advice["advice"] in shown and advice["command"] in shown
        assert set(advice["evidence"]["causes"]) <= set(CAUSE_NAMES)
    instruction = expect(document, "instruction")["instruction"]
    assert instruction["inputs"] <= 2
    assert (
        sum(place["cycles"] for place in instruction["places"])
        == expect(document, "instruction")["gain_cycles"]
    )
