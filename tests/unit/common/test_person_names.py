"""Names of persons have one form, and what nobody sees is refused by its name."""

import unicodedata

import pytest

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
        ("\ufffd", "U+FFFD REPLACEMENT CHARACTER"),
    ],
)
def test_what_nobody_sees_is_refused_by_its_name(character: str, told: str) -> None:
    fault = form_of(rules_of(FIELD)).find_fault(f"王{character}明")
    assert fault is not None
    assert told in fault[1]
