"""The unit of work of the identity service in memory."""

from typing import Any

from support.memory.enrolment import MemoryEnrolments
from support.memory.feed import MemoryFeed
from support.memory.holder import MemoryHolders
from support.memory.merge import MemoryCredentials, MemoryMerges
from support.memory.person import MemoryPersons
from support.memory.relative import MemoryRelatives
from support.memory.supervision import MemoryAudit

from yibao_identity.application.work import Work

REGION = "500100"


def memory_work(**rooms: Any) -> Work:
    """Returns a unit of work whose rooms are empty, but for those that are given."""
    holders = rooms.pop("holders", None) or MemoryHolders()
    return Work(
        region=REGION,
        holders=holders,
        **{
            "persons": MemoryPersons(holders),
            "enrolments": MemoryEnrolments(),
            "merges": MemoryMerges(),
            "relatives": MemoryRelatives(),
            "feed_rows": MemoryFeed(),
            "audit_rows": MemoryAudit(),
            "credentials": MemoryCredentials(),
            **rooms,
        },
    )
