"""A unit of work of settlement in memory."""

from support.memory.settlement.account_close import MemoryAccountCloses
from support.memory.settlement.catalogue import MemoryCatalogue, MemoryReference
from support.memory.settlement.catalogue_version import MemoryCatalogueVersions
from support.memory.settlement.checkpoint import MemoryCheckpoints
from support.memory.settlement.credit import (
    MemoryAllocations,
    MemoryCredits,
    MemoryTransfers,
)
from support.memory.settlement.day import MemoryDays
from support.memory.settlement.declaration import (
    MemoryDeclarationOrders,
    MemoryDeclarations,
    MemoryPayments,
)
from support.memory.settlement.feed import MemoryFeed, MemoryMerges
from support.memory.settlement.institution import MemoryInstitutions
from support.memory.settlement.mapping import MemoryMappings
from support.memory.settlement.offsite_feed import MemoryOffsiteFeed
from support.memory.settlement.period import MemoryPeriods
from support.memory.settlement.policy import MemoryPolicies
from support.memory.settlement.report import MemoryReports
from support.memory.settlement.repricing import MemoryRepricings
from support.memory.settlement.year import MemoryYears
from support.memory.transactions import MemoryTransactions

from yibao_common.commands.request import Request
from yibao_common.values.caller import parse_caller
from yibao_settlement.application.work import Work

REGION = "999019"


class MemoryWork(MemoryTransactions[Work]):
    """Transactions of one region; each room as it is after the last one."""

    def __init__(self) -> None:
        """Starts empty."""
        feed, policies = MemoryFeed(), MemoryPolicies()
        super().__init__(
            Work(
                feed=feed,
                merges=MemoryMerges(feed),
                catalogue=MemoryCatalogue(),
                reference=MemoryReference(approved=policies.dated),
                policies=policies,
                checkpoints=MemoryCheckpoints(),
                periods=MemoryPeriods(),
                repricings=MemoryRepricings(),
                years=MemoryYears(),
                days=MemoryDays(),
                catalogue_versions=MemoryCatalogueVersions(),  # type: ignore[abstract]
                account_closes=MemoryAccountCloses(),
                mappings=MemoryMappings(),
                institutions=MemoryInstitutions(),
                credits=MemoryCredits(),
                allocations=MemoryAllocations(),
                transfers=MemoryTransfers(),
                reports=MemoryReports(),
                declarations=MemoryDeclarations(),
                declaration_orders=MemoryDeclarationOrders(),
                payments=MemoryPayments(),
                offsite_feed=MemoryOffsiteFeed(),
            )
        )

    @property
    def feed(self) -> MemoryFeed:
        assert isinstance(self.work.feed, MemoryFeed)
        return self.work.feed

    @property
    def merges(self) -> MemoryMerges:
        assert isinstance(self.work.merges, MemoryMerges)
        return self.work.merges

    @property
    def catalogue(self) -> MemoryCatalogue:
        assert isinstance(self.work.catalogue, MemoryCatalogue)
        return self.work.catalogue

    @property
    def reference(self) -> MemoryReference:
        assert isinstance(self.work.reference, MemoryReference)
        return self.work.reference

    @property
    def epoch(self) -> int:
        return self.reference.epoch

    @property
    def policies(self) -> MemoryPolicies:
        assert isinstance(self.work.policies, MemoryPolicies)
        return self.work.policies

    @property
    def periods(self) -> MemoryPeriods:
        assert isinstance(self.work.periods, MemoryPeriods)
        return self.work.periods

    @property
    def checkpoints(self) -> MemoryCheckpoints:
        assert isinstance(self.work.checkpoints, MemoryCheckpoints)
        return self.work.checkpoints

    @property
    def repricings(self) -> MemoryRepricings:
        assert isinstance(self.work.repricings, MemoryRepricings)
        return self.work.repricings

    @property
    def years(self) -> MemoryYears:
        assert isinstance(self.work.years, MemoryYears)
        return self.work.years

    @property
    def mappings(self) -> MemoryMappings:
        assert isinstance(self.work.mappings, MemoryMappings)
        return self.work.mappings

    @property
    def institutions(self) -> MemoryInstitutions:
        assert isinstance(self.work.institutions, MemoryInstitutions)
        return self.work.institutions

    @property
    def days(self) -> MemoryDays:
        assert isinstance(self.work.days, MemoryDays)
        return self.work.days


def request(method: str, request_id: str, *, operator: str = "maker") -> Request:
    """Returns what an operator of the region's agency asks."""
    digest = f"{method} {request_id}".encode()
    caller = parse_caller(f"agency/{REGION}/{operator}")
    return Request(REGION, request_id, digest, method, caller)
