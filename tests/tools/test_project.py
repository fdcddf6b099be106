"""project.toml: defaults, merging, variants, and every refusal with its message."""

import shlex
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cfukit_base.errors import UsageError
from cfukit_tools import api
from cfukit_tools.project.keys import DEFAULTS, check_table
from cfukit_tools.project.project import load_target


def project(folder: Path, text: str = "") -> Path:
    (folder / "project.toml").write_text(text)
    return folder


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    loaded = load_target(project(tmp_path))
    assert loaded.settings == DEFAULTS
    assert loaded.name == tmp_path.name
    assert loaded.kernels == ()
    assert loaded.build_dir == tmp_path / "build"


def test_the_documented_example_loads(tmp_path: Path) -> None:
    text = """
schema = 1
name = "mac4"
model = "digits"
[cfu]
params = { lanes = 4 }
[[kernel]]
op = "CONV_2D"
function = "mac4_conv"
pack = "pack_conv"
[soc]
cpu = { base = "lean", icache_bytes = 8192 }
[limits]
cycles = 1000
[variant.two_lanes]
cfu.params = { lanes = 2 }
"""
    loaded = load_target(project(tmp_path, text))
    assert loaded["cfu.params"] == {"lanes": 4}
    assert loaded["soc.cpu"] == {"base": "lean", "icache_bytes": 8192}
    assert loaded.kernels[0].function == "mac4_conv" and loaded.kernels[0].supports == ""
    assert loaded.variants == ("two_lanes",)
    assert load_target(tmp_path, variant="two_lanes")["cfu.params"] == {"lanes": 2}


def test_the_command_line_wins_over_variant_over_file(tmp_path: Path) -> None:
    project(tmp_path, '[soc]\nclock_hz = 1\nboard = "a"\n[variant.v]\nsoc.clock_hz = 2\nsoc.board = "b"\n')
    loaded = load_target(tmp_path, variant="v", assignments=("soc.clock_hz=3",))
    assert (loaded["soc.clock_hz"], loaded["soc.board"]) == (3, "b")
    assert load_target(tmp_path, board="c")["soc.board"] == "c"
    assert load_target(tmp_path, compiler="gcc")["sw.compiler"] == "gcc"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[soc]\nbord = 'sim'", "unknown key 'soc.bord'; no such key, did you mean 'soc.board'?"),
        ("modell = 'x'", "unknown key 'modell'; no such key, did you mean 'model'?"),
        ("[soc]\nclock_hz = 'fast'", "soc.clock_hz is 'fast'; it must be an integer"),
        ("[soc]\nclock_hz = true", "soc.clock_hz is true; it must be an integer"),
        ("[soc]\nclock_hz = -1", "soc.clock_hz is -1; it must not be negative"),
        ("[sw]\nsources = 'a.c'", "sw.sources is 'a.c'; it must be a list of strings"),
        ("[sw]\nsources = [1]", r"sw.sources is \[1\]; it must be a list of strings"),
        ("soc = 1", "soc is 1; it must be a table"),
        ("[[kernel]]\nop = 'ADD'", "kernel 0: no 'function'; op and function are needed"),
        ("[kernel]\nop = 'ADD'", "kernel is not an array of tables"),
        ("[[kernel]]\nopp = 'ADD'", "unknown key 'kernel.opp'"),
        ("[variant.v]\nsoc.bord = 1", "variant.v: unknown key 'soc.bord'"),
        ("schema = 2", "schema is 2; this cfukit reads 1"),
        ("a = = b", "not valid TOML"),
        ("[kernel]\nop = 'ADD'\n[kernel]", r"not valid TOML: .*; write \[\[kernel\]\] with double brackets"),
        (
            "[[kernel]]\nop = 'ADD'\n[kernel]",
            r"not valid TOML: .*; write \[\[kernel\]\] with double brackets",
        ),
    ],
)
def test_wrong_keys_and_values_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        load_target(project(tmp_path, text))
    assert str(tmp_path / "project.toml") in caught.value.message


def test_invalid_toml_is_told_with_the_path_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, "a = = b")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="not valid TOML: Invalid value") as caught:
        load_target(Path())
    assert caught.value.where == str(tmp_path / "project.toml")
    assert "kernel" not in caught.value.message


def test_wrong_command_lines_are_refused(tmp_path: Path) -> None:
    project(tmp_path, "[variant.fast]\nmodel = 'x'")
    with pytest.raises(UsageError, match="--set: 'nonsense'; KEY=VALUE"):
        load_target(tmp_path, assignments=("nonsense",))
    with pytest.raises(UsageError, match="--set: unknown key 'soc.bord'"):
        load_target(tmp_path, assignments=("soc.bord=1",))
    with pytest.raises(UsageError, match="--variant 'fest'; no such variant, did you mean 'fast'"):
        load_target(tmp_path, variant="fest")
    with pytest.raises(UsageError, match="a folder without project.toml"):
        load_target(tmp_path.parent)
    with pytest.raises(UsageError, match=r"gone\.tflite: no such file"):
        load_target(tmp_path / "gone.tflite")
    (tmp_path / "folder.tflite").mkdir()
    with pytest.raises(UsageError, match=r"folder\.tflite: a folder; a \.tflite"):
        load_target(tmp_path / "folder.tflite")


@pytest.mark.parametrize("name", ["crc.c", "start.S", "with space.elf"])
def test_a_bare_program_belongs_to_exec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="neither a project folder nor a .tflite") as caught:
        load_target(name)
    assert "exec" not in caught.value.hint  # there is no such file
    (tmp_path / name).touch()
    with pytest.raises(UsageError, match="neither a project folder nor a .tflite") as caught:
        load_target(name)
    assert caught.value.hint == f"a bare program: cfukit exec {shlex.quote(name)} --causes"


