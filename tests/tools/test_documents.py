"""JSON documents: those that the verbs write keep to their schema, and every broken copy of them is refused."""

import json
import shutil
from collections.abc import Callable
from dataclasses import MISSING, fields, replace
from pathlib import Path

import jsonschema
import pytest

import cfukit_base
from cfukit_base import artefacts
from cfukit_base.artefacts import DOCUMENTS, Build, ErrorDocument, Fault, Json, Load, Run, Suggest, Term
from cfukit_base.artefacts import documents as others
from cfukit_base.artefacts.build import FamilyUse, ModuleUse, NetlistRun, Placement, WorstPath
from cfukit_base.artefacts.causes import Busy, Causes, CfuUse, FunctionRun, InstructionRun, LineRun, RegionRun
from cfukit_base.artefacts.limits import Limit
from cfukit_base.artefacts.outcome import CfuCommand, Finding, Lint
from cfukit_base.artefacts.run import ArenaBlock, MemorySpan, MemoryUse, Mismatch, Rung
from cfukit_base.artefacts.suggest import Advice, Evidence, ExpressionPlace, NewInstruction, SuggestHost
from cfukit_base.errors import ResultError, UsageError
from cfukit_cpu import write_cpu
from cfukit_sw.lower import lower
from cfukit_sw.tflite_reader import read_model
from cfukit_tools import api
from cfukit_tools.cli import commands as cli
from cfukit_tools.project import system
from cfukit_tools.project.catalogue import shipped_folder
from cfukit_tools.project.code import load_cfu
from cfukit_tools.project.project import load_target
from cfukit_tools.report.page.compute import report_of
from support.contract import CAUSES, promised_by, values_in
from support.documents import (
    broken,
    build_document,
    diff_document,
    exec_document,
    infer_document,
    run_document,
    variant,
)
from support.socs import make_soc

LISTS = ["boards", "cpus", "models", "kernels", "projects"]
INFER = ["--inputs", "one.npz", "--outputs", "o.npz"]
VERBS = {
    "cfukit.doctor/1": [["doctor"]],
    "cfukit.list/1": [["list", what] for what in LISTS],
    "cfukit.init/1": [["init", "new"]],
    "cfukit.fetch/1": [["fetch", "digits"]],
    "cfukit.clean/1": [["clean", "digits"]],
    "cfukit.info/1": [["info", "digits"]],
    "cfukit.run/1": [
        ["run", "digits", "--engine", "evaluator"],
        ["profile", "digits", "--engine", "evaluator"],
    ],
    "cfukit.test/1": [["test", "digits", "--engine", "evaluator", "--random", "1"]],
    "cfukit.exec/1": [["exec", "hello.c", "--engine", "host"]],
    "cfukit.infer/1": [["infer", "digits", "--engine", "evaluator", *INFER]],
    "cfukit.diff/1": [["diff", "a.json", "b.json"]],
    "cfukit.error/1": [["run", "nowhere"], ["list", "colours"], ["frobnicate"], ["diff", "a", "b"]],
}
CASES = [(name, words) for name, lines in VERBS.items() for words in lines]
# What an engine may leave out when it makes a fault; and a document in a document. Both are always written.
FAULT_DEFAULTS = [field.name for field in fields(Fault) if field.default is not MISSING]
NOT_NEEDED = {f"without fault.{field}" for field in FAULT_DEFAULTS} | {"without checks.0.error.schema"}


def validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(DOCUMENTS[name].json_schema())


def is_read(name: str, document: Json) -> bool:
    try:
        DOCUMENTS[name].parse(json.dumps(document), "a file")
    except UsageError as error:
        assert error.where == "a file" and name in error.allowed
        return False
    return True


def check(name: str, document: Json) -> None:
    """`document` is one of schema `name`, of no other, with the contract's fields; no broken copy of it is."""
    validator(name).validate(document)
    assert DOCUMENTS[name].parse(json.dumps(document), "a file").to_json() == document
    assert [other for other in DOCUMENTS if validator(other).is_valid(document)] == [name]
    for where, names in promised_by(name):
        for value in values_in(document, where):
            assert names <= set(value), f"{'.'.join(where)}: {names - set(value)}"
    rules, schema = validator(name), DOCUMENTS[name].json_schema()
    copies = list(broken(document, schema))
    assert len(copies) > 2 * len(document)
    assert [what for what, copy in copies if rules.is_valid(copy)] == []
    assert {what for what, copy in copies if is_read(name, copy)} <= NOT_NEEDED


