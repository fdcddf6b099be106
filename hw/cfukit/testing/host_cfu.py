"""The verilated CFU as `cfu_software()` for kernels that are compiled for the host."""

from __future__ import annotations

from pathlib import Path

from cfukit_base import process, progress, tools
from cfukit_base.cache import cached
from cfukit_base.digest import digest_of

from cfukit.testing.verilator_driver import (
    CXX_FLAGS,
    WARNINGS_OFF,
    runtime_objects,
    tool_failed,
    verilate,
)

SHIM = Path(__file__).with_name("host_cfu.cpp")


def build_host_cfu(cfu_verilog: Path, build_dir: Path) -> list[Path]:
    """Objects to link with host C code: cfu.v by Verilator behind `cfu_software`, and Verilator's runtime."""
    compiler = tools.host_cxx()
    text = cfu_verilog.read_text()
    key = digest_of(text, SHIM, tools.verilator().identity, compiler.identity, CXX_FLAGS, WARNINGS_OFF)

    def make(folder: Path) -> None:
        with progress.stage("compiling the CFU for the host"):
            verilate(text, folder, str(cfu_verilog))
            include = tools.verilator_include()
            (folder / "all.cpp").write_text(
                "".join(f'#include "{path}"\n' for path in (*sorted((folder / "made").glob("*.cpp")), SHIM))
            )
            words = [*compiler.argv, *CXX_FLAGS, "-I", "made", "-I", include, "-I", include / "vltstd"]
            done = process.run(
                [*words, "-c", "all.cpp", "-o", "cfu.o"], cwd=folder, env=compiler.env, timeout=600
            )
            if not done.ok:
                raise tool_failed(compiler, done, str(cfu_verilog))

    return [cached(build_dir, "host_cfu", key, make) / "cfu.o", *runtime_objects()]
