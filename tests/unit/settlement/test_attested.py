"""What settlement makes of an attestation, and whose word counts beside the feed's."""

import dataclasses
import datetime as dt
import json
from pathlib import Path

import pytest
from support.attestation_minting import (
    ATTEST_KEYS,
    REGISTRATION,
    attested,
    hold,
    signed,
    signed_hold,
)
from support.roots import make_root
from support.serving import open_test_log
from support.token_minting import HOUR, NOW, NOW_SECOND, REGION, public_key, snapshot

from yibao.trust_store import TrustStore
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.elsewhere.attested import standing_care
from yibao_settlement.rules.elsewhere.registered import AuditHold, Benefit
from yibao_settlement.servicer.trust.ahead import SignerAhead
from yibao_settlement.servicer.trust.attested import registered_care, states
from yibao_settlement.servicer.trust.holder import TrustHolder

SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def holder(tmp_path: Path) -> TrustHolder:
    root = make_root([public_key("trust")], issue_second=NOW_SECOND - HOUR)
    store = TrustStore(first_root=root)
    store.take_snapshot(snapshot(ATTEST_KEYS), now=NOW)
    return TrustHolder(store, check_feed=lambda _region, _now: None)


def refusal(call: object, *arguments: object, **named: object) -> RuleError:
    assert callable(call)
    with pytest.raises(RuleError) as refused:
        call(*arguments, **named)
    return refused.value


def test_an_attestation_is_what_the_feed_would_have_told(holder: TrustHolder) -> None:
    found = holder.verify_attestation(signed(), at=NOW)
    care = registered_care(found)
    assert (care.registration_id, care.terms, care.version) == (REGISTRATION, "referral", 3)
    assert care.benefits == (Benefit.INPATIENT, Benefit.OUTPATIENT, Benefit.CHRONIC)
    assert (care.start_date, care.end_date, care.is_void) == (
        found.first_day,
        found.last_day,
        False,
    )


@pytest.mark.parametrize(
    ("text", "at", "reason"),
    [
        ("MI1-", NOW, Reason.ATTESTATION_MALFORMED),
        (signed(key="unlisted"), NOW, Reason.ATTESTATION_UNKNOWN_KEY),
        (signed()[:-3] + "000", NOW, Reason.ATTESTATION_BAD_SIGNATURE),
        (signed(), NOW - 6 * SECOND, Reason.ATTESTATION_NOT_YET_VALID),
        (signed(), NOW - 61 * SECOND, Reason.CLOCK_SUSPECT),
        (
            signed(attested(expire_second=NOW_SECOND + 1)),
            NOW + 6 * SECOND,
            Reason.ATTESTATION_EXPIRED,
        ),
        (signed(), NOW + dt.timedelta(days=7), Reason.ATTESTATION_STALE_TRUST),
        (signed(attested(terms=6)), NOW, Reason.ATTESTATION_MALFORMED),
        (signed(attested(terms=7)), NOW, Reason.ATTESTATION_MALFORMED),
    ],
)
def test_each_error_has_its_reason(
    holder: TrustHolder, text: str, at: dt.datetime, reason: Reason
) -> None:
    assert refusal(holder.verify_attestation, text, at=at).reason is reason


def test_what_the_operator_needs_is_told(holder: TrustHolder) -> None:
    unknown = refusal(holder.verify_attestation, signed(key="unlisted"), at=NOW)
    assert unknown.metadata == {"trust_version": "7"}
    early = refusal(holder.verify_attestation, signed(), at=NOW - 6 * SECOND)
    assert early.metadata == {"offset_seconds": "-6"}


def test_without_trust_nothing_is_verified() -> None:
    store = TrustStore(first_root=make_root([public_key("trust")], issue_second=NOW_SECOND - HOUR))
    empty = TrustHolder(store, check_feed=lambda _region, _now: None)
    for refused in (
        refusal(empty.verify_attestation, signed(), at=NOW),
        refusal(empty.verify_hold, signed_hold(), at=NOW),
    ):
        assert refused.reason is Reason.ATTESTATION_STALE_TRUST


def test_a_benefit_of_a_later_version_opens_nothing() -> None:
    assert registered_care(attested(benefits=(2, 99))).benefits == (Benefit.OUTPATIENT,)


