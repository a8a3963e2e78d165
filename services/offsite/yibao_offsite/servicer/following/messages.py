"""Messages of identity's feed as values."""

import datetime as dt

from yibao.identity.v1 import person_service_pb2 as person_pb
from yibao_common.commands.feed import FeedPosition
from yibao_common.rpc.wire import to_date, to_optional_date
from yibao_offsite.application.following import PersonAnswer, PersonChange
from yibao_offsite.rules.person import KnownPerson, Period


def question_of(
    region: str, position: FeedPosition, page_size: int, wait_milliseconds: int
) -> person_pb.ListEnrolmentChangesRequest:
    """Returns the question for what follows a position."""
    return person_pb.ListEnrolmentChangesRequest(
        region=region,
        after_sequence=position.sequence,
        page_size=page_size,
        epoch=position.epoch,
        head_sequence=position.head_sequence,
        head_mark=position.head_mark,
        wait_milliseconds=wait_milliseconds,
    )


def answer_of(
    message: person_pb.ListEnrolmentChangesResponse, *, ask_time: dt.datetime
) -> PersonAnswer:
    """Returns what identity answered."""
    return PersonAnswer(
        epoch=message.epoch,
        changes=[_change_of(each) for each in message.changes],
        head_sequence=message.head_sequence,
        head_mark=message.head_mark,
        starts_anew=message.starts_anew,
        ask_time=ask_time,
    )


def _change_of(message: person_pb.EnrolmentChange) -> PersonChange:
    periods = tuple(
        Period(
            each.insurance_type,
            each.status,
            to_date(each.start_date),
            to_optional_date(each, "end_date"),
        )
        for each in message.enrolments
    )
    person = KnownPerson(
        message.person_id,
        to_date(message.birth_date),
        to_optional_date(message, "death_date"),
        message.merged_into or None,
        periods,
        message.person_name_masked,
    )
    return PersonChange(message.sequence, person)
