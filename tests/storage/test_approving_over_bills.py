"""The answer of an approval names the bills of its days that were settled by another policy."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from support.databases import Databases, as_owner
from support.memory.settlement.work import request
from support.settlement_parts import transactions_of
from support.settlement_world import NOW, POLICY_FILE, TODAY, World

from yibao_common.values.ids import new_id
from yibao_settlement.application.policy import Approved, ApprovePolicy, Policies, SubmitPolicy
from yibao_settlement.files.policy.file import load_policy
from yibao_settlement.rules.policy.version import SettledBills
from yibao_settlement.storage import tables

DAY = dt.timedelta(days=1)


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def approved(world: World, *, start: dt.date) -> SettledBills:
    """Approves a successor from `start` on; returns what the answer told."""
    old = b"start_date: 2014-01-01"
    contents = POLICY_FILE.read_bytes()
    assert old in contents
    contents = contents.replace(old, f"start_date: {start.isoformat()}".encode())
    policies = Policies(transactions_of(world.database), clock=lambda: NOW)
    policy = load_policy(contents, name="policy_file")
    policies.submit(
        SubmitPolicy(request("SubmitPolicy", new_id()), policy, contents),
        lambda _: b"",
    )
    told: list[SettledBills] = []

    def encode(approved: Approved) -> bytes:
        told.append(approved.settled)
        return b""

    asked = request("ApprovePolicy", new_id(), operator="checker")
    policies.approve(ApprovePolicy(asked, policy.version), encode)
    return told[-1]


def settle(world: World, person: str, **changes: Any) -> str:
    visit = world.register(person)
    world.clock.now += dt.timedelta(seconds=1)
    return world.settle(visit, person, bill=world.bill(visit, **changes)).settlement_id


def test_bills_of_the_days_that_stand_are_counted_and_named(world: World) -> None:
    (resident,) = world.enrol()
    first, second = (settle(world, resident) for _ in range(2))
    settle(world, resident, service_date=TODAY - 2 * DAY)
    world.reverse(settle(world, resident))
    assert approved(world, start=TODAY - DAY) == SettledBills(2, (first, second))


def test_a_policy_for_days_to_come_concerns_no_bill(world: World) -> None:
    (resident,) = world.enrol()
    settle(world, resident)
    assert approved(world, start=TODAY + DAY) == SettledBills(0, ())


def test_bills_of_another_insurance_type_are_not_its_own(world: World) -> None:
    (resident,) = world.enrol()
    settle(world, resident)
    with as_owner(world.database) as connection:
        connection.execute(sa.update(tables.settlement).values(insurance_type="310"))
    assert approved(world, start=TODAY) == SettledBills(0, ())
