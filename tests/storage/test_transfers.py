"""Accounts move to another region: the sum over both stays, each end takes effect once."""

import dataclasses
import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from support.credits import (
    balance,
    book,
    claims,
    confirm,
    credit,
    propose_pay_out,
    reject,
    take_back,
)
from support.databases import Databases, as_owner
from support.settlement_world import AGENCY, NOW, REGION, TODAY, World
from support.transfers import (
    NUMBER,
    OTHER,
    close,
    enrol_there,
    pay,
    receive,
    record_out,
    request_out,
    transfers,
)

from yibao.settlement.v1 import transfer_pb2 as pb
from yibao.settlement.v1.transfer_service_pb2 import (
    ReceiveTransferResponse,
)
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.transfer.steps import (
    ReceiveTransfer,
)
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.ledger_check.report import ORDERS_OF_ACCOUNTS
from yibao_settlement.rules.transfer import Transfer, TransferState
from yibao_settlement.servicer.transfer import received, transfer_message
from yibao_settlement.storage import tables

ACTIVE: dict[str, Any] = {"insurance_type": "310", "person_class": "11"}


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def refused(reason: Reason) -> "pytest.RaisesExc[RuleError]":
    return pytest.raises(RuleError, check=lambda error: error.reason is reason)


def whole_fen(world: World) -> int:
    """Returns what both regions' accounts hold, with what is on its way between them."""
    entry = tables.entry.c
    kinds = ("person:", "carried:", "transfer:")
    with world.database.read() as connection:
        held = connection.execute(
            sa.select(sa.func.coalesce(sa.func.sum(entry.amount_fen), 0)).where(
                sa.or_(*(entry.account_id.startswith(each) for each in kinds))
            )
        ).scalar_one()
        paid = connection.execute(
            sa.select(sa.func.coalesce(sa.func.sum(entry.amount_fen), 0)).where(
                sa.or_(
                    entry.account_id.startswith("payment:"), entry.account_id == "source:transfer"
                )
            )
        ).scalar_one()
    return int(held) + int(paid)


def test_an_account_of_731_55_moves_and_the_sum_over_both_regions_stays(world: World) -> None:
    (here,) = world.enrol(**ACTIVE)
    there = new_id()
    enrol_there(world, there)
    credit(world, here, 73_155)
    requested = request_out(world, here)
    assert (requested.state, whole_fen(world)) == (pb.TRANSFER_STATE_REQUESTED, 73_155)
    with refused(Reason.SAME_MAKER_AND_CHECKER):
        record_out(world, requested.transfer_id, 73_155, caller=AGENCY)
    with refused(Reason.TRANSFER_STATE) as refusal:
        record_out(world, requested.transfer_id, 73_154)
    assert refusal.value.metadata == {"amount_fen": "73155"}
    out = record_out(world, requested.transfer_id, 73_155)
    assert (out.state, out.amount_fen) == (pb.TRANSFER_STATE_RECORD_OUT, 73_155)
    assert (balance(world, here), claims(world, here).is_closed) == (0, True)
    assert whole_fen(world) == 73_155
    with refused(Reason.TRANSFER_STATE):
        close(world, requested.transfer_id)
    assert pay(world, out.transfer_id, 73_155).state == pb.TRANSFER_STATE_MONEY_OUT
    assert whole_fen(world) == 73_155
    first = receive(world, there, 73_155)
    assert receive(world, there, 73_155).is_repeated
    assert receive(world, there, 73_155).credit == first.credit
    assert close(world, out.transfer_id).state == pb.TRANSFER_STATE_IN
    assert whole_fen(world) == 73_155
    standing = world.queries.standing(OTHER, there)
    assert standing is not None
    assert standing.balance_fen == 73_155
    assert check_ledger(world.database).drifts == []


