"""Names of persons have one form, and what nobody sees is refused by its name."""

import unicodedata
from typing import Any

import pytest

from yibao.identity.v1 import (
    death_messages_pb2,
    enrolment_messages_pb2,
    merge_messages_pb2,
    misuse_messages_pb2,
)
from yibao.identity.v1 import person_service_pb2 as pb
from yibao_common.rpc.canonical import canonical_texts
from yibao_common.rpc.field_checks import rules_of
from yibao_common.rpc.formats import form_of

FIELD = pb.RegisterPersonRequest.DESCRIPTOR.fields_by_name["person_name"]


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("  王小明 ", "王小明"),
        ("Anna  Maria", "Anna Maria"),
        ("买买提•艾力", "买买提·艾力"),
        ("买买提・艾力", "买买提·艾力"),
        ("买买提 • 艾力", "买买提·艾力"),
        ("买买提··艾力", "买买提·艾力"),
        (unicodedata.normalize("NFD", "José"), "José"),
    ],
)
def test_a_name_is_written_in_one_way(written: str, stored: str) -> None:
    request = pb.RegisterPersonRequest(person_name=written)
    canonical_texts(pb.RegisterPersonRequest.DESCRIPTOR)(request)
    assert request.person_name == stored


@pytest.mark.parametrize(
    ("character", "told"),
    [
        ("\u200b", "U+200B ZERO WIDTH SPACE"),
        ("\u202e", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("\ue000", "U+E000"),
        ("\ufffc", "U+FFFC OBJECT REPLACEMENT CHARACTER"),
        ("\ufffd", "U+FFFD REPLACEMENT CHARACTER"),
    ],
)
def test_what_nobody_sees_is_refused_by_its_name(character: str, told: str) -> None:
    fault = form_of(rules_of(FIELD)).find_fault(f"王{character}明")
    assert fault is not None
    assert told in fault[1]


@pytest.mark.parametrize("name", ["·", "\u0301", "13", "-", "\U0001f600"])
def test_a_name_has_a_letter(name: str) -> None:
    form = form_of(rules_of(FIELD))
    assert not form.fits(name)
    assert form.find_fault(name) is not None


@pytest.mark.parametrize(
    ("request_type", "field"),
    [
        (pb.UpdatePersonRequest, "explanation"),
        (enrolment_messages_pb2.ChangeEnrolmentRequest, "explanation"),
        (death_messages_pb2.RevokeDeathRequest, "explanation"),
        (merge_messages_pb2.ProposeMergeRequest, "explanation"),
        (merge_messages_pb2.DecideMergeRequest, "note"),
        (misuse_messages_pb2.ReportMisuseRequest, "description"),
        (misuse_messages_pb2.SuspendCredentialRequest, "note"),
        (misuse_messages_pb2.LiftSuspensionRequest, "note"),
    ],
)
def test_what_is_told_of_a_person_is_what_one_sees(request_type: type[Any], field: str) -> None:
    """Whoever checks reads it as its writer saw it: in no other direction, with nothing hidden."""
    form = form_of(rules_of(request_type.DESCRIPTOR.fields_by_name[field]))
    assert form.find_fault("同一人，\u202e两次登记") is not None
    assert form.find_fault("同一人，两次登记") is None
