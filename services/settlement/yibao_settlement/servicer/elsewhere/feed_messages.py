"""Messages of offsite's feed as values."""

import datetime as dt

from yibao.offsite.v1 import offsite_feed_service_pb2 as pb
from yibao.offsite.v1 import registration_pb2
from yibao_common.commands.feed import FeedPosition
from yibao_common.rpc.wire import to_date, to_optional_date
from yibao_settlement.application.elsewhere.feed import OffsiteAnswer, OffsiteChange, ToldHold
from yibao_settlement.rules.elsewhere.registered import AuditHold, Benefit, RegisteredCare

# The codes of the policies' fact `offsite`.
_TERMS = {
    registration_pb2.OFFSITE_TERMS_LOCAL: "local",
    registration_pb2.OFFSITE_TERMS_LONG_TERM: "long_term",
    registration_pb2.OFFSITE_TERMS_REFERRAL: "referral",
    registration_pb2.OFFSITE_TERMS_EMERGENCY: "emergency",
    registration_pb2.OFFSITE_TERMS_TEMPORARY: "temporary",
    registration_pb2.OFFSITE_TERMS_UNREGISTERED: "unregistered",
}
_BENEFITS = frozenset(each.value for each in Benefit)


def question_of(
    region: str, position: FeedPosition, page_size: int, wait_milliseconds: int
) -> pb.ListOffsiteChangesRequest:
    """Returns the question for what follows a position."""
    return pb.ListOffsiteChangesRequest(
        region=region,
        after_sequence=position.sequence,
        page_size=page_size,
        epoch=position.epoch,
        head_sequence=position.head_sequence,
        head_mark=position.head_mark,
        wait_milliseconds=wait_milliseconds,
    )


def answer_of(message: pb.ListOffsiteChangesResponse, *, ask_time: dt.datetime) -> OffsiteAnswer:
    """Returns what offsite answered."""
    return OffsiteAnswer(
        epoch=message.epoch,
        changes=[_change_of(each) for each in message.changes],
        head_sequence=message.head_sequence,
        head_mark=message.head_mark,
        starts_anew=message.starts_anew,
        ask_time=ask_time,
    )


def _change_of(message: pb.OffsiteChange) -> OffsiteChange:
    match message.WhichOneof("subject"):
        case "registration":
            return OffsiteChange(message.sequence, care_of(message.registration))
        case "hold":
            return OffsiteChange(message.sequence, _hold_of(message.hold))
    return OffsiteChange(message.sequence, None)


def care_of(message: pb.RegisteredCare) -> RegisteredCare | None:
    """Returns a registration, None where its terms are some that this version does not know."""
    terms = _TERMS.get(message.terms)
    if terms is None:
        return None
    return RegisteredCare(
        registration_id=message.registration_id,
        person_id=message.person_id,
        category=message.category,
        treatment_region=message.treatment_region,
        terms=terms,
        benefits=tuple(Benefit(each) for each in message.benefits if each in _BENEFITS),
        start_date=to_date(message.start_date),
        end_date=to_optional_date(message, "end_date"),
        is_void=message.is_void,
        origin=message.origin,
        version=message.version,
    )


def _hold_of(message: pb.AuditHold) -> ToldHold:
    hold = AuditHold(
        message.hold_id,
        message.person_id,
        message.visit_id,
        message.task_id,
        message.is_lifted,
        message.version,
    )
    return ToldHold(hold, message.attestation)
