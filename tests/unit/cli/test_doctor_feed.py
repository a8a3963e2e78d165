"""What the doctor says of how much of identity's feed settlement knows."""

import datetime as dt

import pytest

from yibao.identity.v1.person_service_pb2 import ListEnrolmentChangesResponse
from yibao_cli.doctor.news import feed_finding
from yibao_settlement.application.feed import FeedPosition

NOW = dt.datetime(2026, 11, 28, 4, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("known", "head", "anew", "remark"),
    [
        (2, 2, False, "all 2 changes are known"),
        (1, 2, False, "1 of 2 changes are known"),
        # After a restore identity may have fewer, and tells of none where it begins anew.
        (2, 0, True, "2 changes of the former feed are known"),
        (2, 1, False, "2 changes of the former feed are known"),
    ],
)
def test_no_more_is_known_than_there_is(known: int, head: int, anew: bool, remark: str) -> None:
    position = FeedPosition(sequence=known, epoch="e", read_time=NOW)
    answer = ListEnrolmentChangesResponse(head_sequence=head, epoch="e", starts_anew=anew)
    finding = feed_finding("feed", position, answer, gone=0, now=NOW)
    assert finding.remark == remark
    assert bool(finding.problem) is (anew or known > head)


@pytest.mark.parametrize("head", [2, 5])
def test_no_less_than_nothing_is_missing(head: int) -> None:
    position = FeedPosition(sequence=3, epoch="e", read_time=NOW, anew_until=7)
    answer = ListEnrolmentChangesResponse(head_sequence=head, epoch="e")
    told = feed_finding("feed", position, answer, gone=0, now=NOW).problem
    assert ("2 of 5 changes are missing" in told) is (head == 5)
    assert "-" not in told
