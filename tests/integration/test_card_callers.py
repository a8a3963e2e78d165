"""Who may do what with whose card, over mutual TLS and real databases."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from google.rpc import error_details_pb2  # type: ignore[import-untyped]
from support.card_acts import OTHER_PIN, REGION
from support.card_world import SHOWN, STRANGER, CardWorld, make_card_files, serving_cards
from support.databases import Databases
from support.identity_world import refusal
from support.serving import detail_in, reason_in

from yibao.identity.v1 import card_service_pb2
from yibao.identity.v1 import card_use_messages_pb2 as uses_pb2

Scenario = Callable[[CardWorld], Coroutine[Any, Any, None]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_card_files(tmp_path_factory.mktemp("cards"))


@pytest.fixture
def run(databases: Databases, folder: Path) -> Callable[[Scenario], None]:
    """Runs a scenario against a service over a new database."""

    def run_scenario(scenario: Scenario) -> None:
        async def main() -> None:
            async with serving_cards(folder, databases.open("yibao_identity")) as world:
                await scenario(world)

        asyncio.run(main())

    return run_scenario


async def refused(call: Any) -> tuple[str, dict[str, str]]:
    """Returns reason and metadata of a call that has to be refused."""
    error = await refusal(call)
    info = detail_in(error, error_details_pb2.ErrorInfo)
    return reason_in(error), dict(info.metadata)


def test_money_questions_are_answered_with_where_to_go(run: Callable[[Scenario], None]) -> None:
    """I-09, I-10."""

    async def scenario(world: CardWorld) -> None:
        card = await world.active()
        certificate_id = world.holder(card.person_id)

        def ask(**fields: Any) -> uses_pb2.ValidateFinancialOperationRequest:
            values = {
                "region": REGION,
                "card_id": card.card_id,
                "purse": uses_pb2.PURSE_FINANCIAL_ACCOUNT,
                "operation": uses_pb2.FINANCIAL_OPERATION_WITHDRAW,
                **fields,
            }
            return uses_pb2.ValidateFinancialOperationRequest(**values)

        here = await world.cards("bank").ValidateFinancialOperation(ask())
        assert here.bank_code == "CCB001"
        medical = {"purse": uses_pb2.PURSE_MEDICAL_ACCOUNT}
        deposit = {"operation": uses_pb2.FINANCIAL_OPERATION_DEPOSIT}
        by_phone = {"card_id": "", "certificate_id": certificate_id}
        elsewhere = ("BANK_ACCOUNT_ELSEWHERE", {"bank_code": "CCB001"})
        cases: list[tuple[str, dict[str, Any], tuple[str, dict[str, str]]]] = [
            ("other-bank", {}, elsewhere),
            ("terminal", {}, elsewhere),
            ("channel", {}, elsewhere),
            (certificate_id, {}, elsewhere),
            ("bank", medical, ("CASH_WITHDRAWAL_FORBIDDEN", {})),
            ("bank", {**medical, **deposit}, ("FIELD_OUT_OF_RANGE", {})),
            (certificate_id, by_phone, ("NO_FINANCIAL_ACCOUNT", {})),
            ("bank", {"certificate_id": certificate_id}, ("FIELD_REQUIRED", {})),
            ("bank", {"card_id": ""}, ("FIELD_REQUIRED", {})),
        ]
        for name, fields, expected in cases:
            call = world.cards(name).ValidateFinancialOperation(ask(**fields))
            assert await refused(call) == expected, (name, fields)

    run(scenario)


def test_callers_stay_in_their_scope(run: Callable[[Scenario], None]) -> None:
    """I-03: nobody acts for a card that is no business of theirs."""

    async def scenario(world: CardWorld) -> None:
        card = await world.active()
        foreign = world.cards("other-agency")
        get = card_service_pb2.GetCardRequest(region=REGION, card_id=card.card_id)
        listing = card_service_pb2.ListCardsRequest(region=REGION, person_id=card.person_id)
        records = uses_pb2.ListCardTransactionsRequest(region=REGION, card_id=card.card_id)
        out_of_scope = ("OUT_OF_SCOPE", {"scope": f"region/{REGION}"})
        for call in (
            foreign.IssueCard(world.issue(card.person_id)),
            foreign.GetCard(get),
            foreign.ListCards(listing),
            foreign.ActivateCard(world.at_counter(card)),
            foreign.ReportCardLoss(world.lose(card)),
            foreign.OrderReplacement(world.order(card)),
            foreign.CollectReplacement(world.collect(card)),
            foreign.SetPin(world.set_pin(card)),
            foreign.ChangePin(world.change(card, OTHER_PIN, document=SHOWN)),
            foreign.ReportPinLost(world.report_pin(card)),
            foreign.ResetPin(world.reset(card, OTHER_PIN)),
            foreign.PrintTransactions(world.print(card)),
            foreign.ListCardTransactions(records),
        ):
            assert await refused(call) == out_of_scope
        stranger = world.holder(world.desk.person("999019199003072235"))
        for call in (
            world.cards(stranger).ReportCardLoss(world.lose(card)),
            world.cards(stranger).ListCardTransactions(records),
        ):
            assert await refused(call) == ("OUT_OF_SCOPE", {"scope": f"person/{card.person_id}"})
        assert world.desk.read(card).state.name == "ACTIVE"

    run(scenario)


def test_a_bank_acts_on_cards_that_it_issued(run: Callable[[Scenario], None]) -> None:
    """I-17: another's card is no business of a bank, whether by its id or printed serial."""

    async def scenario(world: CardWorld) -> None:
        card = await world.active()
        await world.cards("terminal").AuthorizeCard(world.authorize(card))
        other = world.cards("other-bank")
        stranger = world.desk.person("999019199003072235")
        foreign = ("OUT_OF_SCOPE", {"scope": "bank"})
        for call in (
            other.IssueCard(world.issue(stranger)),
            other.GetCard(card_service_pb2.GetCardRequest(region=REGION, card_id=card.card_id)),
            other.ActivateCard(world.at_counter(card)),
            other.ReportCardLoss(world.lose(card)),
            other.OrderReplacement(world.order(card)),
            other.CollectReplacement(world.collect(card)),
            other.CloseCard(world.surrender(card)),
            other.SetPin(world.set_pin(card)),
            other.ChangePin(world.change(card, OTHER_PIN, document=SHOWN)),
            other.ReportPinLost(world.report_pin(card)),
            other.ResetPin(world.reset(card, OTHER_PIN)),
            other.PrintTransactions(world.print(card)),
            other.ListCardTransactions(world.list_transactions(card)),
        ):
            assert await refused(call) == foreign
        for named in ({"card_serial": card.card_serial}, {"person_id": card.person_id}):
            listing = card_service_pb2.ListCardsRequest(region=REGION, **named)
            assert list((await other.ListCards(listing)).cards) == []
            assert len((await world.cards("bank").ListCards(listing)).cards) == 1
        assert world.desk.read(card).state.name == "ACTIVE"
        own = await other.IssueCard(world.issue(stranger, bank_code="ICBC01"))
        assert own.card.bank_code == "ICBC01"

    run(scenario)


def test_a_counter_reads_rows_of_use_with_card_and_document(
    run: Callable[[Scenario], None],
) -> None:
    """I-17."""

    async def scenario(world: CardWorld) -> None:
        card = await world.active()
        await world.cards("terminal").AuthorizeCard(world.authorize(card))
        for name in ("bank", "agency"):
            for fields, reason in (
                ({"is_original_card_shown": False}, "ORIGINAL_REQUIRED"),
                ({"document": None}, "ID_REQUIRED"),
                ({"document": STRANGER}, "ID_MISMATCH"),
            ):
                request = world.list_transactions(card, **fields)
                refusal = await refused(world.cards(name).ListCardTransactions(request))
                assert refusal[0] == reason
            request = world.list_transactions(card)
            assert len((await world.cards(name).ListCardTransactions(request)).transactions) == 1

    run(scenario)
