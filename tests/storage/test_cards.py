"""The life of cards on real databases: issued, activated, lost, replaced, closed."""

import dataclasses
import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.card_acts import (
    AGENCY,
    DOCUMENT,
    HOSPITAL,
    NO_PAPERS,
    PAPERS,
    PHARMACY,
    REGION,
    START,
)
from support.card_desk import CardDesk
from support.databases import Databases

from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.card.ending import close_cards_of
from yibao_identity.application.feed import standings_of
from yibao_identity.application.financial_operation import ValidateOperation
from yibao_identity.rules.card import (
    ActivationChannel,
    Card,
    CardClosing,
    CardState,
)
from yibao_identity.rules.card_loss import LossPapers
from yibao_identity.rules.card_use import ChipRead
from yibao_identity.rules.credential import CredentialKind, CredentialState
from yibao_identity.rules.document import ShownDocument
from yibao_identity.rules.financial_operation import FinancialOperation, Purse
from yibao_identity.rules.pin import PinState
from yibao_identity.storage import tables
from yibao_identity.storage.work import unit_of_work

CLERK = parse_caller(AGENCY)
STRANGER = ShownDocument("01", "999019198001010018")
COUNTERS = [ActivationChannel.BANK, ActivationChannel.SERVICE_CENTRE]
TERMINALS = [(ActivationChannel.HOSPITAL, HOSPITAL), (ActivationChannel.PHARMACY, PHARMACY)]


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


# --- Activating.


@pytest.mark.parametrize("channel", COUNTERS)
def test_a_counter_activates_with_card_and_document(
    desk: CardDesk, channel: ActivationChannel
) -> None:
    """I-24: bank; I-27: service centre."""
    card = desk.activate(desk.issue(desk.person()), channel)
    assert (card.state, card.activation_channel) == (CardState.ACTIVE, channel)
    assert card.activate_time == START
    assert told_of(desk, card) is CredentialState.USABLE
    assert desk.audit("ActivateCard") == [("OK", f"channel={channel.name}")]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (None, Reason.ID_REQUIRED),
        (STRANGER, Reason.ID_MISMATCH),
        (ShownDocument("04", DOCUMENT.certificate_number), Reason.ID_MISMATCH),
    ],
)
def test_a_counter_sees_the_holders_own_document(
    desk: CardDesk, document: ShownDocument | None, reason: Reason
) -> None:
    """I-24: the identity card that belongs to the card. A wrong one is on record."""
    card = desk.issue(desk.person())
    refused = refusal(desk.activate, card, document=document)
    assert refused.reason is reason
    assert desk.read(card).state is CardState.ISSUED
    expected = [("ID_MISMATCH", "")] if reason is Reason.ID_MISMATCH else []
    assert desk.audit("ActivateCard") == expected


@pytest.mark.parametrize(("channel", "caller"), TERMINALS)
def test_the_first_use_activates_by_the_chip_alone(
    desk: CardDesk, channel: ActivationChannel, caller: str
) -> None:
    """I-25: hospital; I-26: pharmacy."""
    card = desk.activate(desk.issue(desk.person()), channel, caller=caller)
    assert (card.state, card.activation_channel) == (CardState.ACTIVE, channel)


def test_a_hospital_needs_a_registered_visit_and_a_pharmacy_none(desk: CardDesk) -> None:
    """I-25, I-26."""
    card = desk.issue(desk.person())
    refused = refusal(
        desk.activate,
        card,
        ActivationChannel.HOSPITAL,
        caller=HOSPITAL,
        provider_visit_number="",
    )
    assert refused.reason is Reason.REGISTRATION_REQUIRED
    card = desk.activate(
        card, ActivationChannel.PHARMACY, caller=PHARMACY, provider_visit_number=""
    )
    assert card.state is CardState.ACTIVE


def test_a_chip_in_another_cards_body_is_no_card(desk: CardDesk) -> None:
    """I-26: serial and chip have to be of one card."""
    one, other = desk.issue(desk.person()), desk.issue(desk.person("999019199003072235"))
    mixed = ChipRead(one.card_serial, other.chip_number, desk.now)
    for channel, caller in TERMINALS:
        refused = refusal(desk.activate, one, channel, caller=caller, chip=mixed)
        assert (refused.reason, refused.metadata) == (Reason.CARD_NOT_FOUND, {})


