"""What is told first of a PIN and of a use, and what of it is counted."""

import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from support.card_acts import BANK, DOCUMENT, HOSPITAL, OTHER_PIN, PIN, REGION
from support.memory.pin_hashing import quick_hash
from support.memory_cards import MemoryCardDesk
from support.refusals import Given, assert_refused_in_order, reason_of

from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_identity.application.card.rows import StoredPin
from yibao_identity.application.card_use import ListTransactions
from yibao_identity.application.pin.hashing import HashedPin, PinPlace
from yibao_identity.rules.card import Card, CardLimits, CardState
from yibao_identity.rules.card_use import CardTransaction
from yibao_identity.rules.document import ShownDocument

STRANGER = ShownDocument("01", "999019198001010018")
OTHER_NUMBER = "999019199003072235"
WRONG = "111118"
SIMPLE = "123456"
NO_PIN = StoredPin(b"", 0, 0, None)


@pytest.fixture
def desk() -> MemoryCardDesk:
    return MemoryCardDesk()


def unknown(desk: MemoryCardDesk, card: Card) -> Card:
    """Returns a card that nobody stored, though a PIN of it was hashed."""
    missing = dataclasses.replace(card, card_id=new_id(), card_serial="S0", chip_number="C0")
    hashed = desk.hash

    def hash_of(card: Card, pin: str, *, scheme: int = 1) -> HashedPin:
        if card.card_id == missing.card_id:
            return quick_hash(pin, PinPlace(REGION, card.card_id, b"salt"), scheme=scheme)
        return hashed(card, pin, scheme=scheme)

    desk.hash = hash_of  # type: ignore[method-assign]
    return missing


def pin_of(desk: MemoryCardDesk, card: Card, **values: Any) -> StoredPin:
    return dataclasses.replace(desk.row(card).pin, **values)


def tries(desk: MemoryCardDesk, card: Card) -> int:
    return desk.row(card).pin.wrong_tries


# --- Setting, changing, forgetting, resetting.


def test_setting_the_first_pin(desk: MemoryCardDesk) -> None:
    """I-13, I-22: the card, its PIN, the card in the hand, the holder, then the digits."""
    card = desk.active()
    desk.rewrite(card, state=CardState.RESTRICTED)
    desk.suspend(card)
    given = Given(
        card=unknown(desk, card), is_original_card_shown=False, document=STRANGER, pin=SIMPLE
    )
    assert_refused_in_order(
        lambda: desk.set_pin(**given.values),
        (Reason.CARD_NOT_FOUND, lambda: given.now(card=card)),
        (Reason.CARD_STATE, lambda: desk.rewrite(card, state=CardState.ACTIVE)),
        (Reason.CARD_SUSPENDED, lambda: desk.suspend(card, None)),
        (Reason.PIN_ALREADY_SET, lambda: desk.rewrite(card, pin=NO_PIN)),
        (Reason.ORIGINAL_REQUIRED, lambda: given.now(is_original_card_shown=True)),
        (Reason.ID_MISMATCH, lambda: given.now(document=DOCUMENT)),
        (Reason.PIN_TOO_SIMPLE, lambda: given.now(pin=PIN)),
    )


def test_changing_a_pin(desk: MemoryCardDesk) -> None:
    """I-14: the card, whether the PIN can be tried, the holder, the old PIN, the new one."""
    card = desk.active()
    known = desk.row(card).pin
    desk.rewrite(card, state=CardState.RESTRICTED, pin=NO_PIN)
    given = Given(card=unknown(desk, card), document=None, old=WRONG, new=SIMPLE)
    lost = dataclasses.replace(known, lost_time=desk.now, wrong_tries=5)
    locked = dataclasses.replace(known, wrong_tries=5)
    assert_refused_in_order(
        lambda: desk.change_pin(at_counter=True, **given.values),
        (Reason.CARD_NOT_FOUND, lambda: given.now(card=card)),
        (Reason.CARD_STATE, lambda: desk.rewrite(card, state=CardState.ACTIVE)),
        (Reason.PIN_NOT_SET, lambda: desk.rewrite(card, pin=lost)),
        (Reason.PIN_REPORTED_LOST, lambda: desk.rewrite(card, pin=locked)),
        (Reason.PIN_LOCKED, lambda: desk.rewrite(card, pin=known)),
        (Reason.ID_REQUIRED, lambda: given.now(document=DOCUMENT)),
        (Reason.PIN_INCORRECT, lambda: given.now(old=PIN)),
        (Reason.PIN_TOO_SIMPLE, lambda: given.now(new=OTHER_PIN)),
    )
    assert tries(desk, card) == 0