def test_a_step_that_is_not_due_is_refused(world: World) -> None:
    (here,) = world.enrol(**ACTIVE)
    with refused(Reason.TRANSFER_STATE):
        request_out(world, here)
    credit(world, here, 500)
    requested = request_out(world, here)
    with refused(Reason.TRANSFER_STATE):
        request_out(world, here)
    with refused(Reason.TRANSFER_STATE):
        pay(world, requested.transfer_id, 500)
    assert close(world, requested.transfer_id, is_cancelled=True).state == (
        pb.TRANSFER_STATE_CANCELLED
    )
    with refused(Reason.TRANSFER_STATE):
        record_out(world, requested.transfer_id, 500)
    again = request_out(world, here)
    record_out(world, again.transfer_id, 500)
    with refused(Reason.TRANSFER_STATE):
        close(world, again.transfer_id, is_cancelled=True)
    with refused(Reason.TRANSFER_STATE):
        pay(world, again.transfer_id, 499)
    with refused(Reason.TRANSFER_NOT_FOUND):
        pay(world, new_id(), 500)
    with refused(Reason.ACCOUNT_CLOSED):
        credit(world, here, 1)
    assert check_ledger(world.database).drifts == []


def test_who_is_retired_or_died_does_not_move(world: World) -> None:
    (retired,) = world.enrol(insurance_type="310", person_class="12")
    (dead,) = world.enrol(**ACTIVE)
    for person in (retired, dead):
        credit(world, person, 500)
    world.feed(dataclasses.replace(world.insured(dead, **ACTIVE), death_date=TODAY))
    with refused(Reason.TRANSFER_STATE):
        request_out(world, retired)
    with refused(Reason.PERSON_DECEASED):
        request_out(world, dead)
    with refused(Reason.FIELD_OUT_OF_RANGE):
        request_out(world, retired, other_region=REGION)


def test_who_retired_since_the_request_is_not_recorded_out(world: World) -> None:
    (here,) = world.enrol(**ACTIVE)
    credit(world, here, 500)
    requested = request_out(world, here)
    world.feed(world.insured(here, insurance_type="310", person_class="12"))
    with refused(Reason.TRANSFER_STATE):
        record_out(world, requested.transfer_id, 500)
    assert (balance(world, here), claims(world, here).is_closed) == (500, False)


def test_what_came_anew_is_told_as_it_was_answered(world: World) -> None:
    """What came first was rejected: who booked it in then, and when, is told no more."""
    (here,) = world.enrol(**ACTIVE)
    answers = []
    for maker, amount_fen in (("zhao", 480), ("qian", 481)):
        request = world.request("ReceiveTransfer", caller=f"agency/{REGION}/{maker}")
        back = ReceiveTransfer(request, here, OTHER, "ZY-BACK", amount_fen, 100, received)
        answers.append(ReceiveTransferResponse.FromString(world.run(back)))
        if maker == "zhao":
            reject(world, answers[0].credit.order_id)
        world.clock.now += dt.timedelta(hours=1)
    assert answers[0].transfer.transfer_id == answers[1].transfer.transfer_id
    found = transfers(world).find(REGION, answers[1].transfer.transfer_id)
    assert transfer_message(found) == answers[1].transfer


def test_a_transfer_that_comes_otherwise_is_refused(world: World) -> None:
    first, second = new_id(), new_id()
    enrol_there(world, first, second)
    receive(world, first, 500)
    with refused(Reason.CREDIT_KEY_USED):
        receive(world, first, 501)
    with refused(Reason.TRANSFER_STATE):
        receive(world, second, 500)
    receive(world, second, 500, transfer_number="ZY-2")
    with refused(Reason.PERSON_NOT_ENROLLED):
        receive(world, new_id(), 500, transfer_number="ZY-3")
    with refused(Reason.FIELD_OUT_OF_RANGE):
        receive(world, first, 500, other_region=OTHER)
    assert check_ledger(world.database).drifts == []


def test_what_is_owed_is_met_before_the_rest_moves(world: World) -> None:
    (here,) = world.enrol()
    told = credit(world, here, 20_000)
    visit = world.register(here)
    settled = world.settle(visit, here, bill=world.bill(visit, account_used=True))
    assert settled.account_fen == 20_000
    take_back(world, told.credit.credit_id, 15_000)
    world.reverse(settled.settlement_id)
    requested = request_out(world, here)
    record_out(world, requested.transfer_id, 5_000)
    assert (balance(world, here), claims(world, here)) == (0, (0, True))
    assert check_ledger(world.database).drifts == []


