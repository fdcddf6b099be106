"""The seam between verbs and engines: a toy engine is enough for every verb, and no verb asks which engine it has."""

import ast
import json
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from cfukit_base.errors import UsageError
from cfukit_sw.tflite_reader import read_model
from cfukit_tools import api
from cfukit_tools.cli import commands as cli
from cfukit_tools.engines import catalogue
from cfukit_tools.engines.catalogue import ENGINES, Line, check_options, engine_named
from cfukit_tools.engines.engine import ExecOptions, Machine, prepared
from cfukit_tools.project.catalogue import shipped_folder
from cfukit_tools.project.project import load_target
from support import toy_engine
from support.toy_engine import OVERHEAD_CYCLES, ToyEngine

DMA_CFU = Path(toy_engine.__file__).with_name("dma_cfu.py")
DIGITS = shipped_folder() / "digits.tflite"
TOOLS = Path(catalogue.__file__).parents[1]
ROOMS = ("verbs", "checks", "inference", "advice", "report")


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[ToyEngine]:
    """Engine toy exists, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(ENGINES, "toy", "support.toy_engine:ToyEngine")
    monkeypatch.setattr(ToyEngine, "wrong", None)
    return ToyEngine


@pytest.fixture
def wrong(toy: type[ToyEngine], monkeypatch: pytest.MonkeyPatch) -> tuple[int, int, int]:
    """It computes operator 2 wrong: the operator, its tensor and the index."""
    monkeypatch.setattr(toy, "wrong", (2, 5))
    return 2, read_model(DIGITS).operators[2].outputs[0], 5


def test_the_toy_is_small() -> None:
    assert len(Path(toy_engine.__file__).read_text().splitlines()) < 60


@pytest.mark.parametrize("verb", ["run", "profile"])
def test_a_toy_runs_a_model(toy: type[ToyEngine], two_samples: Path, verb: str) -> None:
    document = getattr(api, verb)("digits", engine="toy", inputs=two_samples)
    assert (document["ok"], document["mismatch"], document["accuracy"]) == (True, None, 1.0)
    assert (document["engine"], document["cfu_engine"]) == ("toy", "none")  # digits has no CFU
    names = [variant["name"] for variant in document["variants"]]
    assert names == (["reference", "portable"] if verb == "run" else ["portable"])
    for variant in document["variants"]:
        assert all(op["cycles"] == op["macs"] + 1 for op in variant["ops"])
        assert variant["overhead_cycles"] == OVERHEAD_CYCLES
        assert variant["cycles"] == [sum(op["macs"] + 1 for op in variant["ops"]) + OVERHEAD_CYCLES] * 2
        assert variant["instructions"] is None and variant["sizes"]["code_bytes"] is None
    assert document["checked_operators"] == len(read_model(DIGITS).operators)
    assert json.loads(Path(f"build/digits/sim/{verb}.toy.json").read_text()) == document


def test_a_toy_runs_a_project_and_keeps_its_limits(toy: type[ToyEngine], mac4: Path) -> None:
    document = api.run(mac4, engine="toy", samples=1)
    assert [variant["name"] for variant in document["variants"]] == ["reference", "portable", "project"]
    assert (document["ok"], document["cfu_engine"]) == (True, "toy")
    limited = api.run(mac4, engine="toy", samples=1, assignments=("limits.cycles=10",))
    assert not limited["ok"] and limited["mismatch"] is None
    [limit] = limited["limits"]
    assert (limit["name"], limit["asked"]) == ("cycles", 10)
    assert limit["reached"] == limited["variants"][2]["cycles"][0]
    largest = max(limited["variants"][2]["ops"], key=lambda op: op["cycles"])
    assert limit["offender"].startswith(f"operator {largest['index']} {largest['type']}: ")


def test_a_toy_infers(toy: type[ToyEngine], two_samples: Path) -> None:
    document = api.infer("digits", inputs=two_samples, outputs="out.npz", layers="layers.npz", engine="toy")
    assert (document["ok"], document["checked"], document["mismatch"]) == (True, True, None)
    assert len(document["cycles"]) == 2 and document["accuracy"] == 1.0
    api.infer("digits", inputs=two_samples, outputs="truth.npz", layers="l.npz", engine="evaluator")
    for one, other in (("out.npz", "truth.npz"), ("layers.npz", "l.npz")):
        with np.load(one) as got, np.load(other) as expected:
            assert set(got.files) == set(expected.files)
            assert all(np.array_equal(got[name], expected[name]) for name in got.files)


def test_a_toy_passes_the_test_of_a_model(toy: type[ToyEngine]) -> None:
    document = api.test("digits", engine="toy", only="outputs", random_samples=3)
    [check] = document["checks"]
    assert document["ok"] and check["ok"]
    assert check["detail"] == "3/3 samples identical, 11/11 operators (7 needs no code) on engine toy"


def test_a_toy_shows_cycles_on_the_terminal(
    toy: type[ToyEngine], two_samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["run", "digits", "--engine", "toy", "--inputs", str(two_samples)]) == 0
    shown = capsys.readouterr().out
    assert "engine toy, board sim, CPU full+cfu" in shown
    assert "outputs: 2/2 samples identical, 11/11 operators" in shown


def test_a_toy_gets_the_port_that_was_asked_for(toy: type[ToyEngine]) -> None:
    engine = engine_named("toy", Line("/dev/one", 9_600))
    assert isinstance(engine, ToyEngine) and engine.port == "/dev/one"


@pytest.mark.parametrize("verb", ["run", "profile"])
def test_a_wrong_toy_is_told_with_operator_tensor_and_index(
    wrong: tuple[int, int, int], two_samples: Path, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [verb, "digits", "--engine", "toy", "--inputs", str(two_samples)]
    assert cli.run([*words, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    bad = document["mismatch"]
    assert not document["ok"]
    assert (bad["op"], bad["tensor"], bad["index"]) == wrong
    assert (bad["sample"], bad["got"]) == (0, bad["expected"] + 1)
    assert bad["variant"] == document["variants"][0]["name"]
    assert json.loads(Path(f"build/digits/sim/{verb}.toy.json").read_text()) == document
    assert cli.run(words) == 1
    place = f"sample 0, operator {bad['op']}, tensor {bad['tensor']}, index {bad['index']}"
    told = f"WRONG in {bad['variant']}: {place}: expected {bad['expected']}, got {bad['got']}"
    assert told in capsys.readouterr().out.splitlines()


def test_a_wrong_toy_fails_the_test_of_a_model(wrong: tuple[int, int, int]) -> None:
    document = api.test("digits", engine="toy", only="outputs", random_samples=1)
    [check] = document["checks"]
    assert not document["ok"] and not check["ok"]
    op, tensor, index = wrong
    assert f"WRONG in portable: sample 0, operator {op}, tensor {tensor}, index {index}: " in check["detail"]
    assert check["error"]["details"]["mismatch"]["op"] == op


def test_an_output_that_is_wrong_alone_is_its_producers(
    toy: type[ToyEngine], two_samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every operator is right, and what came out of the engine is not: in transport, say."""

    def spoil(self: ToyEngine, sample: toy_engine.SampleResult) -> None:
        sample.outputs[0] = sample.outputs[0].copy()
        sample.outputs[0].flat[3] += 1

    monkeypatch.setattr(toy, "spoil", spoil)
    bad = api.run("digits", engine="toy", inputs=two_samples)["mismatch"]
    last = read_model(DIGITS).operators[-1]
    assert (bad["op"], bad["tensor"], bad["index"]) == (last.index, last.outputs[0], 3)


