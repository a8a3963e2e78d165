"""What is due is told in its order and in words, and the next call is one of the contract."""

import datetime as dt
import json
from typing import Any

import pytest

from yibao_cli.call import methods, read_request
from yibao_cli.due import audits, registrations
from yibao_cli.due.item import DueItem, Standing, in_order, nothing_of, one_of, summary
from yibao_cli.due.kinds import PLURALS, DueKind

TODAY = dt.date(2026, 11, 30)
DAY = dt.timedelta(days=1)
ID = "019c0f3a-7b2e-7c41-8d05-000000000001"


def item(kind: DueKind = DueKind.TICKET, days: int = 0, **fields: Any) -> DueItem:
    """Returns something that is due so many days after today."""
    values: dict[str, Any] = {
        "kind": kind,
        "day": TODAY + days * DAY,
        "what": "answer",
        "methods": ("AnswerTicket",),
        "id": ID,
        "call": "GetTicket",
        "request": {"ticket_id": ID},
    }
    return DueItem(**{**values, **fields})


@pytest.mark.parametrize(
    ("days", "waits", "standing"),
    [
        (-1, False, Standing.OVERDUE),
        (0, False, Standing.DUE),
        (1, False, Standing.DUE),
        (-400, True, Standing.WAITS),
        (1, True, Standing.WAITS),
    ],
)
def test_the_last_day_itself_is_not_overdue(days: int, waits: bool, standing: Standing) -> None:
    assert item(days=days, waits=waits).standing(TODAY) is standing


def test_overdue_stands_first_then_day_then_kind_then_id() -> None:
    waiting = item(DueKind.REGISTRATION, -30, waits=True)
    ordered = [
        item(DueKind.COMPLAINT, -3),
        item(DueKind.REGISTRATION, -1),
        item(DueKind.TICKET, -1, id="a"),
        item(DueKind.TICKET, -1, id="b"),
        item(DueKind.EVALUATION, 0),
        item(DueKind.AUDIT, 0),
        item(DueKind.REGISTRATION, 2),
        waiting,
    ]
    assert in_order(reversed(ordered), TODAY) == ordered
    assert in_order(ordered[4:] + ordered[:4], TODAY) == ordered


@pytest.mark.parametrize(
    ("days", "waits", "words"),
    [
        (-3, False, "OVERDUE  by   2026-11-27  ticket         answer: AnswerTicket"),
        (0, False, "due      by   2026-11-30  ticket         answer: AnswerTicket"),
        (-3, True, "waits    from 2026-11-27  ticket         answer: AnswerTicket"),
    ],
)
def test_a_line_says_in_words_how_something_stands(days: int, waits: bool, words: str) -> None:
    told, call = item(days=days, waits=waits).lines(TODAY)
    assert told == words
    assert call == f'         yibao call GetTicket \'{{"ticket_id": "{ID}"}}\''


def test_a_program_is_told_the_same() -> None:
    assert item(days=-1, person_id="p").document(TODAY) == {
        "standing": "OVERDUE",
        "date": "2026-11-29",
        "kind": "ticket",
        "what": "answer",
        "id": ID,
        "person_id": "p",
        "methods": ["AnswerTicket"],
        "call": {"method": "GetTicket", "request": {"ticket_id": ID}},
    }


ASKED = (DueKind.REGISTRATION, DueKind.TICKET, DueKind.AUDIT)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ([], "0 due by 2026-11-30; nothing of registrations, tickets, audit tasks"),
        ([item()], "1 due by 2026-11-30; nothing of registrations, audit tasks"),
        (
            [item(), item(days=-1), item(DueKind.AUDIT, waits=True)],
            "2 due by 2026-11-30, 1 of them overdue, 1 waiting; nothing of registrations",
        ),
        ([item(kind) for kind in ASKED], "3 due by 2026-11-30"),
    ],
)
def test_a_line_sums_up_what_there_is_and_what_there_is_not(
    found: list[DueItem], words: str
) -> None:
    assert summary(found, ASKED, until=TODAY, today=TODAY) == words


def test_a_kind_that_was_not_asked_for_is_not_said_to_be_empty() -> None:
    assert nothing_of([item()], (DueKind.TICKET, DueKind.HOLD)) == [DueKind.HOLD]


@pytest.mark.parametrize(
    ("names", "words"), [(("A",), "A"), (("A", "B"), "A or B"), (("A", "B", "C"), "A, B or C")]
)
def test_methods_are_a_choice(names: tuple[str, ...], words: str) -> None:
    assert one_of(names) == words


def test_every_kind_has_a_plural() -> None:
    assert set(PLURALS) == set(DueKind)


def test_methods_that_deal_with_something_are_of_the_contract() -> None:
    known = {name.rpartition("/")[2] for name in methods()}
    tables: list[Any] = [registrations._TASKS, registrations._STEPS, audits._TASKS]
    named = {name for table in tables for _, names in table.values() for name in names}
    named |= {name for _, _, names in audits._COMPLAINTS for name in names}
    assert named
    assert named <= known


def test_the_call_that_is_told_can_be_typed() -> None:
    method = next(each for name, each in methods().items() if name.endswith("/GetTicket"))
    assert read_request(method, json.dumps(item().request)).ticket_id == ID  # type: ignore[attr-defined]
