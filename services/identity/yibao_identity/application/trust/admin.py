"""What operators change of trust: keys, denials, roots. Each change is published with it."""

import datetime as dt
import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from yibao_common.values.clock import Clock
from yibao_identity.application.trust.publish import PublishError, TrustPublisher
from yibao_identity.application.trust.rows import (
    Denial,
    InvalidRootError,
    RecordedKey,
    Root,
    RootReader,
    TrustChange,
    TrustTables,
)
from yibao_identity.application.trust.signers import PrivateKeys
from yibao_identity.rules.trust.keys import (
    KeyChangeError,
    Promotion,
    check_new,
    check_request_age,
    how_to_get,
    kill,
    next_key,
    promote,
)
from yibao_identity.rules.trust.published import HARD_AGE, MAX_DENIED, KeyState, KeyUse, ListedKey

# The longest life of a device certificate and the widest leeway: it is invalid after that.
DENIAL_LIFE = dt.timedelta(hours=72, seconds=90)


@dataclass(frozen=True, slots=True)
class RequestedKey:
    """A key of another service that is to be listed, once it proved that it holds it."""

    public_key: bytes
    issuers: frozenset[str]
    request_time: dt.datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a change did; `not_published` tells why it has to be published elsewhere."""

    made: ListedKey | None = None
    promotion: Promotion | None = None
    killed: ListedKey | None = None
    ready_time: dt.datetime | None = None
    version: int | None = None
    not_published: str = ""


class TrustAdmin:
    """Changes what is trusted, in one transaction each. Blocks.

    Every method raises KeyChangeError where the change may not be made; nothing has
    changed then.
    """

    def __init__(
        self,
        tables: TrustTables,
        private_keys: PrivateKeys,
        publisher: TrustPublisher,
        roots: RootReader,
        *,
        clock: Clock,
        by: str,
    ) -> None:
        """Takes the parts; `by` is who is written down."""
        self._tables = tables
        self._private_keys = private_keys
        self._publisher = publisher
        self._roots = roots
        self._clock = clock
        self._by = by

    def recorded_keys(self) -> tuple[RecordedKey, ...]:
        """Returns all keys that ever were."""
        with self._tables.view() as view:
            return view.recorded_keys()

    def denials(self) -> tuple[Denial, ...]:
        """Returns the denials that have not expired."""
        with self._tables.view() as view:
            return view.denials(self._clock())

    def newest_root(self) -> Root | None:
        """Returns the root in force, or None."""
        with self._tables.view() as view:
            return view.newest_root()

    def make_trust_key(self) -> bytes:
        """Makes a key to sign snapshots; it may once a root allows it."""
        return self._private_keys.make()

    def new(
        self,
        use: KeyUse,
        *,
        issuers: Collection[str],
        life: dt.timedelta,
        is_emergency: bool = False,
    ) -> Outcome:
        """Makes the next key of a use; it signs at once where none has signed so far."""
        with self._tables.change() as change:
            return self._finish(change, *self._new(change, use, issuers, life, is_emergency))

    def take(
        self,
        use: KeyUse,
        requested: RequestedKey,
        *,
        life: dt.timedelta,
        is_emergency: bool = False,
    ) -> Outcome:
        """Takes in the next key of a use that another service signs with.

        It signs at once where none has signed so far. `requested` was read from a request
        that the key itself signed.
        """
        assert not use.is_own
        check_request_age(requested.request_time, now=self._clock())
        with self._tables.change() as change:
            return self._finish(
                change,
                *self._add(
                    change, use, requested.issuers, life, is_emergency, lambda: requested.public_key
                ),
            )

    def rotate(self, use: KeyUse, *, life: dt.timedelta, is_emergency: bool = False) -> Outcome:
        """Puts the next key of a use to work, or makes one where none waits."""
        with self._tables.change() as change:
            keys = [each.key for each in change.recorded_keys()]
            if next_key(keys, use) is None:
                active = next(
                    (k for k in keys if k.use is use and k.state is KeyState.ACTIVE), None
                )
                if active is None or not use.is_own:
                    which = (
                        f"no {use.value} key yet" if active is None else f"no next {use.value} key"
                    )
                    raise KeyChangeError(f"there is {which}; {how_to_get(use)}")
                steps = self._new(change, use, active.issuers, life, is_emergency)
                return self._finish(change, *steps)
            return self._finish(change, None, self._promote(change, use, is_emergency), None)

    def kill(
        self, key_id: bytes, *, since: dt.datetime, is_replaced: bool, life: dt.timedelta
    ) -> Outcome:
        """Withdraws a key for good, and puts another to work where it signed."""
        now = self._clock()
        if since > now:
            raise KeyChangeError("a key cannot be killed since a time to come")
        with self._tables.change() as change:
            keys = [each.key for each in change.recorded_keys()]
            found = next((key for key in keys if _key_id(key) == key_id), None)
            if found is None:
                raise KeyChangeError(f"there is no key {key_id.hex()}; see `yibao keys list`")
            killed = kill(found, since=since)
            change.put_key(killed, now=now, by=self._by)
            made, promotion = None, None
            if found.state is KeyState.ACTIVE and is_replaced:
                waiting = next_key(keys, found.use)
                if waiting is None and found.use.is_own:
                    made, promotion, _ = self._new(change, found.use, found.issuers, life, True)
                elif waiting is not None and waiting.start_time <= now < waiting.expire_time:
                    promotion = self._promote(change, found.use, True)
                # One out of its time cannot sign, and must not keep this key from its end.
            return self._finish(change, made, promotion, killed)

    def deny(
        self, certificate_ids: Sequence[bytes], *, expire_time: dt.datetime, explanation: str
    ) -> Outcome:
        """Has device certificates refused everywhere as soon as verifiers refresh."""
        now = self._clock()
        if expire_time <= now:
            raise KeyChangeError("a denial that has ended denies nothing")
        with self._tables.change() as change:
            denied = {each.certificate_id for each in change.denials(now)} | set(certificate_ids)
            if len(denied) > MAX_DENIED:
                raise KeyChangeError(
                    f"{len(denied)} certificates would be denied, {MAX_DENIED} are the most: "
                    "revoke devices instead, or kill the key that signed the certificates"
                )
            for certificate_id in certificate_ids:
                change.deny(Denial(certificate_id, now, expire_time, self._by, explanation))
            return self._finish(change)

    def undeny(self, certificate_ids: Sequence[bytes]) -> Outcome:
        """Ends denials before their time."""
        with self._tables.change() as change:
            for certificate_id in certificate_ids:
                if not change.undeny(certificate_id):
                    raise KeyChangeError(f"{certificate_id.hex()} is not denied")
            return self._finish(change)

    def add_root(self, document: bytes) -> tuple[Root, Outcome]:
        """Brings in a root that its holders have signed; the same one again does nothing."""
        with self._tables.change() as change:
            newest = change.newest_root()
            if newest is not None and newest.document == document:
                return newest, self._finish(change)
            try:
                root = self._roots.read(document, previous=newest)
            except InvalidRootError as error:
                raise KeyChangeError(f"not taken: {error}") from None
            if root.expire_time <= self._clock():
                raise KeyChangeError(f"root {root.version} has expired")
            change.add_root(root, now=self._clock(), by=self._by)
            return root, self._finish(change)

    def _new(
        self,
        change: TrustChange,
        use: KeyUse,
        issuers: Collection[str],
        life: dt.timedelta,
        is_emergency: bool,
    ) -> tuple[ListedKey, Promotion | None, None]:
        return self._add(change, use, issuers, life, is_emergency, self._private_keys.make)

    def _add(
        self,
        change: TrustChange,
        use: KeyUse,
        issuers: Collection[str],
        life: dt.timedelta,
        is_emergency: bool,
        make: Callable[[], bytes],
    ) -> tuple[ListedKey, Promotion | None, None]:
        now = self._clock().replace(microsecond=0)
        keys = [each.key for each in change.recorded_keys()]
        # What may not be added is refused before a private key comes up.
        trial = ListedKey(bytes(32), frozenset(issuers), now, now + life, KeyState.NEXT, use=use)
        check_new(keys, trial)
        public_key = make()
        if any(key.public_key == public_key for key in keys):
            raise KeyChangeError("this key is listed already; each key has one use")
        made = ListedKey(public_key, trial.issuers, now, now + life, KeyState.NEXT, use=use)
        change.put_key(made, now=self._clock(), by=self._by)
        # Before the first key of a use nothing relies on any, so none has to wait.
        is_first = not any(key.use is use for key in keys)
        if is_first or is_emergency:
            return made, self._promote(change, use, True), None
        return made, None, None

    def _promote(self, change: TrustChange, use: KeyUse, is_emergency: bool) -> Promotion:
        keys = [each.key for each in change.recorded_keys()]
        new = next_key(keys, use)
        promotion = promote(
            keys,
            use,
            now=self._clock(),
            is_known=new is not None and self._is_known(change, new),
            is_emergency=is_emergency,
        )
        # The former first: no two keys of a use are active, whoever reads in between.
        for key in (promotion.retired, promotion.promoted):
            if key is not None:
                change.put_key(key, now=self._clock(), by=self._by)
        return promotion

    def _is_known(self, change: TrustChange, key: ListedKey) -> bool:
        """Tells whether every snapshot that a verifier may still use lists a key.

        Keys are not taken from the list before they were used, so the oldest tells.
        """
        oldest = change.oldest_snapshot(self._clock() - HARD_AGE)
        return oldest is None or _key_id(key) in oldest.key_ids

    def _finish(
        self,
        change: TrustChange,
        made: ListedKey | None = None,
        promotion: Promotion | None = None,
        killed: ListedKey | None = None,
    ) -> Outcome:
        version, not_published = None, ""
        try:
            version = self._publisher.publish_in(change).version
        except PublishError as error:
            not_published = str(error)
        ready = None if made is None or promotion is not None else self._clock() + HARD_AGE
        return Outcome(made, promotion, killed, ready, version, not_published)


def _key_id(key: ListedKey) -> bytes:
    return hashlib.sha256(key.public_key).digest()[:8]


def key_id_finder(keys: Collection[RecordedKey]) -> Callable[[str], bytes]:
    """Returns what finds a key id by its beginning, so that nobody types all 16 digits.

    It raises KeyChangeError where none or several begin so.
    """

    def find(beginning: str) -> bytes:
        if not beginning:
            raise KeyChangeError("give the key's id, or how it begins; see `yibao keys list`")
        found = [_key_id(each.key) for each in keys]
        matching = [key_id for key_id in found if key_id.hex().startswith(beginning.lower())]
        if len(matching) != 1:
            number = f"{len(matching)} keys begin" if matching else "no key begins"
            raise KeyChangeError(f"{number} with {beginning}; see `yibao keys list`")
        return matching[0]

    return find
