"""The verb report: one page that shows what runs and builds found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar, Unpack

from cfukit_base import progress
from cfukit_base.artefacts import Build, OtherVersion, Report, Run
from cfukit_base.artefacts.report import ReportHost
from cfukit_base.cache import prepare_output, write_atomic
from cfukit_base.errors import UsageError
from cfukit_tools.firmware.sources import source_roots
from cfukit_tools.inference.results import result_path
from cfukit_tools.project.project import Choice, Project, load_target
from cfukit_tools.report.page.compute import report_of
from cfukit_tools.verbs.diff import diff

Named = tuple[Path, Run | Build]
Kind = TypeVar("Kind", Run, Build)


def report(
    targets: Sequence[Path | str] = (Path(),),
    *,
    engine: str = "",
    output: Path | str | None = None,
    page: bool = True,
    **choice: Unpack[Choice],
) -> Report:
    """Make the page of one target, or of any number of run.json and build.json files; the document cfukit.report/1.

    * targets: a project folder or a .tflite, whose latest results are taken; or .json files. The first run is the baseline of the
      ladder, and the last two are compared.
    * engine, choice: as for `run`; they tell which of a target's results are meant.
    * output: the page; by default report.html beside the last run.
    * page: whether the page is written.

    UsageError if a file is not such a document, or if the runs cannot be compared.
    """
    found = [each for target in targets for each in _documents(Path(target), engine, choice)]
    runs = [(path, document) for path, document in found if isinstance(document, Run)]
    builds = [(path, document) for path, document in found if isinstance(document, Build)]
    if not runs:
        raise UsageError("report", "no run.json among the files", hint="cfukit run writes one")
    names = _names([path for path, _ in found])
    compared = runs[-2:] if len(targets) > 1 else []
    changes = diff(compared[0][0], compared[1][0]) if len(compared) == 2 and _comparable(*compared) else None
    document = report_of(
        [(names[path], run) for path, run in runs],
        [(names[path], build) for path, build in builds],
        changes,
        _roots([path for path, _ in runs]),
    )
    if unseen := _unseen(document, [path for path, _ in runs]):
        document = replace(document, summary=(*document.summary, unseen))
    if not page:
        return document
    from cfukit_tools.report.page.html import html

    path = Path(output) if output is not None else runs[-1][0].with_name("report.html")
    prepare_output(path)
    document = replace(document, host=ReportHost(path=str(path)))
    write_atomic(path, html(document))
    return document


def _comparable(before: tuple[Path, Run], after: tuple[Path, Run]) -> bool:
    return bool({one.name for one in before[1].variants} & {one.name for one in after[1].variants})


def _documents(target: Path, engine: str, choice: Choice) -> Iterator[Named]:
    """The documents that `target` names: itself, or the latest ones of a project."""
    if target.suffix == ".json":
        yield target, _read(target)
        return
    project = load_target(target, **choice)
    yield from _latest(project, engine)


def _latest(project: Project, engine: str) -> Iterator[Named]:
    verbs = {verb: result_path(project, verb, engine) for verb in ("run", "variants", "profile")}
    written = [path for path in verbs.values() if path.is_file()]
    if not written:
        hint = "run `cfukit run` with the same options first"
        raise UsageError(
            str(verbs["run"]), "there is no such result", allowed="a target that was run", hint=hint
        )
    newest, *others = sorted(written, key=lambda path: path.stat().st_mtime_ns, reverse=True)
    subject = Run.read(newest)
    found = [(newest, subject)]
    for path in others:
        # A run and a profile of the same program are one; what was measured of another program is out of date.
        if (
            verbs["profile"] in (path, newest)
            and (other := _beside(Run, path))
            and _same_program(subject, other)
        ):
            found.append((path, other))
    yield from sorted(found, key=lambda pair: pair[0] == verbs["profile"])  # the run has the baselines
    build = project.board_dir / "bitstream" / "build.json"
    if build.is_file() and (built := _beside(Build, build)):
        yield build, built


def _beside(kind: type[Kind], path: Path) -> Kind | None:
    """A document that is not the subject: None, with a note, if another version wrote it."""
    try:
        return kind.read(path)
    except OtherVersion as error:
        progress.note(f"left out: {error.message}")
        return None


def _same_program(one: Run, other: Run) -> bool:
    left, right = one.digests, other.digests
    if one.variants[-1].name != other.variants[-1].name or (left.soc, left.cfu) != (right.soc, right.cfu):
        return False
    return left.firmware.get(one.variants[-1].name) == right.firmware.get(one.variants[-1].name)


def _read(path: Path) -> Run | Build:
    """A run.json or build.json, told apart by what it says of itself."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(str(path), f"cannot be read: {error}", allowed="a run.json or build.json") from None
    return (
        Build.parse(text, str(path))
        if f'"{Build.schema_name()}"' in text[:200]
        else Run.parse(text, str(path))
    )


def _roots(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Where sources may be: in the project around build/BOARD/run.json, and cfukit's own."""
    projects = [path.resolve().parents[2] for path in paths if len(path.resolve().parents) > 2]
    return source_roots(*dict.fromkeys(projects))


def _unseen(document: Report, paths: Sequence[Path]) -> str:
    """A sentence about source files that are not found because a run.json was moved; "" if none was."""
    moved = [path for path in paths if "build" not in [parent.name for parent in path.resolve().parents[1:3]]]
    named = {line.file for program in document.programs for line in program.lines if line.file}
    missing = sorted(named.difference(*(program.source for program in document.programs)))
    if not moved or not missing:
        return ""
    where = ", ".join(map(str, dict.fromkeys(path.name for path in moved)))
    return (
        f"The text of {', '.join(missing)} is not shown: {where} lies outside the folder build/BOARD of its project, "
        "and the sources are looked for around that folder."
    )


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """The shortest names that tell the files apart: their own, or with as many folders as it takes."""
    for depth in range(1, max(len(path.parts) for path in paths) + 1):
        names = {path: "/".join(path.with_suffix("").parts[-depth:]) for path in paths}
        if len(set(names.values())) == len(set(paths)):
            return names
    return {path: str(path) for path in paths}
