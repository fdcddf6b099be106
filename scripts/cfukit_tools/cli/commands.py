"""The command `cfukit VERB [TARGET]`: parses, calls one function of `cfukit_tools.verbs`, shows what it returns.

stdout is the result (with --json exactly one document, errors included); progress and logs go to stderr. Each verb is imported when
it is called: `cfukit --help` needs none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cfukit_base import interrupts
from cfukit_base.artefacts import Artefact, Build, Run
from cfukit_base.errors import UsageError
from cfukit_tools.cli.endings import run_action, tell
from cfukit_tools.cli.options import ENGINE, PROJECT, SYSTEM, callgrind, inputs, options, output

if TYPE_CHECKING:
    from cfukit_tools.cli.progress import StderrSink


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

    TARGET is a project folder (default: the current one), a .tflite file or a listed model.
    """


def _show(document: Artefact, as_json: bool, render: Callable[[Any], None]) -> int:
    """Print what a verb returned; 1 if it says that something is wrong."""
    interrupts.check()  # raised in the main thread, it can get lost in a destructor
    interrupts.finish()
    if as_json:
        tell(document.to_json())
    else:
        render(document)
    return 0 if getattr(document, "ok", True) else 1


def _begin(verbose: bool) -> StderrSink:
    """Show progress on stderr."""
    from cfukit_tools.cli.progress import install

    return install(verbose)


@cli.command()
@click.argument("name")
@click.option(
    "--from", "origin", default="template", metavar="PROJECT", help="Copy this project (listed or a folder)."
)
@options("json", "verbose")
def init(name: str, origin: str, as_json: bool, verbose: bool) -> int:
    """Make a new project. It is a copy of the template, or of another project."""
    from cfukit_tools.report import others
    from cfukit_tools.verbs import init as verb

    _begin(verbose)
    return _show(verb.init(name, origin), as_json, others.init)


@cli.command()
@options("json", "verbose")
def doctor(as_json: bool, verbose: bool) -> int:
    """Show which tools are installed. It says what each is for, its version, and how to get a missing one."""
    from cfukit_tools.report import others
    from cfukit_tools.verbs import doctor as verb

    _begin(verbose)
    return _show(verb.doctor(), as_json, others.doctor)


@cli.command("list")
@click.argument("what", type=click.Choice(["boards", "cpus", "models", "kernels", "projects"]))
@options("json", "verbose")
def list_(what: str, as_json: bool, verbose: bool) -> int:
    """List all boards, CPUs, models, kernels or projects."""
    from cfukit_tools.report import others
    from cfukit_tools.verbs import list as verb

    _begin(verbose)
    return _show(verb.list_(what), as_json, others.list_)


@cli.command()
@click.argument("name")
@options("json", "verbose")
def fetch(name: str, as_json: bool, verbose: bool) -> int:
    """Download a listed model and print its path. The source is pinned, and the file is checked."""
    from cfukit_tools.report import others
    from cfukit_tools.verbs import fetch as verb

    _begin(verbose)
    return _show(verb.fetch(name), as_json, others.fetch)


@cli.command()
@click.option("--cache", is_flag=True, help="Remove the user's cache instead of the project's builds.")
@options("target", "json", "verbose")
def clean(as_json: bool, verbose: bool, **values: Any) -> int:
    """Remove a project's build folder. With --cache, empty the user's cache instead."""
    from cfukit_tools.report import others
    from cfukit_tools.verbs import clean as verb

    _begin(verbose)
    return _show(verb.clean(**values), as_json, others.clean)


@cli.command()
@options("target", "model", *SYSTEM, "json", "verbose")
def info(as_json: bool, verbose: bool, **values: Any) -> int:
    """Show what a model needs. Lists operators with kernels, shapes, MACs and bytes, the memory map, and what would be refused."""
    from cfukit_tools.report import others
    from cfukit_tools.verbs import info as verb

    _begin(verbose)
    code = _show(verb.info(**values), as_json, others.info)
    return 2 if code else 0  # what is refused is the input's fault


@cli.command("run")
@inputs
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="Run only this: reference, portable or project, or with --variants a variant.",
)
@click.option(
    "--skip",
    multiple=True,
    metavar="NAME",
    help="Leave this out: reference, portable or project, or with --variants a variant.",
)
@click.option(
    "--variants", is_flag=True, help="Measure all variants of the project and show them in one table."
)
@click.option("--area", is_flag=True, help="With --variants: add LUT, FF, RAM and DSP of each CFU.")
@output
@click.option("--causes", is_flag=True, help="Show what each set of kernels spent its cycles on.")
@options(*PROJECT, "seed")
def run_(as_json: bool, verbose: bool, **values: Any) -> int:
    """Compare your kernels with the reference and portable ones. Checks every output."""
    from cfukit_tools.report import run as report
    from cfukit_tools.verbs import run as verb

    _begin(verbose)
    return _show(verb.run(**values), as_json, lambda document: report.show(document, verbose))


@cli.command()
@inputs
@output
@click.option(
    "--annotate",
    default="",
    metavar="FUNCTION",
    help="Show the instructions of this function beside its source, with cycles.",
)
@click.option(
    "--speedscope",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a profile for speedscope.app.",
)
@click.option(
    "--trace-events",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a time line of the operators for Perfetto.",
)
@callgrind
@options(*PROJECT, "seed")
def profile(as_json: bool, verbose: bool, **values: Any) -> int:
    """Show where the cycles go: by operator, cause and function. Measures no baselines."""
    from cfukit_tools.report import run as report
    from cfukit_tools.verbs import profile as verb

    _begin(verbose)
    listing: list[str] = []

    def render(document: Run) -> None:
        report.show(document, verbose)
        for line in listing:
            click.echo(line)

    return _show(verb.profile(write=listing.append, **values), as_json, render)


@cli.command()
@options("target", "model", *SYSTEM, "cc", "json", "jobs", "verbose", "seed")
def suggest(as_json: bool, verbose: bool, **values: Any) -> int:
    """Suggest up to five changes that save cycles. Each has its evidence, its gain and a command."""
    from cfukit_tools.report import suggest as report
    from cfukit_tools.verbs import suggest as verb

    _begin(verbose)
    return _show(verb.suggest(**values), as_json, lambda document: report.show(document, verbose))


@cli.command()
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@click.option(
    "--max-regression",
    default="",
    metavar="PERCENT",
    help="Exit code 1 if something gets worse by more than this, e.g. 1%: the cycles, or of two builds LUT, FF, RAM, DSP or MHz.",
)
@click.option("--md", "as_markdown", is_flag=True, help="Print a short Markdown table for a pull request.")
@options("json", "verbose")
def diff(
    before: Path, after: Path, max_regression: str, as_markdown: bool, as_json: bool, verbose: bool
) -> int:
    """Compare two run.json or two build.json. Shows cycles by operator, causes, sizes and area.

    Each command keeps its previous document beside the new one, so this compares the last two runs: cfukit diff
    build/sim/run.previous.json build/sim/run.json
    """
    from cfukit_tools.report import diff as report
    from cfukit_tools.verbs import diff as verb

    _begin(verbose)
    if as_markdown and as_json:
        raise UsageError("--md", "with --json", allowed="one of them")
    document = verb.diff(before, after, max_regression)
    return _show(document, as_json, report.markdown if as_markdown else report.show)


@cli.command()
@click.argument("targets", nargs=-1, metavar="[TARGET | FILE.json ...]", type=click.Path(path_type=Path))
@click.option(
    "--output",
    default=None,
    type=click.Path(path_type=Path),
    metavar="FILE.html",
    help="Where to write the page; default: report.html beside the last run.",
)
@click.option(
    "--md", "markdown", is_flag=True, help="Print the report as Markdown instead of writing a page."
)
@options("model", *SYSTEM, "engine", "json", "verbose")
def report(targets: tuple[Path, ...], markdown: bool, as_json: bool, verbose: bool, **values: Any) -> int:
    """Make one HTML page with charts. It shows TARGET's latest results, or run.json and build.json files."""
    from cfukit_tools.report import others
    from cfukit_tools.verbs import report as verb

    _begin(verbose)
    if markdown and values["output"]:
        raise UsageError("--output", "with --md, which writes no page", allowed="one of them")
    document = verb.report(targets or (Path(),), page=not markdown, **values)
    return _show(document, as_json, others.report_markdown if markdown else others.report)


@cli.command()
@click.option(
    "--only",
    default="",
    metavar="CHECK",
    help="Run one check: gateware, cocotb, header, system, outputs or own.",
)
@click.option(
    "--random", "random_samples", default=4, metavar="N", help="How many random samples a .tflite gets."
)
@click.option(
    "--operations",
    default=2000,
    metavar="N",
    help="How many random operations each simulated check of the CFU runs.",
)
@options(*PROJECT, "seed")
def test(as_json: bool, verbose: bool, **values: Any) -> int:
    """Test a project, or a .tflite.

    For a project: whether gateware, model, Verilog and system agree, and the outputs are right. For a .tflite: whether evaluator and
    firmware agree.
    """
    from cfukit_tools.report import others
    from cfukit_tools.verbs import test as verb

    _begin(verbose)
    return _show(verb.test(**values), as_json, others.test)


@cli.command()
@click.option(
    "--inputs",
    required=True,
    type=click.Path(path_type=Path),
    metavar="IN.npz|.wav",
    help="The inputs: arrays in0, in1.. of shape [n, ...]; or a 16-bit .wav for a model of sounds.",
)
@click.option(
    "--outputs",
    required=True,
    type=click.Path(path_type=Path),
    metavar="OUT.npz",
    help="Where to write the outputs: arrays out0, out1..",
)
@click.option(
    "--layers",
    default=None,
    type=click.Path(path_type=Path),
    metavar="LAYERS.npz",
    help="Where to write the outputs of every operator.",
)
@click.option(
    "--dump",
    default=None,
    type=int,
    metavar="OP",
    help="Write operator OP as a kernel test (.tflite and .npz) beside OUT.npz.",
)
@click.option("--unchecked", is_flag=True, help="Do not compare the outputs with the evaluator's.")
@options(*PROJECT)
def infer(as_json: bool, verbose: bool, **values: Any) -> int:
    """Run a model on your arrays, on any engine. Compares the outputs with the evaluator's."""
    from cfukit_tools.report import others
    from cfukit_tools.verbs import infer as verb

    _begin(verbose)
    return _show(verb.infer(**values), as_json, others.infer)


@cli.command("exec")
@click.argument("program", type=click.Path(path_type=Path))
@click.option(
    "--project",
    default=None,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Use this project's CFU, CPU and board.",
)
@click.option("--max-cycles", default=0, metavar="N", help="Give up after N cycles. Default: 0, never.")
@click.option(
    "--hang-cycles",
    default=0,
    metavar="N",
    help="Report a hang after N cycles in which no instruction retires. Default: 0, the engine's own limit.",
)
@click.option(
    "--waves",
    default="",
    metavar="FILE[:FROM:TO]",
    help="Write the waveforms of these cycles as VCD (default: the last 2000, or those around a hang). Runs on engine rtl.",
)
@click.option(
    "--trace",
    default="",
    metavar="FILE[:FROM:TO]",
    help="Write a list of all executed instructions; for a window FROM:TO, also their cycles and causes.",
)
@click.option(
    "--causes", is_flag=True, help="Show what the program spent its cycles on, and the hottest functions."
)
@click.option(
    "--annotate",
    default="",
    metavar="FUNCTION",
    help="Show the instructions of this function beside its source, with cycles.",
)
@callgrind
@click.option(
    "--lint",
    is_flag=True,
    help="Find what the program should not do: reads of memory that was never written, use of dead stack, and more.",
)
@click.option(
    "--gdb",
    default=0,
    metavar="PORT",
    help="Wait for gdb on this port, and let it debug the program. The cycles stay the same.",
)
@options(*SYSTEM, "cc", *ENGINE, "json", "verbose")
def exec_(as_json: bool, verbose: bool, **values: Any) -> int:
    """Run a program without a model. PROGRAM is a .c, .S or .elf file, or membench. It can read stdin."""
    from cfukit_tools.report import exec as report
    from cfukit_tools.verbs import exec as verb

    sink = _begin(verbose)
    listing: list[str] = []
    document = verb.exec_(**values, listing=listing.append, write=None if as_json else sink.pass_on)
    return _show(document, as_json, lambda document: report.show(document, listing))


