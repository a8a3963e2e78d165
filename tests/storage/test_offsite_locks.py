"""Whoever locks a row of offsite makes all others wait who lock the same one."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.audit_desk import AuditWorld
from support.databases import Databases
from support.medical_desk import stored_desk
from support.paper_desk import REGION
from support.qualifying import REGION as QUALIFYING_REGION
from support.qualifying import Desk
from support.stored_papers import StoredDesk
from support.ward import Ward

from yibao_common.commands.transactions import Transactions
from yibao_common.db.database import Database
from yibao_common.values.ids import new_id
from yibao_offsite.application.work import Work

# How long one who does not wait has to come through.
SECONDS = 0.3
Locking = tuple[Transactions[Work], str, Callable[[Work], object]]


def task(database: Database) -> Locking:
    world = AuditWorld(StoredDesk(database).transactions)
    id = world.open().task_id
    return world.transactions, REGION, lambda work: work.audit_tasks.lock(id)


def complaint(database: Database) -> Locking:
    world = AuditWorld(StoredDesk(database).transactions)
    id = world.complain().complaint_id
    return world.transactions, REGION, lambda work: work.complaints.lock(id)


def declaration(database: Database) -> Locking:
    world = AuditWorld(StoredDesk(database).transactions)
    id = Ward(world).declare().admission_declaration_id
    return world.transactions, REGION, lambda work: work.declarations.lock(id)


def ticket(database: Database) -> Locking:
    desk = stored_desk(database)
    id = desk.ticket().ticket.ticket_id
    return desk.transactions, desk.region, lambda work: work.tickets.lock(id)


def qualification(database: Database) -> Locking:
    desk = Desk.over(database)
    id = desk.apply(new_id()).qualification_id
    return desk.transactions, QUALIFYING_REGION, lambda work: work.qualifications.lock(id)


@pytest.mark.parametrize("stored", [task, complaint, declaration, ticket, qualification])
def test_who_locks_a_row_makes_another_wait(
    databases: Databases, stored: Callable[[Database], Locking]
) -> None:
    transactions, region, lock = stored(databases.open("yibao_offsite"))
    is_locked, came = threading.Event(), threading.Event()

    def hold(work: Work) -> bool:
        assert lock(work) is not None
        is_locked.set()
        return came.wait(SECONDS)

    def come(work: Work) -> None:
        assert lock(work) is not None
        came.set()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(transactions.change, region, hold)
        assert is_locked.wait(20)
        second = pool.submit(transactions.change, region, come)
        assert first.result() is False
        second.result()
    assert came.is_set()
