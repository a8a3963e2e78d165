"""What application decides of attestations, without a database and without a key."""

import dataclasses
import datetime as dt
import itertools
from collections.abc import Iterator

import pytest
from support.memory.offsite.attestation import MemoryAttestations, PlainSigner
from support.memory.offsite.person import MemoryPersons
from support.memory.offsite.work import memory_work
from support.memory.registration import MemoryRegistrations
from support.memory.transactions import MemoryTransactions

from yibao_common.commands.request import Request
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.application.attestation import CANDIDATES, Attestations, Issued
from yibao_offsite.rules.attestation import LIST_REFRESH_AFTER
from yibao_offsite.rules.feed import RegisteredCare

REGION, URI = "330100", "mr:sl/330100/1"
NOW = dt.datetime(2026, 11, 2, 4, tzinfo=dt.UTC)
SECOND, DAY = dt.timedelta(seconds=1), dt.timedelta(days=1)
CARE = RegisteredCare(
    registration_id="0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c4f",
    person_id="0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c3e",
    category=4,
    treatment_region="500000",
    terms=3,
    benefits=(1, 2, 3),
    start_date=dt.date(2026, 11, 2),
    end_date=None,
    is_void=False,
    origin=1,
    version=1,
)


class Desk:
    """Attestations over rows in memory, with a clock to turn and numbers to draw."""

    def __init__(self, *, draws: Iterator[int] | None = None) -> None:
        self.now = NOW
        self.signer = PlainSigner()
        self.draws = itertools.count(1) if draws is None else draws
        work = memory_work(
            REGION,
            attestations=MemoryAttestations(),
            persons=MemoryPersons(),
            registrations=MemoryRegistrations(),
        )
        self.transactions = MemoryTransactions(work)
        self.attestations = Attestations(
            self.transactions,
            self.signer,
            life=30 * DAY,
            clock=lambda: self.now,
            random_bytes=lambda _size: b"".join(
                next(self.draws).to_bytes(4) for _ in range(CANDIDATES)
            ),
        )

    @property
    def rows(self) -> MemoryAttestations:
        rows = self.transactions.work.attestations
        assert isinstance(rows, MemoryAttestations)
        return rows

    def tell(self, **changes: object) -> RegisteredCare:
        care = dataclasses.replace(CARE, **changes)  # type: ignore[arg-type]
        self.rows.tell(care)
        return care

    def issue(self, caller: str = "channel/wallet") -> Issued:
        request = Request.trial(parse_caller(caller), method="GetAttestation", region=REGION)
        return self.attestations.issue(request, CARE.registration_id)

    def place(self) -> tuple[int, int]:
        statement = self.issue().statement
        return statement.list_number, statement.status_index

    def refusal(self, caller: str = "channel/wallet") -> RuleError:
        with pytest.raises(RuleError) as refused:
            self.issue(caller)
        return refused.value


def test_an_attestation_is_on_record_before_it_is_signed() -> None:
    desk = Desk()
    desk.tell()
    issued = desk.issue("agency/330100/wang")
    statement = issued.statement
    assert (statement.issue_time, statement.expire_time) == (NOW, NOW + 30 * DAY)
    (entry,) = desk.transactions.work.audit.entries
    assert (entry.caller, entry.method) == ("agency/330100/wang", "GetAttestation")
    assert entry.subject_ids == (CARE.person_id, CARE.registration_id)
    assert entry.detail == {"version": "1", "entry": "1/1"}
    assert desk.rows.taken[1, 1].last_expire_time == statement.expire_time


def test_one_entry_serves_what_states_the_same_but_for_the_last_day() -> None:
    desk = Desk()
    desk.tell()
    first = desk.place()
    desk.now += DAY
    desk.tell(version=2, end_date=dt.date(2027, 1, 1))
    assert desk.place() == first
    assert desk.rows.taken[first].withdraw_date == dt.date(2027, 1, 2)
    assert desk.rows.taken[first].last_expire_time == desk.now + 30 * DAY


def test_what_states_something_else_has_an_entry_of_its_own() -> None:
    desk = Desk()
    desk.tell()
    first = desk.place()
    desk.tell(version=2, terms=5)
    second = desk.place()
    assert first != second
    desk.tell(version=3)
    # What was taken back once never holds again.
    assert desk.place() not in (first, second)


