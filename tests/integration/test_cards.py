"""CardService over mutual TLS and real databases, call by call and from end to end."""

import asyncio
import datetime as dt
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

from yibao import _base45, _token
from yibao.common.v1.date_pb2 import Date
from yibao.identity.v1 import card_pb2, card_service_pb2
from yibao.identity.v1 import card_use_messages_pb2 as uses_pb2
from yibao.settlement.v1.statement_pb2 import STATEMENT_FORM_PDF
from yibao_common.rpc.wire import from_date
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_identity.rules.code import QrClaims

Scenario = Callable[[CardWorld], Coroutine[Any, Any, None]]
WRONG = "111118"


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


# --- From end to end.


def test_the_life_of_a_card_from_issue_to_replacement(run: Callable[[Scenario], None]) -> None:
    """I-08, I-13, I-18 to I-20, I-23, I-24: as the page about cards tells it."""

    async def scenario(world: CardWorld) -> None:
        bank, terminal = world.cards("bank"), world.cards("terminal")
        person_id = world.desk.person()
        card = (await bank.IssueCard(world.issue(person_id))).card
        assert card.state == card_pb2.CARD_STATE_ISSUED
        assert card.activation_deadline_date == Date(year=2026, month=9, day=2)
        assert await refused(terminal.AuthorizeCard(world.authorize(card))) == (
            "CARD_NOT_ACTIVATED",
            {},
        )
        await bank.SetPin(world.set_pin(card))
        active = (await bank.ActivateCard(world.at_counter(card))).card
        assert active.state == card_pb2.CARD_STATE_ACTIVE
        assert active.activation_channel == card_pb2.ACTIVATION_CHANNEL_BANK
        used = await terminal.AuthorizeCard(world.authorize(card))
        assert (used.person_id, used.transactions_since_print) == (person_id, 1)
        assert used.expire_time.seconds - used.issue_time.seconds == 60

        holder = world.holder(person_id)
        lost = (await world.cards(holder).ReportCardLoss(world.lose(card))).card
        assert lost.state == card_pb2.CARD_STATE_LOST
        assert (await refused(terminal.AuthorizeCard(world.authorize(card))))[0] == (
            "CARD_REPORTED_LOST"
        )
        ordered = (await bank.OrderReplacement(world.order(card))).card
        assert ordered.replacement.ready_date == Date(year=2026, month=3, day=9)
        world.desk.now += dt.timedelta(days=6)
        assert await refused(bank.CollectReplacement(world.collect(card))) == (
            "REPLACEMENT_NOT_READY",
            {"ready_date": "2026-03-09"},
        )
        world.desk.now += dt.timedelta(days=1)
        new = (await bank.CollectReplacement(world.collect(card))).card
        answer = await bank.ActivateCard(world.at_counter(new))
        assert answer.replaced_card_id == card.card_id
        old = await bank.GetCard(
            card_service_pb2.GetCardRequest(region=REGION, card_id=card.card_id)
        )
        assert old.card.state == card_pb2.CARD_STATE_REPLACED
        assert old.card.replacement.card_id == new.card_id
        assert await refused(terminal.AuthorizeCard(world.authorize(new))) == ("PIN_NOT_SET", {})
        await bank.SetPin(world.set_pin(new, OTHER_PIN))
        used = await terminal.AuthorizeCard(world.authorize(new, OTHER_PIN))
        assert (used.person_id, used.transactions_since_print) == (person_id, 1)
        both = await bank.ListCards(
            card_service_pb2.ListCardsRequest(region=REGION, person_id=person_id)
        )
        assert [each.card_id for each in both.cards] == [new.card_id, card.card_id]

    run(scenario)


@pytest.mark.parametrize("place", ["hospital", "pharmacy", "agency"])
def test_each_place_activates_in_its_way(place: str, run: Callable[[Scenario], None]) -> None:
    """I-25: hospital; I-26: pharmacy; I-27: service centre."""

    async def scenario(world: CardWorld) -> None:
        card = (await world.cards().IssueCard(world.issue(world.desk.person()))).card
        request = {
            "hospital": world.at_hospital,
            "pharmacy": world.at_pharmacy,
            "agency": world.at_counter,
        }[place](card)
        name = "terminal" if place == "hospital" else place
        active = (await world.cards(name).ActivateCard(request)).card
        expected = {
            "hospital": card_pb2.ACTIVATION_CHANNEL_HOSPITAL,
            "pharmacy": card_pb2.ACTIVATION_CHANNEL_PHARMACY,
            "agency": card_pb2.ACTIVATION_CHANNEL_SERVICE_CENTRE,
        }[place]
        assert (active.state, active.activation_channel) == (card_pb2.CARD_STATE_ACTIVE, expected)
        # A repeat gets the same bytes.
        again = (await world.cards(name).ActivateCard(request)).card
        assert again.SerializeToString() == active.SerializeToString()

    run(scenario)