@pytest.mark.parametrize(
    ("late", "is_believed"), [(-301, False), (-300, True), (60, True), (61, False)]
)
def test_a_first_use_is_now(desk: CardDesk, late: int, is_believed: bool) -> None:
    """I-26."""
    card = desk.issue(desk.person())
    chip = desk.chip(card, late=dt.timedelta(seconds=late))
    arguments = (card, ActivationChannel.PHARMACY)
    if is_believed:
        assert desk.activate(*arguments, caller=PHARMACY, chip=chip).state is CardState.ACTIVE
    else:
        refused = refusal(desk.activate, *arguments, caller=PHARMACY, chip=chip)
        assert refused.reason is Reason.CLOCK_SUSPECT
        assert refused.metadata == {"offset_seconds": str(late)}


@pytest.mark.parametrize(
    ("days", "reason"),
    [(184, None), (185, Reason.CARD_RESTRICTED_NOT_ACTIVATED)],
)
def test_the_first_use_activates_up_to_the_deadline(
    desk: CardDesk, days: int, reason: Reason | None
) -> None:
    """I-21, I-22: 2 March to 2 September is 184 days. A counter activates later too."""
    card = desk.issue(desk.person())
    desk.now += dt.timedelta(days=days)
    arguments = (card, ActivationChannel.PHARMACY)
    if reason is None:
        assert desk.activate(*arguments, caller=PHARMACY).state is CardState.ACTIVE
        return
    assert desk.read(card).state is CardState.RESTRICTED
    assert told_of(desk, card) is CredentialState.RESTRICTED
    assert refusal(desk.activate, *arguments, caller=PHARMACY).reason is reason
    assert desk.activate(card).state is CardState.ACTIVE


def test_a_card_is_activated_once(desk: CardDesk) -> None:
    """I-24."""
    card = desk.active()
    refused = refusal(desk.activate, card)
    assert refused.reason is Reason.CARD_STATE
    assert refused.metadata == {"card_id": card.card_id, "state": "ACTIVE"}


def test_a_suspended_card_is_not_activated(desk: CardDesk) -> None:
    """I-04."""
    card = desk.issue(desk.person())
    case_id = card.person_id
    with desk.database.write() as connection:
        connection.execute(sa.update(tables.card).values(suspension_case_id=case_id))
    refused = refusal(desk.activate, card)
    assert (refused.reason, refused.metadata) == (Reason.CARD_SUSPENDED, {"case_id": case_id})


def suspend(desk: CardDesk, card: Card) -> str:
    """Suspends a card and returns the case."""
    with desk.database.write() as connection:
        connection.execute(
            sa.update(tables.card)
            .where(tables.card.c.card_id == card.card_id)
            .values(suspension_case_id=card.person_id)
        )
    return card.person_id


def test_a_suspended_card_is_not_shaken_off_by_closing_it(desk: CardDesk) -> None:
    """I-04: there is no other card before the suspension is lifted."""
    card = desk.active()
    case_id = suspend(desk, card)
    desk.close(card)
    refused = refusal(desk.issue, card.person_id)
    assert (refused.reason, refused.metadata) == (Reason.CARD_SUSPENDED, {"case_id": case_id})
    with desk.database.write() as connection:
        connection.execute(sa.update(tables.card).values(suspension_case_id=None))
    assert desk.next(card).state is CardState.ISSUED


@pytest.mark.parametrize("is_closed", [False, True])
def test_the_replacement_of_a_card_that_was_suspended_meanwhile_is_not_activated(
    desk: CardDesk, is_closed: bool
) -> None:
    """I-04: the suspension came after the new card was handed out."""
    lost = desk.active()
    new = desk.replacement(lost)
    case_id = suspend(desk, lost)
    if is_closed:
        desk.close(lost)
    refused = refusal(desk.activate, new)
    assert (refused.reason, refused.metadata) == (Reason.CARD_SUSPENDED, {"case_id": case_id})
    assert desk.read(new).state is CardState.ISSUED


