"""Every list is read page by page while what it tells of is added to and changes."""

import pytest
from support.both_services import BothServices, outcome, refusal_of
from support.lists import LISTS
from support.lists.paged import Key, Made, Reader, Shop, methods

_START = range(20, 220, 20)
# Before all, between those that were told and those that were not, and behind all.
_ADDED = (5, 30, 39, 45, 90, 110, 155, 191, 215, 300)


def started(services: BothServices, name: str) -> tuple[Reader, Made, list[Key]]:
    """Makes items of the ranks to start with; returns the list as it is with them."""
    made = LISTS[name](Shop(services, name))
    reader = Reader(services, name.partition(" ")[0], made)
    before = reader.all()
    made.make(list(_START))
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
    for number, page in enumerate(reader.rest(token, 2)):
        assert number < 100, "the list comes to its end"
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
    made.make([401, 402, 403])
    _, token = reader.page(page_size=1)
    request, caller = reader.other_request(token)
    refusal = refusal_of(lambda asked, timeout: reader.call(asked, caller), request)
    assert outcome(refusal)[1] == "FIELD_MALFORMED", refusal
