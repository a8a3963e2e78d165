"""Applying for registrations, many in one transaction, each once by request id."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.commands.request import Outcome, Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_offsite.application.registration.deciding import (
    Known,
    Moment,
    decided,
    read_known,
)
from yibao_offsite.application.registration.keeping import keep_new, record
from yibao_offsite.application.registration.orders import Encode, moment_of, rules_in_force
from yibao_offsite.rules.region_rules import RegionRules
from yibao_offsite.rules.registration.decide import Applicant, register
from yibao_offsite.rules.registration.registration import Application, Registration
from yibao_offsite.rules.served import check_served

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work


@dataclass(frozen=True, slots=True)
class CreateRegistration:
    """Applies for care elsewhere."""

    request: Request
    applicant: Applicant
    application: Application


class CreateWork:
    """The work of a batcher: returns for each application the answer, or why it is refused."""

    def __init__(
        self,
        transactions: "Transactions[Work]",
        encode: Encode,
        *,
        national: RegionRules,
        clock: Clock,
        ids: Ids,
        served: Collection[str] = (),
    ) -> None:
        """Takes what begins transactions, and the rules of regions that approved none.

        See `rules.served` of `served`.
        """
        self._served = served
        self._transactions = transactions
        self._encode = encode
        self._national = national
        self._clock = clock
        self._ids = ids

    def __call__(self, region: str, commands: Sequence[CreateRegistration]) -> list[Outcome[bytes]]:
        """Decides and stores a batch of one region, durable when it returns. Blocks.

        Refusals are REQUEST_ID_REUSED, REGION_NOT_SERVED, then what `register` and `decided`
        refuse.
        """
        requests = [each.request for each in commands]
        return self._transactions.once_each(
            region,
            requests,
            lambda work, places: self._create(work, [commands[place] for place in places]),
        )

    def _create(self, work: "Work", commands: Sequence[CreateRegistration]) -> list[Outcome[bytes]]:
        moment = moment_of(self._clock)
        rules = rules_in_force(work, self._national, moment)
        applied = [self._applied(work.region, each, rules, moment) for each in commands]
        known = read_known(
            work, [each.application for each in applied if isinstance(each, Registration)]
        )
        outcomes = [
            _decided(each, known, command.applicant, rules, moment)
            for command, each in zip(commands, applied, strict=True)
        ]
        made = [
            (command, outcome)
            for command, outcome in zip(commands, outcomes, strict=True)
            if isinstance(outcome, Registration)
        ]
        actors = [command.applicant.path for command, _ in made]
        keep_new(work, [each for _, each in made], actors, at=moment.now)
        for command, registration in made:
            record(work, command.request, registration, at=moment.now)
        return [self._encode(each) if isinstance(each, Registration) else each for each in outcomes]

    def _applied(
        self, region: str, command: CreateRegistration, rules: RegionRules, moment: Moment
    ) -> Outcome[Registration]:
        try:
            check_served(region, self._served)
            return register(
                command.application,
                command.applicant,
                rules,
                region=region,
                registration_id=self._ids(),
                now=moment.now,
                today=moment.today,
            )
        except RuleError as refusal:
            return refusal


def _decided(
    applied: Outcome[Registration],
    known: Known,
    applicant: Applicant,
    rules: RegionRules,
    moment: Moment,
) -> Outcome[Registration]:
    """Returns what is kept, which counts for those behind it, or why it is refused."""
    if isinstance(applied, RuleError):
        return applied
    try:
        registration = decided(applied, known, applicant, rules, moment)
    except RuleError as refusal:
        return refusal
    known.add(registration)
    return registration
