"""The page docs/figures.md: its rows, what was measured for them, and the text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

HEAD = """\
# Figures of whole models

`make figures` writes this page. Each row is one inference on the whole simulated system. It runs on engine `rtl` or on engine `fast`, which
has the same cycles ([trust](trust.md)). The output of every operator is compared with the integer evaluator's, and equals it.

| column | meaning |
|---|---|
| time | of one inference, at the clock that the board asks for |
| routed | the clock that the placed and routed design reached, and the time at that clock; `-`: not routed in this state |
| per MAC | cycles per MAC (one multiplication and one addition) |
| per multiplier | MACs per multiplier and cycle; each multiplier of `mlperf_arty` can make two products in a cycle |
| portable, reference | how many times as fast the row is as these kernels on the same system; `-`: not measured. For `kws_fomu` they \
run on the board's own CPU, because the project's CPU has no multiplier |
| moved | bytes that were moved; every access counts with the full width of its port: loads and stores of the CPU (4 bytes), the CFU's \
memory port, and its DMA |
| floor | the fewest bytes that the operators must move: each byte of weights, inputs and outputs once |
| LUT, FF, RAM, DSP | what the system takes on the board's FPGA, after routing or, without a router, after synthesis; empty: not built \
in this state. Board `sim` has no FPGA, so its rows say what the CFU alone takes on 7 series. A `fomu` has logic cells instead of LUTs |

