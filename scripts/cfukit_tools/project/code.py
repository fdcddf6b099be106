"""A project's cfu.py, executed once: its CFU, and the functions that its kernels name. Its mistakes are BuildErrors."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cfukit_base.errors import BuildError, CfukitError, UsageError, suggest
from cfukit_base.reads import includes, inputs, recorded, settled, unchanged
from cfukit_tools.project.project import Project

if TYPE_CHECKING:
    from cfukit import BaseCfu, CfuCode

# What a function that a kernel names may ask for by name. Its first parameter may have any other name.
PARAMETERS = {
    "supports": ("op", "cfu"),
    "pack": ("weights", "op", "cfu"),
    "scratch": ("op", "cfu"),
}
RETURNS = {"supports": "bool", "pack": "bytes", "scratch": "int"}


@dataclass(frozen=True)
class ProjectCode:
    """The CFU that the project's parameters make, the module of its cfu.py (None for a Verilog file), and what was read.

    cfu.py may import the Python files beside it: they are read like it.
    """

    cfu: BaseCfu
    module: ModuleType | None
    seen: frozenset[str]


@dataclass(frozen=True)
class _Executed:
    code: CfuCode
    seen: frozenset[str]
    inputs: dict[str, str | None]


_executed: dict[Path, _Executed] = {}


def load(project: Project) -> ProjectCode | None:
    """The project's CFU and code; None if the project has no CFU. A CFU without a name of its own gets the project's.

    cfu.py is executed once per process, as long as nothing that it has read changes.
    """
    if project.cfu_file is None:
        return None
    from cfukit.base import UNNAMED

    _must_exist(project)
    executed = _execute(project.cfu_file.resolve(), project.root)
    with recorded() as seen:
        try:
            cfu = executed.code.make(project["cfu.params"])
        except BuildError as error:
            if "unexpected keyword argument" in error.given and "make_cfu" in error.given:
                given = error.given.partition("make_cfu() ")[2]
                allowed = f"what make_cfu of {project['cfu.file']} takes"
                raise UsageError(project.origin("cfu.params"), given, allowed=allowed) from None
            raise
    if executed.inputs:  # make_cfu may have imported more
        executed.inputs.update(inputs(seen, project.root))
    if cfu.name == UNNAMED:
        cfu.name = project.name
    return ProjectCode(cfu, executed.code.module, executed.seen | seen)


def load_cfu(project: Project) -> BaseCfu | None:
    """The project's Cfu, made with its parameters; None if the project has no CFU."""
    code = load(project)
    return code.cfu if code is not None else None


def _execute(file: Path, root: Path) -> _Executed:
    from cfukit import load_code

    known = _executed.get(file)
    if known is not None and known.inputs and unchanged(known.inputs, root):
        return known
    begin = time.time_ns()
    with recorded() as seen:
        code = load_code(file, root)
    found = inputs({*seen, str(file)}, root)
    sure = includes(found, root, file) and settled(found, root, begin)
    done = _Executed(code, frozenset(seen), found if sure else {})
    _executed[file] = done
    return done


def _must_exist(project: Project) -> None:
    if project.cfu_file is not None and not project.cfu_file.is_file():
        hint = 'write cfu.file = "" for a project without CFU'
        allowed = "a .py, .v or .sv in the project's folder"
        given = f"'{project['cfu.file']}' does not exist"
        raise UsageError(project.origin("cfu.file"), given, allowed=allowed, hint=hint)


def kernel_function(
    project: Project, code: ProjectCode | None, key: str, name: str
) -> Callable[..., Any] | None:
    """What the `key` ("supports", "pack", "scratch") of a [[kernel]] names in cfu.py, with the Cfu bound; None for no name.

    It is called as `supports(op)`, `pack(op, weights)` and `scratch(op)`, and hands on what the user's function asks for.
    """
    if not name:
        return None
    module = code.module if code is not None else None
    function = getattr(module, name, None) if module is not None else None
    if code is None or not callable(function):
        file = project["cfu.file"] or "cfu.py"
        there = [item for item, value in vars(module).items() if inspect.isfunction(value)] if module else []
        allowed = suggest(name, there, "function") if there else f"a function of {file}"
        raise UsageError(f"{project.toml}: kernel", f"'{name}' is not a function of {file}", allowed=allowed)
    wanted = _wanted(function, key, name, str(project.cfu_file))
    cfu = code.cfu

    def call(op: object, weights: object = None) -> Any:
        given = {"op": op, "weights": weights, "cfu": cfu}
        return guarded(
            str(project.cfu_file), lambda: function(*(given[item] for item in wanted)), f"{name} failed"
        )

    return call


def _wanted(function: Callable[..., Any], key: str, name: str, file: str) -> list[str]:
    """What each parameter of the function is given. BuildError with its line if it asks for something else."""
    known = PARAMETERS[key]
    required = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        and (parameter.default is parameter.empty or parameter.name in known)
    ]
    names = [parameter.name for parameter in required]
    if names and names[0] not in known:
        names[0] = known[0]
    if not names or set(names) - set(known) or len(set(names)) < len(names):
        code = getattr(function, "__code__", None)
        raise BuildError(
            f"{code.co_filename}:{code.co_firstlineno}" if code else file,
            f"{name}{inspect.signature(function)} cannot be the {key!r} of a kernel",
            allowed=f"{name}({', '.join(known)}) -> {RETURNS[key]}; what it does not need may be left out",
        )
    return names


def guarded(where: str, action: Callable[[], Any], what: str) -> Any:
    """Run a user's code; an exception becomes a BuildError with the line of the user's file that it came from."""
    from cfukit.users_code import BROKEN, failed

    try:
        return action()
    except CfukitError:
        raise
    except BROKEN as error:
        raise failed(error, where, what) from error
