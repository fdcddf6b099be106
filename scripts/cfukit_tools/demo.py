"""`make demo`: the shipped model without a custom function unit, with a small one and with a large one, in at most 25 lines."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from cfukit_base.artefacts import Infer, Run
from cfukit_tools.report import run as report
from cfukit_tools.report.tables import millions, ratio

PROJECT = "mac4"
ENGINE = "mlperf_arty"
SHADES = " .:-=+*#%@"
LINES, COLUMNS = 25, 100


def main() -> int:
    """Entry point; the same exit codes as the command."""
    from cfukit_base import interrupts

    interrupts.install()
    from cfukit_tools.cli.endings import run_action

    code = run_action(demo)
    if interrupts.stopped_by() is not None:
        interrupts.leave(code)
    return code


def demo() -> int:
    """Run proj/mac4 on the held-out samples, then proj/mlperf_arty on one of them, and print the results."""
    from cfukit_tools.cli.progress import install
    from cfukit_tools.project.catalogue import project_folders
    from cfukit_tools.verbs.infer import infer
    from cfukit_tools.verbs.run import run

    install()
    begin = time.monotonic()
    folder = project_folders()[PROJECT].resolve()
    document = run(folder)
    engine = run(
        project_folders()[ENGINE].resolve(), model=document.model.name, samples=1, skip=["reference"]
    )
    scored = infer(folder, engine="evaluator", inputs=heldout_path(), outputs=None, unchecked=True)
    lines = render(document, engine, scored, first_sample(), time.monotonic() - begin, folder)
    print("\n".join(lines))
    return 0 if document.ok and engine.ok else 1


def heldout_path() -> Path:
    from cfukit_tools.project.catalogue import shipped_folder

    return shipped_folder() / "digits_heldout.npz"


def first_sample() -> tuple[np.ndarray, int]:
    """Image [8, 8] in 0..1 and label of the first held-out sample."""
    with np.load(heldout_path()) as data:
        image = data["in0"][0].reshape(8, 8).astype(int)
        return (image - image.min()) / max(1, int(np.ptp(image))), int(data["labels"][0])


def render(
    document: Run,
    engine: Run,
    scored: Infer,
    sample: tuple[np.ndarray, int],
    seconds: float,
    folder: Path,
) -> list[str]:
    """The lines that `make demo` ends in."""
    image, label = sample
    prediction = document.predictions[0]
    picture = ["".join(2 * SHADES[round(float(value) * (len(SHADES) - 1))] for value in row) for row in image]
    shown = document.variants[-2:]
    # The kernel's registry shows in its name; the columns must fit.
    rows = [(*row[:2], row[2].rpartition("/")[2], *row[3:]) for row in report.operator_rows(shown)]
    heads = (
        "#",
        "operator",
        "kernel",
        *(report.name_of(document, v) for v in shown),
        "speed-up",
        "cycles/MAC",
    )
    table = columns([heads, *rows])
    right = [f"prediction {prediction}, label {label}", "", *table]
    lines = beside(picture, right, gap=3)
    lines += [report.verdict(document), *report.totals(document)]
    lines.append(report.system_line(document))
    elapsed = f"elapsed {seconds:.1f} s"
    count, share = scored.samples, scored.accuracy
    lines.append(f"accuracy on {count} held-out samples: {share:.2%} (bit-exact evaluator); {elapsed}")
    lines.append(engine_line(engine))
    lines.append(shortened(document.host.path))
    command = shortened(str(Path(sys.executable).parent / "cfukit"))
    project = shortened(str(folder))
    lines += [
        f"next: {command} profile {project}",
        f"      {command} test {project}",
        f"      {command} init my_cfu && {command} run my_cfu",
    ]
    return [line.rstrip() for line in lines]


def engine_line(document: Run) -> str:
    """What the streaming engine gains over portable kernels, both on its board."""
    portable, project = (variant.first_cycles for variant in document.variants)
    return (
        f"a streaming engine, {document.project} on board {document.board}: {millions(project)} cycles, "
        f"{ratio(portable, project)} as fast as portable there"
    )


def columns(rows: list[tuple[str, ...]]) -> list[str]:
    """Rows of cells as aligned text: the first three columns to the left, numbers to the right."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return [
        " ".join(
            cell.ljust(width) if 0 < index < 3 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def beside(left: list[str], right: list[str], gap: int) -> list[str]:
    """Two blocks of text side by side."""
    width = max(map(len, left)) + gap
    height = max(len(left), len(right))
    left = left + [""] * (height - len(left))
    right = right + [""] * (height - len(right))
    return [f"{one:<{width}}{other}" for one, other in zip(left, right, strict=True)]


def shortened(path: str) -> str:
    """Relative to the current folder where that is below it."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


if __name__ == "__main__":
    sys.exit(main())
