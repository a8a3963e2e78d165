"""Cards at terminals on real databases: authorized once, counted once, printed in time."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from support.card_acts import AGENCY, DOCUMENT, HOSPITAL, PIN, REGION
from support.card_desk import CardDesk
from support.databases import Databases

from yibao_common.db.database import Database
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.card_use import ListTransactions
from yibao_identity.rules.card import Card, CardState
from yibao_identity.rules.card_use import CardTransaction
from yibao_identity.rules.code import AUDIENCES
from yibao_identity.rules.document import ShownDocument
from yibao_identity.storage import tables

STRANGER = ShownDocument("01", "999019198001010018")
WRONG = "111118"


@pytest.fixture
def desk(databases: Databases) -> CardDesk:
    return CardDesk(databases.open("yibao_identity"))


def refusal(call: object, *arguments: object, **named: object) -> RuleError:
    with pytest.raises(RuleError) as caught:
        call(*arguments, **named)  # type: ignore[operator]
    return caught.value


def spend(desk: CardDesk, card: Card, times: int) -> None:
    """Stores transactions as if they had been authorized."""
    with desk.database.write() as connection:
        for sequence in range(1, times + 1):
            connection.execute(
                sa.insert(tables.card_transaction).values(
                    region=REGION,
                    card_id=card.card_id,
                    sequence=sequence,
                    authorize_time=desk.now,
                    institution_id="H50011200001",
                    terminal=HOSPITAL,
                    audience="01301",
                    code_id=f"{sequence:016x}",
                )
            )
        connection.execute(sa.update(tables.card).values(transactions=times))


def listed(desk: CardDesk, card: Card, **fields: object) -> list[CardTransaction]:
    asked = {"caller": parse_caller(AGENCY), "after_sequence": 0, "limit": 100, **fields}
    values: dict[str, Any] = {"is_original_card_shown": True, "document": DOCUMENT, **asked}
    return desk.uses.transactions(ListTransactions(REGION, card_id=card.card_id, **values))


def test_a_swipe_with_the_right_pin_gives_a_code_of_a_minute(desk: CardDesk) -> None:
    """I-07, I-13: the code names the card's subject and what it is for."""
    card = desk.active()
    authorized = desk.authorize(card)
    claims = authorized.claims
    assert (claims.issuer, claims.subject, claims.audience) == (REGION, card.subject, "01301")
    assert claims.expire_second - claims.issue_second == 60
    assert authorized.card.transactions_since_print == 1
    with desk.database.read() as connection:
        (code,) = connection.execute(sa.select(tables.card_code)).all()
    assert code.code_id == claims.code_id.hex()
    assert (code.card_id, code.audience, code.issued_to) == (card.card_id, "01301", HOSPITAL)
    (transaction,) = listed(desk, card)
    assert transaction == CardTransaction(
        1, desk.now, "H50011200001", HOSPITAL, "01301", claims.code_id.hex()
    )


@pytest.mark.parametrize("audience", AUDIENCES)
def test_settling_and_buying_count_and_nothing_else(desk: CardDesk, audience: str) -> None:
    """I-18: every use gets its code, two of them spend."""
    card = desk.active()
    authorized = desk.authorize(card, audience=audience)
    count = 1 if audience in {"01301", "02121"} else 0
    assert authorized.card.transactions_since_print == count
    assert desk.count(tables.card_transaction) == count
    assert desk.count(tables.card_code) == 1


@pytest.mark.parametrize("state", [each for each in CardState if each is not CardState.ACTIVE])
def test_a_card_that_is_not_in_use_is_refused_before_its_pin(
    desk: CardDesk, state: CardState
) -> None:
    """I-19, I-21, I-27: so a wrong PIN of it is not counted."""
    card = desk.in_state(state)
    expected = {
        CardState.ISSUED: Reason.CARD_NOT_ACTIVATED,
        CardState.RESTRICTED: Reason.CARD_RESTRICTED_NOT_ACTIVATED,
        CardState.LOST: Reason.CARD_REPORTED_LOST,
    }.get(state, Reason.CARD_CLOSED)
    for pin in (PIN, WRONG):
        assert refusal(desk.authorize, card, pin).reason is expected
    assert desk.row(card).wrong_tries == 0


def test_a_wrong_pin_leaves_no_code(desk: CardDesk) -> None:
    """I-13."""
    card = desk.active()
    assert refusal(desk.authorize, card, WRONG).metadata == {"tries_left": "4"}
    assert desk.count(tables.card_code) == desk.count(tables.card_transaction) == 0
    assert desk.audit("AuthorizeCard") == [("PIN_INCORRECT", "tries_left=4")]


