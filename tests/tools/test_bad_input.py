"""Bad input: each kind gets a clear message (where, given, allowed, hint) and the right exit code, and leaves nothing behind."""

import io
import json
from pathlib import Path

import numpy as np
import pytest

from cfukit_sw.model_builder import ModelBuilder
from cfukit_sw.tflite_writer import write_model
from cfukit_tools.cli import commands as cli
from cfukit_tools.project.catalogue import shipped_folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fails(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and message of a command line. Text and JSON must agree, without a traceback."""
    code = cli.run(arguments)
    text = capsys.readouterr()
    assert text.out == ""
    assert "Traceback" not in text.err
    assert cli.run([*arguments, "--json"]) == code
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "cfukit.error/1"
    return code, text.err


def half_written(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.startswith(".") or path.name == "run.json"]


def unknown_operator(path: Path) -> Path:
    build = ModelBuilder("odd")
    x = build.tensor("x", (1, 4), scale=0.1)
    y = build.tensor("y", (1, 4), scale=0.1)
    z = build.tensor("z", (1, 4), scale=0.1)
    build.operator("RELU", [x], [y])
    build.operator("RANGE", [y], [z])
    write_model(build.model([x], [z]), path)
    return path


def too_large(path: Path) -> Path:
    """Five outputs of 8 MiB each, more than the board's 32 MiB."""
    build = ModelBuilder("large")
    x = build.tensor("x", (1, 2048, 2048, 1), scale=0.1)
    w = build.constant("w", np.ones((2, 1, 1, 1), np.int8), scale=0.1)
    b = build.constant("b", np.zeros(2, np.int32), scale=0.01)
    outputs = [build.tensor(f"y{k}", (1, 2048, 2048, 2), scale=0.1) for k in range(5)]
    for y in outputs:
        build.operator("CONV_2D", [x, w, b], [y], padding="SAME", stride_w=1, stride_h=1)
    write_model(build.model([x], outputs), path)
    return path


@pytest.mark.parametrize("verb", ["run", "profile", "test"])
def test_an_unknown_operator_is_named_with_its_index(
    here: Path, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = fails([verb, str(unknown_operator(here / "odd.tflite"))], capsys)
    assert code == 2
    assert "operator 1 RANGE" in text and "supported" in text
    assert half_written(here) == []


def test_info_lists_what_would_be_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["info", str(unknown_operator(here / "odd.tflite")), "--json"]) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False and len(document["ops"]) == 2
    assert [op["kernel"] for op in document["ops"]] == ["portable/table", ""]
    (refusal,) = document["refused"]
    assert "operator 1 RANGE" in refusal
    assert cli.run(["info", str(here / "odd.tflite")]) == 2
    shown = capsys.readouterr().out
    assert "refused" in shown and "operator 1 RANGE" in shown and "supported: " in shown and "RELU" in shown


@pytest.mark.parametrize("cut", [0, 7, 100, 1000, 0.5, 0.99])
def test_a_truncated_model_is_refused(here: Path, cut: float, capsys: pytest.CaptureFixture[str]) -> None:
    whole = (shipped_folder() / "digits.tflite").read_bytes()
    path = here / "cut.tflite"
    path.write_bytes(whole[: int(cut * len(whole)) if isinstance(cut, float) else cut])
    code, text = fails(["info", str(path)], capsys)
    assert code == 2
    assert "cut" in text


def test_what_is_no_model_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = here / "text.tflite"
    path.write_text("this is not a model " * 100)
    assert fails(["run", str(path)], capsys)[0] == 2


def test_a_model_that_is_too_large_says_asked_and_available(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = fails(["run", str(too_large(here / "large.tflite")), "--engine", "rtl"], capsys)
    assert code == 1
    assert "main_ram" in text and "33,554,432 bytes available" in text
    assert half_written(here) == []


@pytest.mark.parametrize("verb", ["run", "test", "profile", "info", "infer"])
def test_a_wrong_key_is_named_with_the_right_one(
    here: Path, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "project.toml").write_text("[soc]\nbord = 'sim'\n")
    extra = ["--inputs", "a.npz", "--outputs", "b.npz"] if verb == "infer" else []
    code, text = fails([verb, *extra], capsys)
    assert code == 2
    assert "did you mean 'soc.board'" in text and str(here / "project.toml") in text


@pytest.mark.parametrize(
    ("cfu", "message"),
    [
        (None, "cfu.file: 'cfu.py' does not exist"),
        ("x = (", "cfu.py:1: it does not load: SyntaxError: '(' was never closed"),
        ("import nonesuch", "ModuleNotFoundError: No module named 'nonesuch'"),
        ("pass", "it defines no make_cfu"),
        ("def make_cfu():\n    return 1 / 0\n", "cfu.py:2: make_cfu failed: ZeroDivisionError"),
        ("def make_cfu():\n    return 5\n", "make_cfu returned"),
        (
            "from cfukit import Cfu, Instruction\nclass Bad(Instruction):\n"
            "    def gateware(self, m, cmd):\n        return cmd.rs1 + 'text'\n"
            "    def call(self, funct7, rs1, rs2):\n        return 0\n"
            "def make_cfu():\n    return Cfu({0: Bad()})\n",
            "cfu.py:4",
        ),
    ],
)
def test_a_cfu_that_does_not_elaborate(
    here: Path, cfu: str | None, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "project.toml").write_text("")
    if cfu is not None:
        (here / "cfu.py").write_text(cfu)
    code, text = fails(["run"], capsys)
    assert code == 2
    assert message in text
    assert half_written(here) == []
    assert not (here / "__pycache__").exists()


def test_c_that_does_not_compile(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["init", "project"]) == 0
    capsys.readouterr()
    source = next((here / "project").glob("*.c"))
    source.write_text(source.read_text() + "\nint broken( { return 0; }\n")
    code, text = fails(["run", "project"], capsys)
    assert code == 2
    line = source.read_text().count("\n")
    assert f"{source.name}:{line}:13: expected parameter declarator" in text
    assert half_written(here) == []


@pytest.mark.parametrize("engine", ["rtl", "host"])
def test_a_kernel_whose_c_function_is_missing(
    here: Path, capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    """The message names the key and the nearest function, not the generated code that calls it."""
    assert cli.run(["init", "project"]) == 0
    capsys.readouterr()
    toml = here / "project" / "project.toml"
    right = toml.read_text()
    first = '[[kernel]]\nop = "ADD"\nfunction = "template_conv"\n\n[[kernel]]'
    wrong = right.replace('"template_conv"', '"template_conf"').replace("[[kernel]]", first)
    toml.write_text(wrong)
    code, text = fails(["run", "project", "--engine", engine], capsys)
    assert code == 2
    told = next(line for line in text.splitlines() if line.startswith("cfukit: "))
    assert (
        f"{toml}: kernel 1: function: 'template_conf' is in none of the project's sources (template.c)"
        in told
    )
    assert "did you mean 'template_conv'?" in told and "model.c" not in told
    other = '\n[[variant.other.kernel]]\nop = "CONV_2D"\nfunction = "template_conf"\n'
    toml.write_text(right + other)
    _, text = fails(["run", "project", "--engine", engine, "--variant", "other"], capsys)
    assert f"{toml}: variant.other: kernel 0: function: 'template_conf' is in none" in text


def test_an_undefined_symbol_that_no_kernel_names_is_the_callers(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["init", "project"]) == 0
    capsys.readouterr()
    source = here / "project" / "template.c"
    begin = "const struct cfukit_conv *p = params;"
    source.write_text(source.read_text().replace(begin, f"{begin} void gone(void); gone();"))
    code, text = fails(["run", "project", "--engine", "host"], capsys)
    told = next(line for line in text.splitlines() if line.startswith("cfukit: "))
    assert code == 2 and "undefined symbol 'gone'" in told and "template.c" in told and ": kernel" not in told


def test_a_kernel_that_names_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["init", "project"]) == 0
    capsys.readouterr()
    toml = here / "project" / "project.toml"
    toml.write_text(toml.read_text() + '\n[[kernel]]\nop = "CONV_2D"\nfunction = "f"\nsupports = "gone"\n')
    code, text = fails(["run", "project"], capsys)
    assert code == 2
    assert "'gone' is not a function of cfu.py" in text


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("model = 'digit'", "model", "'digit'; no such model, did you mean 'digits'? (cfukit list models)"),
        ("model = 'gone.tflite'", "model", "'gone.tflite' does not exist; a .tflite in "),
        ("soc.board = 'sym'", "soc.board", "'sym'; no such board, did you mean 'sim'? (cfukit list boards)"),
        ("soc.cpu = 'lena'", "soc.cpu", "'lena'; no such cpu, did you mean 'lean'? (cfukit list cpus)"),
        ("soc.cpu = { base = 'lena' }", "soc.cpu.base", "'lena'; no such cpu, did you mean 'lean'?"),
        ("soc.cpu = { icache = 3 }", "soc.cpu.icache", "no such key, did you mean 'icache_bytes'?"),
        ("soc.cpu = { dcache_bytes = 3 }", "soc.cpu.dcache_bytes", "3; 0 (none) or a power of two from 512"),
        ("soc.clock_hz = 7", "soc.clock_hz", "7; 1000000 to 1000000000 Hz, or 0 for the board's own"),
        ("soc.sram_bytes = 7", "soc.sram_bytes", "7; 1024 to 67108864 bytes"),
        ("place.arena = 'srma'", "place.arena", "'srma'; no such memory; there are: main_ram"),
        ("name = 'a/b'", "name", "'a/b'; a name without /"),
    ],
)
def test_a_wrong_value_is_named_with_its_file_and_key(
    here: Path, text: str, key: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "project.toml").write_text(f"cfu.file = ''\n{text}\n")
    code, shown = fails(["info"], capsys)
    assert code == 2
    assert f"{here / 'project.toml'}: {key}: " in shown and message in shown
    (here / "project.toml").write_text(f"cfu.file = ''\n[variant.v]\n{text}\n")
    assert f"project.toml: variant.v.{key}: " in fails(["info", "--variant", "v"], capsys)[1]
    value = text.partition(" = ")[2]
    code, shown = fails(["info", "digits", "--set", f"{text.partition(' = ')[0]}={value}"], capsys)
    assert code == 2 and f"cfukit: --set {key}: " in shown


