"""What LiteDRAM's controller became, for soc.json: whoever models its cycles needs these numbers and nothing else."""

from __future__ import annotations

import math
from typing import Any

from cfukit_base.artefacts.soc import DramController


def describe(controller: Any, clock_hz: int, l2_bytes: int, starts_at: int) -> DramController:
    """The controller as it was built: a LiteDRAMController. starts_at: the cycle after reset in which the CPU starts."""
    settings = controller.settings
    phy, timing, interface = settings.phy, settings.timing, controller.interface
    # What a model may take for granted.
    assert settings.with_refresh and settings.with_auto_precharge and settings.refresh_postponing == 1
    assert settings.cmd_buffer_depth == 8 and not settings.cmd_buffer_buffered and phy.nranks == 1
    assert settings.address_mapping == "ROW_BANK_COL" and not settings.bank_byte_alignment
    write_latency = math.ceil(phy.cwl / phy.nphases)
    return DramController(
        port_bits=interface.data_width,
        column_bits=settings.geom.colbits - interface.address_align,
        bank_bits=settings.geom.bankbits,
        phases=phy.nphases,
        read_latency=phy.read_latency + 1,
        write_latency=phy.write_latency + 1,
        turnaround=phy.read_latency - 1,
        rp=timing.tRP,
        rcd=timing.tRCD,
        wtp=write_latency + timing.tWR + timing.tCCD,
        rc=timing.tRC,
        ras=timing.tRAS,
        rrd=timing.tRRD,
        faw=timing.tFAW or 0,
        ccd=timing.tCCD,
        wtr=timing.tWTR + write_latency + timing.tCCD,
        rfc=timing.tRFC,
        zqcs=timing.tZQCS or 0,
        refresh_period=timing.tREFI,
        zqcs_period=int(clock_hz / settings.refresh_zqcs_freq),
        read_time=settings.read_time,
        write_time=settings.write_time,
        l2_bytes=l2_bytes,
        starts_at=starts_at,
    )
