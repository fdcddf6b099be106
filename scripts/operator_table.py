"""Write the table of operators into docs/models.md: what runs in which types, and what is faster than TFLM's loops.

    python scripts/operator_table.py

The types are those of random models (tests/support/models*.py) that evaluator and lowering take, so the table says what runs, not what
somebody believes. A test holds the page to this.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from cfukit_base.errors import ModelError  # noqa: E402
from cfukit_sw.cfu_kernels import CFU_KERNELS  # noqa: E402
from cfukit_sw.evaluator import SUPPORTED, check_supported, simplified  # noqa: E402
from cfukit_sw.evaluator.calls import CALLS  # noqa: E402
from cfukit_sw.kernels import choose, portable_kernels  # noqa: E402
from cfukit_sw.lowering import LOWERINGS, Alias  # noqa: E402
from cfukit_sw.model import Model, Operator  # noqa: E402
from cfukit_sw.site import Site  # noqa: E402
from support.models import all_types, random_model  # noqa: E402

PAGE = ROOT / "docs" / "models.md"
BEGIN, END = "<!-- table: operators -->\n", "<!-- end of table -->\n"
HEAD = "| operator | types | faster kernels |\n|---|---|---|\n"
SEEDS = 200
ORDER = ("int8", "uint8", "int16", "int32", "uint32", "int64", "uint64", "bool", "float32")

# What TFLM's Python interpreter registers beside the operators above (tflite-micro 0.dev20261023182759).
LEFT_OUT = {
    "types that TFLM does not check": "an output, bias, boolean or index of another type than the operator's: "
    "TFLM reads or writes bytes of the wrong size (so DEPTHWISE_CONV_2D and TRANSPOSE_CONV on int16 have no int32 bias, and "
    "FULLY_CONNECTED on int8 has no int64 one; the numbers of TRANSPOSE, STRIDED_SLICE, SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND are "
    "int32, and both of SLICE have one type); GREATER on int16: TFLM leaves the output as it was",
    "axes, shapes and tables that are computed": "ARG_MAX's axis, the block of BATCH_TO_SPACE_ND, the tables of SignalFilterBank and "
    "the like must be constants, or follow from constants and shapes",
    "broadcasting along many axes": "more than 5 that are left when neighbouring ones along which an input is repeated, or not, are one; "
    "with 8 dimensions TFLM's results are wrong",
    "quantisation that TensorFlow Lite's specification excludes": "int16 with a zero point (where TFLM does not refuse it: CONV_2D, "
    "DEPTHWISE_CONV_2D, TRANSPOSE_CONV, FULLY_CONNECTED, SUB, LEAKY_RELU, UNIDIRECTIONAL_SEQUENCE_LSTM), activations with several scales "
    "or none, weights of an LSTM with zero points or several scales: no converter writes them, and TFLM takes only some of the numbers",
    "shapes that do not follow": "an output whose shape does not follow from inputs and options, but for the rows and columns of "
    "CONV_2D and DEPTHWISE_CONV_2D",
    "zero points of FULLY_CONNECTED's weights on int16": "no converter writes them",
    "CIRCULAR_BUFFER with cycles_max above 1 in a subgraph": "it would end the whole inference; no converter writes it",
    "ETHOSU": "custom operator: commands for an NPU that no system here has; TFLM's interpreter does not run it either",
    "tensors that metadata list as compressed": "as inputs of other operators than CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED, "
    "TRANSPOSE_CONV, CONCATENATION and ASSIGN_VARIABLE, and beside int4 weights: TFLM takes indices for values",
}


def table() -> str:
    """The table, and the one of what is left out."""
    types, faster = _observed()
    for op in CALLS:
        types[op] = {("any", "any")}
    lines = [f"| {op} | {_types(types.get(op, set()))} | {_faster(op, faster)} |\n" for op in SUPPORTED]
    left_out = "".join(f"| {names} | {why} |\n" for names, why in LEFT_OUT.items())
    return f"{HEAD}{''.join(lines)}\n| TFLM has also | why it is left out |\n|---|---|\n{left_out}"


def page_with(text: str, rows: str) -> str:
    """`text` with `rows` between the marks."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{rows}{END}{rest.split(END)[1]}"


def _observed() -> tuple[dict[str, set[tuple[str, str]]], dict[str, set[str]]]:
    """(input and output types, portable kernels) of each operator, in all random models."""
    types: dict[str, set[tuple[str, str]]] = {}
    faster: dict[str, set[str]] = {}
    for kind in all_types():
        for seed in range(SEEDS if kind in LOWERINGS else 0):
            model = random_model(kind, seed)
            try:
                check_supported(model)
            except ModelError:
                continue
            model = simplified(model)
            for op in model.operators:
                if op.type in LOWERINGS:
                    _observe(model, op, types.setdefault(op.type, set()), faster.setdefault(op.type, set()))
    return types, faster


def _observe(model: Model, op: Operator, types: set[tuple[str, str]], faster: set[str]) -> None:
    lowered = LOWERINGS[op.type](Site(model, op))
    if isinstance(lowered, Alias):
        source = model.tensors[lowered.source].type
        types.add((source, source))
        return
    types.add((lowered.op.input_type, lowered.op.output_type if op.outputs else lowered.op.input_type))
    kernel = choose(portable_kernels(), lowered.kernels_for, lowered.op)
    if kernel is not None:
        faster.add(f"`{kernel.name}`")


def _types(pairs: set[tuple[str, str]]) -> str:
    """Sources with the same targets stand together; those that stay what they are come first."""
    if pairs == {("any", "any")}:
        return "what its subgraphs take"
    same = [type for type in ORDER if (type, type) in pairs]
    parts = [", ".join(same)] if same else []
    sources: dict[str, list[str]] = {}
    for source in ORDER:
        targets = ", ".join(type for type in ORDER if (source, type) in pairs and type != source)
        if targets:
            sources.setdefault(targets, []).append(source)
    everything = [type for type in ORDER if any(type in pair for pair in pairs)]
    if len(pairs) >= len(everything) * (len(everything) - 1) > 2:
        missing = [f"{a} to {b}" for a in everything for b in everything if (a, b) not in pairs]
        among = f"any of {', '.join(everything)} to any of them"
        return f"{among} but {', '.join(missing)}" if missing else among
    parts += [f"{', '.join(names)} to {targets}" for targets, names in sources.items()]
    return "; ".join(parts) or "no values"


def _faster(op: str, faster: dict[str, set[str]]) -> str:
    projects = sorted(
        path.parent.name
        for path in (ROOT / "proj").glob("*/project.toml")
        if any(kernel.get("op") == op for kernel in tomllib.loads(path.read_text()).get("kernel", []))
    )
    of_cfus = {
        f"`{family.name}/{kernel.name}`"
        for family in CFU_KERNELS
        for kernel in family.kernels
        if kernel.op == op
    }
    names = [", ".join(sorted(found)) for found in (faster.get(op), of_cfus) if found]
    return "; ".join([*names, *([f"projects {', '.join(projects)}"] if projects else [])])


def main() -> None:
    PAGE.write_text(page_with(PAGE.read_text(), table()))
    print(PAGE)


if __name__ == "__main__":
    main()
