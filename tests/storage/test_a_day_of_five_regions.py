"""A day at one hospital with persons of five regions: each is settled in its own."""

import dataclasses
from typing import Any

from support.benefit_world import stay_bill
from support.charges import assert_books_are_right
from support.databases import Databases
from support.elsewhere_world import (
    PLACE,
    POLICY,
    SINCE,
    THERE,
    elsewhere_world,
    tell_registered,
    worker,
)
from support.settlement_parts import feed_of, put_reference, tell
from support.settlement_world import NOW, REGION, TODAY, World

from yibao.settlement.v1.settlement_service_pb2 import SettleBillResponse
from yibao.settlement.v1.visit_service_pb2 import RegisterVisitResponse
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_settlement.application.feed import EnrolmentChange
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.storage.ledger.posting import account_balances

OTHERS = ("999039", "999049", "999059", "999069")
TERMS = {
    REGION: "long_term",
    "999039": "referral",
    "999049": "temporary",
    "999059": "emergency",
    "999069": "temporary",
}


def in_region(command: Any, region: str) -> Any:
    """Returns a command as a person's of another region."""
    request = command.request._replace(region=region)
    code = command.code._replace(issuer=region)
    if isinstance(command, tuple):
        return command._replace(request=request, code=code)  # type: ignore[attr-defined]
    return dataclasses.replace(command, request=request, code=code)


def enrol_in(world: World, region: str) -> str:
    """Enrols somebody in a region, and registers them for care elsewhere on its terms."""
    person = new_id()
    change = EnrolmentChange(1, world.insured(person))
    tell(feed_of(world.database, clock=world.clock), region, [change])
    tell_registered(world, person, TERMS[region], region=region)
    return person


def test_persons_of_five_regions_are_settled_at_one_hospital(databases: Databases) -> None:
    # Rule O-03.
    world = elsewhere_world(databases)
    items = [CatalogueItem("A1", "甲类药", "01", None, "", SINCE, None)]
    for region in OTHERS:
        policy = POLICY.format(region=region).encode()
        put_reference(
            world.database, region, policy_file=policy, institutions=[], items=items, now=NOW
        )
    work = worker(world, others=OTHERS)
    owed = {}
    for region in TERMS:
        person = enrol_in(world, region)
        visit = in_region(world.visit_command(person, institution_id=THERE), region)
        (answer,) = work(region, [visit])
        assert not isinstance(answer, RuleError), answer
        visit_id = RegisterVisitResponse.FromString(answer).visit.visit_id
        bill = stay_bill(world, visit_id, TODAY, 1_100_000)
        settle = world.settle_command(visit_id, person, bill=bill, institution_id=THERE)
        (answer,) = work(region, [in_region(settle, region)])
        assert not isinstance(answer, RuleError), answer
        owed[region] = SettleBillResponse.FromString(answer).settlement.fund_total_fen
    assert owed == {
        REGION: 800_000,
        "999039": 700_000,
        "999049": 600_000,
        "999059": 700_000,
        "999069": 600_000,
    }
    # Each region's books have its own persons' bills, and the hospital's region none of theirs.
    with world.database.read() as connection:
        for region in (*owed, PLACE):
            booked = account_balances(connection, region, f"payable:{THERE}")
            assert sum(fen for _, fen in booked) == owed.get(region, 0)
    assert_books_are_right(world)
