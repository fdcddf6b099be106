"""Which engines exist. An engine is imported when a command asks for it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from cfukit_base.errors import UsageError, suggest
from cfukit_tools.engines.engine import Engine, ExecOptions, Systems

ENGINES = {
    "evaluator": "cfukit_tools.engines.evaluator:EvaluatorEngine",
    "host": "cfukit_tools.engines.host:HostEngine",
    "fast": "cfukit_tools.engines.fast:FastEngine",
    "rtl": "cfukit_tools.engines.rtl:RtlEngine",
    "renode": "cfukit_tools.engines.renode:RenodeEngine",
    "board": "cfukit_tools.engines.board.engine:BoardEngine",
}
DEFAULT = "fast"  # tests compare its cycles with those of "rtl"


@dataclass(frozen=True)
class Line:
    """A serial line to a board. port: "" = $CFUKIT_PORT, else the only USB adapter; baud: 0 = 115200."""

    port: str = ""
    baud: int = 0


def engine_named(name: str, line: Line = Line()) -> Engine:
    """The engine `name` ("" = the default), on `line` if it needs one. UsageError if there is no such engine."""
    chosen = name or DEFAULT
    if chosen not in ENGINES:
        raise UsageError("--engine", f"'{chosen}' is no engine", allowed=suggest(chosen, ENGINES, "engine"))
    module, _, attribute = ENGINES[chosen].partition(":")
    engine: Engine = getattr(importlib.import_module(module), attribute)(line)
    return engine


def engine_obeying(options: ExecOptions, name: str, line: Line = Line()) -> Engine:
    """The engine `name`. Without a name: the default or, if that does not obey all `options`, the first simulator that does."""
    engine, asked = engine_named(name, line), {*options.given}
    if name or asked <= engine.abilities.options:
        return engine
    return next((other for other in simulators() if asked <= other.abilities.options), engine)


def simulators() -> list[Engine]:
    """The engines with the RTL's cycles of any system, first those that need no build of it."""
    engines = [engine_named(name) for name in ENGINES]
    return [
        engine
        for systems in (Systems.ANY, Systems.BUILT)
        for engine in engines
        if engine.abilities.cycles and engine.abilities.systems is systems
    ]


def explainers() -> list[Engine]:
    """Those among them that tell causes."""
    return [engine for engine in simulators() if engine.abilities.causes]
