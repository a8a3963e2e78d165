"""Every list is read page by page while what it tells of is added to and changes."""

import contextlib
import itertools
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.both_services import CALL_SECONDS, BothServices, outcome, refusal_of
from support.lists import LISTS
from support.lists.paged import Key, Made, Reader, Shop, methods
from support.offsite_beside import offsite_beside

from yibao_common.rpc.wire import from_date, from_instant
from yibao_common.values.calendar import shanghai_day

_START = range(20, 220, 20)
# Before all, between those that were told and those that were not, and behind all.
_ADDED = (5, 30, 39, 45, 90, 110, 155, 191, 215, 300)
# By time and id in both directions, by code, by day and number, from four tables, from versions,
# behind an item: what is written by calls, and what is put into tables.
_WRITTEN = (
    "CatalogueVersionService/ListCatalogueChanges of a day",
    "ChangeService/ListSettlementChanges",
    "ChargeService/ListLines",
    "InstitutionService/ListDoctors",
    "PersonService/ListMerges",
    "ReviewService/ListReviews",
    "SupervisionService/ListAuditEvents",
    "VisitService/ListVisits",
)
_MOST_WRITTEN = 60


@pytest.fixture(scope="module")
def services(services: BothServices) -> Iterator[BothServices]:
    """Runs offsite beside both: it has lists too."""
    with offsite_beside(services) as running:
        yield running


def started(
    services: BothServices, name: str, *, beyond: int = 0
) -> tuple[Reader, Made, list[Key]]:
    """Makes items of the ranks to start with; returns the list as it is with them.

    Ranks are those `beyond` one that no other test of the list makes.
    """
    made = LISTS[name](Shop(services, f"{name} beyond {beyond}"))
    reader = Reader(services, name.partition(" ")[0], made)
    before = reader.all()
    # In no order, so that they do not stand in the right one by themselves.
    made.make(random.Random(name).sample([beyond + rank for rank in _START], len(_START)))
    start = reader.all()
    assert len(start) >= len(before) + len(_START)
    return reader, made, start


def test_each_method_with_pages_is_a_row_of_the_table() -> None:
    assert _asking_with("page_token") <= _asking_with("page_size")
    # What changes something page by page is no list.
    paged = _asking_with("page_size") - _asking_with("request_id")
    assert paged == {name.partition(" ")[0] for name in LISTS}


def _asking_with(field: str) -> set[str]:
    return {name for name, method in methods() if field in method.input_type.fields_by_name}


@pytest.mark.parametrize("name", LISTS)
def test_what_was_there_is_told_once_whatever_is_added_and_changed(
    services: BothServices, name: str
) -> None:
    reader, made, start = started(services, name)
    assert len(set(start)) == len(start), "an item is told by its key"
    told, token = reader.page(page_size=3)
    assert token
    made.make(list(_ADDED))
    left: set[Key] = set()
    for rank in (40, 80, 140) if made.leave is not None else ():
        before = set(reader.all())
        assert made.leave is not None
        made.leave(rank)
        left |= before - set(reader.all())
    if made.leave is not None:
        assert len(left) == 3
    for page in reader.rest(token, 2):
        assert not left & set(page)
        told += page
    assert len(set(told)) == len(told), "nothing is told twice"
    now = reader.all()
    assert set(start) - left <= set(told)
    assert set(told) <= set(start) | set(now)
    # One order holds for all items, whatever the pages.
    assert [each for each in told if each not in left] == [each for each in now if each in told]
    assert [each for each in start if each not in left] == [each for each in now if each in start]


@pytest.mark.parametrize(
    "name", [name for name in LISTS if name.partition(" ")[0] in _asking_with("page_token")]
)
def test_a_token_is_refused_with_other_arguments(services: BothServices, name: str) -> None:
    made = LISTS[name](Shop(services, f"token of {name}"))
    reader = Reader(services, name.partition(" ")[0], made)
    made.make([101, 102, 103])
    _, token = reader.page(page_size=1)
    request, caller = reader.other_request(token)
    refusal = refusal_of(lambda asked, timeout: reader.call(asked, caller), request)
    assert outcome(refusal)[1] == "FIELD_MALFORMED", refusal


