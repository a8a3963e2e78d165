"""Identifiers: the layout of RFC 9562, and that they rise whatever the clock does."""

import datetime as dt
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from yibao_common.values.ids import IdsAbove, TimeOrderedIds, made_at, new_id

_MILLIS = 0x0190_B5C4_7D3A
_IN_A_MILLISECOND = 0x1000


class FakeTime:
    """The clock of the machine, in milliseconds; tests set it."""

    def __init__(self) -> None:
        self.millis = _MILLIS

    def __call__(self) -> int:
        return self.millis * 1_000_000 + 999_999


@pytest.fixture
def machine_time(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    fake = FakeTime()
    monkeypatch.setattr(time, "time_ns", fake)
    return fake


def millis_of(text: str) -> int:
    return uuid.UUID(text).int >> 80


def test_an_id_is_laid_out_as_rfc_9562_says(machine_time: FakeTime) -> None:
    text = TimeOrderedIds()()
    parsed = uuid.UUID(text)
    assert text == str(parsed)
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert millis_of(text) == machine_time.millis
    # The counter begins at zero with each millisecond.
    assert text.startswith("0190b5c4-7d3a-7000-")


def test_ids_of_one_millisecond_rise(machine_time: FakeTime) -> None:
    ids = TimeOrderedIds()
    made = [ids() for _ in range(_IN_A_MILLISECOND)]
    assert made == sorted(set(made))
    assert {millis_of(each) for each in made} == {_MILLIS}


def test_a_full_millisecond_goes_over_into_the_next(machine_time: FakeTime) -> None:
    ids = TimeOrderedIds()
    made = [ids() for _ in range(_IN_A_MILLISECOND + 2)]
    assert made == sorted(set(made))
    assert [millis_of(each) for each in made[-3:]] == [_MILLIS, _MILLIS + 1, _MILLIS + 1]


@pytest.mark.parametrize("back_millis", [1, 60_000])
def test_ids_rise_while_the_clock_goes_back(machine_time: FakeTime, back_millis: int) -> None:
    ids = TimeOrderedIds()
    before = ids()
    machine_time.millis -= back_millis
    during = [ids() for _ in range(3)]
    machine_time.millis += back_millis + 1
    after = ids()
    assert [before, *during, after] == sorted({before, *during, after})
    assert millis_of(after) == _MILLIS + 1


def test_two_makers_do_not_meet_in_one_millisecond(machine_time: FakeTime) -> None:
    one, other = TimeOrderedIds(), TimeOrderedIds()
    made = [ids() for _ in range(500) for ids in (one, other)]
    assert len(set(made)) == len(made)


def test_threads_share_a_maker_without_repeats() -> None:
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: [new_id() for _ in range(2_000)], range(4)))
    assert all(each == sorted(each) for each in made)
    assert len({id for each in made for id in each}) == 8_000


def test_ids_above_another_are_greater_whatever_the_clock_says(machine_time: FakeTime) -> None:
    """Also where it stands at the end of its millisecond."""
    ahead = "0190b5c4-7fff-7fff-8fff-ffffffffffff"
    ids = IdsAbove(TimeOrderedIds(), ahead)
    made = [ids() for _ in range(3)]
    assert [ahead, *made] == sorted({ahead, *made})
    assert made[0].startswith("0190b5c4-8000-7000-")
    assert all(uuid.UUID(each).version == 7 for each in made)
    machine_time.millis += 60_000
    assert millis_of(ids()) == machine_time.millis


def test_ids_above_an_earlier_one_are_those_of_the_clock(machine_time: FakeTime) -> None:
    for least in ("", "0190b5c4-0000-7000-8000-000000000000"):
        assert millis_of(IdsAbove(TimeOrderedIds(), least)()) == machine_time.millis


def test_processes_above_one_id_do_not_meet(machine_time: FakeTime) -> None:
    ahead = "0190b5c4-7fff-7fff-8fff-ffffffffffff"
    makers = [IdsAbove(TimeOrderedIds(), ahead) for _ in range(2)]
    made = [ids() for _ in range(500) for ids in makers]
    assert len(set(made)) == len(made)


def test_an_id_tells_when_it_was_made() -> None:
    before = dt.datetime.now(dt.UTC)
    made = made_at(TimeOrderedIds()())
    assert abs(made - before) < dt.timedelta(seconds=10)
    with pytest.raises(ValueError, match="UUIDv7"):
        made_at("0190b5c4-7d3a-4f60-8a51-2f8f0d1b6c3e")
