"""Keys that another service signs with: taken in by a request, and never made here."""

import datetime as dt

import pytest
from support.memory.trust import CountedKeys, MemoryTrustTables, NumberedRoots, PlainSigners

from yibao_identity.application.trust.admin import Outcome, RequestedKey, TrustAdmin
from yibao_identity.application.trust.publish import TrustPublisher
from yibao_identity.rules.trust.keys import (
    KeyChangeError,
    check_request_age,
    listed_until,
    promote,
)
from yibao_identity.rules.trust.published import (
    HARD_AGE,
    OWN_USES,
    KeyState,
    KeyUse,
    ListedKey,
)

NOW = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)
SECOND, MINUTE, DAY = (dt.timedelta(seconds=n) for n in (1, 60, 86_400))
YEAR = 365 * DAY
REGIONS = frozenset({"330100", "500100"})
FIRST, SECOND_KEY, THIRD = (name.encode().ljust(32) for name in ("first", "second", "third"))


class Office:
    """Whoever takes keys in, with a root and a clock to turn."""

    def __init__(self) -> None:
        self.now = NOW
        self.tables, self.private = MemoryTrustTables(), CountedKeys()
        self.admin = TrustAdmin(
            self.tables,
            self.private,
            TrustPublisher(self.tables, PlainSigners(), clock=lambda: self.now),
            NumberedRoots(NOW, trust_key=b"t" * 32),
            clock=lambda: self.now,
            by="wang",
        )
        self.admin.add_root(b"root 1")

    def take(self, public_key: bytes, *, is_emergency: bool = False) -> Outcome:
        requested = RequestedKey(public_key, REGIONS, self.now)
        return self.admin.take(KeyUse.ATTESTATION, requested, life=YEAR, is_emergency=is_emergency)

    def states(self) -> list[tuple[bytes, KeyState]]:
        keys = (each.key for each in self.admin.recorded_keys())
        return [(key.public_key, key.state) for key in keys]


def test_the_first_signs_at_once_and_the_next_has_to_be_known() -> None:
    office = Office()
    assert office.take(FIRST).promotion is not None
    waiting = office.take(SECOND_KEY)
    assert (waiting.promotion, waiting.ready_time) == (None, NOW + HARD_AGE)
    with pytest.raises(KeyChangeError, match="waits already"):
        office.take(THIRD)
    with pytest.raises(KeyChangeError, match="not published for 7 days"):
        office.admin.rotate(KeyUse.ATTESTATION, life=YEAR)
    office.now += HARD_AGE + SECOND
    office.admin.rotate(KeyUse.ATTESTATION, life=YEAR)
    assert office.states() == [(FIRST, KeyState.RETIRING), (SECOND_KEY, KeyState.ACTIVE)]
    assert office.private.made == 0


def test_no_key_of_the_use_is_made_here() -> None:
    office = Office()
    with pytest.raises(KeyChangeError, match=r"no attest key yet; take one .* `yibao keys take`"):
        office.admin.rotate(KeyUse.ATTESTATION, life=YEAR)
    office.take(FIRST)
    with pytest.raises(KeyChangeError, match="no next attest key; take one"):
        office.admin.rotate(KeyUse.ATTESTATION, life=YEAR)
    (key_id,) = office.tables.rows.snapshots[-1].key_ids
    killed = office.admin.kill(key_id, since=NOW, is_replaced=True, life=YEAR)
    assert (killed.made, killed.promotion) == (None, None)
    assert office.states() == [(FIRST, KeyState.KILLED)]
    assert (office.private.made, set(OWN_USES)) == (0, set(KeyUse) - {KeyUse.ATTESTATION})


def test_a_waiting_key_takes_the_place_of_a_killed_one() -> None:
    office = Office()
    office.take(FIRST)
    (key_id,) = office.tables.rows.snapshots[-1].key_ids
    office.take(SECOND_KEY)
    office.admin.kill(key_id, since=NOW, is_replaced=True, life=YEAR)
    assert office.states() == [(FIRST, KeyState.KILLED), (SECOND_KEY, KeyState.ACTIVE)]


def test_a_key_is_taken_once_whatever_became_of_it() -> None:
    office = Office()
    office.take(FIRST)
    (key_id,) = office.tables.rows.snapshots[-1].key_ids
    office.admin.kill(key_id, since=NOW, is_replaced=False, life=YEAR)
    with pytest.raises(KeyChangeError, match="listed already"):
        office.take(FIRST, is_emergency=True)
    assert office.states() == [(FIRST, KeyState.KILLED)]


@pytest.mark.parametrize(
    ("age", "is_taken"),
    [
        (7 * DAY, True),
        (7 * DAY + SECOND, False),
        (-5 * MINUTE, True),
        (-5 * MINUTE - SECOND, False),
    ],
)
def test_a_request_holds_for_a_week(age: dt.timedelta, is_taken: bool) -> None:
    if is_taken:
        check_request_age(NOW - age, now=NOW)
        return
    with pytest.raises(KeyChangeError, match="it holds for 7 days"):
        check_request_age(NOW - age, now=NOW)


def test_a_key_is_listed_until_the_last_attestation_has_ended() -> None:
    use, end = KeyUse.ATTESTATION, NOW + YEAR
    old = ListedKey(FIRST, REGIONS, NOW - DAY, end, KeyState.ACTIVE, use=use)
    assert listed_until(old) == end + 31 * DAY + dt.timedelta(seconds=90)
    new = ListedKey(SECOND_KEY, REGIONS, NOW - DAY, end, KeyState.NEXT, use=use)
    retired = promote([old, new], use, now=NOW, is_known=True).retired
    assert retired is not None
    assert retired.expire_time == NOW + 65 * MINUTE
