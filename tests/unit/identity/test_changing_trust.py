"""In which order changes of trust are checked, and that each is published with it or not."""

import datetime as dt

import pytest
from support.memory.trust import CountedKeys, MemoryTrustTables, NumberedRoots, PlainSigners

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.trust.admin import Outcome, TrustAdmin
from yibao_identity.application.trust.publish import TrustPublisher
from yibao_identity.application.trust.reading import TrustReader
from yibao_identity.rules.trust.keys import KeyChangeError
from yibao_identity.rules.trust.published import HARD_AGE, MAX_DENIED, KeyState, KeyUse

NOW = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)
SECOND, DAY = dt.timedelta(seconds=1), dt.timedelta(days=1)
YEAR = 365 * DAY
REGION, TRUST_KEY = "500100", b"t" * 32
CERTIFICATE = b"8 bytes."


class Office:
    """Whoever changes trust, with a root and a clock to turn."""

    def __init__(self, *, with_root: bool = True) -> None:
        self.now = NOW
        self.tables, self.private = MemoryTrustTables(), CountedKeys()
        self.signers = PlainSigners()
        self.admin = TrustAdmin(
            self.tables,
            self.private,
            TrustPublisher(self.tables, self.signers, clock=self.clock),
            NumberedRoots(NOW, trust_key=TRUST_KEY),
            clock=self.clock,
            by="wang",
        )
        if with_root:
            self.admin.add_root(b"root 1")

    def clock(self) -> dt.datetime:
        return self.now

    def new(self, use: KeyUse = KeyUse.TOKEN, *, is_emergency: bool = False) -> Outcome:
        return self.admin.new(use, issuers={REGION}, life=YEAR, is_emergency=is_emergency)

    def states(self) -> list[KeyState]:
        return [each.key.state for each in self.admin.recorded_keys()]


def test_a_change_that_cannot_be_published_here_is_made_and_says_so() -> None:
    office = Office(with_root=False)
    made = office.new()
    assert (made.version, office.states()) == (None, [KeyState.ACTIVE])
    assert made.not_published.startswith("no root of trust")
    _, added = office.admin.add_root(b"root 1")
    assert (added.version, added.not_published) == (int(NOW.timestamp()), "")


def test_the_first_key_of_a_use_signs_at_once_and_the_next_has_to_be_known() -> None:
    office = Office()
    assert office.new().promotion is not None
    waiting = office.new()
    assert (waiting.promotion, waiting.ready_time) == (None, NOW + HARD_AGE)
    with pytest.raises(KeyChangeError, match="waits already"):
        office.new()
    assert office.private.made == 2
    with pytest.raises(KeyChangeError, match="not published for 7 days"):
        office.admin.rotate(KeyUse.TOKEN, life=YEAR)
    assert office.states() == [KeyState.ACTIVE, KeyState.NEXT]
    office.now += HARD_AGE + SECOND
    office.admin.rotate(KeyUse.TOKEN, life=YEAR)
    assert office.states() == [KeyState.RETIRING, KeyState.ACTIVE]


def test_a_use_without_any_key_is_not_rotated() -> None:
    with pytest.raises(KeyChangeError, match="there is no tok key yet"):
        Office().admin.rotate(KeyUse.TOKEN, life=YEAR)


def test_killing_looks_at_the_time_then_the_key_then_its_state() -> None:
    office = Office()
    office.new()
    (recorded,) = office.admin.recorded_keys()
    key_id = office.tables.rows.snapshots[-1].key_ids
    kill = office.admin.kill
    with pytest.raises(KeyChangeError, match="a time to come"):
        kill(b"unknown.", since=NOW + SECOND, is_replaced=True, life=YEAR)
    with pytest.raises(KeyChangeError, match="there is no key"):
        kill(b"unknown.", since=NOW, is_replaced=True, life=YEAR)
    (known,) = key_id
    killed = kill(known, since=NOW, is_replaced=True, life=YEAR)
    assert killed.killed is not None
    assert killed.killed.public_key == recorded.key.public_key
    assert office.states() == [KeyState.KILLED, KeyState.ACTIVE]
    with pytest.raises(KeyChangeError, match="killed before"):
        kill(known, since=NOW, is_replaced=True, life=YEAR)


def test_denying_looks_at_the_end_then_the_number() -> None:
    office = Office()
    office.new()
    many = [number.to_bytes(8) for number in range(MAX_DENIED + 1)]
    with pytest.raises(KeyChangeError, match="denies nothing"):
        office.admin.deny(many, expire_time=NOW, explanation="lost")
    with pytest.raises(KeyChangeError, match="1025 certificates would be denied"):
        office.admin.deny(many, expire_time=NOW + DAY, explanation="lost")
    assert office.admin.denials() == ()
    office.admin.deny([CERTIFICATE], expire_time=NOW + DAY, explanation="lost")
    (denial,) = office.admin.denials()
    assert (denial.certificate_id, denial.denied_by) == (CERTIFICATE, "wang")
    with pytest.raises(KeyChangeError, match="is not denied"):
        office.admin.undeny([CERTIFICATE, b"unknown."])
    assert office.admin.denials() == (denial,)


def test_a_root_is_verified_before_its_end_is_looked_at_and_the_same_does_nothing() -> None:
    office = Office()
    office.now += DAY
    root, _ = office.admin.add_root(b"root 1")
    assert root.version == 1
    with pytest.raises(KeyChangeError, match="not taken: this is not root 2"):
        office.admin.add_root(b"root 7")
    with pytest.raises(KeyChangeError, match="root 2 has expired"):
        office.admin.add_root(b"root 2")
    assert list(office.tables.rows.roots) == [1]


def test_a_process_without_the_key_publishes_nothing_and_says_which_is_missing() -> None:
    office = Office()
    office.new()
    office.signers.missing.add(TRUST_KEY)
    made = office.new(KeyUse.STATUS)
    assert made.version is None
    assert "none is in the key folder" in made.not_published


# --- Reading.


def test_roots_are_read_by_version_and_the_newest_without_one() -> None:
    office = Office()
    reader = TrustReader(office.tables)
    office.admin.add_root(b"root 2")
    assert [reader.root(version)[0].version for version in (0, 1, 2)] == [2, 1, 2]
    assert reader.root(1)[1] == 2
    with pytest.raises(RuleError) as caught:
        reader.root(3)
    assert caught.value.reason is Reason.TRUST_ROOT_NOT_FOUND


@pytest.mark.parametrize(
    "uri", ["mi:sl/500100/9", "mi:sl/330100/1", "mi:sl/500100/0", "mi:sl/500100/1 ", "list", ""]
)
def test_a_list_is_read_as_the_newest_snapshot_binds_it(uri: str) -> None:
    office = Office()
    office.new(KeyUse.STATUS)
    reader = TrustReader(office.tables)
    assert reader.status_list("mi:sl/500100/1").number == 1
    assert reader.snapshot().version == int(NOW.timestamp())
    with pytest.raises(RuleError) as caught:
        reader.status_list(uri)
    assert caught.value.reason is Reason.STATUS_LIST_NOT_FOUND
    assert caught.value.metadata == {"uri": uri}
