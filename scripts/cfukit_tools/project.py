"""project.toml: what a project is, its defaults, its checks, its variants.

`load_target` accepts what the command line accepts: a project folder or a bare .tflite. Every wrong key or value is a
UsageError that names file, key, value and what is allowed.
"""

from __future__ import annotations

import copy
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cfukit_base.errors import UsageError, suggest
from cfukit_tools.catalog import listed_models

FILE_NAME = "project.toml"

# The whole schema: a default fixes the type. "table" is a table of free keys; [[kernel]] and [variant] stand apart.
DEFAULTS: dict[str, Any] = {
    "schema": 1,
    "name": "",
    "about": "",
    "model": "digits",
    "cfu": {"file": "cfu.py", "params": {}},
    "sw": {"sources": ["*.c"], "cflags": [], "compiler": "zig", "packaging": "linked"},
    "soc": {"board": "sim", "cpu": "", "clock_hz": 0, "sram_bytes": 0},
    "place": {"code": "auto", "weights": "auto", "arena": "auto"},
    "limits": {"cycles": 0, "lut": 0, "dsp": 0},
}
KERNEL_DEFAULTS = {"op": "", "function": "", "supports": "", "pack": "", "scratch": ""}
FREE_TABLES = {"cfu.params"}
STRING_OR_TABLE = {"soc.cpu"}


@dataclass(frozen=True)
class KernelEntry:
    """One [[kernel]]: a C function that serves an operator type; `supports`, `pack`, `scratch` name functions in cfu.py."""

    op: str
    function: str
    supports: str = ""
    pack: str = ""
    scratch: str = ""


@dataclass(frozen=True)
class Project:
    """A project as read: `root` is its folder, `settings` the merged table of project.toml (all keys present)."""

    root: Path
    name: str
    settings: dict[str, Any]
    kernels: tuple[KernelEntry, ...] = ()
    variant: str = ""
    variants: tuple[str, ...] = ()
    bare: bool = False
    build_dir: Path = field(default=Path("build"))

    def __getitem__(self, key: str) -> Any:
        """A setting by its dotted key: project["soc.board"]."""
        value: Any = self.settings
        for part in key.split("."):
            value = value[part]
        return value

    @property
    def toml(self) -> Path:
        return self.root / FILE_NAME

    @property
    def cfu_file(self) -> Path | None:
        """The CFU's Python file; None for a project without CFU."""
        return self.root / self["cfu.file"] if self["cfu.file"] and not self.bare else None

    @property
    def sources(self) -> list[Path]:
        """The C and assembly files, patterns expanded, in a stable order. A pattern without `*` must exist."""
        if self.bare:
            return []
        found: dict[Path, None] = {}
        for pattern in self["sw.sources"]:
            matches = sorted(self.root.glob(pattern))
            if not matches and not any(sign in pattern for sign in "*?["):
                raise UsageError(f"{self.toml}: sw.sources", f"'{pattern}' does not exist")
            found.update(dict.fromkeys(path for path in matches if path.is_file()))
        return list(found)

    @property
    def board_dir(self) -> Path:
        """Where this project's artefacts for its board go."""
        return self.build_dir / self["soc.board"]


def load_target(
    target: Path,
    *,
    model: str = "",
    board: str = "",
    compiler: str = "",
    assignments: tuple[str, ...] = (),
    variant: str = "",
) -> Project:
    """A project folder, a `.tflite` or a listed model, with the command line's changes applied.

    The command line wins over the variant, the variant over the other keys.
    """
    overrides = _overrides(assignments, {"model": model, "soc.board": board, "sw.compiler": compiler})
    listed = not target.exists() and str(target) in listed_models()
    if target.suffix == ".tflite" or listed:
        if not listed and not target.is_file():
            raise UsageError(str(target), "no such file", hint="cfukit list models")
        if variant:
            raise UsageError("--variant", f"'{variant}'", allowed="a model has no variants")
        overrides.setdefault("model", str(target) if listed else str(target.resolve()))
        return _finish(Path.cwd(), {"name": target.stem}, overrides, "", bare=True)
    folder = target if target.is_dir() else target.parent if target.name == FILE_NAME else None
    if folder is None or not (folder / FILE_NAME).is_file():
        given = (
            "a folder without project.toml" if target.is_dir() else "neither a project folder nor a .tflite"
        )
        hint = "cfukit init NAME makes a project; cfukit list projects shows those that exist"
        raise UsageError(str(target), given, hint=hint)
    return _finish(folder.resolve(), _read_toml(folder / FILE_NAME), overrides, variant)


def stock_project(
    name: str,
    *,
    board: str = "",
    compiler: str = "",
    assignments: tuple[str, ...] = (),
    variant: str = "",
) -> Project:
    """The stock system, without CFU and without a project.toml, for a program called `name`; builds go to ./build/NAME."""
    if variant:
        raise UsageError(
            "--variant", f"'{variant}'", allowed="variants belong to a project", hint="--project DIR"
        )
    overrides = _overrides(assignments, {"soc.board": board, "sw.compiler": compiler})
    return _finish(Path.cwd(), {"name": name}, overrides, "", bare=True)