@pytest.mark.parametrize(
    ("late", "reason"),
    [(-301, Reason.CLOCK_SUSPECT), (-300, None), (60, None), (61, Reason.CLOCK_SUSPECT)],
)
def test_a_chip_was_read_now(desk: CardDesk, late: int, reason: Reason | None) -> None:
    """I-07: the measured offset is told."""
    card = desk.active()
    chip = desk.chip(card, late=dt.timedelta(seconds=late))
    if reason is None:
        desk.authorize(card, chip=chip)
        return
    refused = refusal(desk.authorize, card, WRONG, chip=chip)
    assert (refused.reason, refused.metadata) == (reason, {"offset_seconds": str(late)})
    assert desk.row(card).wrong_tries == 0


def test_a_repeated_use_counts_once_and_gets_the_same_code(desk: CardDesk) -> None:
    """I-18: also after its minute, when nobody takes the code any more."""
    card, request = desk.active(), desk.request("AuthorizeCard", HOSPITAL)
    chip = desk.chip(card)
    first = desk.authorize(card, request=request, chip=chip)
    for _ in range(3):
        desk.now += dt.timedelta(minutes=10)
        assert desk.authorize(card, request=request, chip=chip) == first
    assert desk.read(card).transactions == desk.count(tables.card_code) == 1


def test_the_sixtieth_use_succeeds_and_the_next_waits_for_the_printing(desk: CardDesk) -> None:
    """I-18. What does not spend goes on."""
    card = desk.active()
    spend(desk, card, 59)
    assert desk.authorize(card).card.transactions_since_print == 60
    refused = refusal(desk.authorize, card)
    assert refused.reason is Reason.STATEMENT_PRINT_REQUIRED
    assert refused.metadata == {"transactions": "60"}
    assert desk.authorize(card, audience="01101").card.transactions_since_print == 60
    printed = desk.print(card)
    assert [each.sequence for each in printed] == list(range(1, 61))
    assert desk.authorize(card).card.transactions_since_print == 1


def test_nobody_learns_the_count_without_the_pin(desk: CardDesk) -> None:
    """I-13, I-18."""
    card = desk.active()
    spend(desk, card, 60)
    assert refusal(desk.authorize, card, WRONG).reason is Reason.PIN_INCORRECT
    assert refusal(desk.authorize, card, PIN).reason is Reason.STATEMENT_PRINT_REQUIRED


def test_of_many_uses_at_once_one_is_the_sixtieth(databases: Databases) -> None:
    """I-18: two processes over one database."""
    first = databases.open("yibao_identity")
    second = Database(first.engine.url.render_as_string(hide_password=False))
    desks = [CardDesk(first), CardDesk(second)]
    card = desks[0].active()
    spend(desks[0], card, 59)
    start = threading.Barrier(6)

    def use(number: int) -> Reason | None:
        start.wait()
        try:
            desks[number % 2].authorize(card)
        except RuleError as refused:
            return refused.reason
        return None

    with ThreadPoolExecutor(6) as threads:
        told = list(threads.map(use, range(6)))
    second.close()
    assert told.count(None) == 1
    assert told.count(Reason.STATEMENT_PRINT_REQUIRED) == 5
    assert desks[0].read(card).transactions_since_print == 60


class PowerFailureError(Exception):
    """The process is gone."""


