"""project.toml: what a project is, its defaults, its checks, its variants.

`load_target` accepts what the command line accepts: a project folder or a bare .tflite. Every wrong key or value is a
UsageError that names file, key, value and what is allowed.
"""

from __future__ import annotations

import contextlib
import copy
import shlex
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict, Unpack

from cfukit_base.errors import UsageError, suggest
from cfukit_tools.project.catalogue import listed_models, resolve_model
from cfukit_tools.project.keys import (
    DEFAULTS,
    FILE_NAME,
    NAME_RULE,
    OPTION_KEYS,
    KernelEntry,
    check_kernels,
    check_table,
    dotted_keys,
    is_name,
    merge,
    nested,
    parse_assignment,
    shown,
)

PROGRAM_SUFFIXES = (".c", ".S", ".elf")  # of programs without a model, for `exec`


class Choice(TypedDict, total=False):
    """What a command line changes: the keyword arguments that all verbs with a target have.

    * model: a .tflite or a listed name.
    * board: a listed board.
    * assignments: "KEY=VALUE" for any key of project.toml.
    * variant: one of the project's.
    * compiler: "zig" or "gcc".
    """

    model: str
    board: str
    assignments: Sequence[str]
    variant: str
    compiler: str


@dataclass(frozen=True)
class FrontEnd:
    """What computes the features of a sound for the project's model.

    * model: a .tflite, which takes a frame of samples.
    * hop_samples: from the beginning of a frame to that of the next; 0: the length of a frame.
    """

    model: str
    hop_samples: int


@dataclass(frozen=True)
class Project:
    """A project as read.

    * root: its folder.
    * settings: the merged table of project.toml, all keys present.
    * origins: where each key that is no default was set, for messages.
    * choice: what the command line changes; changes: the keys that it changes, with their values.
    """

    root: Path
    name: str
    settings: dict[str, Any]
    kernels: tuple[KernelEntry, ...] = ()
    variant: str = ""
    variants: tuple[str, ...] = ()
    bare: bool = False
    build_dir: Path = field(default=Path("build"))
    origins: dict[str, str] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)
    choice: Choice = field(default_factory=Choice)
    front_end: FrontEnd | None = None

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
        where = self.origin("sw.sources")
        found: dict[Path, None] = {}
        for pattern in self["sw.sources"]:
            try:
                matches = sorted(self.root.glob(pattern))
            except (ValueError, NotImplementedError) as error:
                allowed = f"a file or pattern in {self.root}"
                raise UsageError(where, f"'{pattern}': {error}", allowed=allowed) from None
            files = [path for path in matches if path.is_file()]
            if not files and not any(sign in pattern for sign in "*?["):
                here = sorted(path.name for path in self.root.glob("*.[cS]"))
                given = f"'{pattern}' is a folder" if matches else f"'{pattern}' does not exist"
                allowed = suggest(pattern, here, "source") if here else f"{self.root} has no .c and no .S"
                raise UsageError(where, given, allowed=allowed)
            found.update(dict.fromkeys(files))
        return list(found)

    def origin(self, key: str) -> str:
        """Where the value of a key (or of a key in its table) comes from, for a message: "--board", "PATH: soc.board"."""
        for known, place in self.origins.items():
            if key == known or key.startswith(f"{known}."):
                return place + key.removeprefix(known)
        return key if self.bare else f"{self.toml}: {key}"

    def kernel_place(self, number: int) -> str:
        """Where its [[kernel]] `number` stands, counted from 0, for a message."""
        inside = f" variant.{self.variant}:" if "kernel" in self.origins else ""
        return f"{self.toml}:{inside} kernel {number}"

    @contextlib.contextmanager
    def named(self) -> Iterator[None]:
        """A UsageError about a key, from those who know what its values may be, also says where the value was set."""
        try:
            yield
        except UsageError as error:
            key = "sw.compiler" if error.where == "--cc" else error.where
            if key.partition(".")[0] not in DEFAULTS:
                raise
            where = self.origin(key)
            raise UsageError(
                where, error.given, allowed=error.allowed, hint=error.hint, **error.details
            ) from None

    def model_file(self) -> tuple[str, Path]:
        """Name and file of its model."""
        with self.named():
            return resolve_model(self["model"], self.root)

    def front_end_file(self) -> Path | None:
        """The file of its front end; None if it has none."""
        if self.front_end is None:
            return None
        with self.named():
            return resolve_model(self.front_end.model, self.root)[1]

    @property
    def board_dir(self) -> Path:
        """Where this project's artefacts for its board go."""
        return self.build_dir / self["soc.board"]