def test_a_repeated_activation_gets_the_same_answer(desk: CardDesk) -> None:
    """I-23: told once to settlement, once on record."""
    card, request = desk.issue(desk.person()), desk.request("ActivateCard")
    changes = desk.changes()
    first = desk.activate(card, request=request)
    desk.now += dt.timedelta(days=1)
    assert desk.activate(card, request=request) == first
    assert desk.changes() == changes + 1
    assert len(desk.audit("ActivateCard")) == 1


# --- Losing and replacing.


@pytest.mark.parametrize("state", CardState)
def test_a_loss_freezes_at_once(desk: CardDesk, state: CardState) -> None:
    """I-19: with or without papers, whatever the card was doing."""
    card = desk.in_state(state)
    if state in (CardState.REPLACED, CardState.CLOSED):
        assert refusal(desk.lose, card).reason is Reason.CARD_CLOSED
        return
    lost = desk.lose(card, NO_PAPERS)
    assert lost.state is CardState.LOST
    assert lost.loss_report_time is not None
    assert told_of(desk, card) is CredentialState.LOST
    assert refusal(desk.activate, card).reason is Reason.CARD_REPORTED_LOST


def test_a_card_reported_again_stays_as_it_is_but_takes_papers(desk: CardDesk) -> None:
    """I-19."""
    card = desk.active()
    first = desk.lose(card, LossPapers("letter/1", ""))
    desk.now += dt.timedelta(days=3)
    again = desk.lose(card, LossPapers("letter/2", "stamp/1"))
    assert again == dataclasses.replace(first, papers=LossPapers("letter/1", "stamp/1"))


def test_a_holder_reports_the_loss_of_the_own_card_only(desk: CardDesk) -> None:
    """I-19. What a stranger tried is on record."""
    card = desk.active()
    own = desk.certificate(card.person_id)
    other = desk.certificate(desk.person("999019199003072235"))
    refused = refusal(desk.lose, card, caller=f"holder/{other}")
    assert refused.reason is Reason.OUT_OF_SCOPE
    assert desk.read(card).state is CardState.ACTIVE
    assert desk.lose(card, caller=f"holder/{own}").state is CardState.LOST
    assert desk.audit("ReportCardLoss") == [("OUT_OF_SCOPE", ""), ("OK", "")]


@pytest.mark.parametrize(
    ("with_report", "with_order", "missing"),
    [
        (NO_PAPERS, NO_PAPERS, "employer_letter,office_confirmation"),
        (NO_PAPERS, LossPapers("a", ""), "office_confirmation"),
        (LossPapers("a", ""), NO_PAPERS, "office_confirmation"),
        (LossPapers("", "b"), NO_PAPERS, "employer_letter"),
        (LossPapers("a", ""), LossPapers("", "b"), ""),
        (PAPERS, NO_PAPERS, ""),
        (NO_PAPERS, PAPERS, ""),
    ],
)
def test_a_replacement_needs_both_papers(
    desk: CardDesk, with_report: LossPapers, with_order: LossPapers, missing: str
) -> None:
    """I-19: given with the report or the order."""
    card = desk.lose(desk.active(), with_report)
    if missing:
        refused = refusal(desk.order, card, with_order)
        assert refused.reason is Reason.MATERIAL_MISSING
        assert refused.metadata == {"missing": missing}
        assert desk.read(card).replacement is None
        return
    ordered = desk.order(card, with_order)
    assert ordered.replacement is not None
    assert ordered.replacement.ready_date == dt.date(2026, 3, 9)


@pytest.mark.parametrize(
    "state", [each for each in CardState if each not in (CardState.LOST, CardState.CLOSED)]
)
def test_a_card_that_has_not_ended_has_no_replacement(desk: CardDesk, state: CardState) -> None:
    """I-19, I-20."""
    card = desk.in_state(state)
    for call in (desk.order, desk.collect):
        refused = refusal(call, card)
        assert refused.reason is Reason.CARD_STATE
        assert refused.metadata == {"card_id": card.card_id, "state": state.name}


