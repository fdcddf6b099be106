"""The command `cfukit VERB [TARGET]`: parses, calls one function of `cfukit_tools.api`, shows what it returns.

stdout is the result (with --json exactly one document, errors included); progress and logs go to stderr.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cfukit_base import interrupts
from cfukit_base.errors import UsageError
from cfukit_tools.cli.endings import run_action, tell
from cfukit_tools.cli.options import ENGINE, PROJECT, inputs, options

Document = dict[str, Any]


def run(arguments: list[str]) -> int:
    """Run one command line; the exit code."""

    def action() -> int:
        code = cli.main(arguments, prog_name="cfukit", standalone_mode=False)
        return code if isinstance(code, int) else 0

    return run_action(action, "--json" in arguments)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="cfukit")
def cli() -> None:
    """Co-design hardware and software for tiny machine learning.

    TARGET is a project folder (default: the current one) or a .tflite file.
    """


def _show(document: Document, as_json: bool, render: str, **options: Any) -> int:
    """Print what a verb returned; 1 if it says that something is wrong."""
    interrupts.check()  # raised in the main thread, it can get lost in a destructor
    interrupts.finish()
    if as_json:
        tell(document)
    else:
        from cfukit_tools.report import documents as report

        getattr(report, render)(document, **options)
    return 0 if document.get("ok", True) else 1


def _begin(as_json: bool, verbose: bool) -> Any:
    """Install progress on stderr and give the api."""
    from cfukit_tools import api
    from cfukit_tools.cli.progress import install

    install(verbose)
    return api


def _target(values: Document) -> Document:
    """The options that choose what a verb works on, as `api` takes them."""
    names = ("target", "model", "board", "assignments", "variant", "compiler")
    return {name: values.pop(name) for name in names if name in values}


@cli.command()
@click.argument("name")
@click.option(
    "--from", "origin", default="template", metavar="PROJECT", help="Copy this project (listed or a folder)."
)
@options("json", "verbose")
def init(name: str, origin: str, as_json: bool, verbose: bool) -> int:
    """Make a new project: a copy of the template, or of another project."""
    return _show(_begin(as_json, verbose).init(name, origin), as_json, "init")


@cli.command()
@options("json", "verbose")
def doctor(as_json: bool, verbose: bool) -> int:
    """Which tools are here, which version, what for, and how to get the others."""
    return _show(_begin(as_json, verbose).doctor(), as_json, "doctor")


@cli.command("list")
@click.argument("what", type=click.Choice(["boards", "cpus", "models", "kernels", "projects"]))
@options("json", "verbose")
def list_(what: str, as_json: bool, verbose: bool) -> int:
    """What exists: boards, cpus, models, kernels or projects."""
    return _show(_begin(as_json, verbose).list_(what), as_json, "list_")


@cli.command()
@click.argument("name")
@options("json", "verbose")
def fetch(name: str, as_json: bool, verbose: bool) -> int:
    """Download a listed model by its pinned source and check it."""
    return _show(_begin(as_json, verbose).fetch(name), as_json, "fetch")


@cli.command()
@options("target", "model", "board", "set", "variant", "json", "verbose")
def info(as_json: bool, verbose: bool, **values: Any) -> int:
    """A model's operators, shapes, MACs, bytes, memory map, and what would be refused."""
    code = _show(_begin(as_json, verbose).info(**_target(values)), as_json, "info")
    return 2 if code else 0  # what is refused is the input's fault


@cli.command("run")
@inputs
@options(*PROJECT, "seed")
def run_(as_json: bool, verbose: bool, **values: Any) -> int:
    """Run a model: baselines against the project, every output checked."""
    api = _begin(as_json, verbose)
    return _show(api.run(**_target(values), **values), as_json, "run", verbose=verbose)


@cli.command()
@inputs
@options(*PROJECT, "seed")
def profile(as_json: bool, verbose: bool, **values: Any) -> int:
    """One system: where the cycles go."""
    api = _begin(as_json, verbose)
    return _show(api.profile(**_target(values), **values), as_json, "run", verbose=verbose)


@cli.command()
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@click.option("--max-regression", default="", metavar="PERCENT", help="Fail if cycles grow by more, e.g. 1%.")
@options("json", "verbose")
def diff(before: Path, after: Path, max_regression: str, as_json: bool, verbose: bool) -> int:
    """Compare two run.json."""
    return _show(_begin(as_json, verbose).diff(before, after, max_regression), as_json, "diff")


@cli.command()
@click.option(
    "--only", default="", metavar="CHECK", help="One check: gateware, cocotb, header, system, outputs, own."
)
@click.option("--random", "random_samples", default=4, metavar="N", help="Random samples for a .tflite.")
@click.option(
    "--operations", default=2000, metavar="N", help="Random operations per simulated check of the CFU."
)
@options(*PROJECT, "seed")
def test(as_json: bool, verbose: bool, **values: Any) -> int:
    """Test a project (gateware = model = Verilog = system, outputs) or a .tflite (evaluator = firmware)."""
    return _show(_begin(as_json, verbose).test(**_target(values), **values), as_json, "test")