@contextlib.contextmanager
def writing(write: Callable[[int], object]) -> Iterator[threading.Event]:
    """Writes in a thread beside, number by number, until the end; the event is set once it did."""
    stop, has_written = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            for number in itertools.takewhile(lambda _: not stop.is_set(), range(_MOST_WRITTEN)):
                write(number)
                has_written.set()
        except BaseException as error:
            failures.append(error)
            has_written.set()
            raise

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield has_written
    finally:
        stop.set()
        thread.join()
    assert not failures


def assert_read_stably(reader: Reader, start: list[Key], size: int) -> None:
    """Reads all pages; what was there at the start is told once, in the order of the start."""
    told, token = reader.page(page_size=size)
    for page in reader.rest(token, size):
        told += page
    assert len(set(told)) == len(told), "nothing is told twice"
    assert [each for each in told if each in set(start)] == start


@pytest.mark.parametrize("name", _WRITTEN)
def test_what_was_there_is_told_once_while_somebody_writes(
    services: BothServices, name: str
) -> None:
    reader, made, start = started(services, name, beyond=1_000)
    ranks = sorted(set(range(1, 250)) - set(_START))
    random.Random(name).shuffle(ranks)
    with writing(lambda number: made.make([1_000 + ranks[number]])) as has_written:
        has_written.wait(CALL_SECONDS)
        for size in (1, 4):
            assert_read_stably(reader, start, size)
    assert len(reader.all()) > len(start)


def test_bills_and_visits_are_listed_stably_while_they_come(services: BothServices) -> None:
    begin = services.clock()
    today = from_date(shanghai_day(begin))
    patients = [services.patient() for _ in range(3)]

    def settle(number: int) -> None:
        patient = patients[number % 3]
        services.settlements().SettleBill(services.settle_request(patient), timeout=CALL_SECONDS)

    for number in range(6):
        settle(number)
    # Changes are told a minute later.
    services.clock.advance(seconds=61)
    readers = [
        Reader(services, name, Made(request, lambda _: None, key, caller="hospital"))
        for name, request, key in (
            ("SettlementService/ListSettlements", {"settle_start_date": today}, ("settlement_id",)),
            ("VisitService/ListVisits", {"register_start_date": today}, ("visit_id",)),
            (
                "ChangeService/ListSettlementChanges",
                {"change_start_time": from_instant(begin)},
                ("settlement_id", "change_kind"),
            ),
        )
    ]
    starts = [reader.all() for reader in readers]
    assert all(starts)

    def come(number: int) -> None:
        if number % 4 == 0:
            patients[number % 3] = services.patient()
        settle(number)

    with writing(come) as has_written:
        has_written.wait(CALL_SECONDS)
        for reader, start in zip(readers, starts, strict=True):
            assert_read_stably(reader, start, 5)


def test_all_pages_of_figures_are_of_the_snapshot_of_the_first(services: BothServices) -> None:
    name = "ReportService/ListActFigures by institution"
    reader, made, _ = started(services, name, beyond=2_000)
    first: Any = reader.call(reader.request(page_size=2), made.caller)
    services.clock.advance(seconds=5)
    for snapshot in ({}, {"snapshot_time": first.snapshot_time}):
        request = reader.request(page_size=3, page_token=first.next_page_token, **snapshot)
        page: Any = reader.call(request, made.caller)
        assert (page.snapshot_time, page.total) == (first.snapshot_time, first.total)
    newer: Any = reader.call(reader.request(page_size=2), made.caller)
    assert newer.snapshot_time != first.snapshot_time
    other = reader.request(
        page_size=2, page_token=first.next_page_token, snapshot_time=newer.snapshot_time
    )
    refusal = refusal_of(lambda asked, timeout: reader.call(asked, made.caller), other)
    assert outcome(refusal)[1] == "FIELD_MALFORMED"
