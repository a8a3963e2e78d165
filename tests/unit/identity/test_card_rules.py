"""The life of a card: every step of the table, every step that is not in it, every limit."""

import dataclasses
import datetime as dt
import itertools

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.card import (
    TRANSITIONS,
    ActivationChannel,
    Card,
    CardEvent,
    CardLimits,
    CardState,
    activation_deadline,
    card_exists,
    card_not_found,
    check_not_closed,
    check_pin_may_be_set,
    check_replaceable,
    check_usable,
    credential_state,
    is_standing,
    state_after,
    state_on,
)
from yibao_identity.rules.card_loss import (
    LossPapers,
    Replacement,
    check_papers,
    check_ready,
    merged_papers,
    ready_date,
)
from yibao_identity.rules.card_use import (
    ChipRead,
    check_may_spend,
    check_original,
    check_read_time,
    check_registration,
)
from yibao_identity.rules.credential import CredentialState
from yibao_identity.rules.pin import PinState

NOW = dt.datetime(2026, 3, 2, 4, 0, tzinfo=dt.UTC)
S, E = CardState, CardEvent

CARD = Card(
    region="500100",
    card_id="c",
    person_id="p",
    subject="0" * 13,
    card_serial="S1",
    chip_number="C1",
    standard_version="3",
    bank_code="CCB001",
    state=S.ACTIVE,
    issue_time=NOW,
    activation_deadline_date=dt.date(2026, 9, 2),
    activate_time=None,
    activation_channel=None,
    loss_report_time=None,
    papers=LossPapers(),
    replaces_card_id=None,
    suspension_case_id=None,
    pin_state=PinState.SET,
    transactions=0,
    printed_transactions=0,
    replacement=None,
)

# Written out a second time on purpose: the table in the code is the rule, this is the
# reading of I-19 to I-27.
STEPS = {
    (S.ISSUED, E.ACTIVATE_AT_COUNTER): S.ACTIVE,
    (S.ISSUED, E.ACTIVATE_AT_FIRST_USE): S.ACTIVE,
    (S.ISSUED, E.DEADLINE_PASSED): S.RESTRICTED,
    (S.ISSUED, E.REPORT_LOSS): S.LOST,
    (S.ISSUED, E.CLOSE): S.CLOSED,
    (S.ISSUED, E.MERGED): S.CLOSED,
    (S.ACTIVE, E.REPORT_LOSS): S.LOST,
    (S.ACTIVE, E.CLOSE): S.CLOSED,
    (S.ACTIVE, E.MERGED): S.CLOSED,
    (S.RESTRICTED, E.ACTIVATE_AT_COUNTER): S.ACTIVE,
    (S.RESTRICTED, E.REPORT_LOSS): S.LOST,
    (S.RESTRICTED, E.CLOSE): S.CLOSED,
    (S.RESTRICTED, E.MERGED): S.CLOSED,
    (S.LOST, E.REPLACEMENT_ACTIVATED): S.REPLACED,
    (S.LOST, E.CLOSE): S.CLOSED,
    (S.LOST, E.MERGED): S.CLOSED,
}
REFUSED = {
    S.ISSUED: Reason.CARD_NOT_ACTIVATED,
    S.ACTIVE: Reason.CARD_STATE,
    S.RESTRICTED: Reason.CARD_RESTRICTED_NOT_ACTIVATED,
    S.LOST: Reason.CARD_REPORTED_LOST,
    S.REPLACED: Reason.CARD_CLOSED,
    S.CLOSED: Reason.CARD_CLOSED,
}


def card(state: CardState = S.ACTIVE, **changes: object) -> Card:
    return dataclasses.replace(CARD, state=state, **changes)  # type: ignore[arg-type]


def refusal(check: object, *arguments: object, **named: object) -> RuleError:
    with pytest.raises(RuleError) as caught:
        check(*arguments, **named)  # type: ignore[operator]
    return caught.value


def test_the_table_holds_these_steps_and_no_other() -> None:
    """I-19, I-21, I-22, I-23, I-24, I-25, I-26, I-27: what may happen to a card."""
    assert dict(TRANSITIONS) == STEPS


@pytest.mark.parametrize(("state", "event"), list(itertools.product(CardState, CardEvent)))
def test_each_event_in_each_state_is_a_step_or_a_refusal(
    state: CardState, event: CardEvent
) -> None:
    """I-19 to I-27: I-19, I-21, I-22, I-27 name the refusals."""
    if (state, event) in STEPS:
        assert state_after(card(state), event) is STEPS[state, event]
        return
    refused = refusal(state_after, card(state), event)
    assert refused.reason is REFUSED[state]
    expected = {"card_id": "c", "state": "ACTIVE"} if state is S.ACTIVE else {}
    assert refused.metadata == expected


