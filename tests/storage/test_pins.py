"""PINs on real databases: every wrong try counted, whoever tries at the same time."""

import datetime as dt
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.card_acts import DOCUMENT, HOSPITAL, OTHER_PIN, PIN, REGION
from support.card_desk import CardDesk
from support.databases import Databases
from support.memory.pin_hashing import quick_hash

from yibao_common.db.database import Database
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.card.rows import CardName
from yibao_identity.rules.card import Card, CardState
from yibao_identity.rules.document import ShownDocument
from yibao_identity.rules.pin import PinState
from yibao_identity.storage import tables

STRANGER = ShownDocument("01", "999019198001010018")
WRONG = "111118"
USABLE = (CardState.ISSUED, CardState.ACTIVE)


@pytest.fixture
def desk(databases: Databases) -> CardDesk:
    return CardDesk(databases.open("yibao_identity"))


def refusal(call: object, *arguments: object, **named: object) -> RuleError:
    with pytest.raises(RuleError) as caught:
        call(*arguments, **named)  # type: ignore[operator]
    return caught.value


def reason_of(call: object, *arguments: object, **named: object) -> Reason | None:
    try:
        call(*arguments, **named)  # type: ignore[operator]
    except RuleError as refused:
        return refused.reason
    return None


def lock(desk: CardDesk, card: Card) -> None:
    """Tries a wrong PIN until it is locked."""
    for _ in range(5):
        refusal(desk.verify, card, WRONG)


# --- Setting the first one.


def test_a_counter_sets_the_first_pin(desk: CardDesk) -> None:
    """I-13."""
    card = desk.set_pin(desk.active(pin=None))
    assert card.pin_state is PinState.SET
    assert refusal(desk.set_pin, card).reason is Reason.PIN_ALREADY_SET
    assert desk.verify(card).card_id == card.card_id
    assert desk.audit("SetPin") == [("OK", "")]


@pytest.mark.parametrize(
    ("shown", "document", "pin", "reason"),
    [
        (False, DOCUMENT, PIN, Reason.ORIGINAL_REQUIRED),
        (True, None, PIN, Reason.ID_REQUIRED),
        (True, STRANGER, PIN, Reason.ID_MISMATCH),
        (True, DOCUMENT, "123456", Reason.PIN_TOO_SIMPLE),
        (True, DOCUMENT, "900307", Reason.PIN_TOO_SIMPLE),
        (True, DOCUMENT, "071232", Reason.PIN_TOO_SIMPLE),
    ],
)
def test_a_first_pin_needs_card_and_document_and_is_no_simple_one(
    desk: CardDesk, shown: bool, document: ShownDocument | None, pin: str, reason: Reason
) -> None:
    """I-13, I-24."""
    card = desk.active(pin=None)
    refused = refusal(desk.set_pin, card, pin, is_original_card_shown=shown, document=document)
    assert refused.reason is reason
    assert desk.read(card).pin_state is PinState.NOT_SET


@pytest.mark.parametrize("state", CardState)
def test_pins_of_cards_in_each_state(desk: CardDesk, state: CardState) -> None:
    """I-13, I-15, I-19: changed while a card lives, verified while it is in use."""
    card = desk.in_state(state)
    if state in USABLE:
        assert reason_of(desk.change_pin, card, OTHER_PIN) is None
        assert reason_of(desk.reset_pin, card, PIN) is None
    else:
        expected = {
            CardState.RESTRICTED: Reason.CARD_STATE,
            CardState.LOST: Reason.CARD_REPORTED_LOST,
        }.get(state, Reason.CARD_CLOSED)
        assert reason_of(desk.change_pin, card) is expected
        assert reason_of(desk.reset_pin, card) is expected
    expected_of_use = {
        CardState.ISSUED: Reason.CARD_NOT_ACTIVATED,
        CardState.ACTIVE: None,
        CardState.RESTRICTED: Reason.CARD_RESTRICTED_NOT_ACTIVATED,
        CardState.LOST: Reason.CARD_REPORTED_LOST,
    }.get(state, Reason.CARD_CLOSED)
    assert reason_of(desk.verify, card) is expected_of_use
    is_over = state in (CardState.REPLACED, CardState.CLOSED)
    assert reason_of(desk.report_pin, card) is (Reason.CARD_CLOSED if is_over else None)