def test_forgetting_a_pin(desk: MemoryCardDesk) -> None:
    """I-15: the card, then whether there is a PIN, then the holder."""
    card = desk.active()
    known = desk.row(card).pin
    desk.rewrite(card, state=CardState.CLOSED, pin=NO_PIN)
    given = Given(card=unknown(desk, card), document=None)
    assert_refused_in_order(
        lambda: desk.report_pin(**given.values),
        (Reason.CARD_NOT_FOUND, lambda: given.now(card=card)),
        (Reason.CARD_CLOSED, lambda: desk.rewrite(card, state=CardState.RESTRICTED)),
        (Reason.PIN_NOT_SET, lambda: desk.rewrite(card, pin=known)),
        (Reason.ID_REQUIRED, lambda: given.now(document=STRANGER)),
        (Reason.ID_MISMATCH, lambda: given.now(document=DOCUMENT)),
    )


def test_resetting_a_pin(desk: MemoryCardDesk) -> None:
    """I-15: the card, whether there is a PIN, the holder, the digits; locked or not."""
    card = desk.active()
    locked = pin_of(desk, card, wrong_tries=5)
    desk.rewrite(card, state=CardState.LOST, pin=NO_PIN)
    given = Given(card=unknown(desk, card), document=None, new=SIMPLE)
    assert_refused_in_order(
        lambda: desk.reset_pin(**given.values),
        (Reason.CARD_NOT_FOUND, lambda: given.now(card=card)),
        (Reason.CARD_REPORTED_LOST, lambda: desk.rewrite(card, state=CardState.ACTIVE)),
        (Reason.PIN_NOT_SET, lambda: desk.rewrite(card, pin=locked)),
        (Reason.ID_REQUIRED, lambda: given.now(document=DOCUMENT)),
        (Reason.PIN_TOO_SIMPLE, lambda: given.now(new=OTHER_PIN)),
    )
    assert tries(desk, card) == 0


# --- Trying.


def test_trying_a_pin(desk: MemoryCardDesk) -> None:
    """I-13: the card, then the terminal's clock, then whether it can be tried, then the PIN."""
    card = desk.active()
    known = desk.row(card).pin
    desk.rewrite(card, state=CardState.RESTRICTED, pin=pin_of(desk, card, wrong_tries=5))
    desk.suspend(card)
    given = Given(card=unknown(desk, card), pin=WRONG)
    chip, late = desk.chip, dt.timedelta(minutes=-6)
    desk.chip = lambda asked, **_: chip(asked, late=late)  # type: ignore[method-assign]

    def read_again() -> None:
        desk.chip = chip  # type: ignore[method-assign]

    assert_refused_in_order(
        lambda: desk.verify(**given.values),
        (Reason.CARD_NOT_FOUND, lambda: given.now(card=card)),
        (
            Reason.CARD_RESTRICTED_NOT_ACTIVATED,
            lambda: desk.rewrite(card, state=CardState.ACTIVE),
        ),
        (Reason.CARD_SUSPENDED, lambda: desk.suspend(card, None)),
        (Reason.CLOCK_SUSPECT, read_again),
        (Reason.PIN_LOCKED, lambda: desk.rewrite(card, pin=known)),
        (Reason.PIN_INCORRECT, lambda: given.now(pin=PIN)),
    )
    assert desk.audit("VerifyPin") == [
        ("PIN_LOCKED", {}),
        ("PIN_INCORRECT", {"tries_left": "4"}),
        ("OK", {}),
    ]


def test_authorizing_a_use(desk: MemoryCardDesk) -> None:
    """I-13, I-18: nobody learns the count without the PIN, nor tries one with a lost card."""
    card = desk.active()
    for _ in range(2):
        desk.authorize(card)
    desk.uses._limits = CardLimits(transactions_until_print=2)
    desk.rewrite(card, state=CardState.LOST)
    late = desk.chip(card, late=dt.timedelta(minutes=2))
    given = Given(card=unknown(desk, card), pin=WRONG, chip=late)
    recorded, codes = len(desk.on_record), desk.codes
    assert_refused_in_order(
        lambda: desk.authorize(**given.values),
        (Reason.CARD_NOT_FOUND, lambda: given.now(card=card)),
        (Reason.CARD_REPORTED_LOST, lambda: desk.rewrite(card, state=CardState.ACTIVE)),
        (Reason.CLOCK_SUSPECT, lambda: given.now(chip=None)),
        (Reason.PIN_INCORRECT, lambda: given.now(pin=PIN)),
        (Reason.STATEMENT_PRINT_REQUIRED, lambda: desk.print(card)),
    )
    assert desk.codes == codes + 1
    told = [entry.outcome for entry in desk.on_record[recorded:]]
    assert told == ["PIN_INCORRECT", "OK"]


def test_no_use_is_looked_at_while_no_key_may_sign(desk: MemoryCardDesk) -> None:
    """I-18."""
    card = desk.active()
    desk.uses._key_expire_time = lambda: desk.now
    with pytest.raises(RuleError) as caught:
        desk.authorize(card, WRONG)
    assert caught.value.reason is Reason.NO_SIGNING_KEY
    assert tries(desk, card) == 0


def test_a_code_is_signed_after_it_was_stored_and_a_refusal_signs_nothing(
    desk: MemoryCardDesk,
) -> None:
    """I-18: what leaves the process was counted."""
    card = desk.active()
    encode, seen = desk.encode, []

    def sign(value: object) -> bytes:
        seen.append(desk.codes)
        return encode(value)

    desk.encode = sign  # type: ignore[method-assign]
    assert reason_of(lambda: desk.authorize(card, WRONG)) is Reason.PIN_INCORRECT
    desk.authorize(card)
    assert seen == [1]


