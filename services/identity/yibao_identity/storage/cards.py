"""Cards: issued, activated and closed once by request id, read by id, person or serial."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import Role
from yibao_identity.application.card_use import CardName
from yibao_identity.application.cards import (
    ActivateCard,
    CloseCard,
    EncodeCard,
    IssueCard,
    ValidateOperation,
)
from yibao_identity.rules.card import (
    TRANSITIONS,
    Card,
    CardEvent,
    CardState,
    card_exists,
    check_closing,
    check_none_suspended,
    check_not_closed,
    is_standing,
    state_after,
)
from yibao_identity.rules.card_use import check_read_time, check_registration
from yibao_identity.rules.certificate import certificate_not_found
from yibao_identity.rules.financial import check_operation
from yibao_identity.storage import tables
from yibao_identity.storage.card_insert import NewCard, check_is_free
from yibao_identity.storage.card_loss import LossMethods
from yibao_identity.storage.card_rows import (
    CardReader,
    HeldCard,
    change_card,
    hold_card,
    lock_cards_of,
    read_card,
    select_cards,
)
from yibao_identity.storage.holders import require_holder
from yibao_identity.storage.person_locks import check_shown_document, lock_live_person


class CardStore(LossMethods):
    """Cards of a database; see `application.cards.Cards`."""

    def issue(self, command: IssueCard, encode: EncodeCard) -> bytes:
        """Issues a card, not activated."""

        def work(connection: sa.Connection) -> bytes:
            request, reader = command.request, self._reader()
            region = request.region
            lock_live_person(connection, region, command.person_id)
            known_cards = lock_cards_of(connection, region, command.person_id, reader)
            for known in known_cards:
                if is_standing(known.state):
                    raise card_exists(known.card_id)
            check_none_suspended(known_cards)
            check_is_free(connection, region, serial=command.card_serial, chip=command.chip_number)
            new = NewCard(
                command.person_id,
                command.card_serial,
                command.chip_number,
                command.standard_version,
                command.bank_code,
                replaces_card_id=None,
            )
            card_id = self._insert(connection, request, new)
            return self._finish(connection, request, card_id, encode)

        return self._answer(command.request, "", work)

    def activate(self, command: ActivateCard, encode: EncodeCard) -> bytes:
        """Activates a card; the one it replaces is closed in the same transaction."""

        def work(connection: sa.Connection) -> bytes:
            request, reader, now = command.request, self._reader(), self._clock()
            chip = command.evidence.chip
            name = CardName(command.card_id)
            if chip is not None:
                name = CardName(command.card_id, chip.card_serial, chip.chip_number)
            held = hold_card(connection, request.region, name, reader)
            card = held.card
            state = state_after(card, command.channel.event)
            cards = lock_cards_of(connection, card.region, card.person_id, reader)
            check_none_suspended(cards)
            self._check_evidence(command, held, now)
            replaced = _replaced_by(card, cards)
            for lost in replaced:
                after = TRANSITIONS[lost.state, CardEvent.REPLACEMENT_ACTIVATED]
                change_card(connection, lost, state=after.value)
            change_card(
                connection,
                card,
                state=state.value,
                activate_time=now,
                activated_by=request.caller.path,
                activation_channel=command.channel.value,
                provider_visit_number=command.evidence.provider_visit_number,
            )
            detail = {"channel": command.channel.name}
            if replaced:
                detail["replaced"] = ",".join(sorted(lost.card_id for lost in replaced))
            return self._finish(connection, request, card.card_id, encode, detail)

        return self._answer(command.request, command.card_id, work)

    def close(self, command: CloseCard, encode: EncodeCard) -> bytes:
        """Closes a card for good."""

        def work(connection: sa.Connection) -> bytes:
            request = command.request
            name = CardName(command.card_id)
            held = hold_card(connection, request.region, name, self._reader())
            state = state_after(held.card, CardEvent.CLOSE)
            check_closing(held.card, command.closing)
            change_card(
                connection,
                held.card,
                state=state.value,
                close_time=self._clock(),
                closed_by=request.caller.path,
                closing=command.closing.value,
            )
            detail = {"closing": command.closing.name}
            return self._finish(connection, request, command.card_id, encode, detail)

        return self._answer(command.request, command.card_id, work)

    def find(self, region: str, card_id: str) -> Card | None:
        """Returns a card, or None."""
        found = self._read(select_cards(region).where(tables.card.c.card_id == card_id))
        return found[0] if found else None

    def of_person(self, region: str, person_id: str) -> list[Card]:
        """Returns the cards of a person, the newest first."""
        return self._read(select_cards(region).where(tables.card.c.person_id == person_id))

    def with_serial(self, region: str, card_serial: str) -> list[Card]:
        """Returns the card of a serial, or none."""
        return self._read(select_cards(region).where(tables.card.c.card_serial == card_serial))

    def check_operation(self, question: ValidateOperation) -> str:
        """Returns the bank where the operation belongs: the caller."""
        caller = question.caller
        card_bank = None
        method, credential_id = "ValidateFinancialOperation", question.card_id
        with (
            self._foreign_holder_audited(question.region, caller, method, credential_id),
            self._database.read() as connection,
        ):
            if question.card_id:
                name = CardName(question.card_id)
                card = read_card(connection, question.region, name, self._reader())
                require_holder(connection, question.region, caller, card.person_id)
                check_not_closed(card)
                card_bank = card.bank_code
            else:
                caller.require_certificate(question.certificate_id)
                _check_certificate(connection, question.region, question.certificate_id)
        return check_operation(
            question.purse,
            question.operation,
            card_bank=card_bank,
            caller_bank=caller.id if caller.role is Role.BANK else None,
        )

    def _read(self, query: sa.Select[Any]) -> list[Card]:
        reader = self._reader()
        columns = tables.card.c
        newest_first = query.order_by(columns.issue_time.desc(), columns.card_id.desc())
        with self._database.read() as connection:
            return [reader.card(row) for row in connection.execute(newest_first)]

    def _check_evidence(self, command: ActivateCard, held: HeldCard, now: dt.datetime) -> None:
        """Refuses where the place of activation does not prove what it has to."""
        evidence = command.evidence
        if command.channel.event is CardEvent.ACTIVATE_AT_COUNTER:
            check_shown_document(self._vault, evidence.document, held.person)
            return
        if command.channel.name == "HOSPITAL":
            check_registration(evidence.provider_visit_number)
        assert evidence.chip is not None, "the servicer refuses a terminal without a chip"
        check_read_time(evidence.chip, now=now)


def close_of_person(
    connection: sa.Connection, region: str, person_id: str, *, now: dt.datetime, caller: str
) -> list[str]:
    """Closes every card of a person whose record is merged away; returns their ids.

    The person's row has to be locked; feed and audit are the caller's. Why the card was
    closed is not stored with it: the merge tells.
    """
    # The most tries are of no concern here: no PIN is looked at.
    reader = CardReader(shanghai_day(now), pin_tries=1)
    closed = []
    for card in lock_cards_of(connection, region, person_id, reader):
        after = TRANSITIONS.get((card.state, CardEvent.MERGED))
        if after is not None:
            change_card(connection, card, state=after.value, close_time=now, closed_by=caller)
            closed.append(card.card_id)
    return closed


def _replaced_by(card: Card, cards: Sequence[Card]) -> list[Card]:
    """Returns the lost ones of a person's `cards` that `card` replaces, the last one first."""
    known = {each.card_id: each for each in cards}
    replaced = []
    before = known.get(card.replaces_card_id or "")
    while before is not None:
        if before.state is CardState.LOST:
            replaced.append(before)
        before = known.get(before.replaces_card_id or "")
    return replaced


def _check_certificate(connection: sa.Connection, region: str, certificate_id: str) -> None:
    table = tables.certificate.c
    query = sa.select(table.certificate_id).where(
        table.region == region, table.certificate_id == certificate_id
    )
    if connection.execute(query).one_or_none() is None:
        raise certificate_not_found(certificate_id)
