"""Offsite's unit of work over rooms in memory."""

import dataclasses
from typing import Any

from support.memory.work import UnusedRows

from yibao_offsite.application.work import Work


def memory_work(region: str, **rooms: Any) -> Work:
    """Returns a unit of work of a region over the rooms that a test needs."""
    needed = [
        each.name
        for each in dataclasses.fields(Work)
        if each.name != "region"
        and each.default_factory is dataclasses.MISSING
        and each.default is dataclasses.MISSING
    ]
    return Work(region=region, **{name: UnusedRows(name) for name in needed} | rooms)
