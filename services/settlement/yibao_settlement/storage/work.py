"""The unit of work on the settlement database, for what runs beside the batches."""

import sqlalchemy as sa

from yibao_common.db.audit_chain import chained
from yibao_common.db.rows import Statement
from yibao_common.db.transactions import UnitOfWork
from yibao_settlement.application.work import Work
from yibao_settlement.storage import tables
from yibao_settlement.storage.account_close.record import StoredAccountCloses
from yibao_settlement.storage.allocation.record import StoredAllocations
from yibao_settlement.storage.catalogue import StoredCatalogue
from yibao_settlement.storage.catalogue_version.record import StoredCatalogueVersions
from yibao_settlement.storage.checkpoint import StoredCheckpoints
from yibao_settlement.storage.credit.record import StoredCredits
from yibao_settlement.storage.day.record import StoredDays
from yibao_settlement.storage.declaration.order import StoredDeclarationOrders
from yibao_settlement.storage.declaration.payment import StoredPayments
from yibao_settlement.storage.declaration.record import StoredDeclarations
from yibao_settlement.storage.elsewhere.feed import StoredOffsiteFeed
from yibao_settlement.storage.feed import StoredFeed
from yibao_settlement.storage.institution.record import StoredInstitutions
from yibao_settlement.storage.mapping.record import StoredMappings
from yibao_settlement.storage.merge import StoredMerges
from yibao_settlement.storage.period.record import StoredPeriods
from yibao_settlement.storage.policy import StoredPolicies
from yibao_settlement.storage.reference import StoredReference
from yibao_settlement.storage.report.record import StoredReports
from yibao_settlement.storage.repricing.record import StoredRepricings
from yibao_settlement.storage.transfer.record import StoredTransfers
from yibao_settlement.storage.year.record import StoredYears


def _open(connection: sa.Connection, region: str) -> Work:
    return Work(
        feed=StoredFeed(connection, region),
        merges=StoredMerges(connection, region),
        catalogue=StoredCatalogue(connection, region),
        reference=StoredReference(connection, region),
        policies=StoredPolicies(connection, region),
        checkpoints=StoredCheckpoints(connection, region),
        periods=StoredPeriods(connection, region),
        repricings=StoredRepricings(connection, region),
        years=StoredYears(connection, region),
        days=StoredDays(connection, region),
        catalogue_versions=StoredCatalogueVersions(connection, region),
        account_closes=StoredAccountCloses(connection, region),
        mappings=StoredMappings(connection, region),
        institutions=StoredInstitutions(connection, region),
        credits=StoredCredits(connection, region),
        allocations=StoredAllocations(connection, region),
        transfers=StoredTransfers(connection, region),
        reports=StoredReports(connection, region),
        declarations=StoredDeclarations(connection, region),
        declaration_orders=StoredDeclarationOrders(connection, region),
        payments=StoredPayments(connection, region),
        offsite_feed=StoredOffsiteFeed(connection, region),
    )


def _close(connection: sa.Connection, work: Work) -> list[Statement]:
    return chained(connection, tables.audit, *work.audit.entries)


UNIT = UnitOfWork(_open, _close)
