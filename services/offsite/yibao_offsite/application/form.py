"""Forms: what is stored of a registration or a qualification, put on paper with what is told."""

import dataclasses
from typing import TYPE_CHECKING

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import Caller
from yibao_common.values.clock import Clock
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.masking import Paper
from yibao_common.values.reasons import Reason
from yibao_common.values.sheet import Sheet
from yibao_offsite.rules.form.form import (
    NEVER_MASKED,
    OF_REGISTRATIONS,
    Form,
    FormCare,
    FormKind,
    FormPerson,
)
from yibao_offsite.rules.form.sheets import sheets_of
from yibao_offsite.rules.qualification.qualification import qualification_not_found
from yibao_offsite.rules.registration.registration import registration_not_found

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work


@dataclasses.dataclass(frozen=True, slots=True)
class AskedForm:
    """A form that is to be printed; empty ids and texts are not told."""

    region: str
    kind: FormKind
    registration_id: str
    qualification_id: str
    person: FormPerson
    care: FormCare
    region_name: str
    treatment_region_name: str
    is_copy: bool


class Forms:
    """Puts forms together. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock

    def sheets(self, asked: AskedForm, caller: Caller) -> tuple[Sheet, ...]:
        """Returns the sheets of a form, after it was put on record who had it printed.

        Raises:
            RuleError: FIELD_OUT_OF_RANGE, an id or a mask that the kind does not take;
                REGISTRATION_NOT_FOUND, QUALIFICATION_NOT_FOUND.
        """
        refuse_faults(_faults(asked))
        form = Form(
            asked.kind,
            asked.person.shown(Paper.COPY if asked.is_copy else Paper.SIGNED),
            asked.care,
            asked.region_name or asked.region,
            asked.treatment_region_name,
            shanghai_day(self._clock()),
        )
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


def _faults(asked: AskedForm) -> list[FieldFault]:
    faults = []
    if asked.registration_id and asked.kind not in OF_REGISTRATIONS:
        message = "stands on no form of this kind"
        faults.append(FieldFault("registration_id", Reason.FIELD_OUT_OF_RANGE, message))
    if asked.qualification_id and asked.kind is not FormKind.CHRONIC_APPLICATION:
        message = "stands on no form of this kind"
        faults.append(FieldFault("qualification_id", Reason.FIELD_OUT_OF_RANGE, message))
    if asked.is_copy and asked.kind in NEVER_MASKED:
        message = "a letter that is signed names who signs it"
        faults.append(FieldFault("is_copy", Reason.FIELD_OUT_OF_RANGE, message))
    return faults
