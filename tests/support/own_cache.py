"""A user's cache for one test, with what takes long to make and is not the test's subject."""

from __future__ import annotations

import shutil
from pathlib import Path

from cfukit_base import tools
from cfukit_base.cache import user_cache
from cfukit_base.verilator_runtime import runtime_objects
from cfukit_soc.fast import build_fast_simulator

LINKED = ("zig", "wheels")  # caches of other programs: not ours to check
RUNTIME = ("verilated", "verilated_threads", "verilated_dpi", "verilated_vpi")


def own_cache(folder: Path, *, linked: bool = True) -> Path:
    """`folder`, with a copy of the fast simulator and of Verilator's runtime and headers, and with zig's cache and the wheels' code as
    they are in the user's cache.

    linked: False for those copies alone.
    """
    runtime_objects(tools.host_cxx(), RUNTIME)
    simulator = build_fast_simulator().parent
    shutil.copytree(simulator, folder / simulator.name)
    for name in ("verilator-runtime", "verilator-headers"):
        if (user_cache() / name).is_dir():
            shutil.copytree(user_cache() / name, folder / name, ignore=shutil.ignore_patterns(".*"))
    for name in LINKED if linked else ():
        (user_cache() / name).mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(user_cache() / name)
    return folder
