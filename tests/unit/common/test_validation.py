import random
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sample_proto import SAMPLE, Sample, good_sample

from yibao.common.v1.date_pb2 import Date
from yibao.settlement.v1 import bill_pb2
from yibao.settlement.v1 import settlement_service_pb2 as settlement
from yibao_common.rpc.validation import MOST_FAULTS, Faults, Validator, answers_per_item
from yibao_common.values.errors import FieldFault, RuleError
from yibao_common.values.reasons import Reason

VALIDATOR = Validator(SAMPLE)
UUID = "0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c3e"
# Nobody sees these: control, zero-width, bidi, private and lost characters, odd spaces.
UNSEEN = (
    *("\x00", "\n", "\t", "\x1f", "\x7f", "\x85", "\xa0", "\xad", "\u034f", "\u061c", "\u115f"),
    *("\u180e", "\u2003", "\u200b", "\u200d", "\u200f", "\u2028", "\u202e", "\u2060", "\u2066"),
    *("\u2800", "\u3000", "\u3164", "\ue000", "\ufe0f", "\ufeff", "\ufffd", "\uffff", "\U000e0101"),
)


def faults(message: Any) -> list[tuple[str, Reason]]:
    return [(fault.field, fault.reason) for fault in VALIDATOR.faults(message).first]