def _overrides(assignments: tuple[str, ...], options: dict[str, str]) -> dict[str, Any]:
    """What the command line changes: --set KEY=VALUE, then the options that stand for a key."""
    overrides: dict[str, Any] = {}
    for text in assignments:
        _merge(overrides, _parse_assignment(text))
    for key, value in options.items():
        if value:
            _merge(overrides, _nested(key, value))
    return overrides


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise UsageError(str(path), f"not valid TOML: {error}", hint="https://toml.io") from None
    except UnicodeDecodeError as error:
        raise UsageError(str(path), f"not UTF-8 text: {error.reason} at byte {error.start}") from None
    except OSError as error:
        raise UsageError(str(path), f"cannot be read: {error.strerror}") from None


def _finish(
    root: Path, table: dict[str, Any], overrides: dict[str, Any], variant: str, bare: bool = False
) -> Project:
    where = str(root / FILE_NAME) if not bare else table["name"]
    table = copy.deepcopy(table)
    variants = table.pop("variant", {})
    if not isinstance(variants, dict) or not all(isinstance(value, dict) for value in variants.values()):
        raise UsageError(
            where, "variant is not a table of tables", allowed="[variant.NAME] with any project keys"
        )
    kernels = _check_kernels(where, table.pop("kernel", []))
    _check(where, table)
    for name, changes in variants.items():
        _check(f"{where}: variant.{name}", {key: value for key, value in changes.items() if key != "kernel"})
    _check("--set", overrides)
    if variant and variant not in variants:
        allowed = suggest(variant, variants, "variant") if variants else "this project has no variants"
        raise UsageError(where, f"--variant '{variant}'", allowed=allowed)
    settings = copy.deepcopy(DEFAULTS)
    _merge(settings, table)
    chosen = copy.deepcopy(variants.get(variant, {}))
    if "kernel" in chosen:
        kernels = _check_kernels(f"{where}: variant.{variant}", chosen.pop("kernel"))
    _merge(settings, chosen)
    _merge(settings, overrides)
    if settings["schema"] != DEFAULTS["schema"]:
        raise UsageError(
            where, f"schema is {settings['schema']}", allowed=f"this cfukit reads {DEFAULTS['schema']}"
        )
    name = settings["name"] or root.name
    build_dir = root / "build" / name if bare else root / "build"
    return Project(root, name, settings, kernels, variant, tuple(variants), bare, build_dir)


def _check(where: str, table: dict[str, Any], schema: dict[str, Any] = DEFAULTS, prefix: str = "") -> None:
    """Every key known, every value of its default's type."""
    for key, value in table.items():
        dotted = prefix + key
        if key not in schema:
            known = [prefix + name for name in schema] + ([] if prefix else ["kernel", "variant"])
            raise UsageError(where, f"unknown key '{dotted}'", allowed=suggest(dotted, known, "key"))
        default = schema[key]
        if dotted in STRING_OR_TABLE and isinstance(value, dict):
            continue
        if isinstance(default, dict) and isinstance(value, dict):
            if dotted not in FREE_TABLES:
                _check(where, value, default, f"{dotted}.")
            continue
        # bool is an int in Python; no key here is a bool, so a bool is always wrong.
        if type(value) is not type(default) or (
            isinstance(value, list) and not all(isinstance(v, str) for v in value)
        ):
            allowed = f"it must be {_type_name(default)}"
            raise UsageError(where, f"{dotted} is {_shown(value)}", allowed=allowed)
        if isinstance(value, int) and value < 0:
            raise UsageError(where, f"{dotted} is {value}", allowed="it must not be negative")


def _check_kernels(where: str, entries: Any) -> tuple[KernelEntry, ...]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UsageError(
            where, "kernel is not an array of tables", allowed="write [[kernel]] with double brackets"
        )
    kernels = []
    for number, entry in enumerate(entries):
        place = f"{where}: kernel {number}"
        _check(place, entry, KERNEL_DEFAULTS, "kernel.")
        for key in ("op", "function"):
            if not entry.get(key):
                raise UsageError(place, f"no '{key}'", allowed="op and function are needed")
        kernels.append(KernelEntry(**entry))
    return tuple(kernels)


def _merge(into: dict[str, Any], changes: dict[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _parse_assignment(text: str) -> dict[str, Any]:
    """`soc.clock_hz=50_000_000` as a nested table; what is no TOML value is taken as a string."""
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise UsageError("--set", f"'{text}'", allowed="KEY=VALUE, for example soc.sram_bytes=65536")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    return _nested(key.strip(), parsed)


def _nested(dotted: str, value: Any) -> dict[str, Any]:
    for part in reversed(dotted.split(".")):
        value = {part: value}
    return value


def _type_name(default: Any) -> str:
    names = {str: "a string", int: "an integer", list: "a list of strings", dict: "a table"}
    return names[type(default)]


def _shown(value: Any) -> str:
    return (
        f"'{value}'"
        if isinstance(value, str)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )
