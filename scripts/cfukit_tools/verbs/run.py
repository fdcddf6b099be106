"""The verb run: reference and portable kernels against the project's, on the same system and samples; or all its variants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Unpack

from cfukit_base import progress
from cfukit_base.artefacts import Run
from cfukit_base.errors import CfukitError, MissingToolError, UsageError, suggest
from cfukit_tools.engines.catalogue import Line
from cfukit_tools.inference.ladder import BASELINES, Tried, ladder_of, rung_name
from cfukit_tools.inference.measure import measure
from cfukit_tools.inference.results import result_path, set_aside
from cfukit_tools.inference.workload import Workload
from cfukit_tools.project.cpu import cpu_name
from cfukit_tools.project.project import Choice, Project, load_target
from cfukit_tools.verbs.area import area as area_of
from cfukit_tools.verbs.area import check_tools, main_family


def run(
    target: Path | str = Path(),
    *,
    inputs: Path | str | None = None,
    samples: int = 0,
    seed: int = 0,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    variants: bool = False,
    area: bool = False,
    output: Path | str | None = None,
    causes: bool = False,
    engine: str = "",
    port: str = "",
    baud: int = 0,
    jobs: int = 0,
    **choice: Unpack[Choice],
) -> Run:
    """Run each set of kernels on the samples and check its outputs against the evaluator; the document cfukit.run/1.

    * inputs: an .npz; by default the shipped model's held-out samples, else random ones.
    * samples: how many; 0 = 20 held-out ones, 1 random one, all of a file.
    * only, skip: which of reference, portable and project are run; by default all.
    * variants: run every variant of the project, first project.toml without any. Each writes a document of its own; the one that is
      returned has all of them as `ladder`. `only` and `skip` name variants, and baselines.
    * area: with `variants`, the area of each one's CFU on the family of its board.
    * output: where the document goes; by default `inference.results` says where.
    * causes: tell where the cycles of each variant went.
    * port, baud: of engine board.
    * choice: as `load_target`.
    """
    project = load_target(target, **choice)
    asked = _Asked(Path(inputs) if inputs else None, samples, seed, engine, Line(port, baud), jobs, causes)
    path = result_path(project, "variants" if variants else "run", engine, Path(output) if output else None)
    if variants:
        names = rungs(project, only, skip)
        sets = [name for name in (*BASELINES, "project") if name not in skip]
        if kept := [name for name in BASELINES if name in only]:
            sets = [*kept, "project"]
        return _ladder(target, choice, asked, names, sets, area, path)
    if area:
        raise UsageError("--area", "without --variants", allowed="run --variants --area", hint="cfukit area")
    set_aside(path)
    workload = asked.workload(project)
    return asked.measure(workload, chosen(workload.variants, only, skip), path)


@dataclass(frozen=True)
class _Asked:
    """What all variants have in common."""

    inputs: Path | None
    samples: int
    seed: int
    engine: str
    line: Line
    jobs: int
    causes: bool

    def workload(self, project: Project) -> Workload:
        workload = Workload(project, self.engine, self.line, self.jobs, self.causes)
        if self.causes and not workload.causes:
            given = f"engine {workload.engine.name} does not tell where cycles go"
            hint = f"without --engine {workload.engine.name}"
            raise UsageError("--causes", given, allowed="engine fast or rtl", hint=hint)
        return workload

    def measure(self, workload: Workload, sets: Sequence[str], path: Path) -> Run:
        return measure(workload, sets, self.inputs, self.samples, self.seed, path)


def _ladder(
    target: Path | str,
    choice: Choice,
    asked: _Asked,
    names: Sequence[str],
    sets: Sequence[str],
    with_area: bool,
    path: Path,
) -> Run:
    """Run the variants `names` ("" is project.toml without any). One that fails has an error in its rung; the others go on."""
    if with_area:
        check_tools()
    set_aside(path)
    tried: list[Tried] = []
    errors: list[CfukitError] = []
    for number, name in enumerate(names, 1):
        called = rung_name(name)
        with progress.stage(f"variant {called} ({number} of {len(names)})"):
            own: Choice = {**choice, "variant": name}
            project = load_target(target, **own)
            one = Tried(name=called, board=project["soc.board"], model=project["model"])
            try:
                one = replace(one, cpu=cpu_name(project))
                own_path = result_path(project, "run", asked.engine)
                set_aside(own_path)
                found = asked.measure(asked.workload(project), sets, own_path)
                one = replace(one, model=found.model.name, run=found)
                if with_area:
                    cost = area_of(target, family=main_family(project), jobs=asked.jobs, **own)
                    one = replace(one, area=cost)
            except MissingToolError:
                raise  # the others lack it too
            except CfukitError as error:
                errors.append(error)
                progress.note(f"variant {called}: {error.message}")
                one = replace(one, error=error.message)
        tried.append(one)
    if all(one.run is None for one in tried):
        raise errors[0]
    document = ladder_of(tried, str(path))
    document.write(path)
    return document


def rungs(project: Project, only: Sequence[str], skip: Sequence[str]) -> list[str]:
    """The variants that --variants runs, "" first. UsageError for a name that does not exist, or if there is nothing to run."""
    if project.variant:
        given = f"'{project.variant}', and --variants"
        raise UsageError("--variant", given, allowed="one of them", hint="--only NAME with --variants")
    if not project.variants:
        given = f"{project.name} has no variants"
        raise UsageError(
            "--variants", given, allowed="[variant.NAME] in project.toml makes one", hint="docs/project.md"
        )
    called = {rung_name(name): name for name in ("", *project.variants)}
    for option, given_names in (("--only", only), ("--skip", skip)):
        for name in given_names:
            if name not in called and name not in BASELINES:
                allowed = suggest(name, [*called, *BASELINES], "variant")
                raise UsageError(option, f"'{name}'", allowed=allowed)
    wanted = [name for name in called if name in only] or list(called)
    left = [called[name] for name in wanted if name not in skip]
    if not left:
        raise UsageError("--skip", "no variant is left", allowed=", ".join(called))
    return left


def chosen(variants: Sequence[str], only: Sequence[str], skip: Sequence[str]) -> tuple[str, ...]:
    """The sets of kernels that are left. UsageError for a name that does not exist, or if none is left."""
    for option, names in (("--only", only), ("--skip", skip)):
        for name in names:
            if name not in variants:
                raise UsageError(option, f"'{name}'", allowed=suggest(name, variants, "set of kernels"))
    left = tuple(name for name in variants if name not in skip and (not only or name in only))
    if not left:
        raise UsageError("--skip", "no set of kernels is left", allowed=", ".join(variants))
    return left
