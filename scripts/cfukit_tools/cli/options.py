"""The options that verbs have in common, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cfukit_tools.engines.catalogue import DEFAULT, ENGINES

SYSTEM = ("board", "set", "variant")
ENGINE = ("engine", "port", "baud")
PROJECT = ("target", "model", *SYSTEM, "cc", *ENGINE, "json", "jobs", "verbose")


def options(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the shared options with these names to a command."""
    common: dict[str, Callable[..., Any]] = {
        "target": click.argument("target", default=".", type=click.Path(path_type=Path)),
        "model": click.option("--model", default="", metavar="FILE|NAME", help="Use another model."),
        "board": click.option("--board", default="", help="Use another board."),
        "set": click.option(
            "--set",
            "assignments",
            multiple=True,
            metavar="KEY=VALUE",
            help="Set any key of project.toml, for this command.",
        ),
        "variant": click.option(
            "--variant", default="", metavar="NAME", help="Use this variant of the project."
        ),
        "cc": click.option("--cc", "compiler", default="", metavar="zig|gcc", help="The RISC-V compiler."),
        "engine": click.option(
            "--engine",
            default="",
            metavar="|".join(ENGINES),
            help=f"What runs the program. Default: {DEFAULT}.",
        ),
        "json": click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout."),
        "jobs": click.option(
            "--jobs",
            default=0,
            metavar="N",
            help="How many processes to run at a time. Default: 0, one per core.",
        ),
        "verbose": click.option("-v", "--verbose", is_flag=True, help="Show more details."),
        "port": click.option(
            "--port",
            default="",
            metavar="DEVICE",
            help="Serial port of engine board (default: $CFUKIT_PORT, or the only USB adapter).",
        ),
        "baud": click.option(
            "--baud",
            default=0,
            metavar="N",
            help="Bits per second of engine board. Default: 115200.",
        ),
        "seed": click.option("--seed", default=0, metavar="N", help="Seed of all random numbers."),
    }

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in reversed(names):
            function = common[name](function)
        return function

    return decorate


def inputs(function: Callable[..., Any]) -> Callable[..., Any]:
    function = click.option(
        "--samples",
        default=0,
        metavar="N",
        help="How many samples to run. Default: 0, as the input set says.",
    )(function)
    return click.option(
        "--inputs",
        default=None,
        type=click.Path(path_type=Path),
        metavar="SET.npz|.wav",
        help="Input set: arrays in0.., and labels if there are any; or a 16-bit .wav for a model of sounds.",
    )(function)


def output(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--output",
        default=None,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Where to write the JSON document.",
    )(function)


def callgrind(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--callgrind",
        default=None,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Write cycles and causes of every instruction for KCachegrind and callgrind_annotate.",
    )(function)