def test_who_comes_back_has_the_account_open_again(world: World) -> None:
    (here,) = world.enrol(**ACTIVE)
    credit(world, here, 500)
    out = record_out(world, request_out(world, here).transfer_id, 500)
    pay(world, out.transfer_id, 500)
    back = ReceiveTransfer(
        world.request("ReceiveTransfer", caller=AGENCY),
        here,
        OTHER,
        "ZY-BACK",
        480,
        None,
        received,
    )
    world.run(back)
    assert (balance(world, here), claims(world, here).is_closed) == (480, False)
    assert credit(world, here, 20).account.balance_fen == 500
    again = request_out(world, here, transfer_number="ZY-AGAIN")
    record_out(world, again.transfer_id, 500)
    assert claims(world, here).is_closed
    assert check_ledger(world.database).drifts == []


def test_who_is_insured_anew_has_the_account_open_again(world: World) -> None:
    (moved,) = world.enrol(**ACTIVE)
    credit(world, moved, 500)
    record_out(world, request_out(world, moved).transfer_id, 500)
    with refused(Reason.ACCOUNT_CLOSED):
        credit(world, moved, 1)
    world.clock.now = NOW + dt.timedelta(days=2)
    tomorrow = TODAY + dt.timedelta(days=1)
    for start, is_open in ((TODAY, False), (tomorrow, True)):
        world.feed(world.insured(moved, **ACTIVE, start_date=start))
        if is_open:
            assert credit(world, moved, 7).account.balance_fen == 7
        else:
            with refused(Reason.ACCOUNT_CLOSED):
                credit(world, moved, 7)
    assert claims(world, moved) == (0, False)
    assert check_ledger(world.database).drifts == []


def test_an_account_that_was_paid_out_by_mistake_opens_again(world: World) -> None:
    (person,) = world.enrol(**ACTIVE)
    credit(world, person, 500)
    world.feed(dataclasses.replace(world.insured(person, **ACTIVE), death_date=TODAY))
    confirm(world, propose_pay_out(world, person, 500).order_id)
    with refused(Reason.ACCOUNT_CLOSED):
        credit(world, person, 1)
    # The report of the death was wrong.
    world.feed(world.insured(person, **ACTIVE))
    assert credit(world, person, 1).account.balance_fen == 1
    assert claims(world, person) == (0, False)
    assert check_ledger(world.database).drifts == []


def test_what_a_reversed_bill_gives_back_to_an_account_that_was_left_leaves_it_as_well(
    world: World,
) -> None:
    (person,) = world.enrol()
    credit(world, person, 20_000)
    visit = world.register(person)
    settled = world.settle(visit, person, bill=world.bill(visit, account_used=True))
    credit(world, person, 5_000)
    record_out(world, request_out(world, person).transfer_id, 5_000)
    world.reverse(settled.settlement_id)
    second = request_out(world, person, transfer_number=f"{NUMBER}-2")
    record_out(world, second.transfer_id, 20_000)
    assert (balance(world, person), claims(world, person).is_closed) == (0, True)
    assert check_ledger(world.database).drifts == []


def test_a_large_transfer_waits_for_a_second_person_where_it_comes_to(world: World) -> None:
    person = new_id()
    enrol_there(world, person)
    told = receive(world, person, 100_001, second_above_fen=100_000)
    assert told.credit.order_id
    standing = world.queries.standing(OTHER, person)
    assert standing is None or standing.balance_fen == 0
    assert check_ledger(world.database).drifts == []


def test_an_account_that_was_left_opens_once_a_second_person_confirms_what_comes_back(
    world: World,
) -> None:
    (here,) = world.enrol(**ACTIVE)
    credit(world, here, 500)
    record_out(world, request_out(world, here).transfer_id, 500)
    for is_confirmed in (False, True):
        back = ReceiveTransfer(
            world.request("ReceiveTransfer", caller=AGENCY),
            *(here, OTHER, "ZY-BACK", 480, 100),
            received,
        )
        told = ReceiveTransferResponse.FromString(world.run(back))
        assert (balance(world, here), claims(world, here).is_closed) == (0, True)
        (confirm if is_confirmed else reject)(world, told.credit.order_id)
        assert claims(world, here).is_closed is not is_confirmed
    assert balance(world, here) == 480
    assert check_ledger(world.database).drifts == []


