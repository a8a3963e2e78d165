"""Enrolments added, changed and paid for, each once by request id."""

import dataclasses
from collections.abc import Callable, Sequence

import sqlalchemy as sa

from yibao_common.commands.request import Request
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_identity.application.enrolments import AddEnrolment, ChangeEnrolment, RecordPremium
from yibao_identity.application.persons import EncodePerson
from yibao_identity.rules.enrolment import (
    Enrolment,
    EnrolmentChangePlan,
    add,
    change,
    new_period,
    standing_one,
)
from yibao_identity.rules.person import person_not_found
from yibao_identity.storage import tables
from yibao_identity.storage.enrolments import (
    add_enrolment,
    every_enrolment,
    replace_enrolments,
    standing_enrolments,
)
from yibao_identity.storage.feed import note_change
from yibao_identity.storage.person_calls import PersonCalls
from yibao_identity.storage.person_locks import LockedPerson, lock_live_person
from yibao_identity.storage.person_rows import read_person

Standing = tuple[Enrolment, ...]


class EnrolmentStore(PersonCalls):
    """Enrolments of a database; see `application.enrolments.Enrolments`."""

    def add(self, command: AddEnrolment, encode: EncodePerson) -> bytes:
        """Adds a period once by request id and returns the answer's bytes."""

        def decide(locked: LockedPerson, standing: Standing) -> EnrolmentChangePlan:
            new = new_period(
                command.insurance_type,
                command.terms,
                start_date=command.start_date,
                end_date=command.end_date,
                birth_date=locked.birth_date,
            )
            return add(standing, new)

        return self._carry_out(command.request, command.person_id, decide, encode, explanation="")

    def change(self, command: ChangeEnrolment, encode: EncodePerson) -> bytes:
        """Changes a period once by request id and returns the answer's bytes."""

        def decide(_locked: LockedPerson, standing: Standing) -> EnrolmentChangePlan:
            return change(
                standing,
                command.enrolment_id,
                command.terms,
                effective_date=command.effective_date,
                end_date=command.end_date,
            )

        return self._carry_out(
            command.request,
            command.person_id,
            decide,
            encode,
            explanation=command.explanation,
        )

    def record_premium(self, command: RecordPremium, encode: EncodePerson) -> bytes:
        """Records a premium once by request id and returns the answer's bytes."""

        def work(connection: sa.Connection) -> bytes:
            request, now = command.request, self._clock()
            region, person_id = request.region, command.person_id
            lock_live_person(connection, region, person_id)
            standing = standing_enrolments(connection, region, [person_id])[person_id]
            period = standing_one(standing, command.enrolment_id)
            if command.receive_date > shanghai_day(now):
                fault = FieldFault("receive_date", Reason.FIELD_OUT_OF_RANGE, "lies in the future")
                refuse_faults([fault])
            if period.premium_receive_date is None:
                self._set_premium(connection, command)
                note_change(connection, region, [person_id], now=now, caller=request.caller.path)
            self._record(connection, request, [person_id], enrolment_id=command.enrolment_id)
            return self._encoded(connection, region, person_id, encode)

        return self._answer(command.request, work)

    def history(self, region: str, person_id: str) -> Sequence[Enrolment]:
        """Returns every period that was ever recorded, in the order of recording."""
        table = tables.person.c
        known = sa.select(table.person_id).where(
            table.region == region, table.person_id == person_id
        )
        with self._database.read() as connection:
            if connection.execute(known).one_or_none() is None:
                raise person_not_found(person_id)
            return every_enrolment(connection, region, person_id)

    def _carry_out(
        self,
        request: Request,
        person_id: str,
        decide: Callable[[LockedPerson, Standing], EnrolmentChangePlan],
        encode: EncodePerson,
        *,
        explanation: str,
    ) -> bytes:
        def work(connection: sa.Connection) -> bytes:
            region, now, caller = request.region, self._clock(), request.caller.path
            locked = lock_live_person(connection, region, person_id)
            standing = standing_enrolments(connection, region, [person_id])[person_id]
            plan = decide(locked, standing)
            replace_enrolments(connection, region, plan.replaced_ids, now=now)
            added = []
            for period in plan.new:
                recorded = dataclasses.replace(
                    period, enrolment_id=self._ids(), record_time=now, recorded_by=caller
                )
                add_enrolment(connection, region, person_id, recorded, explanation=explanation)
                added.append(recorded.enrolment_id)
            note_change(connection, region, [person_id], now=now, caller=caller)
            detail = {"added": ",".join(added)}
            if plan.replaced_ids:
                detail |= {"replaced": ",".join(plan.replaced_ids), "explanation": explanation}
            self._record(connection, request, [person_id], **detail)
            return self._encoded(connection, region, person_id, encode)

        return self._answer(request, work)

    def _set_premium(self, connection: sa.Connection, command: RecordPremium) -> None:
        table = tables.enrolment
        connection.execute(
            sa.update(table)
            .where(
                table.c.region == command.request.region,
                table.c.enrolment_id == command.enrolment_id,
            )
            .values(
                premium_receive_date=command.receive_date,
                payment_reference=command.payment_reference,
            )
        )

    def _encoded(
        self, connection: sa.Connection, region: str, person_id: str, encode: EncodePerson
    ) -> bytes:
        enrolled = read_person(connection, self._vault, region, person_id)
        assert enrolled is not None, "it is locked"
        return encode(enrolled)
