"""Forms: what is stored of a registration or a qualification, put on paper with what is told."""

import dataclasses
from typing import TYPE_CHECKING

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import Caller
from yibao_common.values.clock import Clock
from yibao_common.values.errors import refuse_faults
from yibao_common.values.sheet import Sheet
from yibao_offsite.rules.form.asked import AskedForm, faults_of
from yibao_offsite.rules.form.sheets import sheets_of
from yibao_offsite.rules.qualification.qualification import qualification_not_found
from yibao_offsite.rules.registration.registration import registration_not_found

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work


class Forms:
    """Puts forms together. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock

    def sheets(self, asked: AskedForm, caller: Caller) -> tuple[Sheet, ...]:
        """Returns the sheets of a form, after it was put on record who had it printed.

        Raises:
            RuleError: OUT_OF_SCOPE, an institution's application to another one;
                FIELD_OUT_OF_RANGE, what the kind does not take or its rules refuse;
                REGISTRATION_NOT_FOUND, QUALIFICATION_NOT_FOUND.
        """
        for institution_id in asked.institution_ids():
            caller.require_institution(institution_id)
        today = shanghai_day(self._clock())
        by_institution = caller.institution_id is not None
        refuse_faults(faults_of(asked, today, by_institution=by_institution))
        form = asked.form(today)
        subjects: list[str] = []
        with self._transactions.read(asked.region) as work:
            if asked.registration_id:
                # Only the insuring agency has to do with registrations.
                registration = work.registrations.find(asked.registration_id)
                if registration is None or caller.institution_id is not None:
                    raise registration_not_found(asked.registration_id)
                form = dataclasses.replace(
                    form,
                    registration=registration,
                    treatment_region_name=form.treatment_region_name
                    or registration.treatment_region,
                )
                subjects += [registration.person_id, registration.registration_id]
            if asked.qualification_id:
                found = work.qualifications.find(asked.qualification_id)
                if found is None or caller.institution_id not in (None, found.institution_id):
                    raise qualification_not_found(asked.qualification_id)
                form = dataclasses.replace(form, qualification=found)
                subjects += [found.person_id, found.qualification_id]
        if subjects:
            self._put_on_record(asked, caller, tuple(subjects))
        return sheets_of(form)

    def _put_on_record(self, asked: AskedForm, caller: Caller, subjects: tuple[str, ...]) -> None:
        entry = entry_of(
            Request(asked.region, "", b"", "GetForm", caller),
            at=self._clock(),
            subject_ids=subjects,
            detail={"kind": asked.kind.name},
        )
        self._transactions.change(asked.region, lambda work: work.audit.add(entry))