def test_an_operator_that_is_wrong_alone_is_found_too(
    toy: type[ToyEngine], two_samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outputs are right by luck."""

    def spoil(self: ToyEngine, sample: toy_engine.SampleResult) -> None:
        [tensor] = [value for (op, _, _), value in sample.layers.items() if op == 4]
        tensor.flat[0] += 1

    monkeypatch.setattr(toy, "spoil", spoil)
    document = api.run("digits", engine="toy", inputs=two_samples)
    assert not document["ok"] and document["mismatch"]["op"] == 4


@pytest.mark.parametrize("options", [ExecOptions(max_cycles=1), ExecOptions(trace=Path("t"))])
def test_an_option_that_an_engine_does_not_have_is_refused(
    toy: type[ToyEngine], options: ExecOptions
) -> None:
    with pytest.raises(UsageError, match=r"--(max-cycles|trace): engine toy is a toy"):
        check_options(engine_named("toy"), options)
    check_options(engine_named("toy"), ExecOptions())


@pytest.fixture(scope="module")
def vector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project whose CFU has a memory port."""
    return Path(api.init(str(tmp_path_factory.mktemp("projects") / "vector"), "vector")["folder"])


def refuse_to_prepare(self: object, system: object) -> None:
    raise AssertionError("it looks for tools before it refuses")


@pytest.mark.parametrize("name", [*ENGINES, "toy"])
def test_a_memory_port_is_refused_where_a_cfu_has_no_memory(
    name: str, toy: type[ToyEngine], vector: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every verb that runs something refuses it before it looks for tools or compiles."""
    kind, without = (
        type(engine_named(name, Line("/dev/none"))),
        replace(ToyEngine.abilities, memory_port=False),
    )
    monkeypatch.setattr(toy, "abilities", without)
    monkeypatch.setattr(kind, "prepare", refuse_to_prepare)
    program = vector / "answer.c"
    program.write_text("int main(void) { return 0; }\n")
    refused = not kind.abilities.memory_port
    expected = (UsageError, f"cfu.py: the CFU has a memory port; engine {name} gives a CFU no memory")
    ran = expected if refused else (AssertionError, "looks for tools")
    runs = {
        "run": lambda: api.run(vector, engine=name, samples=1),
        "profile": lambda: api.profile(vector, engine=name, samples=1),
        "test": lambda: api.test(vector, engine=name, only="outputs"),
    }
    if kind.abilities.machine is not Machine.NONE:
        runs["exec"] = lambda: api.exec_(program, project=vector, engine=name, stdin=b"")
    for call in runs.values():
        with pytest.raises(ran[0], match=ran[1]):
            call()
    compiled = [path.name for path in vector.glob("build/**/*.elf")]
    assert compiled == []


@pytest.mark.parametrize("name", [*ENGINES, "toy"])
def test_a_dma_port_is_refused_where_a_cfu_has_no_main_memory(
    name: str, toy: type[ToyEngine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(engine_named(name, Line("/dev/none")))
    monkeypatch.setattr(kind, "prepare", refuse_to_prepare)
    project = Path(api.init(str(tmp_path / "fold"), "template")["folder"])
    (project / "cfu.py").write_text(DMA_CFU.read_text())
    engine = engine_named(name, Line("/dev/none"))
    error, message = UsageError, f"cfu.py: the CFU has a DMA port; engine {name} gives a CFU no main memory"
    if kind.abilities.dma:
        error, message = AssertionError, "looks for tools"
    with pytest.raises(error, match=message):
        prepared(engine, load_target(project))
    assert kind.abilities.dma == (name in ("fast", "rtl", "evaluator", "host", "board"))


def test_an_engine_is_refused_a_memory_port_and_nothing_else(toy: type[ToyEngine], mac4: Path) -> None:
    """`prepared` lets a CFU without one pass, on every engine that has no device."""
    engine = engine_named("host")
    system = prepared(engine, load_target(mac4))
    assert system.cfu_dir is not None and not system.memory_port_bits


def test_an_engine_that_does_not_exist_is_refused_with_the_nearest(toy: type[ToyEngine]) -> None:
    with pytest.raises(UsageError, match="--engine: 'toi' is no engine; .*did you mean 'toy'"):
        engine_named("toi")


@pytest.mark.parametrize(
    ("verb", "option"),
    [("run", ["--causes"]), ("profile", ["--annotate", "main"]), ("profile", ["--trace-events", "t"])],
)
def test_an_engine_without_causes_is_not_asked_for_them(
    verb: str,
    option: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run([verb, "digits", "--engine", "evaluator", *option]) == 2
    said = capsys.readouterr().err
    assert f"{option[0]}: engine evaluator does not tell where cycles go; engine fast or rtl" in said


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_every_engine_of_the_catalogue_is_one(name: str) -> None:
    engine = engine_named(name, Line("/dev/none"))
    assert engine.name == name
    assert engine.abilities.options <= {field.name for field in fields(ExecOptions)}
    assert ("causes" in engine.abilities.options) <= engine.abilities.causes
    everything = ExecOptions(1, 1, Path("w"), None, Path("t"))
    if set(everything.given) - engine.abilities.options:
        assert engine.abilities.refusal, "it must say why it refuses an option"
    for method in ("system", "prepare", "serve", "exec"):
        assert callable(getattr(engine, method))


def named(source: str) -> Iterator[str]:
    """Places where a module names an engine to tell engines apart."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Compare(left=left, comparators=others):
                asked = [left, *others]
                constants = [part for side in asked for part in ast.walk(side)]
                if any(_is_name(part) for part in constants) or any(
                    ast.unparse(side).endswith(("engine.name", "document.engine")) for side in asked
                ):
                    yield f"{node.lineno}: {ast.unparse(node)}"
            case ast.MatchValue(value=value) if _is_name(value):
                yield f"{node.lineno}: case {ast.unparse(value)}"
            case ast.Dict(keys=keys) if any(_is_name(key) for key in keys if key is not None):
                yield f"{node.lineno}: {ast.unparse(node)}"
            case ast.Call(func=ast.Name(id="isinstance"), args=[_, kind]) if "Engine" in ast.unparse(kind):
                yield f"{node.lineno}: {ast.unparse(node)}"
            case ast.Call(func=ast.Attribute(attr="startswith" | "endswith"), args=[first, *_]):
                if any(_is_name(part) for part in ast.walk(first)):
                    yield f"{node.lineno}: {ast.unparse(node)}"
            case ast.ImportFrom(module=module, names=names) if _is_engine(module or "", names):
                yield f"{node.lineno}: {ast.unparse(node)}"


def _is_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value in ENGINES


def _is_engine(module: str, names: list[ast.alias]) -> bool:
    """Whether an import brings one engine in. `term` may open a port, which is no engine."""
    room = "cfukit_tools.engines"
    modules = [f"{module}.{name.name}" for name in names] if module == room else [module]
    allowed = (f"{room}.engine", f"{room}.catalogue", f"{room}.board.port")
    return any(one.startswith(f"{room}.") and one not in allowed for one in modules)


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_above_the_engines_names_one(room: str) -> None:
    files = sorted((TOOLS / room).glob("**/*.py"))
    assert len(files) > 3
    found = [f"{file.relative_to(TOOLS)}:{place}" for file in files for place in named(file.read_text())]
    assert found == []


def test_only_the_check_of_the_system_asks_for_an_engine_by_name() -> None:
    """It is about the RTL of the CPU and the CFU; everything else takes the engine that it is given."""
    asked = set()
    for file in (file for room in ROOMS for file in (TOOLS / room).glob("**/*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(func=ast.Name(id="engine_named"), args=[ast.Constant(value=name), *_]):
                    asked.add((file.relative_to(TOOLS).as_posix(), name))
    assert asked == {("checks/project.py", "rtl")}


@pytest.mark.parametrize(
    "text",
    [
        'if engine.name == "rtl": pass',
        'if engine != "host": pass',
        'slow = engine in ("evaluator", "renode")',
        'slow = "board" not in names',
        "same = document.engine == other",
        'match engine:\n    case "renode": pass',
        'seconds = {"rtl": 5, "host": 1}[engine]',
        "ok = isinstance(engine, RtlEngine)",
        'ok = engine.startswith("re") or engine.startswith("rtl")',
        "from cfukit_tools.engines.rtl import RtlEngine",
        "from cfukit_tools.engines import renode",
        "from cfukit_tools.engines.board.engine import BoardEngine",
    ],
)
def test_the_search_finds_what_it_stands_for(text: str) -> None:
    assert list(named(text))


@pytest.mark.parametrize(
    "text",
    [
        'run = engine_named("rtl")',
        'raise UsageError("--engine", "host", hint="--engine rtl")',
        'board = project["board"] if choice.get("board") else ""',
        "from cfukit_tools.engines.catalogue import Line, engine_named",
        'if "waves" in engine.abilities.options: pass',
    ],
)
def test_the_search_leaves_the_rest_alone(text: str) -> None:
    assert not list(named(text))