def load_target(target: Path | str, **choice: Unpack[Choice]) -> Project:
    """A project folder, a `.tflite` or a listed model, with the command line's changes applied.

    The command line wins over the variant, the variant over the other keys.
    """
    target = Path(target)
    variant = choice.get("variant", "")
    overrides, origins = _overrides(choice)
    listed = not target.exists() and str(target) in listed_models()
    if target.suffix == ".tflite" or listed:
        if not listed and not target.is_file():
            allowed = "a .tflite, a listed model or a project folder"
            given = "a folder" if target.is_dir() else "no such file"
            raise UsageError(str(target), given, allowed=allowed, hint="cfukit list models")
        if variant:
            raise UsageError("--variant", f"'{variant}'", allowed="a model has no variants")
        overrides.setdefault("model", str(target) if listed else str(target.resolve()))
        return _finish(Path.cwd(), {"name": target.stem}, overrides, origins, choice, bare=True)
    folder = target if target.is_dir() else target.parent if target.name == FILE_NAME else None
    if folder is None or not (folder / FILE_NAME).is_file():
        given = (
            "a folder without project.toml" if target.is_dir() else "neither a project folder nor a .tflite"
        )
        hint = "cfukit init NAME makes a project; cfukit list projects shows those that exist"
        if target.suffix in PROGRAM_SUFFIXES and target.is_file():
            hint = f"a bare program: {shlex.join(['cfukit', 'exec', str(target), '--causes'])}"
        raise UsageError(
            str(target), given, allowed="a folder with project.toml, a .tflite or a listed model", hint=hint
        )
    root = folder.resolve()
    return _finish(root, _read_toml(root / FILE_NAME), overrides, origins, choice)


def words_of(choice: Choice) -> list[str]:
    """The options of a command line that makes this choice."""
    options = {key: choice.get(key, "") for key in ("model", "board", "variant", "compiler")}
    names = {"compiler": "cc"}
    words = [
        word for key, value in options.items() if value for word in (f"--{names.get(key, key)}", str(value))
    ]
    return words + [word for text in choice.get("assignments", ()) for word in ("--set", text)]


def stock_project(name: str, **choice: Unpack[Choice]) -> Project:
    """The stock system, without CFU and without a project.toml, for a program called `name`; builds go to ./build/NAME."""
    if choice.get("variant"):
        given = f"'{choice['variant']}'"
        raise UsageError("--variant", given, allowed="variants belong to a project", hint="--project DIR")
    overrides, origins = _overrides(choice)
    return _finish(Path.cwd(), {"name": name}, overrides, origins, choice, bare=True)


