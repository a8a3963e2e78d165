"""The messages of changes, and the texts of their places in tokens."""

import datetime as dt
import uuid

from yibao.settlement.v1 import adjustment_pb2, settlement_pb2
from yibao.settlement.v1 import change_service_pb2 as pb
from yibao_common.rpc.pages import number_in_place
from yibao_common.rpc.wire import from_instant
from yibao_settlement.application.change import Change, ChangeKind, ChangePlace


def change_message(change: Change) -> pb.SettlementChange:
    """Returns the message of a change."""
    message = pb.SettlementChange(
        settlement_id=change.place.settlement_id,
        change_kind=pb.SettlementChangeKind.ValueType(change.place.kind),
        change_time=from_instant(change.place.change_time),
        revision=change.revision,
        state=settlement_pb2.SETTLEMENT_STATE_SETTLED,
        visit_id=change.visit_id,
        bill_number=change.bill_number,
        institution_id=change.institution_id,
        is_by_other=change.is_by_other,
    )
    if change.is_reversed:
        message.state = settlement_pb2.SETTLEMENT_STATE_REVERSED
    if change.cause is not None:
        message.cause = adjustment_pb2.AdjustmentCause.ValueType(change.cause)
    return message


def place_text(place: ChangePlace) -> str:
    """Returns a change's place for `page_token`."""
    time = place.change_time.isoformat()
    return f"{time}/{int(place.kind)}/{place.settlement_id}/{place.number}"


def place_of(text: str) -> ChangePlace:
    """Returns the place that a page's token holds; see `place_after`.

    Raises ValueError where the text is not as `place_text` writes it.
    """
    time, kind, settlement_id, number = text.split("/")
    place = ChangePlace(
        dt.datetime.fromisoformat(time),
        ChangeKind(int(kind)),
        str(uuid.UUID(settlement_id)),
        number_in_place(number),
    )
    # The readers take more forms than one, and a time without a zone.
    if place.change_time.utcoffset() != dt.timedelta() or place_text(place) != text:
        raise ValueError("a place is a time in UTC, a kind, an id and a number")
    return place


def instant_of(text: str) -> dt.datetime:
    """Returns the instant that stands in a token where all before it was told.

    Raises ValueError where the text is none in UTC, in the one form.
    """
    instant = dt.datetime.fromisoformat(text)
    if instant.utcoffset() != dt.timedelta() or instant.isoformat() != text:
        raise ValueError("an instant is one in UTC")
    return instant
