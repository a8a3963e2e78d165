"""The life of signing keys: next, active, retiring, killed."""

import datetime as dt
from dataclasses import replace

import pytest

from yibao_identity.rules.trust.keys import (
    KeyChangeError,
    check_new,
    kill,
    listed_until,
    next_key,
    promote,
    signing_key,
)
from yibao_identity.rules.trust.published import KeyState, KeyUse, ListedKey

NOW = dt.datetime(2026, 11, 2, 8, tzinfo=dt.UTC)
SECOND, MINUTE, HOUR, DAY = (dt.timedelta(seconds=n) for n in (1, 60, 3_600, 86_400))
MOMENT = dt.timedelta(microseconds=1)
REGIONS = frozenset({"500100", "330100"})


def key(
    name: str, state: KeyState, use: KeyUse = KeyUse.TOKEN, issuers: frozenset[str] = REGIONS
) -> ListedKey:
    killed = NOW - HOUR if state is KeyState.KILLED else None
    public = name.encode().ljust(32)
    return ListedKey(public, issuers, NOW - DAY, NOW + 300 * DAY, state, killed, use)


OLD, NEW = key("old", KeyState.ACTIVE), key("new", KeyState.NEXT)
OTHERS = tuple(key(f"other {use.value}", KeyState.ACTIVE, use) for use in list(KeyUse)[1:])
KEYS = (OLD, NEW, *OTHERS)


def test_each_use_has_its_own_signing_and_next_key() -> None:
    assert signing_key(KEYS, KeyUse.TOKEN, now=NOW) == OLD
    assert signing_key(KEYS, KeyUse.STATUS, now=NOW) == OTHERS[1]
    assert next_key(KEYS, KeyUse.TOKEN) == NEW
    assert next_key(KEYS, KeyUse.CREDENTIAL) is None


@pytest.mark.parametrize(
    ("now", "signs"),
    [
        (OLD.start_time - MOMENT, False),
        (OLD.start_time, True),
        (OLD.expire_time - MOMENT, True),
        (OLD.expire_time, False),
    ],
)
def test_a_key_signs_in_its_time(now: dt.datetime, signs: bool) -> None:
    assert (signing_key(KEYS, KeyUse.TOKEN, now=now) is not None) is signs


@pytest.mark.parametrize("state", [KeyState.NEXT, KeyState.RETIRING, KeyState.KILLED])
def test_no_key_but_the_active_one_signs(state: KeyState) -> None:
    assert signing_key([key("a", state)], KeyUse.TOKEN, now=NOW) is None


@pytest.mark.parametrize(
    ("is_known", "is_emergency", "is_taken"),
    [(False, False, False), (True, False, True), (False, True, True), (True, True, True)],
)
def test_a_next_key_is_used_when_known_everywhere_or_in_an_emergency(
    is_known: bool, is_emergency: bool, is_taken: bool
) -> None:
    def change() -> None:
        promotion = promote(
            KEYS, KeyUse.TOKEN, now=NOW, is_known=is_known, is_emergency=is_emergency
        )
        assert promotion.promoted == replace(NEW, state=KeyState.ACTIVE)
        assert promotion.retired is not None
        assert promotion.retired.public_key == OLD.public_key
        assert promotion.retired.state is KeyState.RETIRING

    if is_taken:
        change()
    else:
        with pytest.raises(KeyChangeError, match="7 days"):
            change()


@pytest.mark.parametrize(
    ("use", "handover"),
    [
        (KeyUse.TOKEN, 65 * MINUTE),
        (KeyUse.CREDENTIAL, 5 * MINUTE),
        (KeyUse.STATUS, 5 * MINUTE),
    ],
)
def test_a_retired_key_signs_on_for_a_short_while(use: KeyUse, handover: dt.timedelta) -> None:
    old, new = key("old", KeyState.ACTIVE, use), key("new", KeyState.NEXT, use)
    retired = promote([old, new], use, now=NOW, is_known=True).retired
    assert retired is not None
    assert retired.expire_time == NOW + handover
    # One that ends sooner by itself is not prolonged.
    short = replace(old, expire_time=NOW + SECOND)
    retired = promote([short, new], use, now=NOW, is_known=True).retired
    assert retired is not None
    assert retired.expire_time == NOW + SECOND


def test_a_key_that_was_just_made_can_retire() -> None:
    old = replace(OLD, start_time=NOW, expire_time=NOW + SECOND)
    retired = promote([old, NEW], KeyUse.TOKEN, now=NOW + DAY, is_known=True).retired
    assert retired is not None
    assert retired.expire_time > retired.start_time


@pytest.mark.parametrize(
    ("now", "is_taken"),
    [
        (NEW.start_time - MOMENT, False),
        (NEW.start_time, True),
        (NEW.expire_time - MOMENT, True),
        (NEW.expire_time, False),
    ],
)
def test_a_next_key_is_not_used_out_of_its_time(now: dt.datetime, is_taken: bool) -> None:
    if is_taken:
        promote(KEYS, KeyUse.TOKEN, now=now, is_known=True)
        return
    with pytest.raises(KeyChangeError, match="holds from"):
        promote(KEYS, KeyUse.TOKEN, now=now, is_known=True)


def test_without_a_next_key_nothing_is_put_to_use() -> None:
    with pytest.raises(KeyChangeError, match="yibao keys new --use cred"):
        promote(KEYS, KeyUse.CREDENTIAL, now=NOW, is_known=True)


def test_the_first_key_of_a_use_retires_nothing() -> None:
    assert promote([NEW], KeyUse.TOKEN, now=NOW, is_known=True).retired is None


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (key("newer", KeyState.NEXT), "waits already"),
        (key("new", KeyState.NEXT, KeyUse.STATUS), "listed already"),
        (key("old", KeyState.NEXT, KeyUse.STATUS), "listed already"),
        (key("x", KeyState.NEXT, KeyUse.STATUS, frozenset({"500100"})), "signs for 330100 too"),
        (key("x", KeyState.NEXT, KeyUse.STATUS, REGIONS | {"110000"}), None),
        (key("x", KeyState.NEXT, KeyUse.STATUS), None),
    ],
)
def test_a_new_key_is_one_of_its_own_for_no_fewer_regions(
    new: ListedKey, message: str | None
) -> None:
    if message is None:
        check_new(KEYS, new)
        return
    with pytest.raises(KeyChangeError, match=message):
        check_new(KEYS, new)


@pytest.mark.parametrize("state", [KeyState.NEXT, KeyState.ACTIVE, KeyState.RETIRING])
def test_a_key_is_killed_from_every_state_but_once(state: KeyState) -> None:
    killed = kill(key("a", state), since=NOW)
    assert (killed.state, killed.killed_time) == (KeyState.KILLED, NOW)
    with pytest.raises(KeyChangeError, match="killed before"):
        kill(killed, since=NOW)


@pytest.mark.parametrize(
    ("use", "life"),
    [(KeyUse.TOKEN, MINUTE), (KeyUse.CREDENTIAL, 72 * HOUR), (KeyUse.STATUS, 7 * DAY)],
)
def test_a_key_is_listed_until_what_it_signed_last_has_expired(
    use: KeyUse, life: dt.timedelta
) -> None:
    each = key("a", KeyState.KILLED, use)
    assert listed_until(each) == each.expire_time + life + 90 * SECOND
