"""The list of kernels: in which order the sources come, and what every kernel of the library says of itself."""

from __future__ import annotations

from pathlib import Path

from cfukit_sw.kernels import choose, library, project_kernel, sources_of
from cfukit_sw.lower import lower
from support.models import random_model


def test_order_of_the_sources() -> None:
    model = random_model("FULLY_CONNECTED", 3)
    own = project_kernel("FULLY_CONNECTED", "own", [Path("own.c")])
    for kernels, registry, kernel, file in (
        ([own], "portable", "project/own", "own.c"),
        ([], "portable", "portable/fully_connected", "fully_connected.c"),
        ([], "reference", "reference/fully_connected", "fully_connected.c"),
    ):
        plan = lower(model, kernels=kernels, registry=registry)
        step = plan.steps[-1]
        assert f"{step.registry}/{step.kernel}" == kernel
        assert sources_of(plan, kernels)[0].name == file


def test_every_kernel_of_the_library_says_what_it_is() -> None:
    for kernel in library():
        assert kernel.registry in ("portable", "reference")
        assert kernel.function == f"cfukit_{kernel.registry}_{kernel.name}"
        for source in kernel.sources:
            assert source.is_file()
        assert kernel.function in kernel.sources[0].read_text()
    assert choose(library(), "NOT_AN_OPERATOR", None) is None  # type: ignore[arg-type]