def test_a_crowded_list_is_followed_by_the_next() -> None:
    desk = Desk(draws=itertools.cycle([5]))
    desk.tell()
    assert desk.place() == (1, 5)
    desk.tell(version=2, terms=5)
    assert desk.place() == (2, 5)


def test_nothing_is_attested_without_a_key_and_nothing_is_on_record_then() -> None:
    desk = Desk()
    desk.tell()
    desk.signer.key = None
    assert desk.refusal().reason is Reason.NO_ATTESTATION_KEY
    assert not desk.transactions.work.audit.entries
    with pytest.raises(RuleError) as refused:
        desk.attestations.status_list(URI)
    assert refused.value.reason is Reason.NO_ATTESTATION_KEY


def test_what_does_not_exist_is_not_told_to_be_asked_for_later() -> None:
    # A region that is misspelt has no key either, and never will.
    desk = Desk()
    desk.signer.key = None
    assert desk.refusal().reason is Reason.REGISTRATION_NOT_FOUND


@pytest.mark.parametrize(
    ("caller", "reason"),
    [
        ("channel/wallet", None),
        ("institution/H50011200001", None),
        ("terminal/H50011200001/T1", None),
        ("institution/H33010600001", Reason.REGISTRATION_NOT_FOUND),
    ],
)
def test_an_institution_of_the_city_of_treatment_is_answered(
    caller: str, reason: Reason | None
) -> None:
    desk = Desk()
    desk.tell()
    if reason is None:
        assert desk.issue(caller).text == f"{CARE.registration_id} v1"
    else:
        assert desk.refusal(caller).reason is reason


def test_what_nobody_knows_and_what_is_void_are_refused() -> None:
    desk = Desk()
    assert desk.refusal().reason is Reason.REGISTRATION_NOT_FOUND
    desk.tell(is_void=True)
    assert desk.refusal().reason is Reason.REGISTRATION_STATE


def test_a_bit_is_handed_out_a_second_after_it_was_set() -> None:
    desk = Desk()
    desk.tell()
    desk.place()
    assert desk.attestations.status_list(URI) == b""
    desk.tell(version=2, is_void=True)
    assert desk.attestations.status_list(URI) == b""
    desk.now += SECOND
    assert desk.attestations.status_list(URI) == b"1"
    assert len(desk.signer.signed_lists) == 2


def test_a_bit_of_what_ends_is_set_once_its_last_day_is_over_in_shanghai() -> None:
    desk = Desk()
    desk.tell(end_date=dt.date(2026, 11, 3))
    desk.place()
    # Midnight of the fourth in Shanghai.
    midnight = dt.datetime(2026, 11, 3, 16, tzinfo=dt.UTC)
    desk.now = midnight - SECOND
    assert desk.attestations.status_list(URI) == b""
    desk.now = midnight
    assert desk.attestations.status_list(URI) == b"1"


def test_an_entry_leaves_the_list_with_the_last_attestation_that_names_it() -> None:
    desk = Desk()
    desk.tell()
    desk.place()
    desk.tell(version=2, is_void=True)
    # A verifier takes what ended a minute ago, and its clock may be half a minute behind.
    desk.now += 30 * DAY + 89 * SECOND
    assert desk.attestations.status_list(URI) == b"1"
    desk.now += SECOND
    assert desk.attestations.status_list(URI) == b""


def test_a_list_is_signed_anew_by_time_by_content_and_by_key_alone() -> None:
    desk = Desk()
    half = LIST_REFRESH_AFTER / 2
    for wait, signed in ((0 * SECOND, 1), (half - SECOND, 1), (SECOND, 2)):
        desk.now += wait
        desk.attestations.status_list(URI)
        assert len(desk.signer.signed_lists) == signed
    desk.signer.key = b"another."
    desk.attestations.status_list(URI)
    assert len(desk.signer.signed_lists) == 3


@pytest.mark.parametrize("uri", ["mr:sl/330100/2", "mi:sl/330100/1", "mr:sl/330100/0", "x"])
def test_a_list_that_is_none_is_refused(uri: str) -> None:
    with pytest.raises(RuleError) as refused:
        Desk().attestations.status_list(uri)
    assert refused.value.reason is Reason.STATUS_LIST_NOT_FOUND
