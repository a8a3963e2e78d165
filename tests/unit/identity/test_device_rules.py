"""Devices: how long certificates live, where they stand on status lists, how many there are."""

import datetime as dt
import random

import pytest

from yibao import _device
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.device import (
    CANDIDATES,
    STATUS_ENTRIES,
    TAKEN_WHERE_FULL,
    Device,
    DevicePolicy,
    DeviceState,
    KeyAlgorithm,
    Place,
    certify,
    check_active,
    check_algorithm,
    check_may_enrol,
    choose_entry,
)

NOW = dt.datetime(2026, 11, 2, 8, 0, 30, 999_999, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


@pytest.mark.parametrize("hours", [24, 48, 72])
def test_a_certificate_lives_as_long_as_the_operator_says(hours: int) -> None:
    policy = DevicePolicy(certificate_hours=hours)
    made = certify(now=NOW, policy=policy, device_certificate_id=bytes(range(8)), place=Place(3, 7))
    assert made.device_certificate_id == "0001020304050607"
    # The second counts as begun, so that the certificate is valid at once.
    assert made.issue_time == NOW.replace(microsecond=0)
    assert made.expire_time - made.issue_time == hours * HOUR
    assert made.renew_time - made.issue_time == made.expire_time - made.renew_time
    assert (made.list_number, made.status_index) == (3, 7)


@pytest.mark.parametrize("hours", [23, 73])
def test_no_certificate_lives_shorter_than_a_day_or_longer_than_three(hours: int) -> None:
    with pytest.raises(AssertionError):
        DevicePolicy(certificate_hours=hours)


def test_verifiers_and_issuer_agree_on_the_size_of_a_list() -> None:
    assert STATUS_ENTRIES - 1 == _device.MAX_STATUS_INDEX
    assert _device.MAX_CERTIFICATE_LIFE_SECONDS == 72 * 3600


@pytest.mark.parametrize(
    ("taken", "entry"),
    [
        (0, 0),
        (1, 1),
        (TAKEN_WHERE_FULL - 1, TAKEN_WHERE_FULL - 1),
        (TAKEN_WHERE_FULL, None),
        (CANDIDATES, None),
    ],
)
def test_the_first_free_entry_is_taken_until_the_list_counts_as_full(
    taken: int, entry: int | None
) -> None:
    assert choose_entry(range(CANDIDATES), set(range(taken))) == entry


def test_a_candidate_drawn_twice_counts_as_often_as_it_was_drawn() -> None:
    candidates = [5] * TAKEN_WHERE_FULL + [6] * (CANDIDATES - TAKEN_WHERE_FULL)
    assert choose_entry(candidates, {5}) is None
    assert choose_entry(candidates, {6, 99}) == 5


def test_a_list_is_about_half_full_when_the_next_one_begins() -> None:
    # A hundredth of the entries of a real list; the seed is fixed: the same each time.
    numbers = random.Random(20261102)
    entries = STATUS_ENTRIES // 100
    taken: set[int] = set()
    while True:
        entry = choose_entry([numbers.randrange(entries) for _ in range(CANDIDATES)], taken)
        if entry is None:
            break
        assert entry not in taken
        taken.add(entry)
    assert 0.4 < len(taken) / entries < 0.7


@pytest.mark.parametrize(("active", "is_refused"), [(0, False), (2, False), (3, True), (4, True)])
def test_a_holder_has_at_most_so_many_devices(active: int, is_refused: bool) -> None:
    if not is_refused:
        check_may_enrol(active, DevicePolicy(most=3))
        return
    with pytest.raises(RuleError) as refused:
        check_may_enrol(active, DevicePolicy(most=3))
    assert refused.value.reason is Reason.DEVICE_LIMIT
    assert refused.value.metadata == {"limit": "3"}


def test_keys_of_p256_are_taken_unless_the_operator_forbids_them() -> None:
    check_algorithm(KeyAlgorithm.P256, DevicePolicy())
    check_algorithm(KeyAlgorithm.ED25519, DevicePolicy(allows_p256=False))
    with pytest.raises(RuleError) as refused:
        check_algorithm(KeyAlgorithm.P256, DevicePolicy(allows_p256=False))
    assert refused.value.reason is Reason.DEVICE_KEY_REFUSED


@pytest.mark.parametrize("state", [DeviceState.REVOKED, DeviceState.CLONE_SUSPECTED])
def test_a_revoked_device_does_nothing_more(state: DeviceState) -> None:
    device = Device("500100", "d", "c", "n", KeyAlgorithm.P256, b"", state, "0" * 16, NOW)
    with pytest.raises(RuleError) as refused:
        check_active(device)
    assert refused.value.reason is Reason.DEVICE_REVOKED
    assert refused.value.metadata == {"device_id": "d", "state": state.name}