def test_a_good_message_fits_without_a_second_look() -> None:
    assert VALIDATOR.fits(good_sample(amount=1, share=1))
    assert faults(good_sample()) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", "12345"),
        ("text", "参保人姓名"),
        ("text", "a b·c"),
        ("note", "12"),
        ("note", "12345"),
        ("count", 1),
        ("count", 3),
        ("amount", 0),
        ("amount", 9),
        ("share", 1),
        ("share", 10),
        ("least", 5),
        ("least", 0),  # absent
        ("price", "0"),
        ("price", "12.5"),
        ("price", "0.000001"),
        ("price", "9999999999.999999"),
        ("quantity", "1"),
        ("quantity", "0.0001"),
        ("quantity", "99999999.9999"),
        ("colour", 2),
        ("colours", [1, 2]),
        ("groups", ["1", "123"]),
        ("numbers", [1]),
        ("file", b"1234"),
        ("day", Date(year=2024, month=2, day=29)),
        ("day", Date(year=1900, month=1, day=1)),
        ("day", Date(year=2999, month=12, day=31)),
        ("citizen", "11010519491231002X"),
        ("id", UUID),
        ("region", "500100"),
        ("institution", "H50011200001"),
        ("institution", "P50011200001"),
        ("code", "A-_."),
        ("code", ":/9"),
        ("label", "ZY#1+2"),
        ("label", "三号窗口"),
        ("label", "窗口（二）"),
        ("label", "药房 A"),
        ("label", "𠮷𠮷𠮷𠮷𠮷𠮷"),  # six characters, 24 bytes
    ],
)
def test_a_value_inside_the_limits_is_taken(field: str, value: Any) -> None:
    assert faults(good_sample(**{field: value})) == []


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("text", None, Reason.FIELD_REQUIRED),
        ("text", "123456", Reason.FIELD_LENGTH),
        ("text", "参保人的姓名", Reason.FIELD_LENGTH),
        ("text", "a\x00", Reason.FIELD_MALFORMED),
        ("text", "a\nb", Reason.FIELD_MALFORMED),
        ("text", "a\x7f", Reason.FIELD_MALFORMED),
        ("text", "a\x85", Reason.FIELD_MALFORMED),
        ("text", "\x9fa", Reason.FIELD_MALFORMED),
        ("note", "1", Reason.FIELD_LENGTH),
        ("note", "123456", Reason.FIELD_LENGTH),
        ("count", None, Reason.FIELD_REQUIRED),
        ("count", -1, Reason.FIELD_OUT_OF_RANGE),
        ("count", 4, Reason.FIELD_OUT_OF_RANGE),
        ("amount", None, Reason.FIELD_REQUIRED),
        ("amount", -1, Reason.FIELD_OUT_OF_RANGE),
        ("amount", 10, Reason.FIELD_OUT_OF_RANGE),
        ("share", 0, Reason.FIELD_OUT_OF_RANGE),
        ("share", 11, Reason.FIELD_OUT_OF_RANGE),
        ("least", 4, Reason.FIELD_OUT_OF_RANGE),
        ("least", -1, Reason.FIELD_OUT_OF_RANGE),
        ("price", "-1", Reason.DECIMAL_NEGATIVE),
        ("price", "1.0000001", Reason.DECIMAL_TOO_PRECISE),
        ("price", "10000000000", Reason.FIELD_OUT_OF_RANGE),
        ("price", "1,5", Reason.FIELD_MALFORMED),
        ("price", ".5", Reason.FIELD_MALFORMED),
        ("price", "5.", Reason.FIELD_MALFORMED),
        ("price", "1e3", Reason.FIELD_MALFORMED),
        ("price", "+1", Reason.FIELD_MALFORMED),
        ("price", " 1", Reason.FIELD_MALFORMED),
        ("price", "1\n", Reason.FIELD_MALFORMED),
        ("price", "\u0661", Reason.FIELD_MALFORMED),
        ("price", "NaN", Reason.FIELD_MALFORMED),
        ("quantity", "0", Reason.FIELD_OUT_OF_RANGE),
        ("quantity", "0.0000", Reason.FIELD_OUT_OF_RANGE),
        ("quantity", "-2", Reason.DECIMAL_NEGATIVE),
        ("quantity", "1.00001", Reason.DECIMAL_TOO_PRECISE),
        ("quantity", "100000000", Reason.FIELD_OUT_OF_RANGE),
        ("quantity", "two", Reason.FIELD_MALFORMED),
        ("colour", 0, Reason.FIELD_REQUIRED),
        ("colour", 3, Reason.FIELD_OUT_OF_RANGE),
        ("colour", -1, Reason.FIELD_OUT_OF_RANGE),
        ("groups", ["1", "2", "3"], Reason.FIELD_LENGTH),
        ("file", None, Reason.FIELD_REQUIRED),
        ("file", b"12345", Reason.FIELD_LENGTH),
        ("day", Date(), Reason.DATE_INVALID),
        ("day", Date(year=2023, month=2, day=29), Reason.DATE_INVALID),
        ("day", Date(year=2023, month=13, day=1), Reason.DATE_INVALID),
        ("day", Date(year=1899, month=12, day=31), Reason.DATE_INVALID),
        ("day", Date(year=3000, month=1, day=1), Reason.DATE_INVALID),
        ("at", None, Reason.FIELD_REQUIRED),
        ("made", "x", Reason.FIELD_OUTPUT_ONLY),
        ("made_items", ["x"], Reason.FIELD_OUTPUT_ONLY),
        ("citizen", "11010519491231002", Reason.FIELD_MALFORMED),
        ("citizen", "110105194912310021", Reason.CITIZEN_NUMBER_INVALID),
        ("id", UUID.upper(), Reason.FIELD_MALFORMED),
        ("id", UUID.replace("-", ""), Reason.FIELD_MALFORMED),
        ("id", UUID + "\n", Reason.FIELD_MALFORMED),
        ("region", "50010", Reason.FIELD_MALFORMED),
        ("region", "5001000", Reason.FIELD_MALFORMED),
        ("region", "000100", Reason.FIELD_MALFORMED),
        ("institution", "X50011200001", Reason.FIELD_MALFORMED),
        ("institution", "H5001120000", Reason.FIELD_MALFORMED),
        ("code", "ABCDE", Reason.FIELD_LENGTH),
        ("code", "A B", Reason.FIELD_MALFORMED),
        ("code", "药", Reason.FIELD_MALFORMED),
        ("label", "七个字的窗口名", Reason.FIELD_LENGTH),
        ("label", "1234567", Reason.FIELD_LENGTH),
        *(("label", f"a{unseen}b", Reason.FIELD_MALFORMED) for unseen in UNSEEN),
    ],
)
def test_a_value_outside_the_limits_is_a_fault(field: str, value: Any, reason: Reason) -> None:
    assert faults(good_sample(**{field: value})) == [(field, reason)]


