"""Deemed registrations: an emergency that the hospital marked, recorded once a visit."""

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_offsite.application.registration.keeping import keep_new, record
from yibao_offsite.application.registration.orders import Encode, moment_of, rules_in_force
from yibao_offsite.rules.region_rules import RegionRules
from yibao_offsite.rules.registration.deemed import deem
from yibao_offsite.rules.registration.registration import Registration

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work


@dataclass(frozen=True, slots=True)
class RecordDeemed:
    """Records that a visit bears an emergency mark."""

    request: Request
    person_id: str
    visit_id: str
    treatment_region: str
    admission_date: dt.date


class DeemedRegistrations:
    """Records what is deemed registered. Blocks."""

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        national: RegionRules,
        clock: Clock,
        ids: Ids,
    ) -> None:
        """Takes what begins transactions, and the rules of regions that approved none."""
        self._transactions = transactions
        self._national = national
        self._clock = clock
        self._ids = ids

    def record(self, command: RecordDeemed, encode: Encode) -> bytes:
        """Records once by request id and by visit, and returns the answer's bytes.

        The person is not checked: the settlement service did so before the visit was.

        Raises:
            RuleError: REQUEST_ID_REUSED, REGION_EXCLUDED.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._record(work, command))
        )

    def _record(self, work: "Work", command: RecordDeemed) -> Registration:
        request, moment = command.request, moment_of(self._clock)
        # Two requests of one visit come one by one.
        work.persons.lock(command.person_id)
        known = work.registrations.of_visit(command.visit_id)
        if known is not None:
            return known
        registration = deem(
            rules_in_force(work, self._national, moment),
            region=request.region,
            registration_id=self._ids(),
            person_id=command.person_id,
            visit_id=command.visit_id,
            treatment_region=command.treatment_region,
            admission_date=command.admission_date,
            by=request.caller.path,
            now=moment.now,
        )
        keep_new(work, [registration], [request.caller.path], at=moment.now)
        record(work, request, registration, at=moment.now)
        return registration
