"""FormService: forms and letters on paper."""

import grpc

from yibao.offsite.v1 import form_service_pb2 as pb
from yibao.offsite.v1 import form_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.papers.pdf import LARGE, LETTER, pdf_of_sheets
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.wire import known, to_optional_date
from yibao_common.values.caller import Caller
from yibao_offsite.application.form import AskedForm, Forms
from yibao_offsite.rules.form.form import FormCare, FormKind, FormPerson

_KINDS: dict[int, FormKind] = {int(each): each for each in FormKind}


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
        return pdf_of_sheets(sheets, LARGE if large_print else LETTER)


def _asked(request: pb.GetFormRequest) -> AskedForm:
    person, care = request.person, request.care
    return AskedForm(
        request.region,
        known(_KINDS, request.kind, field="kind", what="form"),
        request.registration_id,
        request.qualification_id,
        FormPerson(
            person.person_name,
            person.gender_name,
            person.certificate_name,
            person.certificate_number,
            tuple(person.phone_numbers),
            person.address,
            person.insurance_name,
        ),
        FormCare(
            care.institution_name,
            care.department_name,
            care.diagnosis_name,
            care.summary,
            care.item_name,
            care.reason,
            care.other_institution_name,
            care.doctor_name,
            to_optional_date(care, "end_date"),
        ),
        request.region_name,
        request.treatment_region_name,
        request.is_copy,
    )
