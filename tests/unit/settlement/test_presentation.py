"""The use of a code: when its scan is believable, whose it is, once, newest first."""

import datetime as dt
from collections.abc import Mapping

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.credential import Credential, CredentialKind, CredentialState
from yibao_settlement.rules.presentation import (
    RESOLVED_FOR_MAX,
    SCAN_AGE_MAX,
    PresentedCode,
    check_scan_time,
    check_use,
    newest_codes_with,
)

NOW = dt.datetime(2026, 11, 20, 4, 0, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
NOW_SECOND = int(NOW.timestamp())
PERSON = "0192d0a0-0000-7000-8000-000000000001"
CODE = PresentedCode("999019", "SUBJECT000001", "00112233aabbccdd", NOW, NOW, "T1")
DEVICE = "0011223344556677"
OF_DEVICE = CODE._replace(device_certificate_id=DEVICE)
CREDENTIAL = Credential(CODE.subject, PERSON, CredentialKind.ECERT, CredentialState.USABLE)


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
    code: PresentedCode = CODE,
    credential: Credential | None = CREDENTIAL,
    newest: Mapping[str, int] | None = None,
    used: tuple[tuple[str, str], ...] = (),
) -> Reason | None:
    try:
        check_use(
            code,
            person_id=PERSON,
            credential=credential,
            newest_codes=newest or {},
            used_codes=used,
        )
    except RuleError as refusal:
        return refusal.reason
    return None


@pytest.mark.parametrize(
    ("newest", "reason"),
    [
        (NOW - SECOND, None),
        # Another code of the same second: neither is the newer one, so one alone pays.
        (NOW, Reason.QR_SUPERSEDED),
        (NOW + SECOND, Reason.QR_SUPERSEDED),
    ],
)
def test_a_newer_code_supersedes_the_older_ones(newest: dt.datetime, reason: Reason) -> None:
    # Rule I-01.
    assert reason_of(newest={CODE.subject: int(newest.timestamp())}) is reason


@pytest.mark.parametrize(("minutes", "supersedes"), [(15, True), (16, False), (600_000, False)])
def test_what_a_clock_that_was_ahead_left_supersedes_nothing(
    minutes: int, *, supersedes: bool
) -> None:
    """Told late, a scan is ten minutes old, and clocks differ by some: later than that is none."""
    newest = {CODE.subject: NOW_SECOND + minutes * 60}
    assert (reason_of(newest=newest) is Reason.QR_SUPERSEDED) is supersedes
    kept = newest_codes_with(newest, CODE, now=NOW)[CODE.subject]
    assert kept == (newest[CODE.subject] if supersedes else NOW_SECOND)


@pytest.mark.parametrize(
    ("code", "newer_signer", "reason"),
    [
        (CODE, CODE.subject, Reason.QR_SUPERSEDED),
        (CODE, "SUBJECT00CARD", None),
        # The phone's clock signs mode B, the issuer's mode A: neither orders the other.
        (CODE, DEVICE, None),
        (OF_DEVICE, CODE.subject, None),
        (OF_DEVICE, DEVICE, Reason.QR_SUPERSEDED),
        (OF_DEVICE, "ffffffffffffffff", None),
    ],
)
def test_a_newer_code_supersedes_those_of_its_own_signer_alone(
    code: PresentedCode, newer_signer: str, reason: Reason | None
) -> None:
    # Rule I-01 for a card, the issuer and two phones.
    assert reason_of(code=code, newest={newer_signer: NOW_SECOND + 1}) is reason


@pytest.mark.parametrize(
    ("code", "used", "reason"),
    [
        (CODE, (), None),
        (CODE, ((CODE.subject, CODE.code_id),), Reason.QR_ALREADY_USED),
        # Code ids are random; another person's may be equal.
        (CODE, (("SUBJECT000002", CODE.code_id), (CODE.subject, "ffffffffffffffff")), None),
        (OF_DEVICE, ((DEVICE, CODE.code_id),), Reason.QR_ALREADY_USED),
        (OF_DEVICE, ((CODE.subject, CODE.code_id), ("ffffffffffffffff", CODE.code_id)), None),
    ],
)
def test_a_code_is_used_once(
    code: PresentedCode, used: tuple[tuple[str, str], ...], reason: Reason | None
) -> None:
    # Rule I-02.
    assert reason_of(code=code, used=used) is reason


RESOLVED = CODE._replace(resolution_id="resolution")


@pytest.mark.parametrize(
    ("newest", "reason"),
    [
        (NOW - SECOND, None),
        # Of this second it is the code itself that was seen: another one would not have been
        # resolved, or not accepted.
        (NOW, None),
        (NOW + SECOND, Reason.QR_SUPERSEDED),
    ],
)
def test_what_a_token_stands_for_is_superseded_by_a_newer_code_alone(
    newest: dt.datetime, reason: Reason | None
) -> None:
    used = ((CODE.subject, CODE.code_id),)
    told = reason_of(code=RESOLVED, used=used, newest={CODE.subject: int(newest.timestamp())})
    assert told is reason


@pytest.mark.parametrize(("minutes", "supersedes"), [(25, True), (26, False)])
def test_what_a_token_stands_for_may_be_older_by_the_tokens_time(
    minutes: int, *, supersedes: bool
) -> None:
    newest = {CODE.subject: NOW_SECOND + minutes * 60}
    assert (reason_of(code=RESOLVED, newest=newest) is Reason.QR_SUPERSEDED) is supersedes


