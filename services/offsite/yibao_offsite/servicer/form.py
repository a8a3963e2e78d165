"""FormService: forms and letters on paper."""

import grpc

from yibao.offsite.v1 import form_service_pb2 as pb
from yibao.offsite.v1 import form_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.papers.pdf import pdf_of_sheets, print_of
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.wire import known, to_optional_date
from yibao_common.values.caller import Caller
from yibao_offsite.application.form import Forms
from yibao_offsite.rules.form.asked import AskedForm
from yibao_offsite.rules.form.form import (
    ChoiceKind,
    FormApplicant,
    FormCare,
    FormInstitutionChoice,
    FormKind,
    FormOpinions,
    FormPerson,
)

_KINDS: dict[int, FormKind] = {int(each): each for each in FormKind}
_CHOICES: dict[int, ChoiceKind] = {int(each): each for each in ChoiceKind}


class FormServicer(rpc.FormServiceServicer):
    """Prints; finding and drawing block, so they run in threads."""

    def __init__(self, forms: Forms, blocking: Blocking) -> None:
        """Takes what puts forms together."""
        self._forms = forms
        self._blocking = blocking

    async def GetForm(
        self,
        request: pb.GetFormRequest,
        context: "grpc.aio.ServicerContext[pb.GetFormRequest, pb.GetFormResponse]",
    ) -> pb.GetFormResponse:
        """Makes a form."""
        caller = current_caller()
        caller.require_region(request.region)
        asked = _asked(request)
        pdf = await self._blocking.run(self._drawn, asked, caller, request.large_print)
        return pb.GetFormResponse(pdf=pdf)

    def _drawn(self, asked: AskedForm, caller: Caller, large_print: bool) -> bytes:
        sheets = self._forms.sheets(asked, caller)
        return pdf_of_sheets(sheets, print_of(sheets, large=large_print))


def _asked(request: pb.GetFormRequest) -> AskedForm:
    return AskedForm(
        request.region,
        known(_KINDS, request.kind, field="kind", what="form"),
        request.registration_id,
        request.qualification_id,
        _person(request.person),
        _care(request.care),
        request.region_name,
        request.treatment_region_name,
        request.is_copy,
        tuple(_applicant(each) for each in request.applicants),
        _choice(request.institution_choice),
        _opinions(request.opinions),
    )


def _person(person: pb.FormPerson) -> FormPerson:
    return FormPerson(
        person.person_name,
        person.gender_name,
        person.certificate_name,
        person.certificate_number,
        tuple(person.phone_numbers),
        person.address,
        person.insurance_name,
        person.employer_name,
        person.person_class_name,
        to_optional_date(person, "birth_date"),
    )


def _care(care: pb.FormCare) -> FormCare:
    return FormCare(
        care.institution_name,
        care.department_name,
        care.diagnosis_name,
        care.summary,
        care.item_name,
        care.reason,
        care.other_institution_name,
        care.doctor_name,
        to_optional_date(care, "end_date"),
        to_optional_date(care, "apply_date"),
    )


def _applicant(applicant: pb.FormApplicant) -> FormApplicant:
    return FormApplicant(
        _person(applicant.person),
        applicant.institution_id,
        applicant.diagnosis_basis,
        applicant.disease_name,
        applicant.complication_name,
        applicant.subtype_name,
        applicant.severity_name,
        tuple(applicant.treating_institution_ids),
    )


def _choice(choice: pb.FormInstitutionChoice) -> FormInstitutionChoice:
    kind = None
    if choice.kind != pb.FORM_CHOICE_KIND_UNSPECIFIED:
        kind = known(_CHOICES, choice.kind, field="institution_choice.kind", what="choice")
    return FormInstitutionChoice(
        kind,
        choice.institution_id,
        choice.institution_name,
        _person(choice.agent),
        to_optional_date(choice, "choice_date"),
    )


def _opinions(opinions: pb.FormOpinions) -> FormOpinions:
    return FormOpinions(
        opinions.expert_name,
        opinions.expert_opinion,
        opinions.institution_opinion,
        opinions.agency_opinion,
    )