@cli.command()
@click.option(
    "--inputs",
    required=True,
    type=click.Path(path_type=Path),
    metavar="IN.npz",
    help="Arrays in0.. [n, ...].",
)
@click.option(
    "--outputs", required=True, type=click.Path(path_type=Path), metavar="OUT.npz", help="Where out0.. go."
)
@click.option(
    "--layers",
    default=None,
    type=click.Path(path_type=Path),
    metavar="LAYERS.npz",
    help="Every operator's outputs.",
)
@click.option(
    "--dump",
    default=None,
    type=int,
    metavar="OP",
    help="This operator as a kernel test beside OUT.npz: .tflite and .npz.",
)
@options(*PROJECT)
def infer(as_json: bool, verbose: bool, **values: Any) -> int:
    """Arrays in, arrays out, on any engine."""
    return _show(_begin(as_json, verbose).infer(**_target(values), **values), as_json, "infer")


@cli.command("exec")
@click.argument("program", type=click.Path(path_type=Path))
@click.option(
    "--project",
    default=None,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Use its CFU, CPU and board.",
)
@click.option("--max-cycles", default=0, metavar="N", help="Give up after so many cycles; 0: never.")
@click.option(
    "--hang-cycles", default=0, metavar="N", help="Cycles without an instruction that count as a hang."
)
@click.option(
    "--waves",
    default="",
    metavar="FILE[:FROM:TO]",
    help="VCD of these cycles (default: the last 2000; of a hang, those around it).",
)
@click.option(
    "--trace",
    default=None,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Every retired instruction.",
)
@click.option("--gdb", default=0, metavar="PORT", help="Wait for a debugger (engine fast).")
@options("board", "set", "variant", "cc", *ENGINE, "json", "verbose")
def exec_(as_json: bool, verbose: bool, **values: Any) -> int:
    """Run a bare program (.c, .S, .elf, or membench) on the system; stdin is passed on."""
    document = _begin(as_json, verbose).exec_(**values, stream=not as_json)
    return _show(document, as_json, "exec_")


@cli.command()
@click.option("--family", default="", metavar="NAME", help="ice40, ecp5, gowin or xc7; without it all four.")
@options("target", "board", "set", "variant", "jobs", "json", "verbose")
def area(as_json: bool, verbose: bool, **values: Any) -> int:
    """What the CFU costs in LUT, FF, RAM and DSP, by synthesis alone."""
    document = _begin(as_json, verbose).area(**_target(values), **values)
    return _show_build(document, as_json, "area")


@cli.command()
@click.option("--seeds", default=0, metavar="N", help="Placements to try; the fastest is kept; 0: two.")
@click.option(
    "--firmware",
    default=None,
    type=click.Path(path_type=Path),
    metavar="PROGRAM",
    help="Put this .c, .S or .elf behind the gateware, where the board starts it; else the serial boot loader.",
)
@click.option(
    "--run-netlist",
    default=None,
    type=click.Path(path_type=Path),
    metavar="PROGRAM",
    help="Do not place: simulate the synthesised netlist with this program in flash.",
)
@click.option(
    "--synthesis-only",
    is_flag=True,
    help="Resources of the whole system; nothing is placed, build.json stays.",
)
@click.option("--seed", default=1, metavar="N", help="The first placement's seed.")
@options("target", "board", "set", "variant", "cc", "jobs", "json", "verbose")
def bitstream(as_json: bool, verbose: bool, **values: Any) -> int:
    """Build what is loaded into the FPGA: size, speed, files."""
    document = _begin(as_json, verbose).bitstream(**_target(values), **values)
    return _show_build(document, as_json, "bitstream")


def _show_build(document: Document, as_json: bool, render: str) -> int:
    if as_json:
        return _show(document, True, render)
    from cfukit_tools.report import build as build_report

    getattr(build_report, render)(document)
    return 0 if document["ok"] else 1


@cli.command()
@options("target", "board", "set", "variant", "json", "verbose")
def load(as_json: bool, verbose: bool, **values: Any) -> int:
    """Load what bitstream has built into the board: dfu-util, openFPGALoader or Vivado, as found."""
    return _show(_begin(as_json, verbose).load(**_target(values), **values), as_json, "load")


@cli.command()
@options("port", "baud", "json", "verbose")
def term(as_json: bool, verbose: bool) -> int:
    """A board's serial line in the terminal; Ctrl-] ends. With --json nothing but the document is shown."""
    write = (lambda data: None) if as_json else None
    return _show(_begin(as_json, verbose).term(write=write), as_json, "term")


def _later(name: str, does: str) -> None:
    """A verb of the contract that this version does not have yet says so instead of being unknown."""

    @cli.command(name, hidden=True, context_settings={"ignore_unknown_options": True})
    @click.argument("arguments", nargs=-1)
    def verb(arguments: tuple[str, ...]) -> int:
        raise UsageError(f"cfukit {name}", f"this version cannot {does} yet", hint="see CHANGELOG.md")


for _name, _does in {
    "suggest": "suggest changes",
    "explore": "explore parameters",
    "report": "write HTML reports",
    "export": "export",
}.items():
    _later(_name, _does)
