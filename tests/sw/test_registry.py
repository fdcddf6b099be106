"""Which kernel an operator gets: the project's, the library's for its CFU, the portable one, or the reference."""

from __future__ import annotations

from pathlib import Path

import pytest
from cfukit_sw.registry import Kernel, Needed, choose, library, list_kernels, offers, project_kernel

from cfukit_sw import registry
from cfukit_sw.lower import lower
from support.models import random_model

NEEDS = (Needed("mac4", 1, {"lanes": 4}), Needed("acc"))
KERNEL = Kernel("FULLY_CONNECTED", "cfukit_cfu_dense", "cfu", (Path("dense.c"),), needs=NEEDS)


def cfu(version: int = 1, lanes: int = 4, names: tuple[str, ...] = ("mac4", "acc")) -> dict:
    params = {"lanes": lanes, "accumulators": 8}
    return {"instructions": [{"name": name, "version": version, "params": params} for name in names]}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (cfu(), True),
        (cfu(names=("other", "acc", "mac4")), True),
        (cfu(version=2), False),
        (cfu(lanes=8), False),
        (cfu(names=("mac4",)), False),
        ({"instructions": []}, False),
        (None, False),
    ],
)
def test_a_cfu_offers_what_a_kernel_needs(document: dict | None, expected: bool) -> None:
    assert offers(document, NEEDS) is expected
    assert offers(document, ()), "a kernel without needs serves every CFU"


def test_order_of_the_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "cfu_kernels", lambda: [KERNEL])
    model = random_model("FULLY_CONNECTED", 3)
    own = project_kernel("FULLY_CONNECTED", "own", [Path("own.c")])

    def taken(**more: object) -> str:
        step = lower(model, **more).steps[-1]  # type: ignore[arg-type]
        return f"{step.registry}/{step.kernel}"

    assert taken(cfu=cfu(), kernels=[own]) == "project/own"
    assert taken(cfu=cfu()) == "cfu/dense"
    assert taken(cfu=cfu(lanes=8)) == taken() == "portable/fully_connected"
    assert taken(cfu=cfu(), registry="reference") == "reference/fully_connected"
    assert {"op": "FULLY_CONNECTED", "needs": ["mac4", "acc"]}.items() <= next(
        entry.items() for entry in list_kernels() if entry["registry"] == "cfu"
    )


def test_every_kernel_of_the_library_says_what_it_is() -> None:
    for kernel in library():
        assert kernel.registry in ("portable", "reference") and not kernel.needs
        assert kernel.function == f"cfukit_{kernel.registry}_{kernel.name}"
        for source in kernel.sources:
            assert source.is_file()
        assert kernel.function in kernel.sources[0].read_text()
    assert choose(library(), "NOT_AN_OPERATOR", None) is None  # type: ignore[arg-type]