@pytest.mark.parametrize("channel", ActivationChannel)
def test_a_restricted_card_is_activated_at_a_counter_only(channel: ActivationChannel) -> None:
    """I-21, I-22: after the deadline a first use no longer activates, a counter does."""
    is_counter = channel in (ActivationChannel.BANK, ActivationChannel.SERVICE_CENTRE)
    if is_counter:
        assert state_after(card(S.RESTRICTED), channel.event) is S.ACTIVE
    else:
        refused = refusal(state_after, card(S.RESTRICTED), channel.event)
        assert refused.reason is Reason.CARD_RESTRICTED_NOT_ACTIVATED


@pytest.mark.parametrize(
    ("issued", "deadline"),
    [
        ("2026-03-02", "2026-09-02"),
        ("2026-08-31", "2027-02-28"),
        ("2027-08-31", "2028-02-29"),
        ("2027-08-30", "2028-02-29"),
        ("2027-08-29", "2028-02-29"),
        ("2027-08-28", "2028-02-28"),
        ("2026-12-31", "2027-06-30"),
    ],
)
def test_the_deadline_is_six_calendar_months_after_issue(issued: str, deadline: str) -> None:
    """I-21: half a year, clamped to the end of a shorter month."""
    found = activation_deadline(
        dt.date.fromisoformat(issued), months=CardLimits().activation_months
    )
    assert found.isoformat() == deadline


@pytest.mark.parametrize(
    ("today", "state"),
    [("2026-09-01", S.ISSUED), ("2026-09-02", S.ISSUED), ("2026-09-03", S.RESTRICTED)],
)
def test_a_card_is_restricted_from_the_day_after_its_deadline(today: str, state: CardState) -> None:
    """I-21, I-22: on the last day it still activates."""
    deadline, day = dt.date(2026, 9, 2), dt.date.fromisoformat(today)
    assert state_on(S.ISSUED, activation_deadline_date=deadline, today=day) is state


@pytest.mark.parametrize("state", [each for each in CardState if each is not S.ISSUED])
def test_only_a_card_that_was_never_activated_is_restricted(state: CardState) -> None:
    """I-21."""
    past = dt.date(2020, 1, 1)
    assert state_on(state, activation_deadline_date=past, today=dt.date(2026, 1, 1)) is state


def test_the_published_limits_are_the_defaults() -> None:
    """I-13: 5 tries; I-18: 60 transactions; I-20: 7 days; I-21: 6 months."""
    assert CardLimits() == CardLimits(
        activation_months=6, replacement_days=7, pin_tries=5, transactions_until_print=60
    )


@pytest.mark.parametrize(
    ("today", "is_ready"),
    [("2026-03-02", False), ("2026-03-08", False), ("2026-03-09", True), ("2026-03-10", True)],
)
def test_a_replacement_is_ready_on_the_seventh_day(today: str, is_ready: bool) -> None:
    """I-20: ordered on 2 March, collected from 9 March on."""
    day = ready_date(dt.date(2026, 3, 2), days=CardLimits().replacement_days)
    order = Replacement(NOW, day, None)
    if is_ready:
        check_ready(order, today=dt.date.fromisoformat(today))
    else:
        refused = refusal(check_ready, order, today=dt.date.fromisoformat(today))
        assert refused.reason is Reason.REPLACEMENT_NOT_READY
        assert refused.metadata == {"ready_date": "2026-03-09"}


@pytest.mark.parametrize(
    ("papers", "missing"),
    [
        (LossPapers(), "employer_letter,office_confirmation"),
        (LossPapers("a", ""), "office_confirmation"),
        (LossPapers("", "b"), "employer_letter"),
        (LossPapers("a", "b"), ""),
    ],
)
def test_all_missing_papers_are_named_at_once(papers: LossPapers, missing: str) -> None:
    """I-19: the employer's letter and the office's stamp."""
    if not missing:
        check_papers(papers)
        return
    refused = refusal(check_papers, papers)
    assert refused.reason is Reason.MATERIAL_MISSING
    assert refused.metadata == {"missing": missing}


def test_papers_that_were_given_before_stay() -> None:
    """I-19."""
    known, given = LossPapers("a", ""), LossPapers("x", "y")
    assert merged_papers(known, given) == LossPapers("a", "y")


@pytest.mark.parametrize(
    ("state", "is_suspended", "expected"),
    [
        (S.ISSUED, False, CredentialState.NOT_ACTIVATED),
        (S.ACTIVE, False, CredentialState.USABLE),
        (S.ACTIVE, True, CredentialState.SUSPENDED),
        (S.RESTRICTED, False, CredentialState.RESTRICTED),
        (S.RESTRICTED, True, CredentialState.RESTRICTED),
        (S.LOST, True, CredentialState.LOST),
        (S.REPLACED, False, CredentialState.REPLACED),
        (S.CLOSED, True, CredentialState.CLOSED),
    ],
)
def test_settlement_is_told_what_a_card_is_worth(
    state: CardState, is_suspended: bool, expected: CredentialState
) -> None:
    """I-04, I-19, I-21."""
    assert credential_state(state, is_suspended=is_suspended) is expected