@pytest.mark.parametrize(
    ("credential", "reason"),
    [
        (None, Reason.NOT_CARDHOLDER),
        (CREDENTIAL._replace(person_id="another person"), Reason.NOT_CARDHOLDER),
        (CREDENTIAL._replace(state=CredentialState.SUSPENDED), Reason.ECERT_SUSPENDED),
        (CREDENTIAL._replace(codes_since_second=NOW_SECOND + 1), Reason.QR_WITHDRAWN),
        (CREDENTIAL._replace(codes_since_second=NOW_SECOND), None),
    ],
)
def test_what_a_token_stands_for_is_refused_as_the_code_would_be(
    credential: Credential | None, reason: Reason | None
) -> None:
    assert reason_of(code=RESOLVED, credential=credential) is reason


def test_what_a_token_of_a_revoked_phone_stands_for_is_refused() -> None:
    code = OF_DEVICE._replace(resolution_id="resolution")
    revoked = CREDENTIAL._replace(revoked_device_certificate_ids=(DEVICE,))
    assert reason_of(code=code, credential=revoked) is Reason.QR_REVOKED


@pytest.mark.parametrize("credential", [None, CREDENTIAL._replace(person_id="another person")])
def test_a_code_pays_for_its_holder_alone(credential: Credential | None) -> None:
    # Rule I-03; nobody's subject is known where the credential is not.
    assert reason_of(credential=credential) is Reason.NOT_CARDHOLDER


@pytest.mark.parametrize(
    ("code", "since_second", "reason"),
    [
        (CODE, None, None),
        (CODE, NOW_SECOND, None),
        (CODE, NOW_SECOND + 1, Reason.QR_WITHDRAWN),
        # A phone's clock is not the issuer's, and no relative shows what a phone signs.
        (OF_DEVICE, NOW_SECOND + 1, None),
    ],
)
def test_a_code_of_before_the_codes_count_is_refused(
    code: PresentedCode, since_second: int | None, reason: Reason | None
) -> None:
    # Rule I-03: a relative showed it who may not any more.
    credential = CREDENTIAL._replace(codes_since_second=since_second)
    assert reason_of(code=code, credential=credential) is reason


def test_of_several_faults_the_first_in_the_order_of_the_contract_is_told() -> None:
    used = ((CODE.subject, CODE.code_id),)
    newest = {CODE.subject: NOW_SECOND + 1}
    suspended = CREDENTIAL._replace(state=CredentialState.SUSPENDED)
    assert reason_of(credential=None, used=used, newest=newest) is Reason.NOT_CARDHOLDER
    assert reason_of(credential=suspended, used=used, newest=newest) is Reason.ECERT_SUSPENDED
    withdrawn = CREDENTIAL._replace(codes_since_second=NOW_SECOND + 1)
    assert reason_of(credential=withdrawn, used=used, newest=newest) is Reason.QR_WITHDRAWN
    assert reason_of(used=used, newest=newest) is Reason.QR_ALREADY_USED
    assert reason_of(newest=newest) is Reason.QR_SUPERSEDED


def test_the_newest_code_of_each_signer_is_remembered() -> None:
    later = CODE._replace(issue_time=NOW + SECOND)
    newest = newest_codes_with({DEVICE: NOW_SECOND}, later, now=NOW)
    assert newest == {DEVICE: NOW_SECOND, CODE.subject: NOW_SECOND + 1}
    # An older one of the same second or before leaves it.
    assert newest_codes_with(newest, CODE, now=NOW) == newest


@pytest.mark.parametrize(("age_seconds", "is_kept"), [(1499, True), (1500, True), (1501, False)])
def test_a_code_too_old_to_supersede_anything_is_forgotten(age_seconds: int, is_kept: bool) -> None:
    newest = newest_codes_with({DEVICE: NOW_SECOND - age_seconds}, CODE, now=NOW)
    assert (DEVICE in newest) is is_kept


def test_what_is_forgotten_could_not_have_been_accepted() -> None:
    # A scan as old as can be, of a code that its minute and every leeway just let pass.
    oldest = NOW - SCAN_AGE_MAX - dt.timedelta(seconds=60 + 60)
    newest = newest_codes_with({}, CODE._replace(issue_time=oldest + SECOND), now=NOW)
    kept = newest_codes_with(newest, OF_DEVICE, now=NOW)
    assert reason_of(code=CODE._replace(issue_time=oldest), newest=kept) is (Reason.QR_SUPERSEDED)


def test_what_is_forgotten_could_not_have_been_taken_by_a_token() -> None:
    # Resolved as late as can be, and its token used in its last moment.
    oldest = NOW - SCAN_AGE_MAX - RESOLVED_FOR_MAX - dt.timedelta(seconds=60 + 60)
    newest = newest_codes_with({}, CODE._replace(issue_time=oldest + SECOND), now=NOW)
    kept = newest_codes_with(newest, OF_DEVICE, now=NOW)
    assert reason_of(code=RESOLVED._replace(issue_time=oldest), newest=kept) is Reason.QR_SUPERSEDED
