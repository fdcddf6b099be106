"""The causes of cycles that a simulator counts into a file, as part of its outcome."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cfukit_base.artefacts import Outcome


def counted(run: Callable[[Path | None], Outcome], *, causes: bool, counts_anyway: bool = False) -> Outcome:
    """What `run` returns, with the causes only if they are asked for.

    `run` gets the file to count into, or None if nobody wants counts. A trace of a window needs them, too: `counts_anyway`.
    """
    from cfukit_soc import read_counts

    with tempfile.TemporaryDirectory(prefix="cfukit-") as scratch:
        counts = Path(scratch) / "counts.bin" if causes or counts_anyway else None
        outcome = run(counts)
        if not causes or counts is None:
            return replace(outcome, causes=None)
        return replace(outcome, segments=read_counts(counts))
