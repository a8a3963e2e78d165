"""Cards on real databases: issued, closed, read."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.card_acts import AGENCY, HOSPITAL, PAPERS, REGION
from support.card_desk import CardDesk
from support.databases import Databases

from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.card.ending import close_cards_of
from yibao_identity.application.feed import standings_of
from yibao_identity.application.financial_operation import ValidateOperation
from yibao_identity.rules.card import Card, CardClosing, CardState
from yibao_identity.rules.credential import CredentialKind, CredentialState
from yibao_identity.rules.financial_operation import FinancialOperation, Purse
from yibao_identity.rules.pin import PinState
from yibao_identity.storage import tables
from yibao_identity.storage.work import unit_of_work

CLERK = parse_caller(AGENCY)


@pytest.fixture
def desk(databases: Databases) -> CardDesk:
    return CardDesk(databases.open("yibao_identity"))


def refusal(call: object, *arguments: object, **named: object) -> RuleError:
    with pytest.raises(RuleError) as caught:
        call(*arguments, **named)  # type: ignore[operator]
    return caught.value


def told_of(desk: CardDesk, card: Card) -> CredentialState:
    """Returns what the feed says of a card."""
    with desk.database.read() as connection:
        work = unit_of_work(desk.vault).open(connection, REGION)
        standing = standings_of(work, [card.person_id], now=desk.now)[card.person_id]
    (state,) = {each.state for each in standing.credentials if each.subject == card.subject}
    assert {each.kind for each in standing.credentials} == {CredentialKind.CARD}
    return state


# --- Issuing.


def test_an_issued_card_waits_for_its_activation(desk: CardDesk) -> None:
    """I-08: serial and chip; I-12: the standard; I-21: the deadline."""
    card = desk.issue(desk.person())
    assert (card.card_serial, card.chip_number) == ("S000001", "C000001")
    assert (card.standard_version, card.bank_code) == ("3", "CCB001")
    assert (card.state, card.pin_state) == (CardState.ISSUED, PinState.NOT_SET)
    assert card.activation_deadline_date == dt.date(2026, 9, 2)
    assert len(card.subject) == 13
    assert desk.read(card) == card
    assert desk.cards.of_person(REGION, card.person_id, caller=CLERK) == [card]
    assert desk.cards.with_serial(REGION, card.card_serial, caller=CLERK) == [card]
    assert told_of(desk, card) is CredentialState.NOT_ACTIVATED
    assert desk.audit("IssueCard") == [("OK", "")]


def test_the_deadline_counts_from_the_day_in_shanghai(desk: CardDesk) -> None:
    """I-21: late in the evening in UTC it is the next day already."""
    desk.now = dt.datetime(2026, 3, 2, 16, 0, tzinfo=dt.UTC)
    assert desk.issue(desk.person()).activation_deadline_date == dt.date(2026, 9, 3)


@pytest.mark.parametrize("state", CardState)
def test_a_person_gets_a_first_card_once(desk: CardDesk, state: CardState) -> None:
    """I-08, I-20: what follows it, after papers or card and days, is its replacement."""
    card = desk.in_state(state)
    refused = refusal(desk.issue, card.person_id)
    if state is CardState.CLOSED:
        assert refused.reason is Reason.REPLACEMENT_NOT_FOUND
        assert refused.metadata == {"card_id": card.card_id}
        return
    assert refused.reason is Reason.CARD_EXISTS
    found = desk.cards.of_person(REGION, card.person_id, caller=CLERK)
    standing = {each.card_id for each in found}
    assert refused.metadata["card_id"] in standing


@pytest.mark.parametrize("field", ["card_serial", "chip_number"])
def test_a_serial_or_chip_is_of_one_card_for_ever(desk: CardDesk, field: str) -> None:
    """I-08."""
    card = desk.close(desk.issue(desk.person()))
    refused = refusal(
        desk.issue, desk.person("999019199003072235"), **{field: getattr(card, field)}
    )
    assert (refused.reason, refused.metadata) == (Reason.CARD_EXISTS, {"card_id": card.card_id})


def test_no_card_for_nobody(desk: CardDesk) -> None:
    person_id, survivor = desk.person(), desk.person("999019199003072235")
    with desk.database.write() as connection:
        connection.execute(
            sa.update(tables.person)
            .where(tables.person.c.person_id == person_id)
            .values(merged_into=survivor)
        )
    assert refusal(desk.issue, person_id).reason is Reason.PERSON_MERGED
    missing = "0" * 8 + person_id[8:]
    assert refusal(desk.issue, missing).reason is Reason.PERSON_NOT_FOUND


def test_cards_of_one_person_issued_at_once_are_one_card(databases: Databases) -> None:
    """I-08."""
    desk = CardDesk(databases.open("yibao_identity"))
    person_id = desk.person()

    def issue(_: int) -> str:
        try:
            return desk.issue(person_id).card_id
        except RuleError as refused:
            return refused.metadata["card_id"]

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(issue, range(8)))) == 1
    assert desk.count(tables.card) == desk.changes() == 1


def test_one_serial_issued_to_two_persons_at_once_is_of_one(databases: Databases) -> None:
    """I-08: they wait for different persons, so only the index keeps them apart."""
    desk = CardDesk(databases.open("yibao_identity"))
    persons = [desk.person(), desk.person("999019199003072235")]

    def issue(person_id: str) -> str:
        try:
            return desk.issue(person_id, card_serial="S1").card_id
        except RuleError as refused:
            return refused.metadata["card_id"]

    with ThreadPoolExecutor(2) as threads:
        assert len(set(threads.map(issue, persons))) == 1


# --- Closing.


@pytest.mark.parametrize("state", CardState)
def test_a_card_is_closed_once(desk: CardDesk, state: CardState) -> None:
    card = desk.in_state(state)
    if state in (CardState.REPLACED, CardState.CLOSED):
        assert refusal(desk.close, card).reason is Reason.CARD_CLOSED
        return
    closed = desk.close(card, CardClosing.HOLDER_DIED)
    assert closed.state is CardState.CLOSED
    assert told_of(desk, card) is CredentialState.CLOSED
    assert desk.row(card).closing == CardClosing.HOLDER_DIED.value
    told = "closing=HOLDER_DIED death_date=2026-03-01 evidence=death/1"
    assert desk.audit("CloseCard")[-1] == ("OK", told)


@pytest.mark.parametrize("closing", [CardClosing.SURRENDERED, CardClosing.MOVED_AWAY])
def test_a_lost_card_is_not_closed_before_its_replacement_is_handed_out(
    desk: CardDesk, closing: CardClosing
) -> None:
    """I-19, I-20: a first card after it would need neither papers nor seven days."""
    card = desk.lose(desk.active(), PAPERS)
    for step in (desk.read, desk.order):
        step(card)
        refused = refusal(desk.close, card, closing)
        assert (refused.reason, refused.metadata["state"]) == (Reason.CARD_STATE, "LOST")
        assert refusal(desk.issue, card.person_id).reason is Reason.CARD_EXISTS
    assert desk.read(card).state is CardState.LOST
    desk.now += dt.timedelta(days=7)
    new = desk.collect(card)
    desk.close(card, closing)
    desk.close(new, closing)
    assert desk.next(new).state is CardState.ISSUED


@pytest.mark.parametrize("state", CardState)
def test_the_cards_of_a_merged_record_are_closed(desk: CardDesk, state: CardState) -> None:
    """I-28: one person, one record."""
    card = desk.in_state(state)
    closed = desk.transactions.change(
        REGION, lambda work: close_cards_of(work, card.person_id, at=desk.now, caller=AGENCY)
    )
    is_over = state in (CardState.REPLACED, CardState.CLOSED)
    assert (card.card_id in closed) is not is_over
    assert desk.read(card).state is (state if is_over else CardState.CLOSED)


# --- Reading.


def test_the_newest_card_of_a_person_comes_first(desk: CardDesk) -> None:
    lost = desk.active()
    new = desk.replacement(lost)
    found = desk.cards.of_person(REGION, lost.person_id, caller=CLERK)
    assert [each.card_id for each in found] == [new.card_id, lost.card_id]
    assert desk.cards.of_person("330100", lost.person_id, caller=CLERK) == []
    assert (
        refusal(desk.cards.find, "330100", lost.card_id, caller=CLERK).reason
        is Reason.CARD_NOT_FOUND
    )
    assert desk.cards.with_serial("330100", lost.card_serial, caller=CLERK) == []


@pytest.mark.parametrize(
    ("caller", "purse", "operation", "reason"),
    [
        ("bank/500100/CCB001/sun", Purse.FINANCIAL_ACCOUNT, FinancialOperation.WITHDRAW, None),
        (
            "bank/500100/ICBC01/qian",
            Purse.FINANCIAL_ACCOUNT,
            FinancialOperation.DEPOSIT,
            Reason.BANK_ACCOUNT_ELSEWHERE,
        ),
        (
            HOSPITAL,
            Purse.FINANCIAL_ACCOUNT,
            FinancialOperation.TRANSFER,
            Reason.BANK_ACCOUNT_ELSEWHERE,
        ),
        (
            "bank/500100/CCB001/sun",
            Purse.MEDICAL_ACCOUNT,
            FinancialOperation.WITHDRAW,
            Reason.CASH_WITHDRAWAL_FORBIDDEN,
        ),
    ],
)
def test_money_of_a_card_has_its_place(
    desk: CardDesk,
    caller: str,
    purse: Purse,
    operation: FinancialOperation,
    reason: Reason | None,
) -> None:
    """I-09: at the card's bank; I-10: never from the medical account."""
    card = desk.active()
    asked = ValidateOperation(REGION, parse_caller(caller), card.card_id, "", purse, operation)
    if reason is None:
        assert desk.operations.validate(asked) == "CCB001"
    else:
        assert refusal(desk.operations.validate, asked).reason is reason