def test_printing(desk: MemoryCardDesk) -> None:
    """I-17: the card, the card in the hand, the holder."""
    card = desk.active()
    desk.authorize(card)
    desk.rewrite(card, state=CardState.REPLACED)
    given = Given(card=unknown(desk, card), is_original_card_shown=False, document=None)
    printed: list[int] = []
    assert_refused_in_order(
        lambda: printed.append(len(desk.print(**given.values))),
        (Reason.CARD_NOT_FOUND, lambda: given.now(card=card)),
        (Reason.CARD_CLOSED, lambda: desk.rewrite(card, state=CardState.LOST)),
        (Reason.ORIGINAL_REQUIRED, lambda: given.now(is_original_card_shown=True)),
        (Reason.ID_REQUIRED, lambda: given.now(document=DOCUMENT)),
    )
    assert printed == [1]


def test_listing_what_was_spent(desk: MemoryCardDesk) -> None:
    """I-16, I-17: the card, whose it is, then what a counter saw; strangers are on record."""
    card = desk.active()
    desk.authorize(card)
    own, other = desk.certificate(card.person_id), desk.certificate(desk.person(OTHER_NUMBER))
    given = Given(card_id=new_id(), caller=parse_caller(f"holder/{other}"))

    def listed() -> list[CardTransaction]:
        question = ListTransactions(REGION, after_sequence=0, limit=9, **given.values)
        return desk.uses.transactions(question)

    assert_refused_in_order(
        listed,
        (Reason.CARD_NOT_FOUND, lambda: given.now(card_id=card.card_id)),
        (Reason.OUT_OF_SCOPE, lambda: given.now(caller=parse_caller(f"holder/{own}"))),
    )
    given.now(caller=parse_caller(f"bank/{REGION}/ICBC01/qian"))
    assert_refused_in_order(
        listed,
        (Reason.OUT_OF_SCOPE, lambda: given.now(caller=parse_caller(BANK))),
        (Reason.ORIGINAL_REQUIRED, lambda: given.now(is_original_card_shown=True)),
        (Reason.ID_REQUIRED, lambda: given.now(document=STRANGER)),
        (Reason.ID_MISMATCH, lambda: given.now(document=DOCUMENT)),
    )
    told = [outcome for outcome, _ in desk.audit("ListCardTransactions")]
    assert told == ["OUT_OF_SCOPE", "OUT_OF_SCOPE", "ID_MISMATCH"]


# --- Guessing by request ids.


def test_a_reused_request_id_counts_a_wrong_pin_and_tells_nothing(desk: MemoryCardDesk) -> None:
    """I-13: right or wrong, the refusal is the same; only the count and the record differ."""
    card = desk.active(pin=None)
    desk.set_pin(card)
    calls: dict[str, Callable[..., object]] = {
        "VerifyPin": desk.verify,
        "AuthorizeCard": desk.authorize,
    }
    for method, call in calls.items():
        first = desk.request(method, HOSPITAL)
        call(card, PIN, request=first)
        told = []
        for number, pin in enumerate((WRONG, PIN)):
            again = first._replace(digest=bytes([number]) * 32)
            with pytest.raises(Exception, match="was used before") as refused:
                call(card, pin, request=again)
            told.append(str(refused.value))
        assert told[0] == told[1]
        outcomes = [outcome for outcome, _ in desk.audit(method)]
        assert outcomes[-2:] == ["PIN_INCORRECT", "REQUEST_ID_REUSED"]
    assert tries(desk, card) == 0


def test_a_reused_request_id_with_a_locked_pin_compares_nothing(desk: MemoryCardDesk) -> None:
    """I-13."""
    card, first = desk.active(), desk.request("VerifyPin", HOSPITAL)
    desk.verify(card, request=first)
    desk.rewrite(card, pin=pin_of(desk, card, wrong_tries=5))
    again = first._replace(digest=b"e" * 32)
    assert reason_of(lambda: desk.verify(card, PIN, request=again)) is Reason.REQUEST_ID_REUSED
    assert reason_of(lambda: desk.verify(card, WRONG, request=again)) is Reason.REQUEST_ID_REUSED
    # Right or wrong alike, so that the count tells nothing of the card's own PIN.
    assert tries(desk, card) == 7
    assert desk.audit("VerifyPin")[1:] == [("REQUEST_ID_REUSED", {})] * 2


def test_a_refusal_of_anything_else_counts_nothing(desk: MemoryCardDesk) -> None:
    """I-13: a simple new PIN takes back the try of the old one, right or not."""
    card = desk.active()
    assert reason_of(lambda: desk.verify(card, WRONG)) is Reason.PIN_INCORRECT
    assert reason_of(lambda: desk.change_pin(card, SIMPLE)) is Reason.PIN_TOO_SIMPLE
    assert tries(desk, card) == 1
