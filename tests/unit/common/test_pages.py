"""A page's token goes on where its list ended, and only there."""

import pytest

from yibao.common.v1.date_pb2 import Date
from yibao.settlement.v1.settlement_service_pb2 import ListSettlementsRequest
from yibao_common.rpc.pages import number_in_place, page_token, place_after
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

REQUEST = ListSettlementsRequest(region="999019", settle_start_date=Date(year=2026))


def test_the_first_page_has_no_place() -> None:
    assert place_after(REQUEST, "", str) is None


def test_a_token_goes_on_with_another_size() -> None:
    token = page_token(REQUEST, "七/7")
    again = ListSettlementsRequest(page_size=7, page_token=token)
    again.MergeFrom(REQUEST)
    assert place_after(again, token, str) == "七/7"


@pytest.mark.parametrize(
    "other",
    [
        ListSettlementsRequest(region="999029", settle_start_date=Date(year=2026)),
        ListSettlementsRequest(region="999019"),
        ListSettlementsRequest(region="999019", visit_id="1"),
    ],
)
def test_a_token_of_another_list_is_refused(other: ListSettlementsRequest) -> None:
    token = page_token(REQUEST, "1")
    with pytest.raises(RuleError) as refused:
        place_after(other, token, str)
    assert refused.value.reason is Reason.FIELD_MALFORMED
    assert [fault.field for fault in refused.value.faults] == ["page_token"]


@pytest.mark.parametrize("token", ["x", "!!!!", "AAAA", "\u4e03", "A" * 200, "//8="])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(RuleError, match="FIELD_MALFORMED"):
        place_after(REQUEST, token, str)


def test_a_token_whose_place_is_none_is_refused_as_one_of_another_list() -> None:
    assert place_after(REQUEST, page_token(REQUEST, "7"), int) == 7
    refusals = []
    for token in (page_token(REQUEST, "seven"), page_token(ListSettlementsRequest(), "7")):
        with pytest.raises(RuleError) as refused:
            place_after(REQUEST, token, int)
        refusals.append((refused.value.message, refused.value.faults))
    assert refusals[0] == refusals[1]


@pytest.mark.parametrize("place", ["\0", "2026-11-20/1/\0", "v1\0"])
def test_a_place_that_no_database_can_look_for_is_refused(place: str) -> None:
    """Tokens are not signed: anybody can write one."""
    with pytest.raises(RuleError, match="FIELD_MALFORMED"):
        place_after(REQUEST, page_token(REQUEST, place), str)


@pytest.mark.parametrize("text", ["0", "1", str(2**31 - 1)])
def test_a_number_in_a_place_is_one_that_is_stored(text: str) -> None:
    assert place_after(REQUEST, page_token(REQUEST, text), number_in_place) == int(text)


@pytest.mark.parametrize("text", ["-1", str(2**31), "9" * 100, "x", ""])
def test_a_number_in_a_place_that_no_column_holds_is_refused(text: str) -> None:
    with pytest.raises(RuleError, match="FIELD_MALFORMED"):
        place_after(REQUEST, page_token(REQUEST, text), number_in_place)
