"""A form that is asked for, and what of it stands on no form or breaks the form's own rules."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.values.errors import FieldFault
from yibao_common.values.masking import Paper
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.form.choice import is_made_in_time
from yibao_offsite.rules.form.form import (
    NEVER_MASKED,
    NO_CHOICE,
    NO_OPINIONS,
    NOBODY,
    OF_REGISTRATIONS,
    Form,
    FormApplicant,
    FormCare,
    FormInstitutionChoice,
    FormKind,
    FormOpinions,
    FormPerson,
)

if TYPE_CHECKING:
    import datetime as dt

_STRANGE = "stands on no form of this kind"


@dataclass(frozen=True, slots=True)
class AskedForm:
    """A form that is to be printed; empty ids, texts and parts are not told."""

    region: str
    kind: FormKind
    registration_id: str
    qualification_id: str
    person: FormPerson
    care: FormCare
    region_name: str
    treatment_region_name: str
    is_copy: bool
    applicants: tuple[FormApplicant, ...] = ()
    institution_choice: FormInstitutionChoice = NO_CHOICE
    opinions: FormOpinions = NO_OPINIONS

    def form(self, printed_date: "dt.date") -> Form:
        """Returns the form with what was told of it, masked where it is a copy."""
        paper = Paper.COPY if self.is_copy else Paper.SIGNED
        return Form(
            self.kind,
            self.person.shown(paper),
            self.care,
            self.region_name or self.region,
            self.treatment_region_name,
            printed_date,
            applicants=tuple(each.shown(paper) for each in self.applicants),
            institution_choice=self.institution_choice.shown(paper),
            opinions=self.opinions,
        )

    def institution_ids(self) -> list[str]:
        """Returns the institutions that are applied to or chosen."""
        told = [each.institution_id for each in self.applicants]
        return [each for each in (*told, self.institution_choice.institution_id) if each]


def faults_of(asked: AskedForm, today: "dt.date", *, by_institution: bool) -> list[FieldFault]:
    """Returns all that is wrong with a form that is asked for, none of it personal."""
    faults = [*_strange(asked), *_twice(asked)]
    if asked.is_copy and asked.kind in NEVER_MASKED:
        faults.append(_fault("is_copy", "a letter that is signed names who signs it"))
    born = asked.person.birth_date
    if born is not None and born > today:
        faults.append(_fault("person.birth_date", "is after today"))
    if not is_made_in_time(asked.institution_choice):
        message = "is not in November or December, when the next year's institution is chosen anew"
        faults.append(_fault("institution_choice.choice_date", message))
    if by_institution and asked.opinions.agency_opinion:
        faults.append(_fault("opinions.agency_opinion", "is told by agencies alone"))
    return faults


def _strange(asked: AskedForm) -> Iterator[FieldFault]:
    """Yields a fault for each part that was told and does not belong on the form."""
    kind = asked.kind
    told = {
        "registration_id": (asked.registration_id, kind in OF_REGISTRATIONS),
        "qualification_id": (asked.qualification_id, kind is FormKind.CHRONIC_APPLICATION),
        "person": (asked.person != NOBODY, kind is not FormKind.CHRONIC_BATCH),
        "applicants": (asked.applicants, kind is FormKind.CHRONIC_BATCH),
        "institution_choice": (
            asked.institution_choice != NO_CHOICE,
            kind is FormKind.INSTITUTION_CHOICE,
        ),
        "opinions": (asked.opinions != NO_OPINIONS, kind is FormKind.OUTSIDE_CATALOGUE),
    }
    for field, (is_told, belongs) in told.items():
        if is_told and not belongs:
            yield _fault(field, _STRANGE)


def _twice(asked: AskedForm) -> Iterator[FieldFault]:
    """Yields a fault for each applicant who has a line before."""
    lines: dict[str, int] = {}
    for at, applicant in enumerate(asked.applicants):
        number = applicant.person.certificate_number
        if number and lines.setdefault(number, at) != at:
            field = f"applicants[{at}].person.certificate_number"
            yield _fault(field, f"is that of line {lines[number] + 1} too")


def _fault(field: str, message: str) -> FieldFault:
    return FieldFault(field, Reason.FIELD_OUT_OF_RANGE, message)
