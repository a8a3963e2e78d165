"""Who reads by an e-certificate sees its person, and nobody else."""

import datetime as dt

import pytest
from support.memory.settlement.reading import MemoryReads

from yibao_common.values.caller import Caller, parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.account_record import viewer_by_token
from yibao_settlement.application.credential import (
    KnownHolder,
    Viewer,
    may_see,
    viewer_of,
)
from yibao_settlement.rules.credential import Credential, CredentialKind, CredentialState
from yibao_settlement.rules.token import token_of

REGION = "999019"
NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
CERTIFICATE = new_id()
HOLDER, CHANNEL = parse_caller(f"holder/{CERTIFICATE}"), parse_caller("channel/app")
INSTITUTION = parse_caller("institution/H99901900001")
AGENCY = parse_caller(f"agency/{REGION}/wang")
USABLE = Credential(
    "S1", "P1", CredentialKind.ECERT, CredentialState.USABLE, certificate_id=CERTIFICATE
)
KNOWN = KnownHolder(USABLE, "P1", ("P0", "P1"))


def reads(known: KnownHolder | None = KNOWN) -> MemoryReads:
    return MemoryReads(holders={} if known is None else {CERTIFICATE: known})


def fresh(region: str) -> None:
    """News are as new as they have to be."""


def stale(region: str) -> None:
    raise RuleError(Reason.FEED_STALE, "news are old", region=region)


def refusal(caller: Caller, known: KnownHolder | None = KNOWN, **asked: str) -> RuleError:
    with pytest.raises(RuleError) as caught:
        viewer_of(reads(known), REGION, caller, check_feed=fresh, **asked)
    return caught.value


@pytest.mark.parametrize(
    ("caller", "asked"),
    [
        (HOLDER, {}),
        (HOLDER, {"certificate_id": CERTIFICATE}),
        (CHANNEL, {"certificate_id": CERTIFICATE}),
    ],
)
def test_the_person_of_the_certificate_is_seen_by_all_records(
    caller: Caller, asked: dict[str, str]
) -> None:
    viewer = viewer_of(reads(), REGION, caller, check_feed=fresh, **asked)
    assert viewer.may_see(institution_id="H1", person_id="P1")
    assert viewer.may_see(institution_id="H1", person_id="P0")
    for person_id in ("P2", None):
        assert not viewer.may_see(institution_id="H1", person_id=person_id)
    assert [viewer.own_person(each) for each in ("", "P1", "P0")] == ["P1", "P1", "P0"]
    with pytest.raises(RuleError) as caught:
        viewer.own_person("P2")
    assert caught.value.reason is Reason.OUT_OF_SCOPE
    assert caught.value.metadata == {"scope": "person/P2"}


@pytest.mark.parametrize("state", [each for each in CredentialState if each != 1])
def test_a_certificate_that_is_not_usable_reads_nothing(state: CredentialState) -> None:
    known = KNOWN._replace(credential=USABLE._replace(state=state))
    assert refusal(HOLDER, known).reason is Reason.OUT_OF_SCOPE


@pytest.mark.parametrize(
    "known",
    [
        None,
        KNOWN._replace(death_date=dt.date(2026, 1, 1)),
        KNOWN._replace(credential=USABLE._replace(kind=CredentialKind.CARD)),
        KNOWN._replace(credential=USABLE._replace(state=99)),
    ],
)
def test_why_nobody_reads_by_it_is_not_told(known: KnownHolder | None) -> None:
    for caller, asked in ((HOLDER, {}), (CHANNEL, {"certificate_id": CERTIFICATE})):
        told = refusal(caller, known, **asked)
        assert (told.reason, told.metadata) == (
            Reason.OUT_OF_SCOPE,
            {"scope": f"certificate/{CERTIFICATE}"},
        )
        assert told.message == f"the caller does not act for certificate {CERTIFICATE}"


def test_nobody_reads_by_an_e_certificate_of_which_news_are_too_old() -> None:
    for caller, asked in ((HOLDER, {}), (CHANNEL, {"certificate_id": CERTIFICATE})):
        for known in (KNOWN, None):
            with pytest.raises(RuleError) as caught:
                viewer_of(reads(known), REGION, caller, check_feed=stale, **asked)
            assert caught.value.reason is Reason.FEED_STALE
    assert viewer_of(reads(), REGION, INSTITUTION, check_feed=stale) == Viewer("H99901900001")
    assert viewer_of(reads(), REGION, AGENCY, check_feed=stale) == Viewer(None)


def test_nobody_reads_by_a_token_of_whose_holder_news_are_too_old() -> None:
    token = token_of(REGION, seed=bytes(16), contents=b"a request")
    for check, reason in ((stale, Reason.FEED_STALE), (fresh, Reason.TOKEN_NOT_FOUND)):
        with pytest.raises(RuleError) as caught:
            viewer_by_token(reads(), REGION, token, INSTITUTION, check_feed=check, now=NOW)
        assert caught.value.reason is reason


def test_a_holder_names_no_other_certificate_and_a_channel_names_one() -> None:
    assert refusal(HOLDER, certificate_id=new_id()).reason is Reason.OUT_OF_SCOPE
    assert refusal(CHANNEL).reason is Reason.FIELD_REQUIRED
    for caller in (INSTITUTION, AGENCY):
        told = refusal(caller, certificate_id=CERTIFICATE)
        assert told.reason is Reason.FIELD_OUT_OF_RANGE


def test_an_institution_sees_its_own_and_an_agency_all_of_its_region() -> None:
    own = viewer_of(reads(), REGION, INSTITUTION, check_feed=fresh)
    assert own == Viewer("H99901900001")
    assert not own.may_see(institution_id="H99901900002", person_id="P1")
    assert own.own_person("P9") == "P9"
    all_ = viewer_of(reads(), REGION, AGENCY, check_feed=fresh)
    assert all_.may_see(institution_id="H1", person_id=None)
    with pytest.raises(RuleError) as caught:
        viewer_of(reads(), "999029", AGENCY, check_feed=fresh)
    assert caught.value.reason is Reason.OUT_OF_SCOPE


def test_whoever_was_not_found_by_a_certificate_yet_sees_nothing() -> None:
    for caller in (HOLDER, CHANNEL):
        assert not may_see(caller, institution_id=None, person_id="P1")
    assert may_see(AGENCY, institution_id="H1", person_id="P1")
    assert not may_see(INSTITUTION, institution_id="H1", person_id="P1")
