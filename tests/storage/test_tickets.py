"""Problem tickets in the database: told, answered, confirmed, closed when time is over."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.medical_desk import (
    HOSPITAL,
    OTHER_REGION,
    REGION,
    WANG,
    MedicalDesk,
    at,
    changed,
    stored_desk,
)

from yibao_common.db.database import Database
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.application.ticket import TicketWish
from yibao_offsite.rules.ticket import TicketEvent, TicketKind, TicketState
from yibao_offsite.storage import tables

OWN, OTHER = f"institution/{HOSPITAL}", "institution/H33010600003"
AGENCY = parse_caller(WANG)


@pytest.fixture
def database(databases: Databases) -> Database:
    return databases.open("yibao_offsite")


@pytest.fixture
def desk(database: Database) -> MedicalDesk:
    return stored_desk(database)


def refusal_of(act: object, *args: object, **kwargs: object) -> Reason:
    with pytest.raises(RuleError) as refused:
        act(*args, **kwargs)  # type: ignore[operator]
    return refused.value.reason


def test_a_ticket_is_answered_opened_again_and_confirmed(desk: MedicalDesk) -> None:
    told = desk.ticket()
    answered = desk.answer(told)
    again = desk.reopen(answered)
    assert (again.ticket.state, again.ticket.version) == (TicketState.OPEN, 3)
    confirmed = desk.confirm(desk.answer(again))
    assert confirmed.ticket.state is TicketState.CONFIRMED
    assert [(each.event, each.text) for each in confirmed.acts] == [
        (TicketEvent.OPENED, "张三备案查不到"),
        (TicketEvent.ANSWERED, "已补传备案"),
        (TicketEvent.REOPENED, "仍查不到"),
        (TicketEvent.ANSWERED, "已补传备案"),
        (TicketEvent.CONFIRMED, ""),
    ]
    assert desk.tickets.get(REGION, told.ticket.ticket_id, AGENCY) == confirmed
    assert refusal_of(desk.reopen, confirmed) is Reason.TICKET_STATE
    assert refusal_of(desk.answer, confirmed) is Reason.TICKET_STATE


def test_what_was_said_is_stored_sealed(desk: MedicalDesk, database: Database) -> None:
    desk.answer(desk.ticket())
    with database.read() as connection:
        rows = connection.execute(sa.select(tables.tickets.act)).all()
    assert len(rows) == 2
    for row in rows:
        assert "张三".encode() not in bytes(row.sealed_text)
        assert "备案".encode() not in bytes(row.sealed_text)


def test_a_ticket_is_its_openers_and_the_agencys(desk: MedicalDesk) -> None:
    answered = desk.answer(desk.ticket())
    ticket_id = answered.ticket.ticket_id
    # A terminal of the institution is the institution.
    terminal = f"terminal/{HOSPITAL}/t1"
    assert desk.tickets.get(REGION, ticket_id, parse_caller(terminal)).ticket == answered.ticket
    for by in (OTHER, "channel/wallet"):
        assert refusal_of(desk.confirm, answered, by=by) is Reason.TICKET_NOT_FOUND
        caller = parse_caller(by)
        assert refusal_of(desk.tickets.get, REGION, ticket_id, caller) is Reason.TICKET_NOT_FOUND
    assert refusal_of(desk.confirm, answered, by=WANG) is Reason.OUT_OF_SCOPE
    assert refusal_of(desk.reopen, answered, by=WANG) is Reason.OUT_OF_SCOPE
    elsewhere = stored_desk_of(desk, OTHER_REGION)
    assert refusal_of(elsewhere.confirm, answered) is Reason.TICKET_NOT_FOUND
    assert desk.confirm(answered, by=terminal).ticket.state is TicketState.CONFIRMED


def stored_desk_of(desk: MedicalDesk, region: str) -> MedicalDesk:
    return MedicalDesk(desk.transactions, region=region)


def test_an_agency_confirms_what_it_opened_itself(desk: MedicalDesk) -> None:
    answered = desk.answer(desk.ticket(by=f"agency/{REGION}/li"))
    assert desk.confirm(answered, by=WANG).ticket.state is TicketState.CONFIRMED


@pytest.mark.parametrize(
    ("now", "closes"), [("2026-11-16T23:59:59", False), ("2026-11-17T00:00", True)]
)
def test_an_answer_that_nobody_confirms_is_closed_after_ten_working_days(
    desk: MedicalDesk, now: str, closes: bool
) -> None:
    """JS75 article 57."""
    answered = desk.answer(desk.ticket())
    still_open, confirmed = desk.ticket(TicketKind.OTHER), desk.confirm(desk.answer(desk.ticket()))
    desk.now = at(now)
    assert desk.closing.close_all(REGION) == closes
    assert desk.closing.close_all(REGION) == 0
    found = desk.tickets.get(REGION, answered.ticket.ticket_id, AGENCY)
    assert (found.ticket.state is TicketState.CLOSED) is closes
    assert (found.acts[-1].event is TicketEvent.CLOSED) is closes
    for other, state in ((still_open, TicketState.OPEN), (confirmed, TicketState.CONFIRMED)):
        told = desk.tickets.get(REGION, other.ticket.ticket_id, AGENCY)
        assert told.ticket.state is state


def test_over_the_spring_festival_a_ticket_stays_open_to_confirm(desk: MedicalDesk) -> None:
    desk.now = at("2026-02-13T09:00")
    desk.answer(desk.ticket())
    for now, closes in (("2026-03-05T23:59", 0), ("2026-03-06T00:00", 1)):
        desk.now = at(now)
        assert desk.closing.close_all(REGION) == closes


def test_tickets_are_closed_page_by_page_and_by_several_at_once(desk: MedicalDesk) -> None:
    for _ in range(105):
        desk.answer(desk.ticket())
    desk.now = at("2026-12-31T09:00")
    with ThreadPoolExecutor(2) as pool:
        closed = list(pool.map(desk.closing.close_all, (REGION, REGION)))
    assert sum(closed) == 105
    wish = TicketWish(state=TicketState.CLOSED)
    found = desk.tickets.listed(REGION, wish, limit=200)
    assert len(found) == 105
    one = desk.tickets.get(REGION, found[0].ticket.ticket_id, AGENCY)
    assert [act.event for act in one.acts].count(TicketEvent.CLOSED) == 1


def test_what_is_due_is_listed_by_its_day(desk: MedicalDesk) -> None:
    other = desk.ticket(TicketKind.OTHER, by=OTHER)
    registration = desk.ticket(TicketKind.REGISTRATION)
    failure = desk.ticket(TicketKind.SYSTEM_FAILURE)
    done = desk.confirm(desk.answer(desk.ticket()))

    def listed(**wish: object) -> list[str]:
        found = desk.tickets.listed(REGION, TicketWish(**wish), limit=9)  # type: ignore[arg-type]
        return [each.ticket.ticket_id for each in found]

    ids = [each.ticket.ticket_id for each in (failure, registration, other)]
    assert listed(due_by=dt.date(2026, 11, 2)) == []
    assert listed(due_by=dt.date(2026, 11, 3)) == ids[:1]
    assert listed(due_by=dt.date(2026, 11, 4)) == ids[:2]
    assert listed(due_by=dt.date(2026, 11, 16)) == ids
    assert listed(party=OTHER) == ids[2:]
    assert listed(kind=TicketKind.OTHER) == ids[2:]
    assert listed(state=TicketState.CONFIRMED) == [done.ticket.ticket_id]
    assert listed(after=(dt.date(2026, 11, 4), ids[1]), state=TicketState.OPEN) == ids[2:]


def test_a_late_answer_is_told_in_lists(desk: MedicalDesk) -> None:
    desk.ticket(TicketKind.SYSTEM_FAILURE)
    for now, is_late in (("2026-11-03T23:59", False), ("2026-11-04T00:00", True)):
        desk.now = at(now)
        (told,) = desk.tickets.listed(REGION, TicketWish(), limit=9)
        assert told.is_late is is_late


def test_of_two_answers_at_once_one_is_given(desk: MedicalDesk) -> None:
    told = desk.ticket()

    def answered(_: int) -> Reason | None:
        try:
            desk.answer(told)
        except RuleError as refused:
            return refused.reason
        return None

    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(answered, range(2))) == {None, Reason.TICKET_STATE}
    found = desk.tickets.get(REGION, told.ticket.ticket_id, AGENCY)
    assert [act.number for act in found.acts] == [1, 2]


def test_what_was_read_before_it_changed_is_refused(desk: MedicalDesk) -> None:
    told = desk.ticket()
    assert refusal_of(desk.answer, changed(told, version=2)) is Reason.TICKET_STATE


def test_only_answers_whose_time_is_over_are_looked_for(desk: MedicalDesk) -> None:
    desk.ticket()
    answered = desk.answer(desk.ticket())
    assert answered.ticket.confirm_due_date == dt.date(2026, 11, 16)
    with desk.transactions.read(REGION) as work:
        found = [work.tickets.unconfirmed(dt.date(2026, 11, day), limit=9) for day in (16, 17)]
    assert found == [[], [answered.ticket.ticket_id]]
