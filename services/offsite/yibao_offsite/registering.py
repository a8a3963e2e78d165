"""Puts together what answers for registrations."""

from yibao_common.commands.blocking import Blocking
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_offsite.application.registration.orders import Registering
from yibao_offsite.application.registration.reading import RegistrationReading
from yibao_offsite.application.registration.recording import DeemedRegistrations
from yibao_offsite.application.registration.steps import Steps
from yibao_offsite.application.work import Work
from yibao_offsite.rules.region_rules import RegionRules
from yibao_offsite.servicer.registration.service import RegistrationServicer


def registration_servicer(
    transactions: Transactions[Work],
    blocking: Blocking,
    *,
    national: RegionRules,
    clock: Clock,
    ids: Ids,
) -> RegistrationServicer:
    """Returns the servicer of registrations; `national` holds where a region has no rules."""
    return RegistrationServicer(
        Registering(transactions, national=national, clock=clock, ids=ids),
        Steps(transactions, national=national, clock=clock),
        DeemedRegistrations(transactions, national=national, clock=clock, ids=ids),
        RegistrationReading(transactions, clock=clock),
        blocking,
    )