[Operators](#operators) has the cycles, MACs and bytes of each operator.

"""
COLUMNS = (
    *("system", "cycles", "time", "routed", "per MAC", "per multiplier"),
    *("portable", "reference", "moved", "floor"),
    *("LUT", "FF", "RAM", "DSP"),
)
SOURCES = ("row", "CPU", "memory", "clock", "engine", "compiler", "firmware", "CFU", "system", "area")


@dataclass(frozen=True)
class Row:
    """A system and a model; see figures.toml."""

    model: str
    multipliers: int
    products: int = 0
    project: str = ""
    board: str = ""
    engine: str = "rtl"
    set: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    board_cpu: bool = False
    seed: int = 1

    @property
    def name(self) -> str:
        """What `--only` looks for, and the key in figures.json."""
        return " ".join(filter(None, (self.project, self.model, self.board, *self.set)))

    @property
    def most(self) -> int:
        """The products that the hardware can make in a cycle."""
        return self.products or self.multipliers


@dataclass(frozen=True)
class Published:
    """What others say about the same network."""

    model: str
    system: str
    cycles: int
    source: str


@dataclass(frozen=True)
class Rows:
    """figures.toml."""

    row: tuple[Row, ...]
    published: tuple[Published, ...]


@dataclass(frozen=True)
class Operator:
    """One kernel call. fused: how many operators it computes. floor_bytes: of their tensors, each byte once."""

    index: int
    type: str
    kernel: str
    fused: int
    macs: int
    cycles: int
    floor_bytes: int


@dataclass(frozen=True)
class Built:
    """What a build gave.

    * how: "routed", "synthesised", or what else was counted. used: LUT, FF, block RAM, DSP. fmax_mhz, seed: of the routed design.
    """

    how: str
    used: dict[str, int]
    fmax_mhz: float | None
    seed: int | None


@dataclass
class Measured:
    """A row's figures.

    * baselines: cycles of the other kernels. cpu_bytes, port_bytes, dma_bytes: of all accesses. built: None before --area.
    """

    board: str
    cpu: str
    memory: str
    clock_hz: int
    engine: str
    compiler: str
    verilator: str
    digests: dict[str, str]
    macs: int
    cycles: int
    baselines: dict[str, int]
    operators: tuple[Operator, ...]
    cpu_bytes: int
    port_bytes: int
    dma_bytes: int
    built: Built | None = None

    @property
    def floor_bytes(self) -> int:
        return sum(one.floor_bytes for one in self.operators)


def page(rows: Rows, kept: Mapping[str, Measured]) -> str:
    """The text of docs/figures.md."""
    lines = [HEAD]
    for model in dict.fromkeys(row.model for row in rows.row):
        lines += [f"## {model}\n", *_head(COLUMNS)]
        lines += [_line(row, kept.get(row.name)) for row in rows.row if row.model == model]
        lines += [*_others([one for one in rows.published if one.model == model]), ""]
    lines += ["## Where they come from\n", *_head(SOURCES)]
    lines += [_source(row, kept[row.name]) for row in rows.row if row.name in kept]
    lines += [
        "",
        "## Operators\n",
        "**share**: of the inference's cycles. **use**: the products made, as a share of those that the hardware can make.\n",
    ]
    for row in rows.row:
        if row.name in kept and row.project:
            lines += _operators(row, kept[row.name])
    return "\n".join(lines) + "\n"


def _head(columns: Sequence[str]) -> list[str]:
    return [_cells(columns), "|---" * len(columns) + "|"]


def _cells(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _line(row: Row, found: Measured | None) -> str:
    title = f"`{row.project or 'no CFU'}`"
    if found is None:
        where = f", {row.board}" if row.board else ""
        return _cells([title + where, "not measured yet", *[""] * (len(COLUMNS) - 2)])
    gains = [_gain(found.baselines.get(name), found.cycles) for name in ("portable", "reference")]
    used = found.built.used if found.built else {}
    resources = [_resource(used, names) for names in (("lc", "lut"), ("ff",), ("bram",), ("dsp",))]
    moved = found.cpu_bytes + found.port_bytes + found.dma_bytes
    return _cells(
        [
            f"{title}, {found.board}",
            f"{found.cycles:,}",
            f"{found.cycles / found.clock_hz * 1e6:,.0f} us",
            _routed(found),
            f"{found.cycles / found.macs:.3f}",
            f"{found.macs / found.cycles / row.multipliers:.2f}",
            *gains,
            f"{moved:,}",
            f"{found.floor_bytes:,}",
            *resources,
        ]
    )


def _routed(found: Measured) -> str:
    mhz = found.built.fmax_mhz if found.built else None
    return "-" if mhz is None else f"{mhz:.1f} MHz: {found.cycles / mhz:,.0f} us"


def _resource(used: Mapping[str, int], names: Sequence[str]) -> str:
    return next((f"{used[name]:,}" for name in names if name in used), "")


def _gain(baseline: int | None, cycles: int) -> str:
    return "-" if baseline is None else f"{baseline / cycles:.2f}x"


def _others(published: Sequence[Published]) -> list[str]:
    if not published:
        return []
    lines = ["", *_head(("others", "cycles", "source"))]
    return lines + [_cells([one.system, f"{one.cycles:,}", one.source]) for one in published]


def _source(row: Row, found: Measured) -> str:
    clock = f"{found.clock_hz / 1e6:g} MHz"
    engine = f"{found.engine}, Verilator {found.verilator}"
    digests = [found.digests[name] for name in ("firmware", "cfu", "soc")]
    built = found.built
    area = "" if built is None else built.how + (f", seed {built.seed}" if built.seed is not None else "")
    return _cells([row.name, found.cpu, found.memory, clock, engine, found.compiler, *digests, area])


def _operators(row: Row, found: Measured) -> Iterator[str]:
    """Each operator, and what the inference takes around them."""
    yield f"### {row.model} on `{row.project}`, {found.board}\n"
    yield from _head(
        ("operator", "kernel", "cycles", "share", "MACs", "per MAC", "per multiplier", "use", "floor")
    )
    for one in found.operators:
        ratios = ["", "", ""]
        if one.macs and one.cycles:
            rate = one.macs / one.cycles
            ratios = [f"{1 / rate:.3f}", f"{rate / row.multipliers:.2f}", f"{100 * rate / row.most:.0f} %"]
        name = f"{one.index} {one.type}" + (f" and {one.fused - 1} more" if one.fused > 1 else "")
        share = f"{100 * one.cycles / found.cycles:.1f} %"
        yield _cells(
            [name, one.kernel, f"{one.cycles:,}", share, f"{one.macs:,}", *ratios, f"{one.floor_bytes:,}"]
        )
    rest = found.cycles - sum(one.cycles for one in found.operators)
    yield _cells(["between them", "", f"{rest:,}", f"{100 * rest / found.cycles:.1f} %", *[""] * 5])
    yield ""