def _overrides(choice: Choice) -> tuple[dict[str, Any], dict[str, str]]:
    """What the command line changes, and by what: --set KEY=VALUE, then the options that stand for a key."""
    overrides: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for text in choice.get("assignments", ()):
        key, table = parse_assignment(text)
        merge(overrides, table)
        origins[key] = f"--set {key}"
    options = {"--model": choice.get("model"), "--board": choice.get("board"), "--cc": choice.get("compiler")}
    for option, value in options.items():
        if value:
            merge(overrides, nested(OPTION_KEYS[option], value))
            origins[OPTION_KEYS[option]] = option
    return overrides, origins


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        # [kernel] twice, or once beside [[kernel]].
        twice = "('kernel',)" in str(error)
        allowed = "write [[kernel]] with double brackets for each kernel" if twice else ""
        raise UsageError(
            str(path), f"not valid TOML: {error}", allowed=allowed, hint="https://toml.io"
        ) from None
    except UnicodeDecodeError as error:
        given = f"not UTF-8 text: {error.reason} at byte {error.start}"
        raise UsageError(str(path), given, allowed="UTF-8", hint="save it as UTF-8") from None
    except OSError as error:
        raise UsageError(str(path), f"cannot be read: {error.strerror}", allowed="a readable file") from None


def _finish(
    root: Path,
    table: dict[str, Any],
    overrides: dict[str, Any],
    origins: dict[str, str],
    choice: Choice,
    bare: bool = False,
) -> Project:
    variant = choice.get("variant", "")
    where = str(root / FILE_NAME) if not bare else table["name"]
    table = copy.deepcopy(table)
    variants = table.pop("variant", {})
    if not isinstance(variants, dict) or not all(isinstance(value, dict) for value in variants.values()):
        raise UsageError(
            where, "variant is not a table of tables", allowed="[variant.NAME] with any project keys"
        )
    kernels = check_kernels(where, table.pop("kernel", []))
    check_table(where, table)
    for name, changes in variants.items():
        check_table(
            f"{where}: variant.{name}", {key: value for key, value in changes.items() if key != "kernel"}
        )
    check_table("--set", overrides)
    if variant and variant not in variants:
        allowed = suggest(variant, variants, "variant") if variants else "this project has no variants"
        hint = "[variant.NAME] in project.toml makes one"
        raise UsageError(where, f"--variant '{variant}'", allowed=allowed, hint=hint)
    settings = copy.deepcopy(DEFAULTS)
    merge(settings, table)
    chosen = copy.deepcopy(variants.get(variant, {}))
    if "kernel" in chosen:
        kernels = check_kernels(f"{where}: variant.{variant}", chosen.pop("kernel"))
    merge(settings, chosen)
    merge(settings, overrides)
    if settings["schema"] != DEFAULTS["schema"]:
        raise UsageError(
            where, f"schema is {settings['schema']}", allowed=f"this cfukit reads {DEFAULTS['schema']}"
        )
    settings["model"], front_end = _chain(where, settings["model"])
    # The command line's keys, then the variant's: the first that fits says where a value comes from.
    own = {key: f"{where}: variant.{variant}.{key}" for key in dotted_keys(variants.get(variant, {}))}
    origins = origins | {key: place for key, place in own.items() if key not in origins}
    name = settings["name"] or root.name
    build_dir = root / "build" / name if bare else root / "build"
    project = Project(
        root,
        name,
        settings,
        kernels,
        variant,
        tuple(variants),
        bare,
        build_dir,
        origins,
        {key: _value(overrides, key) for key in dotted_keys(overrides)},
        choice,
        front_end,
    )
    if not is_name(name):
        raise UsageError(project.origin("name"), shown(name), allowed=NAME_RULE)
    _ = project.sources  # those that are named must exist, whatever the verb
    return project


def _chain(where: str, model: str | dict[str, Any]) -> tuple[str, FrontEnd | None]:
    """The model that a project measures, and the front end before it."""
    if isinstance(model, str):
        return model, None
    chain = model.get("chain", [])
    if len(chain) != 2:
        allowed = 'chain = ["FRONT_END.tflite", "MODEL.tflite"]'
        raise UsageError(where, f"model.chain has {len(chain)} entries", allowed=allowed)
    return chain[1], FrontEnd(chain[0], model.get("hop_samples", 0))


def _value(table: dict[str, Any], dotted: str) -> Any:
    for part in dotted.split("."):
        table = table[part]
    return table
