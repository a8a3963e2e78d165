"""Messages of identity's feed as values."""

import datetime as dt

from yibao.identity.v1 import person_pb2
from yibao.identity.v1 import person_service_pb2 as person_pb
from yibao_common.rpc.wire import to_date, to_optional_date
from yibao_settlement.application.feed import (
    EnrolmentChange,
    FeedAnswer,
    FeedPosition,
    InsuredPerson,
)
from yibao_settlement.rules.credential import Credential
from yibao_settlement.rules.enrolment import Enrolment, RegisteredDisease
from yibao_settlement.rules.family import Giver


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
    message: person_pb.ListEnrolmentChangesResponse,
    *,
    asked: FeedPosition,
    ask_time: dt.datetime,
) -> FeedAnswer:
    """Returns what identity answered to who stood at `asked`."""
    changes = [change_of(change) for change in message.changes]
    # An identity from before there were epochs does not say where its feed ends.
    last = changes[-1].sequence if changes else asked.sequence
    return FeedAnswer(
        epoch=message.epoch,
        changes=changes,
        head_sequence=message.head_sequence if message.epoch else last,
        head_mark=message.head_mark,
        starts_anew=message.starts_anew,
        ask_time=ask_time,
    )


def change_of(message: person_pb.EnrolmentChange) -> EnrolmentChange:
    """Returns what the feed tells of a person."""
    person_id = message.person_id
    return EnrolmentChange(
        message.sequence,
        InsuredPerson(
            person_id=person_id,
            birth_date=to_date(message.birth_date),
            merged_into=message.merged_into or None,
            payer_ids=tuple(message.payer_ids),
            givers=tuple(map(_giver_of, message.givers)),
            death_date=to_optional_date(message, "death_date"),
            enrolments=tuple(_enrolment_of(each) for each in message.enrolments),
            credentials=tuple(
                Credential(
                    *(each.subject, person_id, each.kind, each.state),
                    frozenset(each.revoked_device_certificate_ids),
                    each.codes_since_time.seconds if each.HasField("codes_since_time") else None,
                    each.certificate_id or None,
                )
                for each in message.credentials
            ),
            diseases=tuple(
                RegisteredDisease(
                    each.disease_code,
                    to_date(each.start_date),
                    to_optional_date(each, "end_date"),
                )
                for each in message.diseases
            ),
            person_name_masked=message.person_name_masked,
            gender=message.gender,
        ),
    )


def _enrolment_of(message: person_pb2.Enrolment) -> Enrolment:
    return Enrolment(
        enrolment_id=message.enrolment_id,
        insurance_type=message.insurance_type,
        person_class=message.person_class,
        entitlement_groups=tuple(sorted(message.entitlement_groups)),
        status=message.status,
        start_date=to_date(message.start_date),
        end_date=to_optional_date(message, "end_date"),
        has_employer=message.has_employer,
        is_premium_pending=message.is_premium_pending,
        tier=message.tier,
        insured_months_before=(
            message.insured_months_before if message.HasField("insured_months_before") else None
        ),
        months_owing=message.months_owing if message.HasField("months_owing") else None,
        years_unclaimed=message.years_unclaimed if message.HasField("years_unclaimed") else None,
    )


def _giver_of(message: person_pb.AccountGiver) -> Giver:
    has_payment = message.HasField("payment_limit_fen")
    return Giver(
        message.giver_id,
        message.link_id,
        int(message.relation),
        to_optional_date(message, "first_date") or dt.date.min,
        to_optional_date(message, "last_date"),
        message.payment_limit_fen if has_payment else None,
        message.year_limit_fen if message.HasField("year_limit_fen") else None,
    )