@pytest.mark.parametrize(
    ("field", "value", "path", "reason"),
    [
        ("groups", ["1", "1234"], "groups[1]", Reason.FIELD_LENGTH),
        ("groups", ["x"], "groups[0]", Reason.FIELD_MALFORMED),
        ("groups", ["1", ""], "groups[1]", Reason.FIELD_REQUIRED),
        ("numbers", [1, 0], "numbers[1]", Reason.FIELD_OUT_OF_RANGE),
        ("colours", [1, 0], "colours[1]", Reason.FIELD_REQUIRED),
        ("colours", [9], "colours[0]", Reason.FIELD_OUT_OF_RANGE),
    ],
)
def test_an_item_of_a_list_is_named_by_its_place(
    field: str, value: list[Any], path: str, reason: Reason
) -> None:
    assert faults(good_sample(**{field: value})) == [(path, reason)]


def test_an_absurd_instant_is_a_fault() -> None:
    sample = good_sample()
    sample.at.seconds = 32_503_679_999
    assert faults(sample) == []
    sample.at.seconds += 1
    assert faults(sample) == [("at", Reason.FIELD_OUT_OF_RANGE)]
    sample.at.seconds, sample.at.nanos = 0, 1_000_000_000
    assert faults(sample) == [("at", Reason.FIELD_OUT_OF_RANGE)]


def test_a_message_set_by_the_service_is_a_fault_even_if_empty() -> None:
    sample = good_sample()
    sample.made_at.SetInParent()
    assert faults(sample) == [("made_at", Reason.FIELD_OUTPUT_ONLY)]


def test_every_fault_is_found_at_once_with_its_path_in_the_order_of_the_fields() -> None:
    sample = good_sample(text="123456", count=0)
    sample.parent.CopyFrom(good_sample(price="-1"))
    sample.children.extend([good_sample(), good_sample(region="x", amount=None)])
    assert faults(sample) == [
        ("text", Reason.FIELD_LENGTH),
        ("count", Reason.FIELD_REQUIRED),
        ("parent.price", Reason.DECIMAL_NEGATIVE),
        ("children[1].amount", Reason.FIELD_REQUIRED),
        ("children[1].region", Reason.FIELD_MALFORMED),
    ]


def test_an_oversized_list_is_not_looked_into() -> None:
    sample = good_sample(children=[Sample(), Sample(), Sample()])
    assert faults(sample) == [("children", Reason.FIELD_LENGTH)]


def test_a_hundred_faults_are_told_and_all_are_counted() -> None:
    sample = good_sample(numbers=[0] * 1_505)
    found = VALIDATOR.faults(sample)
    assert (len(found.first), found.total) == (MOST_FAULTS, 1_505)
    with pytest.raises(RuleError, match=r"and 1504 more") as caught:
        VALIDATOR.check(sample)
    assert (len(caught.value.faults), caught.value.faults_total) == (MOST_FAULTS, 1_505)


def test_messages_tell_what_was_expected_and_never_the_value() -> None:
    sample = good_sample(count=4, price="1.1234567", citizen="110105194912310021", code="12345")
    assert VALIDATOR.faults(sample).first == [
        FieldFault("count", Reason.FIELD_OUT_OF_RANGE, "must be from 1 to 3"),
        FieldFault("price", Reason.DECIMAL_TOO_PRECISE, "must have at most 6 decimals"),
        FieldFault("citizen", Reason.CITIZEN_NUMBER_INVALID, "the check character does not fit"),
        FieldFault("code", Reason.FIELD_LENGTH, "must have 1 to 4 characters"),
    ]


def test_check_raises_the_shared_reason_or_fields_invalid() -> None:
    with pytest.raises(RuleError) as one:
        VALIDATOR.check(good_sample(text=None, count=None))
    assert one.value.reason is Reason.FIELD_REQUIRED
    with pytest.raises(RuleError) as several:
        VALIDATOR.check(good_sample(text=None, count=4))
    assert several.value.reason is Reason.FIELDS_INVALID
    VALIDATOR.check(good_sample())