@cli.command()
@click.option(
    "--family",
    default="",
    metavar="NAME",
    help="One FPGA family: ice40, ecp5, gowin or xc7. Default: all four.",
)
@options("target", *SYSTEM, "jobs", "json", "verbose")
def area(as_json: bool, verbose: bool, **values: Any) -> int:
    """Show what the CFU costs in LUT, FF, RAM and DSP. The CFU is synthesised alone."""
    from cfukit_tools.report import build as report
    from cfukit_tools.verbs import area as verb

    _begin(verbose)
    return _show(verb.area(**values), as_json, report.area)


@cli.command()
@click.option(
    "--seeds",
    default=0,
    metavar="N",
    help="Try N placements and keep the fastest. Default: 0, until one meets the clock, at most four.",
)
@click.option(
    "--firmware",
    default=None,
    type=click.Path(path_type=Path),
    metavar="PROGRAM",
    help="Make the board start this .c, .S or .elf, which lies behind the gateware. Default: the serial boot loader.",
)
@click.option(
    "--run-netlist",
    default=None,
    type=click.Path(path_type=Path),
    metavar="PROGRAM",
    help="Do not place; simulate the synthesised netlist with this program in flash.",
)
@click.option(
    "--synthesis-only",
    is_flag=True,
    help="Only show the resources of the whole system. Places nothing, and leaves build.json as it is.",
)
@click.option("--seed", default=1, metavar="N", help="Seed of the first placement.")
@options("target", *SYSTEM, "cc", "jobs", "json", "verbose")
def bitstream(as_json: bool, verbose: bool, **values: Any) -> int:
    """Build a bitstream for the board's FPGA. Shows its size, speed and files."""
    from cfukit_tools.report import build as report
    from cfukit_tools.verbs import bitstream as verb

    _begin(verbose)
    document: Build = verb.bitstream(**values)
    return _show(document, as_json, report.bitstream)


@cli.command()
@options("target", *SYSTEM, "json", "verbose")
def load(as_json: bool, verbose: bool, **values: Any) -> int:
    """Load onto a board what bitstream has built. Uses dfu-util, openFPGALoader or Vivado."""
    from cfukit_tools.report import others
    from cfukit_tools.verbs import load as verb

    _begin(verbose)
    return _show(verb.load(**values), as_json, others.load)


@cli.command()
@options("port", "baud", "json", "verbose")
def term(as_json: bool, verbose: bool, **values: Any) -> int:
    """Show a board's serial line in the terminal; Ctrl-] ends it. With --json, show only the document."""
    from cfukit_tools.report import others
    from cfukit_tools.verbs import term as verb

    sink = _begin(verbose)
    return _show(verb.term(**values, write=None if as_json else sink.pass_on), as_json, others.term)


def _later(name: str, does: str) -> None:
    """A verb of the contract that this version does not have yet says so instead of being unknown."""

    @cli.command(name, hidden=True, context_settings={"ignore_unknown_options": True})
    @click.argument("arguments", nargs=-1)
    def verb(arguments: tuple[str, ...]) -> int:
        raise UsageError(f"cfukit {name}", f"this version cannot {does} yet", hint="see CHANGELOG.md")


for _name, _does in {
    "explore": "explore parameters",
    "export": "export",
}.items():
    _later(_name, _does)
