"""The verb suggest: changes that help, each with its evidence in a profile, its gain, and the command that tries it."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Unpack

from cfukit_base.artefacts import Run, Suggest
from cfukit_base.artefacts.run import VariantRun
from cfukit_base.artefacts.suggest import (
    Advice,
    AdviceKind,
    Evidence,
    ExpressionPlace,
    NewInstruction,
    SuggestHost,
)
from cfukit_base.errors import CfukitError, ResultError
from cfukit_tools.advice import evidence, library
from cfukit_tools.advice.candidates import Candidate, Family, families
from cfukit_tools.advice.instruction import Found, best_instruction
from cfukit_tools.engines.catalogue import Line, explainers
from cfukit_tools.firmware.inputs import choose_inputs
from cfukit_tools.firmware.samples import evaluate
from cfukit_tools.inference.measure import measure
from cfukit_tools.inference.results import result_path, set_aside
from cfukit_tools.inference.trial import Trial, Trials
from cfukit_tools.inference.workload import Workload
from cfukit_tools.project.cpu import cpu_of
from cfukit_tools.project.project import Choice, Project, load_target, words_of

MOST_ADVICE = 5
LEAST_SHARE = 0.02  # of all cycles: what has less is not looked into
LEAST_GAIN = 0.005  # of all cycles: what saves less is no advice
STEP_GAIN = 0.01  # of all cycles: a change that costs more must save so much more


def suggest(
    target: Path | str = Path(), *, seed: int = 0, jobs: int = 0, **choice: Unpack[Choice]
) -> Suggest:
    """Profile sample 0, try what could help where its cycles go, and return the five changes that gain most; cfukit.suggest/1.

    * seed: of random inputs, where the model has no held-out samples.
    * choice: as `load_target`.
    """
    begin = time.monotonic()
    project = load_target(target, **choice)
    path = result_path(project, "profile", "")
    set_aside(path)
    # The profile is the RTL's own, because the trials are checked against it.
    workload = Workload(project, explainers()[-1].name, Line(), jobs, causes=True)
    run = measure(workload, workload.variants[-1:], None, 1, seed, path)
    if run.mismatch is not None:
        given = f"operator {run.mismatch.op} computes something else than the evaluator"
        raise ResultError(project.name, given, allowed="right outputs", hint="cfukit test")
    inputs = choose_inputs(workload.model, None, workload.heldout, 1, seed)
    trials = Trials(inputs, evaluate(workload.model, inputs), jobs)
    search = _Search(target, choice, project, workload, run, trials)
    search.check()
    found = [
        *search.systems(),
        *search.own_kernels(),
        *(search.shipped_cfus() if library.begins(project) else ()),
        *search.new_instruction(),
    ]
    worth = [advice for advice in found if advice.gain_cycles >= LEAST_GAIN * search.cycles]
    worth.sort(key=lambda advice: -advice.gain_cycles)
    return Suggest(
        ok=True,
        project=project.name,
        model=run.model.name,
        board=run.board,
        cpu=run.cpu,
        engine=run.engine,
        simulators=tuple(trials.engines),
        seed=seed,
        cycles=search.cycles,
        advice=tuple(worth[:MOST_ADVICE]),
        left_out=tuple(trials.left_out),
        host=SuggestHost(profile=run.host.path, seconds=round(time.monotonic() - begin, 3)),
    )


@dataclass
class _Search:
    """What all kinds of advice need: the target, its profile, and what tries changes."""

    target: Path | str
    choice: Choice
    project: Project
    workload: Workload
    run: Run
    trials: Trials
    variant: VariantRun = field(init=False)
    cycles: int = field(init=False)

    def __post_init__(self) -> None:
        self.variant = self.run.variants[-1]
        assert self.variant.first_cycles is not None
        self.cycles = self.variant.first_cycles

    def check(self) -> None:
        """What the changes are tried on gives the profile's cycles for the system as it is. ResultError if not."""
        found = self.trials.run(self.project, self.variant.name)
        if found.cycles != self.cycles:
            given = f"{found.cycles:,} cycles on engine {found.engine}, {self.cycles:,} on {self.run.engine}"
            raise ResultError(self.project.name, given, allowed="the same on both", hint="please report it")

    def systems(self) -> Iterator[Advice]:
        """Other caches, placements and units."""
        from cfukit_cpu import configuration
        from cfukit_soc.boards import board_named

        cpu = configuration(cpu_of(self.project)).configuration
        base = "" if self.project["soc.cpu"] else board_named(self.project["soc.board"]).cpu
        for family in families(cpu, self.variant, base):
            about = self._evidence(family)
            if about.share < LEAST_SHARE:
                continue
            best = self._best_of(family)
            if best is not None:
                candidate, trial = best
                text = candidate.advice
                command = self._command(candidate.changes)
                yield self._simulated(family.kind, text, about, candidate.changes, trial, command)

    def _evidence(self, family: Family) -> Evidence:
        if family.functions:
            return evidence.of_functions(self.variant, family.functions)
        of = evidence.of_data if family.kind == "tcm" else evidence.of_causes
        return of(self.variant, family.causes)

    def _best_of(self, family: Family) -> tuple[Candidate, Trial] | None:
        """The change with the fewest cycles. One that costs more than another must save STEP_GAIN more."""
        best: tuple[Candidate, Trial] | None = None
        for candidate in family.candidates:
            project = load_target(self.target, **self._changed(candidate.changes))
            trial = self.trials.tried(candidate.advice, project, self.variant.name)
            if trial is None:
                continue
            if best is None or best[1].cycles - trial.cycles >= STEP_GAIN * self.cycles:
                best = candidate, trial
            elif family.growing:
                break
        return best

    def own_kernels(self) -> Iterator[Advice]:
        """Kernels of the project that are slower than the portable ones."""
        own = {op.index for op in self.variant.ops if op.kernel.startswith("project/")}
        if not own or self.project.bare:
            return
        portable = self.trials.tried("portable kernels", self.project, "portable")
        if portable is None:
            return
        for entry in self.project.kernels:
            slower = {
                op.index: (op.cycles or 0) - portable.op_cycles[op.index]
                for op in self.variant.ops
                if op.type == entry.op
                and op.kernel == f"project/{entry.function}"
                and op.index in portable.op_cycles
            }
            about = evidence.of_operators(self.variant, slower)
            if not slower or sum(slower.values()) <= 0 or about.share < LEAST_SHARE:
                continue
            text = f"{entry.op} without {entry.function}, which is slower than the next kernel"
            changed = library.without(self.project, entry)
            trial = self.trials.tried(text, changed, self.variant.name)
            if trial is not None:
                command = self._variant_command(changed)
                if command:
                    yield self._simulated("kernel", text, about, (), trial, command)

    def shipped_cfus(self) -> Iterator[Advice]:
        """The CFU that ships with cfukit and gains most on this CPU, and the one that gains most on a CPU of its own."""
        tried: list[tuple[library.Shipped, Evidence, Trial]] = []
        for name, project in library.shipped(self.project, self.choice):
            try:
                candidate = library.served(name, project, self.workload.model)
            except CfukitError as error:
                self.trials.left_out.append(f"CFU {name}: {error.message}")
                continue
            about = evidence.of_operators(self.variant, candidate.operators)
            if about.share >= LEAST_SHARE:
                trial = self.trials.tried(f"CFU {name}", project, "project")
                tried += [(candidate, about, trial)] if trial is not None else []
        here = [one for one in tried if one[2].cpu == self.run.cpu]
        elsewhere = [one for one in tried if one not in here]
        for group in (here, elsewhere):
            group.sort(key=lambda one: one[2].cycles)
        for group, where in (
            (here, ""),
            (elsewhere[:1], f", on CPU {elsewhere[0][2].cpu}" if elsewhere else ""),
        ):
            if group:
                (best, about, trial), *others = group
                gains = [f"{one.name} {self.cycles / other.cycles:.2f}x" for one, _, other in others]
                how = f"; the others: {', '.join(gains)}" if gains else ""
                text = f"CFU {best.name} and its kernels{where}"
                yield self._simulated("cfu", text, about, (), trial, self._init_command(best), how)

    def new_instruction(self) -> Iterator[Advice]:
        """A CFU instruction for the hottest code."""
        from cfukit_cpu import configuration

        if not configuration(cpu_of(self.project)).configuration.bypass:
            self.trials.left_out.append("a new CFU instruction: its gain is known for CPUs with bypass only")
            return
        found = best_instruction(self.variant.code or ())
        if found is not None:
            yield self._of_instruction(found)

    def _of_instruction(self, found: Found) -> Advice:
        first = found.places[0]
        how = (
            f"{found.instructions} instructions and their waits become one, {found.executions:,} times; "
            "caches, and registers that become free, are not counted"
        )
        return self._advice(
            "instruction",
            f"a CFU instruction {found.expression}",
            evidence.of_code(self.variant, first.at, found.executions, len(found.places)),
            (),
            found.cycles,
            "at least",
            how,
            self._command((), "--annotate", first.at.function),
            NewInstruction(
                expression=found.expression,
                inputs=found.inputs,
                instructions=found.instructions,
                places=tuple(
                    ExpressionPlace(
                        function=place.at.function,
                        file=place.at.file,
                        line=place.at.line,
                        executions=place.executions,
                        cycles=place.cycles,
                    )
                    for place in found.places
                ),
            ),
        )

    def _simulated(
        self,
        kind: AdviceKind,
        text: str,
        about: Evidence,
        changes: tuple[str, ...],
        trial: Trial,
        command: str,
        more: str = "",
    ) -> Advice:
        how = f"simulated on engine {trial.engine}: {trial.cycles:,} cycles{more}"
        return self._advice(
            kind, text, about, changes, self.cycles - trial.cycles, "exact", how, command, None
        )

    def _advice(
        self,
        kind: AdviceKind,
        text: str,
        about: Evidence,
        changes: tuple[str, ...],
        saved: int,
        certainty: Literal["exact", "at least"],
        how: str,
        command: str,
        instruction: NewInstruction | None,
    ) -> Advice:
        left = self.cycles - saved
        return Advice(
            kind=kind,
            advice=text,
            evidence=about,
            changes=changes,
            cycles=left,
            gain_cycles=saved,
            gain=round(self.cycles / left, 4),
            certainty=certainty,
            how=how,
            command=command,
            instruction=instruction,
        )

    def _changed(self, changes: tuple[str, ...]) -> Choice:
        return {**self.choice, "assignments": (*self.choice.get("assignments", ()), *changes)}

    def _command(self, changes: tuple[str, ...], *more: str) -> str:
        words = ["cfukit", "profile", str(self.target), *words_of(self._changed(changes)), *more]
        return shlex.join(words)

    def _init_command(self, best: library.Shipped) -> str:
        model = best.project["model"]
        folder = f"{Path(model).stem}_{best.name}"
        begin = shlex.join(["cfukit", "init", folder, "--from", best.name])
        return f"{begin} && {shlex.join(['cfukit', 'profile', folder, *words_of(best.project.choice)])}"

    def _variant_command(self, changed: Project) -> str:
        """What adds a variant with the kernels that are left. "" with --variant, whose other keys it would lose."""
        if changed.variant:
            self.trials.left_out.append("kernels that are slower: not with --variant")
            return ""
        name = next(
            name for name in ("fewer", *(f"fewer{n}" for n in range(2, 99))) if name not in changed.variants
        )
        toml = shlex.quote(str(Path(self.target) / changed.toml.name))
        own: Choice = {**self.choice, "variant": name}
        profile = shlex.join(["cfukit", "profile", str(self.target), *words_of(own)])
        return f"cat >> {toml} <<'EOT'\n\n{library.variant_toml(name, changed.kernels)}EOT\n{profile}"