def test_a_pin_is_not_copied_to_the_replacement(desk: CardDesk) -> None:
    """I-13, I-23."""
    new = desk.activate(desk.replacement(desk.active()))
    assert new.pin_state is PinState.NOT_SET
    for call in (desk.verify, desk.change_pin, desk.reset_pin, desk.report_pin):
        assert reason_of(call, new) is Reason.PIN_NOT_SET


# --- Trying.


def test_five_wrong_tries_lock_and_then_the_right_pin_is_refused_too(desk: CardDesk) -> None:
    """I-13. Each try is on record, the last as the one that locked."""
    card = desk.active()
    for left in (4, 3, 2, 1, 0):
        refused = refusal(desk.verify, card, WRONG)
        assert refused.reason is Reason.PIN_INCORRECT
        assert refused.metadata == {"tries_left": str(left)}
        assert desk.row(card).wrong_tries == 5 - left
    assert desk.read(card).pin_state is PinState.LOCKED
    assert refusal(desk.verify, card, PIN).reason is Reason.PIN_LOCKED
    assert refusal(desk.verify, card, WRONG).reason is Reason.PIN_LOCKED
    assert desk.row(card).wrong_tries == 5
    assert desk.audit("VerifyPin") == [
        ("PIN_INCORRECT", "tries_left=4"),
        ("PIN_INCORRECT", "tries_left=3"),
        ("PIN_INCORRECT", "tries_left=2"),
        ("PIN_INCORRECT", "tries_left=1"),
        ("PIN_LOCKED", "tries_left=0"),
        ("PIN_LOCKED", ""),
        ("PIN_LOCKED", ""),
    ]


def test_the_right_pin_begins_the_count_anew(desk: CardDesk) -> None:
    """I-13."""
    card = desk.active()
    for _ in range(3):
        for _ in range(4):
            refusal(desk.verify, card, WRONG)
        desk.verify(card)
        assert desk.row(card).wrong_tries == 0


def test_tries_of_all_calls_count_together(desk: CardDesk) -> None:
    """I-13, I-14: at the terminal, for a purchase, by telephone."""
    card = desk.active()
    refusal(desk.verify, card, WRONG)
    refusal(desk.authorize, card, WRONG)
    refusal(desk.change_pin, card, old=WRONG)
    refusal(desk.authorize, card, WRONG, audience="01101")
    assert refusal(desk.verify, card, WRONG).metadata == {"tries_left": "0"}
    for call in (desk.verify, desk.authorize, desk.change_pin):
        assert refusal(call, card).reason is Reason.PIN_LOCKED


@pytest.mark.parametrize("pin", [PIN, WRONG])
def test_a_repeated_try_counts_once(desk: CardDesk, pin: str) -> None:
    """I-13: a terminal that heard no answer sends the same request again."""
    card, request = desk.active(), desk.request("VerifyPin", HOSPITAL)
    told = {(reason_of(desk.verify, card, pin, request=request)) for _ in range(4)}
    assert told == {None if pin == PIN else Reason.PIN_INCORRECT}
    assert desk.row(card).wrong_tries == (0 if pin == PIN else 1)
    assert len(desk.audit("VerifyPin")) == 1


def test_a_repeated_wrong_try_is_told_the_same_after_the_lock_was_opened(desk: CardDesk) -> None:
    """I-13: an answer that was given stays given."""
    card, request = desk.active(), desk.request("VerifyPin", HOSPITAL)
    first = refusal(desk.verify, card, WRONG, request=request)
    desk.reset_pin(card, OTHER_PIN)
    again = refusal(desk.verify, card, WRONG, request=request)
    assert (again.reason, again.metadata) == (first.reason, first.metadata)
    assert desk.row(card).wrong_tries == 0


@pytest.mark.parametrize("method", ["VerifyPin", "AuthorizeCard", "SetPin"])
def test_a_request_id_used_again_with_another_pin_is_a_try(desk: CardDesk, method: str) -> None:
    """I-13: that the id is refused tells that the PIN is not the one of the first request."""
    card = desk.active(pin=None)
    calls: dict[str, Callable[..., object]] = {
        "VerifyPin": desk.verify,
        "AuthorizeCard": desk.authorize,
        "SetPin": desk.set_pin,
    }
    if method != "SetPin":
        desk.set_pin(card)
    first = desk.request(method, HOSPITAL)
    calls[method](card, PIN, request=first)
    for tries in range(1, 6):
        guess = first._replace(digest=bytes([tries]) * 32)
        refused = refusal(calls[method], card, WRONG, request=guess)
        assert refused.reason is Reason.REQUEST_ID_REUSED
        assert desk.row(card).wrong_tries == tries
    assert desk.read(card).pin_state is PinState.LOCKED
    told = [outcome for outcome, _ in desk.audit(method) if outcome != "OK"]
    assert told == ["PIN_INCORRECT"] * 4 + ["PIN_LOCKED"]