@pytest.mark.parametrize("pin", [PIN, WRONG])
def test_a_process_that_dies_before_the_commit_has_counted_and_told_nothing(
    desk: CardDesk, pin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I-13, I-18: it dies with everything written; the repeat is the first to count."""
    card, request = desk.active(), desk.request("AuthorizeCard", HOSPITAL)

    def die(*_: object, **__: object) -> None:
        raise PowerFailureError

    with monkeypatch.context() as patched:
        patched.setattr(desk.vault, "seal", die)
        with pytest.raises(PowerFailureError):
            desk.authorize(card, pin, request=request)
    assert desk.row(card).wrong_tries == desk.read(card).transactions == 0
    assert desk.count(tables.card_code) == 0
    if pin == WRONG:
        refusal(desk.authorize, card, pin, request=request)
        assert desk.row(card).wrong_tries == 1
    else:
        assert desk.authorize(card, pin, request=request).card.transactions == 1


@pytest.mark.parametrize("pin", [PIN, WRONG])
def test_a_process_that_dies_after_the_commit_has_counted_and_the_repeat_is_told(
    desk: CardDesk, pin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I-13, I-18: the count lies in the database before anybody hears of the try."""
    card, request = desk.active(), desk.request("AuthorizeCard", HOSPITAL)
    chip = desk.chip(card)

    def die(*_: object, **__: object) -> None:
        raise PowerFailureError

    with monkeypatch.context() as patched:
        patched.setattr(desk.vault, "open", die)
        with pytest.raises(PowerFailureError):
            desk.authorize(card, pin, request=request, chip=chip)
    wrong, right = (1, 0) if pin == WRONG else (0, 1)
    for _ in range(2):
        assert (desk.row(card).wrong_tries, desk.read(card).transactions) == (wrong, right)
        if pin == WRONG:
            refusal(desk.authorize, card, pin, request=request, chip=chip)
        else:
            desk.authorize(card, pin, request=request, chip=chip)


def test_no_use_is_counted_once_no_key_may_sign(desk: CardDesk) -> None:
    """I-18: a code of a later second would be refused everywhere."""
    card = desk.active()
    desk.uses._key_expire_time = lambda: desk.now
    with pytest.raises(RuleError) as caught:
        desk.authorize(card)
    assert caught.value.reason is Reason.NO_SIGNING_KEY
    assert desk.read(card).transactions == 0


@pytest.mark.parametrize(
    ("shown", "document", "reason"),
    [
        (False, DOCUMENT, Reason.ORIGINAL_REQUIRED),
        (True, None, Reason.ID_REQUIRED),
        (True, STRANGER, Reason.ID_MISMATCH),
    ],
)
def test_records_are_printed_with_card_and_document(
    desk: CardDesk, shown: bool, document: ShownDocument | None, reason: Reason
) -> None:
    """I-17: both of them."""
    card = desk.active()
    desk.authorize(card)
    refused = refusal(desk.print, card, is_original_card_shown=shown, document=document)
    assert refused.reason is reason
    assert desk.read(card).transactions_since_print == 1


def test_each_record_is_printed_once_and_a_repeat_prints_the_same(desk: CardDesk) -> None:
    """I-17, I-18."""
    card, request = desk.active(), desk.request("PrintTransactions")
    for _ in range(3):
        desk.authorize(card)
    first = desk.print(card, request=request)
    assert [each.sequence for each in first] == [1, 2, 3]
    desk.authorize(card)
    assert desk.print(card, request=request) == first
    assert desk.read(card).transactions_since_print == 1
    assert [each.sequence for each in desk.print(card)] == [4]
    assert desk.print(card) == []
    assert desk.audit("PrintTransactions") == [
        ("OK", "transactions=3"),
        ("OK", "transactions=1"),
        ("OK", "transactions=0"),
    ]


@pytest.mark.parametrize("state", CardState)
def test_records_are_printed_until_a_card_is_closed(desk: CardDesk, state: CardState) -> None:
    """I-17."""
    card = desk.in_state(state)
    if state in (CardState.REPLACED, CardState.CLOSED):
        assert refusal(desk.print, card).reason is Reason.CARD_CLOSED
    else:
        assert desk.print(card) == []


@pytest.mark.parametrize(
    ("after", "limit", "expected"),
    [(0, 2, [1, 2]), (2, 2, [3, 4]), (4, 2, [5]), (5, 2, []), (0, 100, [1, 2, 3, 4, 5])],
)
def test_transactions_are_read_in_pages_and_the_count_stays(
    desk: CardDesk, after: int, limit: int, expected: list[int]
) -> None:
    """I-16."""
    card = desk.active()
    spend(desk, card, 5)
    found = listed(desk, card, after_sequence=after, limit=limit)
    assert [each.sequence for each in found] == expected
    assert desk.read(card).transactions_since_print == 5


def test_a_holder_reads_the_own_transactions_only(desk: CardDesk) -> None:
    """I-16."""
    card = desk.active()
    own = desk.certificate(card.person_id)
    other = desk.certificate(desk.person("999019199003072235"))
    closed = desk.certificate(desk.person("999019199003072243"), state=3)
    assert listed(desk, card, caller=parse_caller(f"holder/{own}")) == []
    for certificate_id in (other, closed):
        refused = refusal(listed, desk, card, caller=parse_caller(f"holder/{certificate_id}"))
        assert refused.reason is Reason.OUT_OF_SCOPE
    assert desk.audit("ListCardTransactions") == [("OUT_OF_SCOPE", "")] * 2


def test_the_record_that_stays_reads_what_a_duplicates_card_was_used_for(desk: CardDesk) -> None:
    """I-17: with the document of the one human, whose guesses are counted as one."""
    card = desk.active()
    spend(desk, card, 2)
    number = "999019199003072235"
    survivor = desk.person(number)
    desk.transactions.change(
        REGION, lambda work: work.persons.retire(card.person_id, merged_into=survivor)
    )
    holder = parse_caller(f"holder/{desk.certificate(survivor)}")
    assert len(listed(desk, card, caller=holder)) == 2
    assert len(listed(desk, card, document=ShownDocument("01", number))) == 2
    assert refusal(listed, desk, card).reason is Reason.ID_MISMATCH
    with desk.database.read() as connection:
        guesses = connection.execute(sa.select(tables.document_guess.c.person_id)).scalars().all()
    assert guesses == [survivor]
