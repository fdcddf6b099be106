"""A user's Python file as a module of its own, with the Python files beside it as what it may import.

`import pixel` in cfu.py finds pixel.py in the same folder, as it would if Python ran cfu.py. The modules of one folder never meet those of
another: the file is a package under a name that no other file has, and the files beside it are its submodules.
"""

from __future__ import annotations

import builtins
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from cfukit_base.errors import BuildError
from cfukit_base.reads import USERS_MODULE


def load_module(path: Path) -> ModuleType:
    """Execute a Python file, and again what it imports from its folder."""
    name = f"{USERS_MODULE}{abs(hash(str(path.resolve()))):x}"
    if path.suffix != ".py":
        raise BuildError(str(path), "it is no Python file", allowed="a file that ends in .py, .v or .sv")
    for old in [known for known in sys.modules if known == name or known.startswith(f"{name}.")]:
        del sys.modules[old]
    if not any(isinstance(finder, _Beside) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Beside())
    spec = _spec(name, path, package=True)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and Migen look the module up
    assert spec.loader is not None
    spec.loader.exec_module(module)
    return module


class _Beside(MetaPathFinder):
    """Finds the submodules of a user's file: the files and packages in its folder."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(USERS_MODULE) or path is None:
            return None
        at = Path(next(iter(path))) / fullname.rpartition(".")[2]
        if _is_read(at.with_suffix(".py")):
            return _spec(fullname, at.with_suffix(".py"), package=False)
        if _is_read(at / "__init__.py"):
            return _spec(fullname, at / "__init__.py", package=True)
        return None


class _Source(SourceFileLoader):
    """Always from the source: bytecode beside a user's files is neither read nor written, so every file counts as read."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code

    def exec_module(self, module: ModuleType) -> None:
        own = sys.modules[module.__name__.partition(".")[0]]
        # Its own `import`, also for what its functions import when they are called.
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": _Importer(own)}
        super().exec_module(module)


class _Importer:
    """`__import__` of the modules of a folder: a name in the folder comes before one in Python's path."""

    def __init__(self, module: ModuleType):
        assert module.__file__ is not None
        self.name, self.file = module.__name__, Path(module.__file__)

    def __call__(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        first = name.partition(".")[0]
        if level or not self._has(first):
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        if name == self.file.stem:
            return sys.modules[self.name]
        found = builtins.__import__(f"{self.name}.{name}", globals, locals, fromlist or (), 0)
        return found if fromlist else sys.modules[f"{self.name}.{first}"]

    def _has(self, name: str) -> bool:
        folder = self.file.parent
        return _is_read(folder / f"{name}.py") or _is_read(folder / name / "__init__.py")


def _is_read(path: Path) -> bool:
    """Whether there is such a file. It is opened, so that it counts among what was read, and is missed where it is not there."""
    try:
        with path.open("rb"):
            return True
    except OSError:
        return False


def _spec(name: str, path: Path, *, package: bool) -> ModuleSpec:
    folder = [str(path.parent)] if package else None
    spec = importlib.util.spec_from_file_location(
        name, path, loader=_Source(name, str(path)), submodule_search_locations=folder
    )
    assert spec is not None
    return spec
