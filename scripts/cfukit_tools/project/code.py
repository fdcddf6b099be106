"""Loading a project's cfu.py: its CFU, and the functions that its kernels name. Its mistakes are BuildErrors, never tracebacks."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from cfukit_base.errors import BuildError, CfukitError, UsageError, suggest
from cfukit_tools.project.project import Project


def load_cfu(project: Project) -> Any:
    """The project's `cfukit.Cfu`, made with its params; None if the project has no CFU."""
    from cfukit import load_cfu as load

    if project.cfu_file is None:
        return None
    _must_exist(project)
    with _no_bytecode():
        try:
            return load(project.cfu_file, project["cfu.params"])
        except BuildError as error:
            if "unexpected keyword argument" in error.given and "make_cfu" in error.given:
                given = error.given.partition("make_cfu() ")[2]
                allowed = f"what make_cfu of {project['cfu.file']} takes"
                raise UsageError(project.origin("cfu.params"), given, allowed=allowed) from None
            raise


def load_module(project: Project) -> ModuleType | None:
    """cfu.py as a module of its own, for the functions that kernels name; None for a CFU that is a Verilog file."""
    path = project.cfu_file
    assert path is not None
    if path.suffix != ".py":
        return None
    _must_exist(project)
    name = f"cfukit_project_{abs(hash(str(path)))}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with _no_bytecode():
        guarded(path, lambda: spec.loader.exec_module(module), "does not load")  # type: ignore[union-attr]
    return module


def _must_exist(project: Project) -> None:
    if project.cfu_file is not None and not project.cfu_file.is_file():
        hint = 'write cfu.file = "" for a project without CFU'
        allowed = "a .py, .v or .sv in the project's folder"
        given = f"'{project['cfu.file']}' does not exist"
        raise UsageError(project.origin("cfu.file"), given, allowed=allowed, hint=hint)


@contextlib.contextmanager
def _no_bytecode() -> Iterator[None]:
    """Nothing is written beside a user's files."""
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def kernel_function(project: Project, module: ModuleType | None, name: str) -> Callable[..., Any] | None:
    """The function `name` of cfu.py that a [[kernel]] refers to; None for an empty name."""
    if not name:
        return None
    function = getattr(module, name, None) if module is not None else None
    if not callable(function):
        file = project["cfu.file"] or "cfu.py"
        there = [key for key, value in vars(module).items() if inspect.isfunction(value)] if module else []
        allowed = suggest(name, there, "function") if there else f"a function of {file}"
        raise UsageError(f"{project.toml}: kernel", f"'{name}' is not a function of {file}", allowed=allowed)

    def call(*arguments: Any) -> Any:
        assert project.cfu_file is not None
        return guarded(project.cfu_file, lambda: function(*arguments), f"{name} failed")

    return call


def guarded(path: Path, action: Callable[[], Any], what: str) -> Any:
    """Run a user's code; an exception becomes a BuildError with the line of the user's file it came from."""
    try:
        return action()
    except (CfukitError, KeyboardInterrupt):
        raise
    except SyntaxError as error:
        raise BuildError(f"{error.filename or path}:{error.lineno}", f"{what}: {error.msg}") from error
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if Path(frame.filename).parent == path.parent]
        where = f"{own[-1].filename}:{own[-1].lineno}" if own else str(path)
        raise BuildError(where, f"{what}: {type(error).__name__}: {error}") from error
