"""The use of a code: when its scan is believable, whose it is, once, newest first."""

import datetime as dt

import pytest

from yibao_common.errors import RuleError
from yibao_common.reasons import Reason
from yibao_settlement.rules.presentation import PresentedCode, check_scan_time, check_use

NOW = dt.datetime(2026, 11, 20, 4, 0, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
CODE = PresentedCode("999019", "SUBJECT000001", "00112233aabbccdd", NOW, NOW, "T1")


@pytest.mark.parametrize(
    ("offset", "offset_seconds"),
    [
        (-dt.timedelta(minutes=10), None),
        (-dt.timedelta(minutes=10) - dt.timedelta(microseconds=1), -600),
        (-dt.timedelta(minutes=10) - SECOND, -601),
        (dt.timedelta(0), None),
        (30 * SECOND, None),
        (30 * SECOND + dt.timedelta(microseconds=1), 30),
        (31 * SECOND, 31),
    ],
)
def test_a_scan_lies_at_most_ten_minutes_back_and_thirty_seconds_ahead(
    offset: dt.timedelta, offset_seconds: int | None
) -> None:
    if offset_seconds is None:
        check_scan_time(NOW + offset, now=NOW)
        return
    with pytest.raises(RuleError) as caught:
        check_scan_time(NOW + offset, now=NOW)
    assert caught.value.reason is Reason.CLOCK_SUSPECT
    assert caught.value.metadata == {"offset_seconds": str(offset_seconds)}


def reason_of(
    *,
    holder: str = CODE.subject,
    usable: bool = True,
    newest: dt.datetime = NOW,
    used: tuple[tuple[str, str], ...] = (),
) -> Reason | None:
    try:
        check_use(
            CODE, holder_subject=holder, usable=usable, newest_code_time=newest, used_codes=used
        )
    except RuleError as refusal:
        return refusal.reason
    return None


@pytest.mark.parametrize(
    ("newest", "reason"),
    [(NOW - SECOND, None), (NOW, None), (NOW + SECOND, Reason.QR_SUPERSEDED)],
)
def test_a_newer_code_supersedes_the_older_ones(newest: dt.datetime, reason: Reason) -> None:
    # Rule I-01.
    assert reason_of(newest=newest) is reason


@pytest.mark.parametrize(
    ("used", "reason"),
    [
        ((), None),
        (((CODE.subject, CODE.code_id),), Reason.QR_ALREADY_USED),
        # Code ids are random; another person's may be equal.
        ((("SUBJECT000002", CODE.code_id), (CODE.subject, "ffffffffffffffff")), None),
    ],
)
def test_a_code_is_used_once(used: tuple[tuple[str, str], ...], reason: Reason | None) -> None:
    # Rule I-02.
    assert reason_of(used=used) is reason


@pytest.mark.parametrize("holder", ["SUBJECT000002", ""])
def test_a_code_pays_for_its_holder_alone(holder: str) -> None:
    # Rule I-03; the subject is empty where the person has no e-certificate yet.
    assert reason_of(holder=holder) is Reason.NOT_CARDHOLDER


def test_of_several_faults_the_first_in_the_order_of_the_contract_is_told() -> None:
    used = ((CODE.subject, CODE.code_id),)
    later = NOW + SECOND
    assert reason_of(holder="X", usable=False, used=used, newest=later) is Reason.NOT_CARDHOLDER
    assert reason_of(usable=False, used=used, newest=later) is Reason.ECERT_NOT_ACTIVATED
    assert reason_of(used=used, newest=later) is Reason.QR_ALREADY_USED
    assert reason_of(newest=later) is Reason.QR_SUPERSEDED