def test_a_bare_model_is_a_project_without_cfu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.tflite").write_bytes(b"x")
    loaded = load_target(Path("net.tflite"))
    assert loaded.bare and loaded.cfu_file is None and loaded.sources == []
    assert loaded["model"] == str(tmp_path / "net.tflite")
    assert loaded.build_dir == tmp_path / "build" / "net"


def test_sources_are_found_in_a_stable_order_and_missed_by_name(tmp_path: Path) -> None:
    for name in ("b.c", "a.c", "x.S"):
        (tmp_path / name).write_text("")
    loaded = load_target(project(tmp_path, '[sw]\nsources = ["x.S", "*.c", "a.c"]'))
    assert [path.name for path in loaded.sources] == ["x.S", "a.c", "b.c"]
    with pytest.raises(
        UsageError, match=r"toml: sw\.sources: 'gone\.c' does not exist; .* there are: a\.c, b\.c"
    ):
        load_target(project(tmp_path, '[sw]\nsources = ["gone.c"]'))
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match=r"sw\.sources: 'folder' is a folder"):
        load_target(project(tmp_path, '[sw]\nsources = ["folder"]'))
    with pytest.raises(UsageError, match=r"sw\.sources: '/a/\*\.c': .*; a file or pattern in"):
        load_target(project(tmp_path, '[sw]\nsources = ["/a/*.c"]'))


def test_keys_over_a_named_cpu_keep_it(tmp_path: Path) -> None:
    project(tmp_path, 'soc.cpu = "lean"')
    changed = load_target(tmp_path, assignments=("soc.cpu.icache_bytes=8192",))
    assert changed["soc.cpu"] == {"base": "lean", "icache_bytes": 8192}


def test_a_setting_knows_where_it_was_set(tmp_path: Path) -> None:
    toml = tmp_path / "project.toml"
    project(tmp_path, '[soc]\nclock_hz = 1\nboard = "a"\n[variant.v]\nsoc.board = "b"\n')
    loaded = load_target(tmp_path, variant="v", assignments=("soc.cpu.base=x",), model="m")
    assert loaded.origin("soc.board") == f"{toml}: variant.v.soc.board"
    assert loaded.origin("soc.clock_hz") == f"{toml}: soc.clock_hz"
    assert loaded.origin("soc.cpu.base") == "--set soc.cpu.base"
    assert loaded.origin("model") == "--model"


FULL = """schema = 1
name = "a"
about = "b"
model = "digits"
[cfu]
file = "cfu.py"
params = { lanes = 4 }
[sw]
sources = ["*.c"]
cflags = ["-O3"]
compiler = "zig"
packaging = "linked"
[[kernel]]
op = "CONV_2D"
function = "f"
supports = "g"
[soc]
board = "sim"
cpu = { base = "lean", icache_bytes = 8192 }
clock_hz = 0
sram_bytes = 4096
[place]
code = "auto"
[limits]
cycles = 100
[variant.v]
soc.cpu = "min"
limits.cycles = 3
"""
VALUES = [
    "''",
    "'\\u0000'",
    "'../x'",
    "0",
    "-1",
    "1.5",
    "true",
    "nan",
    "1979-05-27",
    "[]",
    "['']",
    "[[1]]",
    "{}",
    "{ a = 1 }",
]


@given(
    st.integers(0, FULL.count("\n") - 1),
    st.sampled_from(["value", "key", "drop", "double", "cut", "header"]),
    st.sampled_from(VALUES) | st.text(max_size=8),
    st.sampled_from(["", "v"]),
)
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_mutated_file_is_a_project_or_a_named_error(
    tmp_path: Path, number: int, how: str, text: str, variant: str
) -> None:
    lines = FULL.splitlines()
    key, sign, _ = lines[number].partition(" = ")
    changes = {
        "value": [f"{key} = {text}" if sign else lines[number]],
        "key": [f"{text}{lines[number]}"],
        "drop": [],
        "double": [lines[number]] * 2,
        "cut": [lines[number][: len(text)]],
        "header": [f"[{text}]", lines[number]],
    }
    lines[number : number + 1] = changes[how]
    (tmp_path / "project.toml").write_text("\n".join(lines), encoding="utf-8")
    try:
        loaded = load_target(tmp_path, variant=variant)
    except UsageError as error:
        assert str(tmp_path / "project.toml") in error.message
        assert error.allowed or error.hint
        if how == "value" and "TOML" not in error.given:
            assert key in error.message
    else:
        assert set(loaded.settings) == set(DEFAULTS) and loaded["soc"].keys() == DEFAULTS["soc"].keys()


@given(
    st.recursive(
        st.integers() | st.text(max_size=3) | st.booleans(), lambda inner: st.lists(inner, max_size=2)
    )
)
def test_any_value_for_any_key_is_taken_or_refused_cleanly(value: object) -> None:
    for section, default in DEFAULTS.items():
        keys = [(section, key) for key in default] if isinstance(default, dict) else [(section,)]
        for path in keys:
            table: object = value
            for part in reversed(path):
                table = {part: table}
            try:
                check_table("file", table)  # type: ignore[arg-type]
            except UsageError as error:
                assert path[-1] in error.message


@pytest.mark.slow
def test_what_another_version_wrote_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The build folder survives an update of cfukit, which may write other C for the same plan."""
    api.init(str(tmp_path / "mine"), "template")
    for version in ("one", "two"):
        monkeypatch.setattr("cfukit_tools.firmware.program.software_version", lambda given=version: given)
        api.run(tmp_path / "mine", engine="host", samples=1)
    assert len(list((tmp_path / "mine" / "build" / "sim").glob("model-*"))) == 6  # of three variants
