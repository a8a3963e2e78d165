"""Newborns (新生儿) registered with a parent, once by request id, covered from birth."""

import dataclasses
from typing import TYPE_CHECKING

from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_identity.application.holder import lock_live_person
from yibao_identity.application.person.registration import add_person
from yibao_identity.application.person.rows import EncodePerson, EnrolledPerson
from yibao_identity.rules.newborn import NewbornRegistration, register_newborn

if TYPE_CHECKING:
    from yibao_identity.application.work import Work


@dataclasses.dataclass(frozen=True, slots=True)
class RegisterNewborn:
    """Registers a newborn with a parent.

    `former_holder_id` is who had the birth certificate before, as the operator states.
    """

    request: Request
    parent_id: str
    registration: NewbornRegistration
    former_holder_id: str = ""


class Newborns:
    """Registers newborns. Blocks."""

    def __init__(
        self, transactions: "Transactions[Work]", *, clock: Clock, ids: Ids, tell_days: int
    ) -> None:
        """Takes for how many days after an enrolment it may be told of."""
        self._transactions = transactions
        self._clock = clock
        self._ids = ids
        self._tell_days = tell_days

    def register(self, command: RegisterNewborn, encode: EncodePerson) -> bytes:
        """Registers a newborn once by request id and returns the answer's bytes.

        Raises:
            RuleError: PERSON_NOT_FOUND, PERSON_MERGED, both of the parent; what
                `rules.newborn.register_newborn` refuses; PERSON_EXISTS;
                NUMBER_HELD_BEFORE; SAME_MAKER_AND_CHECKER; REQUEST_ID_REUSED. In
                this order, but the last one first.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._register(work, command))
        )

    def _register(self, work: "Work", command: RegisterNewborn) -> EnrolledPerson:
        request, now = command.request, self._clock()
        lock_live_person(work.holders, command.parent_id)
        parent = work.persons.find(command.parent_id)
        assert parent is not None, "it is locked"
        person, enrolment = register_newborn(
            command.registration,
            region=request.region,
            person_id=self._ids(),
            parent_id=command.parent_id,
            parent_name=parent.person_name,
            parent_birth_date=parent.birth_date,
            now=now,
            today=shanghai_day(now),
            tell_days=self._tell_days,
        )
        first = dataclasses.replace(enrolment, enrolment_id=self._ids())
        detail = {"enrol_date": command.registration.enrol_date.isoformat()}
        return add_person(
            work,
            request,
            person,
            first,
            former_holder_id=command.former_holder_id,
            at=self._clock(),
            detail=detail,
        )
