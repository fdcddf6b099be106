"""project.toml: defaults, merging, variants, and every refusal with its message."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfukit_base.errors import UsageError
from cfukit_tools.project import DEFAULTS, load_target


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
    ],
)
def test_wrong_keys_and_values_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        load_target(project(tmp_path, text))
    assert str(tmp_path / "project.toml") in caught.value.message


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
    with pytest.raises(UsageError, match=r"sw\.sources: 'gone\.c' does not exist"):
        _ = load_target(project(tmp_path, '[sw]\nsources = ["gone.c"]')).sources


@given(
    st.recursive(
        st.integers() | st.text(max_size=3) | st.booleans(), lambda inner: st.lists(inner, max_size=2)
    )
)
def test_any_value_for_any_key_is_taken_or_refused_cleanly(value: object) -> None:
    from cfukit_tools import project as module

    for section, default in DEFAULTS.items():
        keys = [(section, key) for key in default] if isinstance(default, dict) else [(section,)]
        for path in keys:
            table: object = value
            for part in reversed(path):
                table = {part: table}
            try:
                module._check("file", table)  # type: ignore[arg-type]
            except UsageError as error:
                assert path[-1] in error.message
