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
    """The engine `name`. Without a name: the default or, if that does not obey all `options`, the first simulator that does.

    UsageError if there is no such engine, or none that obeys them all.
    """
    engine, asked = engine_named(name, line), {*options.given}
    if name or asked <= engine.abilities.options:
        return engine
    for other in simulators():
        if asked <= other.abilities.options:
            return other
    apart = [_option(each) for each in options.given if len(_obeying(each)) < len(simulators())]
    raise UsageError(" and ".join(apart), "no engine obeys them together", allowed="one of them")


def check_options(engine: Engine, options: ExecOptions) -> None:
    """UsageError for an option that this engine would have to ignore."""
    for name in options.given:
        if name not in engine.abilities.options:
            given = f"engine {engine.name} {engine.abilities.refusal}"
            allowed = f"engine {' or '.join(_obeying(name))}"
            raise UsageError(_option(name), given, allowed=allowed, hint=f"without --engine {engine.name}")


def _obeying(option: str) -> list[str]:
    return [engine.name for engine in simulators() if option in engine.abilities.options]


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


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
