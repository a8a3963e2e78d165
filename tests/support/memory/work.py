"""Identity's unit of work over rooms in memory."""

import dataclasses
from typing import Any

from yibao_identity.application.work import Work


class UnusedRows:
    """A room that a test did not furnish: whoever enters it fails."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, method: str) -> Any:
        # What copying looks for is not there; everything else is a mistake.
        if method.startswith("__"):
            raise AttributeError(method)
        raise AssertionError(f"{self._name}.{method} is used, and the test has no such rows")

    def __deepcopy__(self, memo: object) -> "UnusedRows":
        return self


def memory_work(region: str, **rooms: Any) -> Work:
    """Returns a unit of work of a region over the rooms that a test needs."""
    needed = [
        each.name
        for each in dataclasses.fields(Work)
        if each.name != "region" and each.default_factory is dataclasses.MISSING
    ]
    return Work(region=region, **{name: UnusedRows(name) for name in needed} | rooms)