def test_a_request_id_used_again_with_the_right_pin_is_no_try(desk: CardDesk) -> None:
    """I-13: a terminal that reads the chip again and forgets to take another id."""
    card, first = desk.active(), desk.request("VerifyPin", HOSPITAL)
    desk.verify(card, request=first)
    again = first._replace(digest=b"e" * 32)
    assert refusal(desk.verify, card, request=again).reason is Reason.REQUEST_ID_REUSED
    assert desk.row(card).wrong_tries == 0
    assert desk.audit("VerifyPin")[-1] == ("REQUEST_ID_REUSED", "")


def test_many_terminals_at_once_get_five_wrong_tries(databases: Databases) -> None:
    """I-13: two processes over one database, eight terminals in each."""
    first = databases.open("yibao_identity")
    url = first.engine.url.render_as_string(hide_password=False)
    second = Database(url)
    desks = [CardDesk(first), CardDesk(second)]
    card = desks[0].active()
    start = threading.Barrier(8)

    def attempt(number: int) -> Reason | None:
        start.wait()
        return reason_of(desks[number % 2].verify, card, WRONG)

    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(attempt, range(16)))
    second.close()
    assert told.count(Reason.PIN_INCORRECT) == 5
    assert told.count(Reason.PIN_LOCKED) == 11
    assert desks[0].row(card).wrong_tries == 5


def test_one_request_sent_twice_at_once_is_one_try(databases: Databases) -> None:
    """I-13."""
    desk = CardDesk(databases.open("yibao_identity"))
    card, request = desk.active(), desk.request("VerifyPin", HOSPITAL)
    start = threading.Barrier(4)

    def attempt(_: int) -> Reason | None:
        start.wait()
        return reason_of(desk.verify, card, WRONG, request=request)

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(attempt, range(4))) == {Reason.PIN_INCORRECT}
    assert desk.row(card).wrong_tries == 1


@pytest.mark.parametrize(
    ("late", "reason"),
    [(-301, Reason.CLOCK_SUSPECT), (-300, None), (60, None), (61, Reason.CLOCK_SUSPECT)],
)
def test_a_pin_is_tried_at_a_chip_that_was_read_now(
    desk: CardDesk, late: int, reason: Reason | None
) -> None:
    """I-13."""
    card = desk.active()
    read = desk.chip
    late_chip = read(card, late=dt.timedelta(seconds=late))
    desk.chip = lambda _card, **_named: late_chip  # type: ignore[method-assign]
    assert reason_of(desk.verify, card) is reason


# --- Changing, forgetting, resetting.


def test_a_pin_is_changed_by_telephone_with_the_old_one(desk: CardDesk) -> None:
    """I-14."""
    card = desk.change_pin(desk.active())
    assert reason_of(desk.verify, card, OTHER_PIN) is None
    assert reason_of(desk.verify, card, PIN) is Reason.PIN_INCORRECT


def test_a_wrong_old_pin_by_telephone_counts(desk: CardDesk) -> None:
    """I-13, I-14."""
    card = desk.active()
    refused = refusal(desk.change_pin, card, old=WRONG)
    assert (refused.reason, refused.metadata) == (Reason.PIN_INCORRECT, {"tries_left": "4"})
    assert reason_of(desk.verify, card, PIN) is None


@pytest.mark.parametrize(
    ("document", "old", "reason"),
    [
        (DOCUMENT, None, None),
        (DOCUMENT, PIN, None),
        (DOCUMENT, WRONG, Reason.PIN_INCORRECT),
        (None, PIN, Reason.ID_REQUIRED),
        (STRANGER, PIN, Reason.ID_MISMATCH),
    ],
)
def test_a_pin_is_changed_at_a_counter_with_the_document(
    desk: CardDesk, document: ShownDocument | None, old: str | None, reason: Reason | None
) -> None:
    """I-14."""
    card = desk.active()
    found = reason_of(desk.change_pin, card, old=old, at_counter=True, document=document)
    assert found is reason
    assert reason_of(desk.verify, card, PIN if reason else OTHER_PIN) is None


def test_a_simple_new_pin_changes_nothing(desk: CardDesk) -> None:
    """I-14."""
    card = desk.active()
    refusal(desk.verify, card, WRONG)
    assert refusal(desk.change_pin, card, "666666").reason is Reason.PIN_TOO_SIMPLE
    assert desk.row(card).wrong_tries == 1
    assert reason_of(desk.verify, card) is None


