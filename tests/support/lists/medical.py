"""Lists of medical-history files, pre-evaluations and problem tickets."""

import datetime as dt
from collections.abc import Callable, Sequence

import sqlalchemy as sa
from support.lists.paged import Made, Shop
from support.lists.rows import BEGIN, DAY, moment
from support.offsite_beside import offsite_vault
from support.settlement_world import REGION

from yibao_common.keys.vault import Vault
from yibao_offsite.rules.evaluation import Evaluation, EvaluationState
from yibao_offsite.rules.medical_history import Purpose, Reading
from yibao_offsite.rules.recheck import Recheck, RecheckState
from yibao_offsite.rules.ticket import Ticket, TicketKind, TicketState
from yibao_offsite.storage import tables
from yibao_offsite.storage.evaluation.rows import StoredEvaluations
from yibao_offsite.storage.medical_history.rows import StoredMedicalHistories
from yibao_offsite.storage.recheck import StoredRechecks
from yibao_offsite.storage.ticket.rows import StoredTickets

_BY = f"agency/{REGION}/maker"


def pre_evaluations(shop: Shop) -> Made:
    """Evaluations by their due days."""

    def insert(connection: sa.Connection, vault: Vault, rank: int) -> None:
        evaluation = Evaluation(
            *(REGION, shop.id(rank), shop.new_id(), shop.new_id()),
            *(EvaluationState.OPEN, _day(rank), _BY, BEGIN),
        )
        StoredEvaluations(connection, REGION, vault).insert(evaluation)

    def cancel(rank: int) -> None:
        shop.change(tables.evaluations.evaluation, {"evaluation_id": shop.id(rank)}, state=5)

    return Made({"state": 1}, _maker(shop, insert), ("evaluation_id",), cancel)


def rechecks(shop: Shop) -> Made:
    """Rechecks by their due days."""

    def insert(connection: sa.Connection, vault: Vault, rank: int) -> None:
        recheck = Recheck(
            region=REGION,
            recheck_id=shop.id(rank),
            evaluation_id=shop.new_id(),
            person_id=shop.new_id(),
            state=RecheckState.CALLED,
            due_date=_day(rank),
            reason="复查",
            called_by=_BY,
            call_time=BEGIN,
        )
        StoredRechecks(connection, REGION, vault).insert(recheck)

    def close(rank: int) -> None:
        shop.change(tables.evaluations.recheck, {"recheck_id": shop.id(rank)}, state=4)

    return Made({"state": 1}, _maker(shop, insert), ("recheck_id",), close)


def history_readings(shop: Shop) -> Made:
    """Readings of a file, in their order."""
    person_id = shop.new_id()

    def insert(connection: sa.Connection, vault: Vault, rank: int) -> None:
        reading = Reading(
            *(shop.id(rank), person_id, 0, "", Purpose.AUDIT, "", _BY, moment(rank)),
        )
        StoredMedicalHistories(connection, REGION, vault).add_reading(reading)

    return Made({"person_id": person_id}, _maker(shop, insert), ("reading_id",))


def tickets(shop: Shop) -> Made:
    """Tickets by the day of their next step."""

    def insert(connection: sa.Connection, vault: Vault, rank: int) -> None:
        ticket = Ticket(
            *(REGION, shop.id(rank), TicketKind.OTHER, TicketState.OPEN, _BY, _BY, BEGIN),
            *(_day(rank), None, None),
        )
        StoredTickets(connection, REGION, vault).insert(ticket)

    def confirm(rank: int) -> None:
        shop.change(tables.tickets.ticket, {"ticket_id": shop.id(rank)}, state=3)

    return Made({"state": 1}, _maker(shop, insert), ("ticket_id",), confirm)


def _day(rank: int) -> dt.date:
    """Returns the day of a rank; three of those to start with are of one."""
    return DAY + dt.timedelta(days=rank // 60)


def _maker(
    shop: Shop, insert: Callable[[sa.Connection, Vault, int], None]
) -> Callable[[Sequence[int]], None]:
    database, vault = shop.services.offsite_database, offsite_vault(shop.services)
    assert database is not None

    def make(ranks: Sequence[int]) -> None:
        for rank in ranks:
            with database.write() as connection:
                insert(connection, vault, rank)

    return make
