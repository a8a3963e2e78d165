"""Puts together what answers for registrations."""

from collections.abc import Sequence

from yibao_common.commands.blocking import Blocking
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_offsite.application.evaluation.cases import require_evaluated
from yibao_offsite.application.following import OnPersons
from yibao_offsite.application.registration.ending import end_by_person
from yibao_offsite.application.registration.orders import Registering
from yibao_offsite.application.registration.reading import RegistrationReading
from yibao_offsite.application.registration.recording import DeemedRegistrations
from yibao_offsite.application.registration.steps import Steps
from yibao_offsite.application.work import Work
from yibao_offsite.rules.person import KnownPerson
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
        Steps(transactions, national=national, require_evaluated=require_evaluated, clock=clock),
        DeemedRegistrations(transactions, national=national, clock=clock, ids=ids),
        RegistrationReading(transactions, clock=clock),
        blocking,
    )


def registrations_end(clock: Clock, ids: Ids) -> OnPersons:
    """Returns what ends registrations by what identity tells of their persons."""

    def end(work: Work, persons: Sequence[KnownPerson]) -> None:
        end_by_person(work, persons, now=clock(), ids=ids)

    return end
