"""Prices and quantities: texts that fit are remembered, those that do not are not."""

import sys

from yibao.common.v1 import validation_pb2 as pb
from yibao_common.rpc.formats import Form, form_of
from yibao_common.values.reasons import Reason


def price() -> Form:
    return form_of(pb.FieldRules(format=pb.FORMAT_UNIT_PRICE))


def test_a_price_fits_each_time_and_a_faulty_one_never() -> None:
    for _ in "12":
        assert price().fits("12.5")
        assert not price().fits("12.5x")
    assert price().find_fault("12.5x") == (
        Reason.FIELD_MALFORMED,
        "must be a plain decimal, such as 12.5",
    )


def test_faulty_prices_are_not_kept_since_their_senders_choose_how_long_they_are() -> None:
    junk = "9" * 5_000 + "x"
    before = sys.getrefcount(junk)
    assert not price().fits(junk)
    assert sys.getrefcount(junk) == before


def test_prices_beyond_what_is_remembered_fit_as_well() -> None:
    assert all(price().fits(f"{n}.25") for n in range(70_000))
    assert price().fits("0.25")
