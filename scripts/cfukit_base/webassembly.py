"""Yosys comes as WebAssembly. This program translates it to machine code, and runs the machine code in a process of its own.

    python -m cfukit_base.webassembly translate MODULE.wasm CODE
    python -m cfukit_base.webassembly run CODE NAME ARGUMENT...

Without the translator's optimisation: that takes a minute of processor time, nine tenths of all, and makes Yosys an eighth faster.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from importlib import resources
from pathlib import Path

import wasmtime

from cfukit_base import process
from cfukit_base.digest import digest_of
from cfukit_base.errors import BuildError

SECONDS = 1800.0
_SMALLEST = b"\0asm\1\0\0\0"  # a module of its head alone, version 1


def translate(package: str, code: Path) -> None:
    """Write the machine code of the package's yosys.wasm to `code`."""
    with resources.as_file(resources.files(package) / "yosys.wasm") as module:
        words = [sys.executable, "-m", __name__, "translate", str(module), str(code)]
        done = process.run(words, timeout=SECONDS)
    if not done.ok:
        raise BuildError(package, "cannot be translated for this machine", log=done.tail(20))


@functools.cache
def code_digest() -> str:
    """Of what machine code depends on: the kind of machine, its processor's features, its system, and the translator.

    The code of the smallest module has all of them in it. What one machine translates, another may refuse: caches can be shared.
    """
    return digest_of(bytes(wasmtime.Module(_engine(), _SMALLEST).serialize()))


def place_in_yowasp(package: str) -> Path:
    """Where, in its folder YOWASP_CACHE_DIR, the package yowasp-runtime looks for this code. Elsewhere it makes its own."""
    module = (resources.files(package) / "yosys.wasm").read_bytes()
    return Path(package) / "yosys.wasm" / hashlib.sha1(module).hexdigest()


def _engine(**options: str) -> wasmtime.Engine:
    config = wasmtime.Config()
    config.wasm_exceptions = True  # as yowasp-runtime
    for name, value in options.items():
        setattr(config, name, value)
    return wasmtime.Engine(config)


def _run(code: str, argv: list[str]) -> None:
    engine = _engine()
    wasi = wasmtime.WasiConfig()
    wasi.argv = argv
    wasi.inherit_stdin()
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    linker, store = wasmtime.Linker(engine), wasmtime.Store(engine)
    linker.define_wasi()
    store.set_wasi(wasi)
    instance = linker.instantiate(store, wasmtime.Module.deserialize_file(engine, code))
    start = instance.exports(store)["_start"]
    assert isinstance(start, wasmtime.Func)
    try:
        start(store)
    except wasmtime.ExitTrap as trap:
        sys.exit(trap.code)


if __name__ == "__main__":
    verb, first, second, *more = sys.argv[1:]
    if verb == "translate":
        made = wasmtime.Module(_engine(cranelift_opt_level="none"), Path(first).read_bytes())
        Path(second).parent.mkdir(parents=True, exist_ok=True)
        Path(second).write_bytes(made.serialize())
    else:
        _run(first, [second, *more])
