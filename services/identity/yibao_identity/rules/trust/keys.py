r"""The life of the keys that sign: next, active, retiring, killed.

next -> active -> retiring -> no longer listed
  \________\_________\____-> killed (listed as such until its last signature expired)
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from yibao_identity.rules.trust.published import HARD_AGE, KeyState, KeyUse, ListedKey

# What a key signed in its last second is valid for so long.
_LIFE_OF_SIGNED = {
    KeyUse.TOKEN: dt.timedelta(seconds=60),
    KeyUse.CREDENTIAL: dt.timedelta(hours=72),
    KeyUse.STATUS: HARD_AGE,
    KeyUse.ATTESTATION: dt.timedelta(days=31),
}
# The widest leeway of verifiers, and half a minute between their clocks and ours.
_LEEWAY = dt.timedelta(seconds=90)
# How long a retired key may still sign: processes read the keys anew once a minute. A code
# of a batch is signed up to an hour before its own minute.
_HANDOVER = {
    KeyUse.TOKEN: dt.timedelta(minutes=65),
    KeyUse.CREDENTIAL: dt.timedelta(minutes=5),
    KeyUse.STATUS: dt.timedelta(minutes=5),
    # The offsite service reads the snapshot once a minute, and not while identity is away.
    KeyUse.ATTESTATION: dt.timedelta(minutes=65),
}


# A request is carried from one machine to the other, by hand where need be.
_LIFE_OF_REQUEST = dt.timedelta(days=7)
_CLOCK_DIFFERENCE = dt.timedelta(minutes=5)


class KeyChangeError(Exception):
    """A key may not be changed so; the text tells the operator why and what to do."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """The key that signs from now on, and the one that did until now."""

    promoted: ListedKey
    retired: ListedKey | None


def listed_until(key: ListedKey) -> dt.datetime:
    """Returns from when on a key need not be listed: nothing it signed is valid then.

    A killed key's thief may sign until the end that verifiers know, so it is listed as
    killed until what he signs last has expired.
    """
    return key.expire_time + _LIFE_OF_SIGNED[key.use] + _LEEWAY


def signing_key(keys: Iterable[ListedKey], use: KeyUse, *, now: dt.datetime) -> ListedKey | None:
    """Returns the key that signs at `now`, or None."""
    found = [key for key in keys if key.use is use and key.state is KeyState.ACTIVE]
    assert len(found) <= 1, "promote retires the former"
    return found[0] if found and found[0].start_time <= now < found[0].expire_time else None


def ended_key(keys: Iterable[ListedKey], use: KeyUse, *, now: dt.datetime) -> ListedKey | None:
    """Returns the active key that signed until its end, which has come by `now`, or None."""
    found = _active(keys, use)
    return found if found is not None and found.expire_time <= now else None


def next_key(keys: Iterable[ListedKey], use: KeyUse) -> ListedKey | None:
    """Returns the key that is to sign after the present one, or None."""
    found = [key for key in keys if key.use is use and key.state is KeyState.NEXT]
    assert len(found) <= 1, "check_new refuses a second"
    return found[0] if found else None


def check_new(keys: Sequence[ListedKey], new: ListedKey) -> None:
    """Checks that a key may be published as the next of its use.

    Raises:
        KeyChangeError: one waits already, it is listed for another end, or it signs for
            fewer regions than the present one.
    """
    assert new.state is KeyState.NEXT
    if any(key.public_key == new.public_key for key in keys):
        raise KeyChangeError("this key is listed already; each key has one use")
    if next_key(keys, new.use) is not None:
        raise KeyChangeError(
            f"a next {new.use.value} key waits already; "
            f"put it to use with `yibao keys rotate --use {new.use.value}`, or kill it"
        )
    active = _active(keys, new.use)
    if active is not None and not active.issuers <= new.issuers:
        missing = ", ".join(sorted(active.issuers - new.issuers))
        raise KeyChangeError(f"the present key signs for {missing} too; name these regions")


def check_request_age(request_time: dt.datetime, *, now: dt.datetime) -> None:
    """Checks that a request of a key is of this week, so that no former one is brought up.

    Raises:
        KeyChangeError: it is older, or of a time to come.
    """
    if not now - _LIFE_OF_REQUEST <= request_time <= now + _CLOCK_DIFFERENCE:
        raise KeyChangeError(
            f"the request is of {request_time:%Y-%m-%d %H:%M} UTC: it holds for "
            f"{_LIFE_OF_REQUEST.days} days; make another with `yibao keys request`"
        )


def how_to_get(use: KeyUse) -> str:
    """Returns what an operator does for a key of a use."""
    if use.is_own:
        return f"make one with `yibao keys new --use {use.value}`"
    return "take one from the offsite service with `yibao keys request` and `yibao keys take`"


def promote(
    keys: Sequence[ListedKey],
    use: KeyUse,
    *,
    now: dt.datetime,
    is_known: bool,
    is_emergency: bool = False,
) -> Promotion:
    """Returns what changes where the next key of `use` is put to use.

    Args:
        keys: All keys.
        use: Whose next key.
        now: From when on it signs.
        is_known: Whether every snapshot that a verifier may still use lists it.
        is_emergency: Whether it is put to use though some verifiers will refuse it until
            they have fetched a new snapshot.

    Raises:
        KeyChangeError: there is none, it is out of its time, or not known everywhere.
    """
    new = next_key(keys, use)
    if new is None:
        raise KeyChangeError(f"there is no next {use.value} key; {how_to_get(use)}")
    if not is_known and not is_emergency:
        raise KeyChangeError(
            f"the next {use.value} key is not published for {HARD_AGE.days} days yet: verifiers "
            "that are offline would refuse what it signs; wait, or use --emergency"
        )
    if not new.start_time <= now < new.expire_time:
        raise KeyChangeError(
            f"the next {use.value} key holds from {new.start_time:%Y-%m-%d %H:%M} to "
            f"{new.expire_time:%Y-%m-%d %H:%M} UTC"
        )
    old = _active(keys, use)
    return Promotion(
        replace(new, state=KeyState.ACTIVE), None if old is None else _retire(old, now=now)
    )


def kill(key: ListedKey, *, since: dt.datetime) -> ListedKey:
    """Returns the key as withdrawn for good.

    Verifiers refuse whatever it signed, also before `since`: its thief writes the time.

    Raises:
        KeyChangeError: it was killed before.
    """
    if key.state is KeyState.KILLED:
        raise KeyChangeError("this key was killed before, and stays so")
    return replace(key, state=KeyState.KILLED, killed_time=since)


def _active(keys: Iterable[ListedKey], use: KeyUse) -> ListedKey | None:
    return next((k for k in keys if k.use is use and k.state is KeyState.ACTIVE), None)


def _retire(key: ListedKey, *, now: dt.datetime) -> ListedKey:
    """Returns the key as one that signs nothing new once all processes know its successor."""
    end = min(key.expire_time, now + _HANDOVER[key.use])
    # One that expired, or would start after its end, keeps its times.
    return replace(key, state=KeyState.RETIRING, expire_time=max(end, key.start_time + _LEEWAY))
