"""A bill is settled for the sums that the person agreed to, or not at all."""

import datetime as dt

import pytest
from support.databases import Databases
from support.settlement_parts import transactions_of
from support.settlement_world import HOSPITAL, NOW, REGION, World

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.settlement.trial import trial
from yibao_settlement.application.work import Work
from yibao_settlement.rules.bill import CatalogueItem, ExpectedAmounts


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def tried(world: World, visit: str) -> ExpectedAmounts:
    found = trial(world.queries, REGION, world.bill(visit), institution_id=HOSPITAL, now=NOW)
    record = found.record
    return ExpectedAmounts(record.fund_total_fen, record.account_fen, record.cash_fen)


def raise_a_share(world: World) -> None:
    """Lets the person pay 20 % of the class B item first, from the bill's day on."""
    item = CatalogueItem("B1", "乙类药", "02", 200_000, "", dt.date(2026, 11, 20), None)

    def put(work: Work) -> None:
        work.catalogue.put_items([item])
        work.reference.raise_epoch()

    transactions_of(world.database).change(REGION, put)


def test_a_bill_that_comes_to_the_sums_of_its_trial_is_settled(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    expected = tried(world, visit)
    settled = world.settle(visit, person, expected=expected)
    assert expected == (settled.fund_total_fen, settled.account_fen, settled.cash_fen)


def test_a_bill_that_comes_to_other_sums_by_now_is_refused_with_these(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    before = tried(world, visit)
    raise_a_share(world)
    now = tried(world, visit)
    assert now != before
    command = world.settle_command(visit, person, expected=before)
    (refusal,) = world.work(REGION, [command])
    assert isinstance(refusal, RuleError)
    assert refusal.reason is Reason.AMOUNTS_NOT_AS_EXPECTED
    sums = {name: str(value) for name, value in now._asdict().items()}
    policy = trial(world.queries, REGION, world.bill(visit), institution_id=HOSPITAL, now=NOW)
    assert refusal.metadata == {**sums, "policy_version": policy.record.policy_version}
    # Nothing was stored: the same code settles the bill once the person agrees.
    assert world.settle(visit, person, code=command.code, expected=now).cash_fen == now.cash_fen


@pytest.mark.parametrize("field", ["fund_total_fen", "account_fen", "cash_fen"])
def test_each_sum_counts_to_the_fen(world: World, field: str) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    expected = tried(world, visit)
    off = expected._replace(**{field: getattr(expected, field) + 1})
    with pytest.raises(RuleError) as refused:
        world.settle(visit, person, expected=off)
    assert refused.value.reason is Reason.AMOUNTS_NOT_AS_EXPECTED


def test_without_expectations_a_bill_is_settled_for_what_it_comes_to(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    raise_a_share(world)
    assert world.settle(visit, person).cash_fen > 0
