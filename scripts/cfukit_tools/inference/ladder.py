"""All variants of a project in one document: its rungs from the run.json (and, if wanted, the build.json) of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cfukit_base.artefacts import Build, Run
from cfukit_base.artefacts.run import Rung, VariantRun
from cfukit_tools.firmware.program import VARIANTS

BASELINES, BASE = VARIANTS[:-1], VARIANTS[-1]  # BASE is also the rung of project.toml without a variant


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One variant: what it asked for, and what came of it.

    * run: None if it could not be run; then `error` says why.
    * area: its CFU alone; None if that was not asked for, or failed.
    """

    name: str
    board: str
    model: str
    cpu: str = ""
    run: Run | None = None
    area: Build | None = None
    error: str = ""


def rung_name(variant: str) -> str:
    """How a variant is called among the document's `variants`, where sets of kernels have names too."""
    return f"variant.{variant}" if variant in VARIANTS else variant or BASE


def ladder_of(tried: Sequence[Tried], path: str) -> Run:
    """The document for all of `tried`, of which at least one has run. path: where it will be written."""
    runs = [(one, one.run) for one in tried if one.run is not None]
    first = runs[0][1]
    baselines = tuple(variant for variant in first.variants if variant.name != BASE)
    kernels = tuple(_renamed(one, run.variants[-1]) for one, run in runs)
    start = next((cycles for _, run in runs if (cycles := run.variants[-1].first_cycles)), None)
    rungs = tuple(_rung(one, start) for one in tried)
    mismatch = next(
        (replace(run.mismatch, variant=one.name) for one, run in runs if run.mismatch is not None), None
    )
    limits = [(one, limit) for one, run in runs for limit in run.limits]
    limits += [(one, limit) for one in tried if one.area is not None for limit in one.area.limits]
    return replace(
        first,
        ok=all(rung.ok for rung in rungs),
        digests=replace(
            first.digests,
            firmware={
                **{name: digest for name, digest in first.digests.firmware.items() if name != BASE},
                **{one.name: run.digests.firmware[BASE] for one, run in runs if BASE in run.digests.firmware},
            },
        ),
        variants=(*baselines, *kernels),
        ladder=rungs,
        mismatch=mismatch,
        limits=tuple(replace(limit, name=f"{one.name}.{limit.name}") for one, limit in limits),
        host=replace(first.host, path=path, seconds=round(sum(run.host.seconds for _, run in runs), 3)),
    )


def _renamed(one: Tried, kernels: VariantRun) -> VariantRun:
    return replace(kernels, name=one.name)


def _rung(one: Tried, start: int | None) -> Rung:
    run, area = one.run, one.area
    by_name: Mapping[str, VariantRun] = {variant.name: variant for variant in run.variants} if run else {}
    cycles = run.variants[-1].first_cycles if run else None
    reference = by_name["reference"].first_cycles if "reference" in by_name else None
    return Rung(
        name=one.name,
        ok=not one.error and run is not None and run.ok and (area is None or area.ok),
        board=one.board,
        cpu=one.cpu,
        clock_hz=run.clock_hz if run else None,
        model=one.model,
        cycles=cycles,
        over_reference=_times(reference, cycles),
        over_first=_times(start, cycles),
        cycles_per_mac=round(cycles / run.model.macs, 4) if cycles and run and run.model.macs else None,
        family=area.family if area else "",
        used=area.used if area else None,
        error=one.error,
    )


def _times(before: int | None, after: int | None) -> float | None:
    return round(before / after, 4) if before and after else None
