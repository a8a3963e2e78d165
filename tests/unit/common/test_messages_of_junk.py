"""Messages filled with what nobody asked for: refused without a look at each piece of it."""

import pytest
from support.sample_proto import SAMPLE, good_sample

from yibao.settlement.v1 import settlement_service_pb2 as settlement
from yibao_common.rpc import unknown_fields
from yibao_common.rpc.unknown_fields import MOST_NAMED_BYTES, unknown_bytes
from yibao_common.rpc.validation import Validator
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

# Field 1000, a number: three bytes.
UNKNOWN = b"\xc0\x3e\x01"
VALIDATOR = Validator(SAMPLE, refuse_unknown=True)


def refusal(validator: Validator, message: object) -> RuleError:
    with pytest.raises(RuleError) as caught:
        validator.check(message)  # type: ignore[arg-type]
    return caught.value


def test_unknown_fields_are_named_while_they_are_few() -> None:
    sample = good_sample()
    sample.MergeFromString(UNKNOWN * (MOST_NAMED_BYTES // len(UNKNOWN)))
    error = refusal(VALIDATOR, sample)
    assert [(fault.field, fault.reason) for fault in error.faults] == [
        ("1000", Reason.FIELD_UNKNOWN)
    ]


@pytest.mark.parametrize("place", ["request", "parent", "children"])
def test_unknown_fields_that_fill_a_message_are_not_named_one_by_one(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unknown_fields, "UnknownFieldSet", None)
    junk = UNKNOWN * (MOST_NAMED_BYTES // len(UNKNOWN) + 1)
    sample = good_sample(parent=good_sample(), children=[good_sample()])
    spoilt = {"request": sample, "parent": sample.parent, "children": sample.children[0]}[place]
    spoilt.MergeFromString(junk)
    error = refusal(VALIDATOR, sample)
    assert (error.reason, error.faults) == (Reason.FIELD_UNKNOWN, ())
    assert str(MOST_NAMED_BYTES) in error.message
    # The digest of a request counts what was unknown.
    assert len(sample.SerializeToString()) > MOST_NAMED_BYTES


def test_items_of_a_bulk_request_are_not_counted_with_it() -> None:
    request = settlement.SubmitBillsRequest(items=[settlement.SettleBillRequest(region="500112")])
    request.items[0].MergeFromString(UNKNOWN * 20_000)
    assert unknown_bytes(request, except_items=True) == 0
    request.MergeFromString(UNKNOWN * 20_000)
    assert unknown_bytes(request, except_items=True) == len(UNKNOWN) * 20_000
    bulk = settlement.SubmitBillsRequest.DESCRIPTOR
    error = refusal(Validator(bulk, except_items=True, refuse_unknown=True), request)
    assert (error.reason, error.faults) == (Reason.FIELD_UNKNOWN, ())


def test_an_oversized_list_is_neither_mended_nor_searched() -> None:
    sample = good_sample(groups=[" 1 ", "２", "3"], children=[good_sample(label=" a ")] * 3)
    for child in sample.children:
        child.MergeFromString(UNKNOWN)
    error = refusal(VALIDATOR, sample)
    assert [(fault.field, fault.reason) for fault in error.faults] == [
        ("groups", Reason.FIELD_LENGTH),
        ("children", Reason.FIELD_LENGTH),
    ]
    assert list(sample.groups) == [" 1 ", "２", "3"]
    assert [child.label for child in sample.children] == [" a "] * 3


def test_a_list_of_the_most_items_is_mended_and_searched() -> None:
    children = [good_sample(label=" a "), good_sample(label="b")]
    sample = good_sample(children=children)
    VALIDATOR.check(sample)
    assert [child.label for child in sample.children] == ["a", "b"]
    sample.children[1].MergeFromString(UNKNOWN)
    error = refusal(VALIDATOR, sample)
    assert [fault.field for fault in error.faults] == ["children[1].1000"]