def test_a_forgotten_pin_is_refused_until_it_is_reset_at_a_counter(desk: CardDesk) -> None:
    """I-15."""
    card = desk.report_pin(desk.active())
    assert card.pin_state is PinState.REPORTED_LOST
    for call in (desk.verify, desk.authorize, desk.change_pin):
        assert refusal(call, card).reason is Reason.PIN_REPORTED_LOST
    card = desk.reset_pin(card)
    assert card.pin_state is PinState.SET
    assert reason_of(desk.verify, card, OTHER_PIN) is None


def test_a_pin_that_is_reported_again_was_lost_when_it_was_first(desk: CardDesk) -> None:
    """I-15."""
    card = desk.report_pin(desk.active())
    first = desk.row(card).pin_lost_time
    desk.now += dt.timedelta(hours=1)
    assert desk.report_pin(card).pin_state is PinState.REPORTED_LOST
    assert desk.row(card).pin_lost_time == first
    desk.report_pin(desk.reset_pin(card))
    assert desk.row(card).pin_lost_time == first + dt.timedelta(hours=1)


def test_a_locked_pin_is_opened_by_a_reset_alone(desk: CardDesk) -> None:
    """I-13, I-15."""
    card = desk.active()
    lock(desk, card)
    assert (
        refusal(desk.change_pin, card, old=None, at_counter=True, document=DOCUMENT).reason
        is Reason.PIN_LOCKED
    )
    desk.reset_pin(card)
    assert desk.row(card).wrong_tries == 0
    assert reason_of(desk.verify, card, OTHER_PIN) is None


@pytest.mark.parametrize(
    ("document", "reason"), [(None, Reason.ID_REQUIRED), (STRANGER, Reason.ID_MISMATCH)]
)
def test_forgetting_and_resetting_need_the_holders_document(
    desk: CardDesk, document: ShownDocument | None, reason: Reason
) -> None:
    """I-15."""
    card = desk.active()
    assert refusal(desk.report_pin, card, document).reason is reason
    assert refusal(desk.reset_pin, card, document=document).reason is reason
    assert reason_of(desk.verify, card) is None


# --- Storing.


def test_a_new_pepper_takes_over_at_the_next_right_try(desk: CardDesk) -> None:
    card = desk.active()
    place = desk.pins.place(REGION, CardName(card.card_id))
    old, new = quick_hash(PIN, place, scheme=1), quick_hash(PIN, place, scheme=2)
    both = type(old)({**old.hashes, **new.hashes}, 2)
    desk.hash = lambda *_: both  # type: ignore[method-assign]
    assert desk.row(card).pin_scheme == 1
    desk.verify(card)
    assert (desk.row(card).pin_scheme, bytes(desk.row(card).pin_hash)) == (2, new.hashes[2])
    desk.hash = lambda *_: new  # type: ignore[method-assign]
    desk.verify(card)


def test_a_pepper_that_was_taken_away_too_early_fails_and_counts_nothing(desk: CardDesk) -> None:
    card = desk.active()
    place = desk.pins.place(REGION, CardName(card.card_id))
    desk.hash = lambda *_: quick_hash(PIN, place, scheme=2)  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match="no pepper of scheme 1"):
        desk.verify(card)
    assert desk.row(card).wrong_tries == 0


def test_the_place_of_a_pin_is_found_by_id_and_by_chip(desk: CardDesk) -> None:
    card = desk.active()
    by_id = desk.pins.place(REGION, CardName(card.card_id))
    chip = CardName(card_serial=card.card_serial, chip_number=card.chip_number)
    assert desk.pins.place(REGION, chip) == by_id
    wrong = CardName(card_serial=card.card_serial, chip_number="C0")
    assert refusal(desk.pins.place, REGION, wrong).metadata == {}
    missing = "0" * 8 + card.card_id[8:]
    found = refusal(desk.pins.place, REGION, CardName(missing))
    assert (found.reason, found.metadata) == (Reason.CARD_NOT_FOUND, {"card_id": missing})


def test_each_card_has_a_salt_of_its_own(desk: CardDesk) -> None:
    desk.issue(desk.person())
    desk.issue(desk.person("999019199003072235"))
    with desk.database.read() as connection:
        salts = connection.execute(sa.select(tables.card.c.pin_salt)).scalars().all()
    assert len({bytes(salt) for salt in salts}) == 2
