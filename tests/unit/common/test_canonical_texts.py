"""What scanners and systems write in more than one way is one text before anything reads it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sample_proto import SAMPLE, good_sample

from yibao.common.v1 import validation_pb2 as pb
from yibao.common.v1.date_pb2 import Date
from yibao.identity.v1 import (
    certificate_service_pb2,
    device_messages_pb2,
    person_pb2,
    person_service_pb2,
)
from yibao.settlement.v1 import bill_pb2
from yibao.settlement.v1 import catalogue_service_pb2 as catalogue_pb
from yibao.settlement.v1 import settlement_service_pb2 as settlement_pb
from yibao.settlement.v1 import visit_service_pb2 as visit_pb
from yibao_common.rpc.field_checks import rules_of
from yibao_common.rpc.formats import form_of
from yibao_common.rpc.status import fault_zh
from yibao_common.rpc.validation import Validator
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_common.values.texts import canonical_text, canonical_uuid, unprintable_in

VALIDATOR = Validator(SAMPLE)
UUID = "0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c3e"
DIGITS = UUID.replace("-", "")


@pytest.mark.parametrize(
    ("field", "sent", "kept"),
    [
        ("id", UUID.upper(), UUID),
        ("id", f"{{{UUID}}}", UUID),
        ("id", f"{{{UUID.upper()}}}", UUID),
        ("id", f"({UUID})", UUID),
        ("id", f"urn:uuid:{UUID}", UUID),
        ("id", DIGITS, UUID),
        ("id", f"{UUID}\r\n", UUID),
        ("code", "AB1\r\n", "AB1"),
        ("code", "\tAB1 ", "AB1"),
        ("serial", "ab-1\r\n", "AB-1"),
        ("serial", "aB1", "AB1"),
        ("region", "500100\r", "500100"),
        ("institution", " H50011200001", "H50011200001"),
        ("citizen", "11010519491231002X\n", "11010519491231002X"),
        ("price", " 12.5", "12.5"),
        ("quantity", "2\n", "2"),
        ("label", "A#1+2\r\n", "A#1+2"),
        ("label", "\u3000窗口\u3000", "窗口"),
        ("label", "\x1dA1", "A1"),
        ("label", "Cafe\u0301", "Caf\u00e9"),
        ("label", "\u304b\u3099" * 6, "\u304c" * 6),  # too long as it came
        ("labels", [" a", "b ", "c"], ["a", "b", "c"]),
        ("text", " a ", "a"),
        ("note", "Cafe\u0301\u3000", "Caf\u00e9"),
        ("groups", ["1\r\n", "12"], ["1", "12"]),
    ],
)
def test_a_text_is_kept_in_its_one_form(field: str, sent: object, kept: object) -> None:
    sample = good_sample(**{field: sent})
    VALIDATOR.check(sample)
    # The same message as if it had been sent so: the same bytes, so the same digest.
    expected = good_sample(**{field: kept})
    assert sample.SerializeToString() == expected.SerializeToString()
    assert VALIDATOR.faults(sample).total == 0


@pytest.mark.parametrize(
    ("field", "sent"),
    [
        ("text", "药\u3000片"),
        ("note", "\u2764\ufe0f\u200d\U0001f525"),
        ("label", "A # 1"),
        ("label", "\uff11\uff21"),  # full-width characters are others
        ("code", "aB"),
    ],
)
def test_what_has_no_fault_is_taken_as_it_comes(field: str, sent: str) -> None:
    sample = good_sample(**{field: sent})
    VALIDATOR.check(sample)
    assert getattr(sample, field) == sent


@pytest.mark.parametrize(
    "text",
    [
        f"{{{UUID}",
        f"{{{{{UUID}}}}}",
        f"({UUID}}}",
        UUID[:-1],
        UUID + "0",
        UUID.replace("-", "_"),
        UUID[:-1] + "g",
        UUID[:-1] + "\uff11",
        DIGITS[:8] + "-" + DIGITS[8:],
        f"{UUID} {UUID}",
    ],
)
def test_what_is_no_uuid_stays_none(text: str) -> None:
    with pytest.raises(RuleError) as refused:
        VALIDATOR.check(good_sample(id=text))
    assert refused.value.reason is Reason.FIELD_MALFORMED


def test_texts_are_mended_at_every_depth_whatever_else_is_wrong() -> None:
    sample = good_sample(count=9, code=" A")
    sample.parent.CopyFrom(good_sample(id=UUID.upper()))
    sample.children.extend([good_sample(code="B "), good_sample(code="C\n")])
    with pytest.raises(RuleError) as refused:
        VALIDATOR.check(sample)
    assert [fault.field for fault in refused.value.faults] == ["count"]
    assert (sample.code, sample.parent.id) == ("A", UUID)
    assert [child.code for child in sample.children] == ["B", "C"]


def test_a_text_of_white_space_alone_is_absent() -> None:
    VALIDATOR.check(good_sample(label=" \r\n"))
    with pytest.raises(RuleError) as refused:
        VALIDATOR.check(good_sample(labels=["a", " "]))
    assert refused.value.faults[0].reason is Reason.FIELD_REQUIRED


def test_the_refusal_names_the_character_and_not_the_text() -> None:
    with pytest.raises(RuleError) as refused:
        VALIDATOR.check(good_sample(label="a\u200bb"))
    told = "must be of printable characters, which U+200B ZERO WIDTH SPACE is not"
    assert refused.value.faults[0].message == told
    # The counter too: "格式不正确" helps nobody to a character that is not seen.
    assert fault_zh(refused.value.faults[0]).endswith("：含有不可用的字符（U+200B）")


def test_items_of_a_bulk_request_are_left_to_themselves() -> None:
    sample = good_sample(code=" A", children=[good_sample(code=" B")])
    outside = Validator(SAMPLE, except_items=True)
    # Only a field of the name `items` is left alone.
    outside.check(sample)
    assert (sample.code, sample.children[0].code) == ("A", "B")


# Every text of the contract, by the fields that people fill in.
UNSEEN = ("\u200b", "\u202e", "\ue000", "\ufffd", "\ufeff", "\u2028", "\x07")


@pytest.mark.parametrize(
    ("request_type", "field"),
    [
        (catalogue_pb.CatalogueItem, "item_name"),
        (catalogue_pb.Institution, "institution_name"),
        (settlement_pb.ReverseSettlementRequest, "reason"),
        (visit_pb.RegisterVisitRequest, "provider_visit_number"),
        (bill_pb2.Bill, "bill_number"),
        (device_messages_pb2.EnrolDeviceRequest, "device_name"),
        (certificate_service_pb2.ActivateCertificateRequest, "proofing_reference"),
        (person_pb2.ShownDocument, "certificate_number"),
        (person_service_pb2.RegisterPersonRequest, "certificate_number"),
    ],
)
def test_a_text_hides_nothing_and_turns_nothing_round(request_type: type[Any], field: str) -> None:
    form = form_of(rules_of(request_type.DESCRIPTOR.fields_by_name[field]))
    for unseen in UNSEEN:
        fault = form.find_fault(f"甲{unseen}乙")
        assert fault is not None
        assert f"U+{ord(unseen):04X}" in fault[1]
    assert form.find_fault("甲乙") is None
    assert form.canonical("\u3000Cafe\u0301 ") == "Caf\u00e9"


@pytest.mark.parametrize("name", ["注射用\u3000头孢", "张三的手机\u2764\ufe0f", "辻\U000e0100"])
def test_a_name_that_nothing_is_found_by_has_spaces_emoji_and_rare_characters(name: str) -> None:
    day = Date(year=2026, month=1, day=1)
    item = catalogue_pb.CatalogueItem(
        item_code="A1", item_name=name, catalogue_class="01", start_date=day
    )
    Validator(catalogue_pb.CatalogueItem.DESCRIPTOR).check(item)
    assert item.item_name == name


FORMS = [form_of(pb.FieldRules(format=form)) for form in pb.Format.values()]


@given(st.text(max_size=12) | st.text("0123456789abcdefABCDEF-{} \r\n", max_size=40))
def test_the_canonical_form_of_a_text_is_final(text: str) -> None:
    assert canonical_text(canonical_text(text)) == canonical_text(text)
    assert canonical_uuid(canonical_uuid(text)) == canonical_uuid(text)
    for form in FORMS:
        if text and form.fits(text):
            assert form.find_fault(text) is None
        if text and form.find_fault(text) is None:
            assert form.canonical(text) == text


@given(st.text(max_size=20))
def test_nothing_unprintable_is_overlooked(text: str) -> None:
    unseen = unprintable_in(text)
    assert (unseen is None) == all(unprintable_in(each) is None for each in text)
    assert unseen is None or unseen in text
