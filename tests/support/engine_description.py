"""What a cfu.json says of a CFU that has the streaming engine, without its gateware."""

from __future__ import annotations

from cfukit_base.artefacts import CfuDescription
from cfukit_base.artefacts.cfu import CfuInstruction, Time

PARAMS = {
    "lanes": 4,
    "outputs": 2,
    "requantizers": 1,
    "weight_rows": 512,
    "window_rows": 256,
    "channels": 512,
}
INSTRUCTIONS = ("engine_set", "engine_start", "engine_feed", "engine_wait")
VERSIONS = {"engine_start": 3, "engine_feed": 2}


def cfu(*names: str, version: int | None = None) -> CfuDescription:
    """A CFU with instructions of these names, as cfu.json describes it. version: of all; else what the library wants."""
    time = Time(kind="fixed", latency_cycles=1, interval_cycles=1, max_cycles=None)
    items = [
        CfuInstruction(
            funct3=number,
            name=name,
            version=version or VERSIONS.get(name, 1),
            doc="",
            params={},
            rs1="",
            rs2="",
            rd="",
            funct7=None,
            time=time,
            stateful=True,
        )
        for number, name in enumerate(names)
    ]
    return CfuDescription(
        name="one",
        about="",
        module="Cfu",
        params=PARAMS,
        autonomous=True,
        memory_port=None,
        dma=None,
        front_end="gate",
        instructions=tuple(items),
    )
