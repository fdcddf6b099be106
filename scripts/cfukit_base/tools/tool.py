"""A program that can be called, and how to ask it for its version."""

from __future__ import annotations

import functools
import re
import shlex
import shutil
import sys
import sysconfig
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from cfukit_base import process
from cfukit_base.errors import MissingToolError


def pip_install(what: str) -> str:
    """The command that brings wheels into this environment: cfukit alone brings what it cannot do without.

    `pip` alone would be another environment's if this one was not activated.
    """
    found = shutil.which("pip")
    pip = "pip" if found and inside_this_environment(found) else f"{shlex.quote(sys.executable)} -m pip"
    return f'{pip} install "{what}"' if "[" in what else f"{pip} install {what}"


@dataclass(frozen=True)
class Tool:
    """A program that can be called: `process.run([*tool.argv, ...], env=tool.env)`.

    * name: what it is called here
    * argv: the words that start it
    * version: as it states it
    * path: the executable
    * source: "wheel", "native" or "environment"
    * env: additions to the environment
    """

    name: str
    argv: tuple[str, ...]
    version: str
    path: str
    source: str
    env: dict[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """Name and version for a digest; where the tool is does not matter."""
        return f"{self.name} {self.version}"


def package_folder(package: str) -> Path:
    try:
        distribution = metadata.distribution(package)
    except metadata.PackageNotFoundError:
        raise MissingToolError(
            package, "this Python package is not installed", hint=pip_install("cfukit")
        ) from None
    return Path(str(distribution.locate_file(package)))


def inside_this_environment(path: str) -> bool:
    return Path(path).parent == Path(sysconfig.get_path("scripts"))


def version_of(argv: list[str], pattern: str) -> str:
    """The version that a program states, the first group of `pattern`; "unknown" if it states none."""
    return _version(tuple(argv), pattern)


@functools.cache
def _version(argv: tuple[str, ...], pattern: str) -> str:
    found = process.run(argv, timeout=60)
    match = re.search(pattern, found.stdout + found.stderr)
    return match.group(1) if match else "unknown"


def numbers(version: str) -> tuple[int, ...]:
    """Major and minor number, to compare."""
    return tuple(int(digits) for digits in re.findall(r"\d+", version)[:2])