@pytest.mark.parametrize("state", CardState)
def test_only_an_active_card_is_used_at_terminals(state: CardState) -> None:
    """I-19, I-21, I-27."""
    if state is S.ACTIVE:
        check_usable(card(state))
    else:
        assert refusal(check_usable, card(state)).reason is REFUSED[state]


@pytest.mark.parametrize("check", [check_usable, check_pin_may_be_set])
def test_a_suspended_card_is_refused_with_its_case(check: object) -> None:
    """I-04."""
    refused = refusal(check, card(suspension_case_id="k"))
    assert refused.reason is Reason.CARD_SUSPENDED
    assert refused.metadata == {"case_id": "k"}


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (S.ISSUED, None),
        (S.ACTIVE, None),
        (S.RESTRICTED, Reason.CARD_STATE),
        (S.LOST, Reason.CARD_REPORTED_LOST),
        (S.REPLACED, Reason.CARD_CLOSED),
        (S.CLOSED, Reason.CARD_CLOSED),
    ],
)
def test_a_pin_is_set_on_a_card_that_is_new_or_in_use(
    state: CardState, reason: Reason | None
) -> None:
    """I-13, I-26: a first use in a pharmacy can be the first thing after the counter."""
    if reason is None:
        check_pin_may_be_set(card(state))
    else:
        assert refusal(check_pin_may_be_set, card(state)).reason is reason


@pytest.mark.parametrize("state", CardState)
def test_a_card_is_replaced_once_it_is_lost_or_was_handed_in(state: CardState) -> None:
    """I-19, I-20."""
    if state in (S.LOST, S.CLOSED):
        check_replaceable(card(state))
        return
    refused = refusal(check_replaceable, card(state))
    assert refused.reason is Reason.CARD_STATE
    assert refused.metadata == {"card_id": "c", "state": state.name}


def test_a_replacement_is_no_way_around_a_suspension() -> None:
    """I-04, I-20."""
    refused = refusal(check_replaceable, card(S.LOST, suspension_case_id="k"))
    assert refused.reason is Reason.CARD_SUSPENDED
    assert refused.metadata == {"case_id": "k"}


@pytest.mark.parametrize("state", CardState)
def test_closed_and_replaced_cards_are_over(state: CardState) -> None:
    """I-23."""
    is_over = state in (S.REPLACED, S.CLOSED)
    assert is_standing(state) is not is_over
    if is_over:
        assert refusal(check_not_closed, card(state)).reason is Reason.CARD_CLOSED
    else:
        check_not_closed(card(state))


@pytest.mark.parametrize(
    ("offset", "is_believed"),
    [
        (dt.timedelta(seconds=-300, microseconds=-1), False),
        (dt.timedelta(seconds=-300), True),
        (dt.timedelta(0), True),
        (dt.timedelta(seconds=60), True),
        (dt.timedelta(seconds=60, microseconds=1), False),
        (dt.timedelta(hours=8), False),
    ],
)
def test_a_chip_was_read_five_minutes_ago_to_one_ahead(
    offset: dt.timedelta, is_believed: bool
) -> None:
    chip = ChipRead("S1", "C1", NOW + offset)
    if is_believed:
        check_read_time(chip, now=NOW)
        return
    refused = refusal(check_read_time, chip, now=NOW)
    assert refused.reason is Reason.CLOCK_SUSPECT
    assert refused.metadata == {"offset_seconds": str(round(offset.total_seconds()))}


@pytest.mark.parametrize(
    ("transactions", "printed", "may_spend"),
    [
        (0, 0, True),
        (59, 0, True),
        (60, 0, False),
        (61, 0, False),
        (119, 60, True),
        (120, 60, False),
    ],
)
def test_the_sixtieth_transaction_succeeds_and_the_next_is_refused(
    transactions: int, printed: int, may_spend: bool
) -> None:
    """I-18: counted since the last printing."""
    used = card(transactions=transactions, printed_transactions=printed)
    if may_spend:
        check_may_spend(used, most=60)
        return
    refused = refusal(check_may_spend, used, most=60)
    assert refused.reason is Reason.STATEMENT_PRINT_REQUIRED
    assert refused.metadata == {"transactions": str(transactions - printed)}


def test_what_has_to_be_there_is_asked_for() -> None:
    """I-24: the original card; I-25: a registered visit."""
    check_original(True)
    check_registration("V1")
    assert refusal(check_original, False).reason is Reason.ORIGINAL_REQUIRED
    assert refusal(check_registration, "").reason is Reason.REGISTRATION_REQUIRED


def test_refusals_of_cards_name_what_was_asked_for() -> None:
    assert card_not_found("c").metadata == {"card_id": "c"}
    assert card_not_found().metadata == {}
    assert card_exists("c").metadata == {"card_id": "c"}
