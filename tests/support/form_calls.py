"""Calls for the papers of chronic care, at a server that runs."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import grpc
import pytest
from support.forms import pages_of
from support.serving import reason_in

from yibao.common.v1.date_pb2 import Date
from yibao.offsite.v1 import form_service_pb2 as form_pb


async def refusal(call: Awaitable[Any]) -> str:
    """Returns the reason for which a call is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return reason_in(refused.value)


async def print_papers_of_chronic_care(
    forms: Callable[[str], Any], region: str, hospital: str
) -> None:
    """Prints what stands on no qualification, and what each of the forms refuses.

    `forms` gives the stub of a party: `hospital`, which is `hospital`, `other-hospital`, `agency`.
    """
    own, strange = forms("hospital"), forms("other-hospital")
    applicant = form_pb.FormApplicant(
        person=form_pb.FormPerson(person_name="欧阳测试", certificate_number="11010519491231002x"),
        institution_id=hospital,
        treating_institution_ids=[hospital],
    )
    batch = form_pb.GetFormRequest(
        region=region, kind=form_pb.FORM_KIND_CHRONIC_BATCH, applicants=[applicant]
    )
    chosen = form_pb.GetFormRequest(
        region=region,
        kind=form_pb.FORM_KIND_INSTITUTION_CHOICE,
        institution_choice=form_pb.FormInstitutionChoice(
            kind=form_pb.FORM_CHOICE_KIND_FIRST, institution_id=hospital
        ),
    )
    chosen.institution_choice.choice_date.CopyFrom(Date(year=2999, month=12, day=31))
    for asked in (batch, chosen):
        (text,) = pages_of((await own.GetForm(asked)).pdf)
        assert hospital in text
        assert await refusal(strange.GetForm(asked)) == "OUT_OF_SCOPE"
    chosen.institution_choice.kind = form_pb.FORM_CHOICE_KIND_ANEW
    assert "3000年12月31日" in pages_of((await own.GetForm(chosen)).pdf)[0]
    # A choice of a newer contract.
    chosen.institution_choice.kind = cast(form_pb.FormChoiceKind.ValueType, 3)
    assert await refusal(own.GetForm(chosen)) == "FIELD_OUT_OF_RANGE"
    outside = form_pb.GetFormRequest(
        region=region,
        kind=form_pb.FORM_KIND_OUTSIDE_CATALOGUE,
        person=form_pb.FormPerson(birth_date=Date(year=1932, month=2, day=29)),
        care=form_pb.FormCare(apply_date=Date(year=2026, month=3, day=1)),
        opinions=form_pb.FormOpinions(agency_opinion="准予支付", expert_name="王专家"),
    )
    assert await refusal(own.GetForm(outside)) == "FIELD_OUT_OF_RANGE"
    first, second = pages_of((await forms("agency").GetForm(outside)).pdf)
    assert "准予支付" in first
    assert "2026年3月1日" in second
    batch.applicants.append(applicant)
    assert await refusal(own.GetForm(batch)) == "FIELD_OUT_OF_RANGE"
    batch.applicants.extend([form_pb.FormApplicant()] * 200)
    assert await refusal(own.GetForm(batch)) == "FIELD_LENGTH"