def test_an_e_certificate_has_no_financial_account(desk: CardDesk) -> None:
    """I-09."""
    card = desk.active()
    own = desk.certificate(card.person_id)
    other = desk.certificate(desk.person("999019199003072235"))

    def ask(caller: str, *, card_id: str = "", certificate_id: str = "") -> Reason:
        question = ValidateOperation(
            REGION,
            parse_caller(caller),
            card_id,
            certificate_id,
            Purse.FINANCIAL_ACCOUNT,
            FinancialOperation.DEPOSIT,
        )
        return refusal(desk.operations.validate, question).reason

    assert ask(f"holder/{own}", certificate_id=own) is Reason.NO_FINANCIAL_ACCOUNT
    assert ask(f"holder/{own}", card_id=card.card_id) is Reason.BANK_ACCOUNT_ELSEWHERE
    assert ask(f"holder/{other}", certificate_id=own) is Reason.OUT_OF_SCOPE
    assert ask(f"holder/{other}", card_id=card.card_id) is Reason.OUT_OF_SCOPE
    assert desk.audit("ValidateFinancialOperation") == [("OUT_OF_SCOPE", "")] * 2
    missing = "0" * 8 + own[8:]
    assert ask(AGENCY, certificate_id=missing) is Reason.CERTIFICATE_NOT_FOUND
    assert ask(AGENCY, card_id=missing) is Reason.CARD_NOT_FOUND
    desk.close(card)
    assert ask(AGENCY, card_id=card.card_id) is Reason.CARD_CLOSED