@pytest.mark.parametrize(
    ("verb", "option", "message"),
    [
        ("run", "--samples=-1", "--samples: -1; 0 or more"),
        ("profile", "--jobs=-1", "--jobs: -1; 0 or more"),
        ("run", "--seed=-1", "--seed: -1; 0 or more"),
        ("run", "--samples=401", "--samples: 401; "),
        ("test", "--random=0", "--random: 0; 1 or more"),
        ("test", "--operations=0", "--operations: 0; 1 or more"),
        ("test", "--seed=-1", "--seed: -1; 0 or more"),
        ("run", "--board=sym", "--board: 'sym'; no such board, did you mean 'sim'"),
        ("run", "--cc=msvc", "--cc: 'msvc'; one of zig, gcc"),
        ("run", "--model=digit", "--model: 'digit'; no such model, did you mean 'digits'"),
    ],
)
def test_a_wrong_option_is_named(
    here: Path, verb: str, option: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = fails([verb, "digits", option], capsys)
    assert code == 2
    assert f"cfukit: {message}" in text


def test_parameters_that_make_cfu_does_not_take(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "project.toml").write_text("cfu.params = { lanes = 3 }")
    (here / "cfu.py").write_text("def make_cfu():\n    pass\n")
    code, text = fails(["run"], capsys)
    assert code == 2
    assert f"{here / 'project.toml'}: cfu.params: got an unexpected keyword argument 'lanes'" in text


def test_a_missing_compiler_is_named(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from cfukit_base import tools

    tools.riscv_cc.cache_clear()
    monkeypatch.setenv("PATH", "")
    code, text = fails(["run", "digits", "--cc", "gcc"], capsys)
    tools.riscv_cc.cache_clear()
    assert code == 3
    assert "apt install gcc-riscv64-unknown-elf" in text


@pytest.mark.parametrize("verb", ["explore", "export"])
def test_verbs_of_later_versions_say_so(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = fails([verb], capsys)
    assert code == 2 and "this version cannot" in text


def test_an_unwritable_folder_is_exit_1(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["init", "project"]) == 0
    capsys.readouterr()
    (here / "project" / "build").write_text("a file where the folder should be")
    code, text = fails(["run", "project"], capsys)
    assert code == 1
    assert "cannot write here" in text and "nothing half-written was kept" in text


def test_a_program_that_wants_a_cfu_is_told_how_to_get_one(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    (here / "dot.c").write_text('#include "cfu_ops.h"\nint main(void) { return 0; }\n')
    code, text = fails(["exec", "dot.c"], capsys)
    assert code == 2
    assert "'cfu_ops.h' file not found (--project DIR gives it that project's CFU)" in text