def test_the_code_of_a_swipe_is_signed_over_what_was_stored(
    run: Callable[[Scenario], None],
) -> None:
    """I-07: a code like that of a phone, with the card's subject."""

    async def scenario(world: CardWorld) -> None:
        card = await world.active()
        used = await world.cards("terminal").AuthorizeCard(world.authorize(card))
        (transaction,) = (
            await world.cards("agency").ListCardTransactions(
                uses_pb2.ListCardTransactionsRequest(
                    region=REGION,
                    card_id=card.card_id,
                    is_original_card_shown=True,
                    document=SHOWN,
                )
            )
        ).transactions
        assert transaction.terminal == "terminal/H50011200001/T1"
        claims = QrClaims(
            REGION,
            card.subject,
            "01301",
            used.issue_time.seconds,
            used.expire_time.seconds,
            bytes.fromhex(transaction.code_id),
        )
        text = _token.TEXT_PREFIX + _base45.encode(world.signer._sign(claims.encoded()))
        assert used.qr_text == text

    run(scenario)


def test_printing_shows_what_was_spent_and_begins_anew(run: Callable[[Scenario], None]) -> None:
    """I-16, I-17, I-18."""

    async def scenario(world: CardWorld) -> None:
        card = await world.active()
        terminal = world.cards("pharmacy")
        for audience in ("02121", "01101", "02121"):
            await terminal.AuthorizeCard(world.authorize(card, audience=audience))
        # Nobody can be asked for accounts here: what cannot be printed is not counted as printed.
        with_account = world.print(card, account_form=STATEMENT_FORM_PDF)
        assert await refused(world.cards("bank").PrintTransactions(with_account)) == (
            "ACCOUNT_RECORD_UNAVAILABLE",
            {},
        )
        request = world.print(card)
        printed = await world.cards("bank").PrintTransactions(request)
        assert [each.sequence for each in printed.transactions] == [1, 2]
        assert {each.institution_id for each in printed.transactions} == {"P50011200001"}
        assert printed.card.transactions_since_print == 0
        assert await world.cards("bank").PrintTransactions(request) == printed
        holder = world.holder(card.person_id)
        for name in (holder, "channel", "supervisor"):
            listed = await world.cards(name).ListCardTransactions(
                uses_pb2.ListCardTransactionsRequest(
                    region=REGION, card_id=card.card_id, after_sequence=1, page_size=9_999
                )
            )
            assert [each.sequence for each in listed.transactions] == [2]

    run(scenario)


@pytest.mark.parametrize("place", ["hospital", "pharmacy"])
def test_a_first_use_is_what_settlement_says_and_a_repeat_asks_nothing_more(
    place: str, run: Callable[[Scenario], None]
) -> None:
    """I-25, I-26: settlement is asked for the holder, the institution and the visit."""

    async def scenario(world: CardWorld) -> None:
        person_id = world.desk.person()
        card = (await world.cards().IssueCard(world.issue(person_id))).card
        request = {"hospital": world.at_hospital, "pharmacy": world.at_pharmacy}[place](card)
        terminal = world.cards("terminal" if place == "hospital" else place)
        unconfirmed = RuleError(Reason.FIRST_USE_UNCONFIRMED, "no answer")
        world.first_uses.refusal = unconfirmed
        assert (await refused(terminal.ActivateCard(request)))[0] == "FIRST_USE_UNCONFIRMED"
        assert world.desk.read(card).state.name == "ISSUED"
        world.first_uses.refusal = None
        active = await terminal.ActivateCard(request)
        question = world.first_uses.asked[-1]
        institution_id = "H50011200001" if place == "hospital" else "P50011200001"
        assert (question.person_id, question.institution_id) == (person_id, institution_id)
        assert question.provider_visit_number == ("V1" if place == "hospital" else "")
        world.first_uses.refusal = unconfirmed
        assert await terminal.ActivateCard(request) == active

    run(scenario)


# --- Refusals that the edge decides.