def settle_request(lines: int = 10) -> settlement.SettleBillRequest:
    chance = random.Random(7)
    request = settlement.SettleBillRequest(request_id=str(uuid.UUID(int=1)), region="500100")
    request.presentation.qr_text = "MI1-" + "A" * 230
    request.presentation.terminal_id = "T1"
    request.presentation.scan_time.FromJsonString("2026-03-01T00:00:00Z")
    bill = request.bill
    bill.visit_id = str(uuid.UUID(int=2))
    bill.bill_number = "B-1"
    bill.service_date.CopyFrom(Date(year=2026, month=3, day=1))
    bill.total_fen = 12_345
    bill.account_use = bill_pb2.ACCOUNT_USE_OWN
    for number in range(1, lines + 1):
        bill.lines.add(
            line_number=number,
            item_code=f"XA01AB{chance.randrange(10**8):08}",
            unit_price=f"{chance.randrange(1, 300)}.5",
            quantity=str(chance.randrange(1, 9)),
            amount_fen=chance.randrange(1, 10**6),
        )
    return request


def test_a_bill_is_validated_line_by_line() -> None:
    validator = Validator(settlement.SettleBillRequest.DESCRIPTOR)
    request = settle_request()
    assert validator.faults(request).first == []
    request.bill.lines[3].unit_price = "-1"
    request.bill.lines[9].ClearField("amount_fen")
    assert [fault.field for fault in validator.faults(request).first] == [
        "bill.lines[3].unit_price",
        "bill.lines[9].amount_fen",
    ]


def test_items_of_a_bulk_request_are_left_to_be_answered_one_by_one() -> None:
    method = settlement.DESCRIPTOR.services_by_name["SettlementService"].methods_by_name[
        "SubmitBills"
    ]
    assert answers_per_item(method.output_type)
    assert not answers_per_item(settlement.SettleBillResponse.DESCRIPTOR)
    outside = Validator(method.input_type, except_items=True)
    request = settlement.SubmitBillsRequest(items=[settlement.SettleBillRequest()])
    assert outside.faults(request).first == []
    assert Validator(method.input_type).faults(request).first != []
    assert [fault.field for fault in outside.faults(settlement.SubmitBillsRequest()).first] == [
        "items"
    ]
    del request.items[:]
    request.items.extend(settlement.SettleBillRequest() for _ in range(201))
    assert [fault.reason for fault in outside.faults(request).first] == [Reason.FIELD_LENGTH]


TEXTS = st.sampled_from(
    ["", "1", "12", "123", "12345", "123456", "x", "-1", "0", "0.5", "1.23456789"]
)
NUMBERS = st.sampled_from([None, -1, 0, 1, 2, 3, 4, 5, 9, 10, 11])
NAMES = ("text", "note", "price", "quantity", "code", "region", "made", "citizen", "id")


@given(
    st.dictionaries(st.sampled_from(NAMES), TEXTS),
    st.dictionaries(st.sampled_from(["count", "amount", "share", "least", "colour"]), NUMBERS),
    st.lists(st.sampled_from([0, 1, 2, 7]), max_size=2),
    st.lists(TEXTS, max_size=3),
)
def test_what_fits_at_first_sight_has_no_fault_at_second(
    texts: dict[str, str], numbers: dict[str, int | None], colours: list[int], groups: list[str]
) -> None:
    sample = good_sample(**texts, **numbers, colours=colours, groups=groups)
    sample.children.append(good_sample(**numbers))
    seen = Faults()
    VALIDATOR._shape.walk(sample, "", seen)
    if VALIDATOR.fits(sample):
        assert seen.first == []
    else:
        assert VALIDATOR.faults(sample).first == seen.first


def test_a_well_formed_bill_needs_no_second_look() -> None:
    validator = Validator(settlement.SettleBillRequest.DESCRIPTOR)
    request = settle_request()
    validator.check(request)
    # By which it takes microseconds: what does not fit is walked through in Python.
    assert validator.fits(request)