def test_a_replacement_is_ordered_once(desk: CardDesk) -> None:
    """I-20."""
    card = desk.lose(desk.active())
    desk.order(card)
    refused = refusal(desk.order, card)
    assert refused.reason is Reason.REPLACEMENT_EXISTS
    assert refused.metadata == {"card_id": card.card_id}


def test_nothing_is_collected_that_was_not_ordered(desk: CardDesk) -> None:
    """I-20."""
    card = desk.lose(desk.active())
    refused = refusal(desk.collect, card)
    assert refused.reason is Reason.REPLACEMENT_NOT_FOUND
    assert refused.metadata == {"card_id": card.card_id}


@pytest.mark.parametrize(("days", "is_ready"), [(0, False), (6, False), (7, True), (400, True)])
def test_a_replacement_is_collected_from_the_seventh_day(
    desk: CardDesk, days: int, is_ready: bool
) -> None:
    """I-20."""
    card = desk.lose(desk.active())
    desk.order(card)
    desk.now += dt.timedelta(days=days)
    if not is_ready:
        refused = refusal(desk.collect, card)
        assert refused.reason is Reason.REPLACEMENT_NOT_READY
        assert refused.metadata == {"ready_date": "2026-03-09"}
        return
    new = desk.collect(card)
    assert (new.state, new.pin_state) == (CardState.ISSUED, PinState.NOT_SET)
    assert (new.replaces_card_id, new.person_id) == (card.card_id, card.person_id)
    assert new.subject != card.subject
    replacement = desk.read(card).replacement
    assert replacement is not None
    assert replacement.card_id == new.card_id
    again = refusal(desk.collect, card)
    assert (again.reason, again.metadata) == (Reason.CARD_EXISTS, {"card_id": new.card_id})


@pytest.mark.parametrize("call", ["order", "collect"])
@pytest.mark.parametrize(
    ("document", "reason"), [(None, Reason.ID_REQUIRED), (STRANGER, Reason.ID_MISMATCH)]
)
def test_a_replacement_is_for_the_holder(
    desk: CardDesk, call: str, document: ShownDocument | None, reason: Reason
) -> None:
    """I-19, I-20: with the identity document."""
    card = desk.lose(desk.active())
    if call == "collect":
        desk.order(card)
        desk.now += dt.timedelta(days=7)
    assert refusal(getattr(desk, call), card, document=document).reason is reason


def test_a_replacement_with_a_serial_in_use_is_not_handed_out(desk: CardDesk) -> None:
    """I-20."""
    card = desk.lose(desk.active())
    desk.order(card)
    desk.now += dt.timedelta(days=7)
    refused = refusal(desk.collect, card, card_serial=card.card_serial)
    assert (refused.reason, refused.metadata) == (Reason.CARD_EXISTS, {"card_id": card.card_id})


def test_activating_the_replacement_ends_the_lost_card(desk: CardDesk) -> None:
    """I-23: in one transaction; both cards name one person, whose account stays."""
    lost = desk.active()
    new = desk.replacement(lost)
    assert desk.read(lost).state is CardState.LOST
    active = desk.activate(new)
    assert (active.state, active.replaces_card_id) == (CardState.ACTIVE, lost.card_id)
    assert desk.read(lost).state is CardState.REPLACED
    assert told_of(desk, lost) is CredentialState.REPLACED
    assert told_of(desk, new) is CredentialState.USABLE
    assert active.pin_state is PinState.NOT_SET
    assert desk.audit("ActivateCard")[-1] == ("OK", f"channel=BANK replaced={lost.card_id}")


def test_a_replacement_that_was_lost_itself_is_replaced_too(desk: CardDesk) -> None:
    """I-20, I-23: activating the last of a row ends all before it."""
    first = desk.active()
    second = desk.replacement(first)
    third = desk.replacement(second)
    assert desk.read(first).state is desk.read(second).state is CardState.LOST
    desk.activate(third)
    assert desk.read(first).state is desk.read(second).state is CardState.REPLACED


def test_a_lost_card_that_was_closed_meanwhile_stays_closed(desk: CardDesk) -> None:
    """I-23."""
    lost = desk.active()
    new = desk.replacement(lost)
    desk.close(lost)
    assert desk.activate(new).state is CardState.ACTIVE
    assert desk.read(lost).state is CardState.CLOSED


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
