"""The pages as a list of fenced blocks, each with the HTML comment right before it.

The comment says what the block is:

* `not run: REASON`: a shell block that no test runs.
* `exit code N`: a shell block that ends with this exit code.
* `file: PATH`: the text of that file.
* `replace in PATH: "A" to "B"`: replaces the lines from the first that begins with A to the next that begins with B.
* `output`: lines that the last shell block printed. Numbers and folders may differ, but cycles by at most a tenth; `...` stands
  for any lines.
* `output within N %`: the same, but no number may differ by more, and percentages by at most N points.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUN = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
AREAS = [ROOT / path for path in ("hw/cfukit", "soc", "sw", "sw/cfukit_sw/models", "proj")]
ALL = [*RUN, ROOT / "CONTRIBUTING.md", *(area / "README.md" for area in AREAS)]

_FENCE = re.compile(
    r"^(?:<!-- (?P<note>[^\n]*) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_REPLACE = re.compile(r'replace in (\S+): "(.*)" to "(.*)"')


@dataclass(frozen=True)
class Block:
    """* language: the word after the fence.
    * note: the comment before the block; "" without one.
    * line: where its text begins.
    """

    language: str
    text: str
    note: str
    line: int


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text()
    return [
        Block(
            found["language"],
            found["text"],
            found["note"] or "",
            text.count("\n", 0, found.start("text")) + 1,
        )
        for found in _FENCE.finditer(text)
    ]


def write(block: Block, folder: Path) -> bool:
    """Write the file, or make the edit, that the block's comment asks for. False if it is neither."""
    if block.note.startswith("file: "):
        (folder / block.note.removeprefix("file: ")).write_text(block.text)
        return True
    edit = _REPLACE.fullmatch(block.note)
    if edit:
        path = folder / edit[1]
        lines = path.read_text().splitlines(keepends=True)
        begin = next(i for i, line in enumerate(lines) if line.startswith(edit[2]))
        end = next(i for i, line in enumerate(lines) if i >= begin and line.startswith(edit[3]))
        path.write_text("".join([*lines[:begin], block.text, *lines[end + 1 :]]))
    return edit is not None


def like(line: str) -> str:
    """A line without its numbers, folders and spaces, so that runs with other cycles in other folders compare equal."""
    line = re.sub(r"(?<!\w)/[\w./-]*/", "", line)
    return re.sub(r"\s+", "", re.sub(r"0x[0-9a-f]+|\d[\d,.]*( ?[kM]\b)?", "#", line))


_FIGURE = re.compile(r"(\d[\d,.]*)( ?[kM])?( cycles\b|x\b|(?<=[kM])(?!\w))")
_TOLERANCE = 0.1


def figures(line: str) -> list[float]:
    """The cycles and speed-ups of a line, in order: 12,717 cycles, 81.55 k, 9.95x."""
    sizes = {"": 1, "k": 1e3, "M": 1e6}
    return [float(number.replace(",", "")) * sizes[unit.strip()] for number, unit, _ in _FIGURE.findall(line)]


def is_like(told: str, real: str) -> bool:
    """Whether the lines are the same and the page's figures still true."""
    pairs = list(zip(figures(told), figures(real), strict=False))
    return like(told) == like(real) and all(abs(a - b) <= _TOLERANCE * b for a, b in pairs)


_NUMBER = re.compile(r"(\d[\d,]*(?:\.\d+)?)( ?[kM]\b|%)?")


def is_within(told: str, real: str, percent: float) -> bool:
    """Whether the lines are the same and all their numbers nearly so: by value, and by points where they are percentages."""
    pairs = list(zip(_NUMBER.findall(told), _NUMBER.findall(real), strict=False))
    near = []
    for (a, unit_a), (b, unit_b) in pairs:
        x, y = (
            float(n.replace(",", "")) * {"k": 1e3, "M": 1e6}.get(u.strip(), 1)
            for n, u in ((a, unit_a), (b, unit_b))
        )
        near.append(abs(x - y) <= (percent if unit_a == "%" else percent / 100 * y))
    return like(told) == like(real) and all(near)


def is_output(block: Block) -> bool:
    return block.note == "output" or block.note.startswith("output within ")


def missing_lines(block: Block, output: str) -> list[str]:
    """The lines of an output block that are missing from the real output."""
    real = output.splitlines()
    told = [line for line in block.text.splitlines() if line.strip() != "..."]
    percent = re.fullmatch(r"output within ([\d.]+) %", block.note)

    def same(line: str, other: str) -> bool:
        return is_within(line, other, float(percent[1])) if percent else is_like(line, other)

    return [line for line in told if not any(same(line, other) for other in real)]
