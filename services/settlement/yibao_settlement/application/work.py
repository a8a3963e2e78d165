"""The unit of work of what runs beside the batches: one transaction, in one region.

Locks are taken in this order: how far the statements of a year are taken, a closing of accounts
and a part of it, the feed's position, that in offsite's feed, the standings of persons in rising
id, the epoch of the reference data, a version of a list, institutions' lists of own codes in
rising id, the rows of the catalogue, policies, repricings, a payment to an institution,
declarations of months in rising id, the region's checkpoint, the posting fence (which alone who
closes a month or a year or declares a month locks for long), the end of the audit chain. The
last one is taken by itself when the unit of work ends. A batch locks standings and nothing else
of these, before all that it writes.
"""

from dataclasses import dataclass, field

from yibao_common.commands.audit import AuditTrail
from yibao_settlement.application.account_close.rows import AccountCloseRows
from yibao_settlement.application.allocation.rows import AllocationRows
from yibao_settlement.application.catalogue import CatalogueRows
from yibao_settlement.application.catalogue_version.rows import CatalogueVersionRows
from yibao_settlement.application.checkpoint import CheckpointRows
from yibao_settlement.application.credit.find import CreditRows
from yibao_settlement.application.day.rows import DayRows
from yibao_settlement.application.declaration.rows import (
    DeclarationOrderRows,
    DeclarationRows,
    PaymentRows,
)
from yibao_settlement.application.elsewhere.feed import OffsiteFeedRows
from yibao_settlement.application.feed import FeedRows
from yibao_settlement.application.institution.rows import InstitutionRows
from yibao_settlement.application.mapping.rows import MappingRows
from yibao_settlement.application.merge.rows import MergeRows
from yibao_settlement.application.period.rows import PeriodRows
from yibao_settlement.application.policy import PolicyRows
from yibao_settlement.application.reference import ReferenceRows
from yibao_settlement.application.report.rows import ReportRows
from yibao_settlement.application.repricing.orders import RepricingRows
from yibao_settlement.application.transfer.find import TransferRows
from yibao_settlement.application.year.rows import YearRows


@dataclass(frozen=True, slots=True)
class Work:
    """One transaction in one region."""

    feed: FeedRows
    merges: MergeRows
    catalogue: CatalogueRows
    reference: ReferenceRows
    policies: PolicyRows
    checkpoints: CheckpointRows
    periods: PeriodRows
    repricings: RepricingRows
    years: YearRows
    days: DayRows
    catalogue_versions: CatalogueVersionRows
    account_closes: AccountCloseRows
    mappings: MappingRows
    institutions: InstitutionRows
    credits: CreditRows
    allocations: AllocationRows
    transfers: TransferRows
    reports: ReportRows
    declarations: DeclarationRows
    declaration_orders: DeclarationOrderRows
    payments: PaymentRows
    offsite_feed: OffsiteFeedRows
    audit: AuditTrail = field(default_factory=AuditTrail)