@pytest.mark.parametrize(("name", "words"), CASES, ids=[" ".join(words[:3]) for _, words in CASES])
def test_verbs_write_what_their_schema_says(
    name: str,
    words: list[str],
    tmp_path: Path,
    two_samples: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hello.c").write_text('#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n')
    (tmp_path / "one.npz").write_bytes(two_samples.read_bytes())
    for file in ("a.json", "b.json"):
        run_document(variant("project", [1, 2])).write(tmp_path / file)
    monkeypatch.setattr("sys.stdin", None)
    cli.run([*words, "--json"])
    document = json.loads(
        capsys.readouterr().out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON")
    )
    check(name, document)
    assert document["ok"] is (name != "cfukit.error/1")
    assert next(iter(document)) == "schema"


LIMIT = Limit(name="cycles", asked=1, reached=2.5, offender="operator 0")
MISMATCH = Mismatch(sample=0, op=1, tensor=2, index=3, expected=4, got=5.5, variant="project")
VALUE = others.DiffValue(variant="project", op="total", name="lut", before=1, after=2.5, change=1.5)
RUNG = Rung(
    name="project",
    ok=True,
    board="sim",
    cpu="lean",
    clock_hz=1,
    model="digits",
    cycles=3,
    over_reference=2.5,
    over_first=1.0,
    cycles_per_mac=0.5,
    family="xc7",
    used={"lut": 4},
    error="",
)
SPENT = Causes(**dict.fromkeys(CAUSES.split(), 1))
FINDING = Finding(kind="unwritten", pc=1, function="main", file="main.c", line=2, address=3, count=4)
FAULT = Fault(
    kind="cfu_hang",
    pc=0x40,
    function="main",
    file="a.c",
    line=3,
    registers={"x0": 0},
    message="it hangs",
    cycle=100,
    address=4,
    value=5,
    cfu=CfuCommand(funct3=1, funct7=2, a=3, b=4, accepted=True),
    waves="cfukit exec",
)
ERROR = ErrorDocument.of(ResultError("w", "g", detail=1))
USED = {"lut": 10, "ff": 3, "bram": 0, "dsp": 2}


def whole_run() -> Json:
    span = MemorySpan(holds="code", address=0x4000_0000, bytes=4096)
    memory = MemoryUse(name="ram", base=0x4000_0000, bytes=4096, parts={"code": 12}, spans=(span,))
    whole = variant(
        "project",
        [3],
        causes=SPENT,
        memory_map=(memory,),
        arena=(ArenaBlock(name="t", kind="tensor", offset=0, bytes=4, first=-1, last=1),),
        text="hi",
        functions=(
            FunctionRun(name="f", file="a.c", line=1, inlined=False, cycles=13, instructions=1, causes=SPENT),
        ),
        lines=(LineRun(file="a.c", line=1, cycles=13, instructions=1, causes={"executing": 13}),),
        code=(
            InstructionRun(
                pc=0x40,
                word=0x13,
                text="nop",
                function="f",
                file="a.c",
                line=1,
                inlined=("g",),
                executions=1,
                cycles=1,
                causes={"executing": 1},
            ),
        ),
        cfu=(CfuUse(instruction="mac4", mode=0, calls=3, issue_cycles=2, wait_cycles=1),),
        busy=Busy(cfu=4, memory_port=5, dma_bytes=64),
    )
    return run_document(
        variant("reference", [5, 6]),
        whole,
        ladder=(RUNG,),
        mismatch=MISMATCH,
        limits=(LIMIT,),
        accuracy=0.5,
    ).to_json()


def whole_build() -> Json:
    module = ModuleUse(module="mac", instructions=("mac4",), used=USED)
    return build_document(
        seeds=(Placement(seed=1, fmax_mhz=13.25), Placement(seed=2, fmax_mhz=None)),
        families=(FamilyUse(name="ecp5", used=USED, parts=(module,)),),
        limits=(LIMIT,),
        worst_path=WorstPath(delay_ns=75.5, begin="a", end="b", by_instance_ns={"cfu": 75.5}),
        netlist=NetlistRun(output="hi", cycles=5),
        files=("x.bin",),
        notes=("slow",),
    ).to_json()


def plan() -> Json:
    return lower(read_model(shipped_folder() / "digits.tflite")).to_json()


def cpu(folder: Path) -> Json:
    write_cpu("lean", folder)
    document: Json = json.loads((folder / "cpu.json").read_text())
    return document


def whole_report() -> Json:
    """A report of a run that has everything, and of a build."""
    data = whole_run() | {"mismatch": None, "limits": []}
    run, build = (
        kind.parse(json.dumps(text), "here") for kind, text in ((Run, data), (Build, whole_build()))
    )
    return report_of([("run", run)], [("build", build)], None).to_json()


def whole_suggest() -> Json:
    """One advice of each certainty, the second with an instruction."""
    evidence = Evidence(
        cycles=20,
        share=0.2,
        causes={"icache": 20},
        operators=(1, 0),
        function="f",
        file="a.c",
        line=3,
        text="icache: 20 cycles",
    )
    simulated = Advice(
        kind="icache",
        advice="I$ of 8 KiB",
        evidence=evidence,
        changes=("soc.cpu.icache_bytes=8192",),
        cycles=80,
        gain_cycles=20,
        gain=1.25,
        certainty="exact",
        how="simulated on engine fast",
        command="cfukit profile digits --set soc.cpu.icache_bytes=8192",
        instruction=None,
    )
    place = ExpressionPlace(function="f", file="a.c", line=3, executions=5, cycles=10)
    new = NewInstruction(expression="a + (b >> 8)", inputs=2, instructions=2, places=(place,))
    bound = replace(simulated, kind="instruction", certainty="at least", instruction=new)
    return Suggest(
        ok=True,
        project="mine",
        model="digits",
        board="sim",
        cpu="full+cfu",
        engine="rtl",
        simulators=("fast",),
        seed=0,
        cycles=100,
        advice=(simulated, bound),
        left_out=("D$ of 8 KiB: does not fit",),
        host=SuggestHost(profile="build/sim/profile.json", seconds=1.5),
    ).to_json()


FILES: dict[str, Callable[[Path], Json]] = {
    "cfukit.run/1": lambda folder: whole_run(),
    "cfukit.exec/1": lambda folder: exec_document(
        causes=SPENT,
        regions=(RegionRun(name="r", count=1, cycles=2, causes=SPENT),),
        fault=FAULT,
        lint=Lint(findings=(FINDING,), stack_bytes=2, stack_used_bytes=1),
    ).to_json(),
    "cfukit.infer/1": lambda folder: infer_document(ok=False, mismatch=MISMATCH).to_json(),
    "cfukit.build/1": lambda folder: whole_build(),
    "cfukit.diff/1": lambda folder: diff_document(
        ok=False, causes=(VALUE,), sizes=(VALUE,), area=(VALUE,), limits=(LIMIT,)
    ).to_json(),
    "cfukit.test/1": lambda folder: artefacts.Test(
        ok=False,
        target="mine",
        seed=1,
        checks=(others.Check(name="own", ok=False, detail="wrong", error=ERROR),),
        host=others.TestHost(seconds={"own": 1.5}),
    ).to_json(),
    "cfukit.load/1": lambda folder: Load(
        ok=True, board="fomu", tool="dfu-util", files=("a",), serial="USB"
    ).to_json(),
    "cfukit.term/1": lambda folder: Term(
        ok=True, port="/dev/ttyUSB0", baud=115_200, host=others.TermHost(sent_bytes=1, received_bytes=2)
    ).to_json(),
    "cfukit.error/1": lambda folder: ERROR.to_json(),
    "cfukit.soc/2": lambda folder: json.loads(make_soc("fomu", folder).read_text()),
    "cfukit.cpu/1": cpu,
    "cfukit.plan/3": lambda folder: plan(),
    "cfukit.report/1": lambda folder: whole_report(),
    "cfukit.suggest/1": lambda folder: whole_suggest(),
}


@pytest.mark.parametrize("name", FILES)
def test_files_keep_to_their_schema(name: str, tmp_path: Path) -> None:
    check(name, FILES[name](tmp_path))


@pytest.mark.parametrize("project", ["mac4", "template"])
def test_a_cfu_describes_itself_by_the_schema(project: str, tmp_path: Path) -> None:
    api.init(tmp_path / "mine", project)
    load_cfu(load_target(tmp_path / "mine")).write(tmp_path / "cfu")
    check("cfukit.cfu/1", json.loads((tmp_path / "cfu" / "cfu.json").read_text()))


def test_every_document_is_checked_here() -> None:
    assert set(VERBS) | set(FILES) | {"cfukit.cfu/1"} == set(DOCUMENTS)


def test_what_was_written_in_another_format_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache outlives the formats of what it keeps."""
    api.init(tmp_path / "mine", "template")
    monkeypatch.setenv("CFUKIT_CACHE", str(tmp_path / "cache"))
    for name in ("_hardware_version", "_cpu_version", "_soc_version"):
        monkeypatch.setattr(system, name, getattr(system, name).__wrapped__)  # not once per process

    def made(formats: str) -> set[Path | None]:
        monkeypatch.setattr(system, "_formats", lambda: formats)
        one = system.System(load_target(tmp_path / "mine"))
        return {one.cfu_dir, one.cpu, one.soc_json}

    first = made("first")
    assert len(first) == 3 and not first & made("second")
    assert made("first") == first


@pytest.mark.parametrize("file", ["artefacts/cfu.py", "cfu_ports.py", "verilog.py"])
def test_what_decides_about_the_text_is_a_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """Another Yosys script, for example, writes other Verilog of the same gateware."""
    base = shutil.copytree(Path(cfukit_base.__file__).parent, tmp_path / "cfukit_base")
    find = system._package_folder
    monkeypatch.setattr(system, "_package_folder", lambda name: base if name == "cfukit_base" else find(name))
    before = system._formats.__wrapped__()
    assert before == system._formats.__wrapped__()
    (base / file).write_text((base / file).read_text() + "# another version\n")
    assert system._formats.__wrapped__() != before


@pytest.mark.parametrize("name", FILES)
def test_a_document_of_another_version_is_another_document(name: str, tmp_path: Path) -> None:
    document = FILES[name](tmp_path)
    stem, _, version = name.rpartition("/")
    for other in (f"{stem}/{int(version) + 1}", f"{stem}s/{version}", name.upper(), "", None):
        assert not validator(name).is_valid(document | {"schema": other})
        assert not is_read(name, document | {"schema": other})
    with pytest.raises(UsageError, match=f"a file: schema is '{stem}/9'; {name}"):
        DOCUMENTS[name].parse(json.dumps(document | {"schema": f"{stem}/9"}), "a file")


UNKNOWN = run_document(variant("reference", [None]), variant("project", [None])).to_json()


def test_what_an_engine_cannot_tell_is_null() -> None:
    validator("cfukit.run/1").validate(UNKNOWN)
    for one in UNKNOWN["variants"]:
        assert (one["cycles"], one["overhead_cycles"], one["instructions"], one["causes"]) == (None,) * 4
        assert [op["cycles"] for op in one["ops"]] == [None]
    assert (UNKNOWN["mismatch"], UNKNOWN["accuracy"]) == (None, None)


@pytest.mark.parametrize("field", ["ok", "samples", "clock_hz", "variants", "digests", "host"])
def test_what_is_always_known_is_never_null(field: str) -> None:
    assert not validator("cfukit.run/1").is_valid(UNKNOWN | {field: None})
    assert not is_read("cfukit.run/1", UNKNOWN | {field: None})


def test_the_causes_of_an_operator_are_whole() -> None:
    document = run_document(variant("project", [5])).to_json()
    [op] = document["variants"][0]["ops"]
    op["causes"] = dict.fromkeys(CAUSES.split(), 0)
    validator("cfukit.run/1").validate(document)
    for cause in CAUSES.split():
        op["causes"] = dict.fromkeys(set(CAUSES.split()) - {cause}, 0)
        assert not validator("cfukit.run/1").is_valid(document), cause
        assert not is_read("cfukit.run/1", document), cause


def test_a_new_field_is_no_new_version() -> None:
    """Who reads a document of this version can read one that a later cfukit has added to."""
    document = run_document(variant("project", [5])).to_json()
    document["later"] = document["variants"][0]["ops"][0]["later"] = [1]
    validator("cfukit.run/1").validate(document)
    assert is_read("cfukit.run/1", document)