def test_what_is_behind_its_working_days_is_stuck(world: World) -> None:
    (here,) = world.enrol(**ACTIVE)
    credit(world, here, 500)
    requested = request_out(world, here)
    # Friday 20 November; ten working days end on Friday 4 December.
    for day, is_stuck in ((dt.date(2026, 12, 4), False), (dt.date(2026, 12, 7), True)):
        world.clock.now = dt.datetime(day.year, day.month, day.day, 2, tzinfo=dt.UTC)
        assert [each.transfer_id for each in transfers(world).stuck(REGION)] == (
            [requested.transfer_id] if is_stuck else []
        )
    world.clock.now = NOW
    out = record_out(world, requested.transfer_id, 500)
    pay(world, out.transfer_id, 500)
    # Five from then on.
    for day, is_stuck in ((dt.date(2026, 11, 27), False), (dt.date(2026, 11, 30), True)):
        world.clock.now = dt.datetime(day.year, day.month, day.day, 2, tzinfo=dt.UTC)
        assert bool(transfers(world).stuck(REGION)) is is_stuck
    close(world, out.transfer_id)
    assert transfers(world).stuck(REGION) == []


def test_transfers_are_listed_by_state(world: World) -> None:
    persons = world.enrol(3, **ACTIVE)
    made = []
    for number, person in enumerate(persons):
        credit(world, person, 500)
        made.append(request_out(world, person, transfer_number=f"ZY-{number}").transfer_id)
    record_out(world, made[1], 500)

    def ids(found: list[Transfer]) -> list[str]:
        return [each.transfer_id for each in found]

    listed = transfers(world)
    assert ids(listed.page(REGION, None, after=None, limit=2)) == made[:2]
    assert ids(listed.page(REGION, None, after=made[1], limit=2)) == made[2:]
    state = TransferState.RECORD_OUT
    assert ids(listed.page(REGION, state, after=None, limit=9)) == [made[1]]


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "values",
    [
        {"amount_fen": 1},
        {"state": 4},
        {"checker": AGENCY},
        {"posting_id": None},
    ],
)
def test_a_transfer_that_was_altered_is_found(world: World, values: dict[str, object]) -> None:
    (here,) = world.enrol(**ACTIVE)
    credit(world, here, 500)
    record_out(world, request_out(world, here).transfer_id, 500)
    assert check_ledger(world.database).drifts == []
    with as_owner(world.database) as connection:
        connection.execute(sa.update(tables.accounts.transfer).values(**values))
    found = {each.invariant for each in check_ledger(world.database).drifts}
    assert ORDERS_OF_ACCOUNTS in found


def test_what_arrives_and_did_not_leave_is_found(world: World) -> None:
    (here,) = world.enrol(**ACTIVE)
    there = new_id()
    enrol_there(world, there)
    credit(world, here, 500)
    out = record_out(world, request_out(world, here).transfer_id, 500)
    pay(world, out.transfer_id, 500)
    receive(world, there, 499)
    (drift,) = check_ledger(world.database).drifts
    assert (drift.region, drift.invariant) == (OTHER, ORDERS_OF_ACCOUNTS)
    assert "499 fen arrived, 500 left" in drift.detail
    assert book(world).count_waiting(REGION) == 0


def test_a_confirmed_credit_of_a_closed_account_is_refused(world: World) -> None:
    (here,) = world.enrol(**ACTIVE)
    credit(world, here, 500)
    waiting = credit(world, here, 900, second_above_fen=1, business_key="K")
    record_out(world, request_out(world, here).transfer_id, 500)
    with refused(Reason.ACCOUNT_CLOSED):
        confirm(world, waiting.credit.order_id)