def test_evidence_is_that_of_the_place(run: Callable[[Scenario], None]) -> None:
    """I-24 to I-27: I-24 original card, I-25 visit, I-26 chip, I-27 counter."""

    async def scenario(world: CardWorld) -> None:
        card = (await world.cards().IssueCard(world.issue(world.desk.person()))).card
        counter = card_service_pb2.CounterEvidence
        cases: list[tuple[str, Any, str, dict[str, str]]] = [
            ("bank", world.at_hospital(card), "CHANNEL_NOT_ALLOWED", {"channel": "HOSPITAL"}),
            ("terminal", world.at_counter(card), "CHANNEL_NOT_ALLOWED", {"channel": "COUNTER"}),
            ("terminal", world.at_pharmacy(card), "CHANNEL_NOT_ALLOWED", {"channel": "PHARMACY"}),
            ("pharmacy", world.at_hospital(card), "CHANNEL_NOT_ALLOWED", {"channel": "HOSPITAL"}),
            (
                "bank",
                world.at_counter(card, counter=counter(document=SHOWN)),
                "ORIGINAL_REQUIRED",
                {},
            ),
            (
                "bank",
                world.at_counter(card, counter=counter(is_original_card_shown=True)),
                "ID_REQUIRED",
                {},
            ),
            (
                "bank",
                world.at_counter(
                    card, counter=counter(is_original_card_shown=True, document=STRANGER)
                ),
                "ID_MISMATCH",
                {"tries_left": "4"},
            ),
            ("bank", world.at_counter(card, card_id=""), "FIELD_REQUIRED", {}),
            (
                "bank",
                card_service_pb2.ActivateCardRequest(request_id=new_id(), region=REGION),
                "FIELD_REQUIRED",
                {},
            ),
            ("terminal", world.at_hospital(card, chip=None), "ORIGINAL_REQUIRED", {}),
            ("pharmacy", world.at_pharmacy(card, chip=None), "ORIGINAL_REQUIRED", {}),
            (
                "hospital",
                world.at_hospital(card, provider_visit_number=""),
                "REGISTRATION_REQUIRED",
                {},
            ),
            (
                "terminal",
                world.at_hospital(card, chip=world.chip(card, late=dt.timedelta(hours=8))),
                "CLOCK_SUSPECT",
                {"offset_seconds": "28800"},
            ),
        ]
        for name, request, reason, metadata in cases:
            found = await refused(world.cards(name).ActivateCard(request))
            assert found == (reason, metadata), (name, request)
        left = await world.cards().GetCard(
            card_service_pb2.GetCardRequest(region=REGION, card_id=card.card_id)
        )
        assert left.card.state == card_pb2.CARD_STATE_ISSUED

    run(scenario)


def test_a_card_is_for_swiping_with_the_card_in_the_terminal(
    run: Callable[[Scenario], None],
) -> None:
    """I-07. None of these is a try of the PIN."""

    async def scenario(world: CardWorld) -> None:
        card = await world.active()
        cases: list[tuple[str, dict[str, Any], str, dict[str, str]]] = [
            ("channel", {}, "CHANNEL_NOT_ALLOWED", {"channel": "ONLINE"}),
            ("terminal", {"audience": "03132"}, "CHANNEL_NOT_ALLOWED", {"channel": "ONLINE"}),
            ("terminal", {"chip": None}, "ORIGINAL_REQUIRED", {}),
            ("terminal", {"audience": "99999"}, "FIELD_MALFORMED", {}),
            ("terminal", {"pin": "12345"}, "FIELD_LENGTH", {}),
            ("terminal", {"region": "330100"}, "CARD_NOT_FOUND", {}),
        ]
        for name, fields, reason, metadata in cases:
            request = world.authorize(card, **{"pin": WRONG, **fields})
            found = await refused(world.cards(name).AuthorizeCard(request))
            assert found == (reason, metadata), (name, fields)
        assert world.desk.row(card).wrong_tries == 0

    run(scenario)


def test_what_is_not_there_is_said_so(run: Callable[[Scenario], None]) -> None:
    async def scenario(world: CardWorld) -> None:
        card = await world.active()
        missing = new_id()
        get = card_service_pb2.GetCardRequest(region=REGION, card_id=missing)
        assert await refused(world.cards().GetCard(get)) == (
            "CARD_NOT_FOUND",
            {"card_id": missing},
        )
        for fields in ({}, {"person_id": card.person_id, "card_serial": card.card_serial}):
            listing = card_service_pb2.ListCardsRequest(region=REGION, **fields)
            assert (await refused(world.cards().ListCards(listing)))[0] == "FIELD_REQUIRED"
        by_serial = card_service_pb2.ListCardsRequest(region=REGION, card_serial=card.card_serial)
        assert [each.card_id for each in (await world.cards().ListCards(by_serial)).cards] == [
            card.card_id
        ]
        by_serial.card_serial = card.card_serial.lower()
        assert by_serial.card_serial != card.card_serial
        assert [each.card_id for each in (await world.cards().ListCards(by_serial)).cards] == [
            card.card_id
        ]
        nobody = card_service_pb2.ListCardsRequest(region=REGION, card_serial="S0")
        assert list((await world.cards().ListCards(nobody)).cards) == []
        closing = card_service_pb2.CloseCardRequest(
            request_id=new_id(),
            region=REGION,
            card_id=card.card_id,
            closing=card_service_pb2.CARD_CLOSING_HOLDER_DIED,
        )
        # I-31: a death is told with day and evidence, by this call too.
        assert (await refused(world.cards().CloseCard(closing)))[0] == "FIELD_REQUIRED"
        closing.death_date.CopyFrom(from_date(world.desk.now.date()))
        assert (await refused(world.cards().CloseCard(closing)))[0] == "FIELD_REQUIRED"
        closing.death_evidence_reference = "death/1"
        # A cause that knows of no death does not swallow one.
        closing.closing = card_service_pb2.CARD_CLOSING_SURRENDERED
        assert (await refused(world.cards().CloseCard(closing)))[0] == "FIELD_MALFORMED"
        closing.closing = card_service_pb2.CARD_CLOSING_HOLDER_DIED
        closed = (await world.cards("agency").CloseCard(closing)).card
        assert closed.state == card_pb2.CARD_STATE_CLOSED
        assert (await refused(world.cards().ReportCardLoss(world.lose(card))))[0] == "CARD_CLOSED"

    run(scenario)