def test_an_attested_hold_is_that_of_the_feed_or_another(holder: TrustHolder) -> None:
    found = holder.verify_hold(signed_hold(), at=NOW)
    of = hold()
    told = AuditHold(of.hold_id, of.person_id, of.visit_id, of.task_id, is_lifted=False, version=1)
    assert states(found, told, region=REGION)
    for other in (
        dataclasses.replace(found, is_lifted=True),
        dataclasses.replace(found, version=2),
        dataclasses.replace(found, visit_id=of.task_id),
        dataclasses.replace(found, task_id=of.visit_id),
        dataclasses.replace(found, person_id=of.visit_id),
        dataclasses.replace(found, hold_id=of.visit_id),
    ):
        assert not states(other, told, region=REGION)
    assert not states(found, told, region="500100")
    refused = refusal(holder.verify_hold, signed_hold(key="unlisted"), at=NOW)
    assert refused.reason is Reason.ATTESTATION_UNKNOWN_KEY


def test_a_hold_of_the_feed_is_taken_with_the_attestation_of_it_alone(holder: TrustHolder) -> None:
    of = hold()
    told = AuditHold(of.hold_id, of.person_id, of.visit_id, of.task_id, is_lifted=False, version=1)
    lifted = told._replace(is_lifted=True, version=2)

    def nobody_is_ahead(region: str, seconds: int) -> None:
        raise AssertionError(f"the clock of {region} is {seconds} s ahead")

    def is_taken(region: str, each: AuditHold, data: bytes) -> bool:
        return not holder.problem_of_hold(region, each, data, at=NOW, tell_ahead=nobody_is_ahead)

    assert is_taken(REGION, told, signed_hold())
    assert is_taken(REGION, lifted, signed_hold(hold(is_lifted=True, version=2)))
    assert not is_taken(REGION, lifted, signed_hold())
    assert not is_taken(REGION, told, signed_hold(key="attest killed"))
    assert not is_taken(REGION, told, b"")
    assert is_taken(REGION, told, signed_hold(hold(issue_second=NOW_SECOND + 60)))
    # Of a region for which no key may sign, nothing is signed.
    assert is_taken("440100", told, b"")
    late = NOW + dt.timedelta(days=7)
    assert holder.problem_of_hold("440100", told, b"", at=late, tell_ahead=nobody_is_ahead)


def test_a_hold_does_not_wait_for_the_clock_of_who_lays_it(holder: TrustHolder) -> None:
    of = hold(issue_second=NOW_SECOND + 3 * 3_600)
    told = AuditHold(of.hold_id, of.person_id, of.visit_id, of.task_id, is_lifted=False, version=1)
    lines, output = open_test_log()
    tell_ahead = SignerAhead(clock=lambda: NOW, log=lines)
    for data in (signed_hold(of), signed_hold(of)):
        assert not holder.problem_of_hold(REGION, told, data, at=NOW, tell_ahead=tell_ahead)
    (line,) = [json.loads(each) for each in output.getvalue().splitlines()]
    assert (line["event"], line["region"], line["seconds"]) == (
        *("the clock of offsite is ahead", REGION),
        3 * 3_600,
    )
    # From a file, or a phone, it is as suspect as ever.
    assert refusal(holder.verify_hold, signed_hold(of), at=NOW).reason is Reason.CLOCK_SUSPECT


def test_the_newer_of_attestation_and_feed_counts() -> None:
    care = registered_care(attested(version=3))
    ended = care._replace(version=4, end_date=care.start_date)
    older = care._replace(version=2, end_date=care.start_date)
    same = care._replace(end_date=care.start_date)
    assert standing_care(care, None) == care
    assert standing_care(care, older) == care
    assert standing_care(care, same) == same
    assert standing_care(care, ended) == ended


def test_what_the_feed_knows_as_void_is_refused_whatever_the_version() -> None:
    care = registered_care(attested(version=3))
    for version in (2, 3, 4):
        void = care._replace(version=version, is_void=True)
        refused = refusal(standing_care, care, void)
        assert refused.reason is Reason.ATTESTATION_REVOKED
        assert refused.metadata == {"registration_id": REGISTRATION}
