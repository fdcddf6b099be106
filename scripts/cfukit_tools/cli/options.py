"""The options that verbs have in common, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cfukit_tools.engines.catalogue import ENGINES

SYSTEM = ("board", "set", "variant")
ENGINE = ("engine", "port", "baud")
PROJECT = ("target", "model", *SYSTEM, "cc", *ENGINE, "json", "jobs", "verbose")


def options(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options that verbs have in common, by name."""
    common: dict[str, Callable[..., Any]] = {
        "target": click.argument("target", default=".", type=click.Path(path_type=Path)),
        "model": click.option("--model", default="", metavar="FILE|NAME", help="Another model."),
        "board": click.option("--board", default="", help="Another board."),
        "set": click.option(
            "--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Any project.toml key."
        ),
        "variant": click.option("--variant", default="", metavar="NAME", help="A variant of the project."),
        "cc": click.option("--cc", "compiler", default="", metavar="zig|gcc", help="The RISC-V compiler."),
        "engine": click.option(
            "--engine", default="", metavar="|".join(ENGINES), help="What runs the firmware."
        ),
        "json": click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout."),
        "jobs": click.option("--jobs", default=0, metavar="N", help="Processes at a time; 0: one per core."),
        "verbose": click.option("-v", "--verbose", is_flag=True, help="Say more."),
        "port": click.option(
            "--port",
            default="",
            metavar="DEVICE",
            help="Engine board: its serial port (else $CFUKIT_PORT, else the only USB adapter).",
        ),
        "baud": click.option(
            "--baud",
            default=0,
            metavar="N",
            help="Engine board: bits per second; 0: 115200.",
        ),
        "seed": click.option("--seed", default=0, metavar="N", help="Seed of everything random."),
    }

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in reversed(names):
            function = common[name](function)
        return function

    return decorate


def inputs(function: Callable[..., Any]) -> Callable[..., Any]:
    function = click.option(
        "--samples", default=0, metavar="N", help="How many samples; 0: the set's default."
    )(function)
    return click.option(
        "--inputs",
        default=None,
        type=click.Path(path_type=Path),
        metavar="SET.npz",
        help="Input set (in0.., labels).",
    )(function)


def output(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--output",
        default=None,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Where the JSON document goes.",
    )(function)
