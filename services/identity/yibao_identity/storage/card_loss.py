"""Lost cards: frozen at once, replaced after papers and seven days."""

import sqlalchemy as sa

from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.card_use import CardName
from yibao_identity.application.cards import (
    CollectReplacement,
    EncodeCard,
    OrderReplacement,
    ReportCardLoss,
)
from yibao_identity.rules.card import (
    Card,
    CardEvent,
    CardState,
    card_exists,
    check_replaceable,
    is_living,
    state_after,
)
from yibao_identity.rules.replacement import (
    LossPapers,
    check_papers,
    check_ready,
    merged_papers,
    ready_date,
)
from yibao_identity.storage import tables
from yibao_identity.storage.card_insert import CardMaking, NewCard, check_is_free
from yibao_identity.storage.card_rows import change_card, hold_card, lock_cards_of
from yibao_identity.storage.holders import require_holder
from yibao_identity.storage.person_locks import check_shown_document


class LossMethods(CardMaking):
    """What happens to a lost card; see `application.cards.Cards`."""

    def report_loss(self, command: ReportCardLoss, encode: EncodeCard) -> bytes:
        """Freezes a card; one reported before stays as it is, but for papers it lacked."""

        def work(connection: sa.Connection) -> bytes:
            request = command.request
            name = CardName(command.card_id)
            held = hold_card(connection, request.region, name, self._reader())
            card = held.card
            require_holder(connection, request.region, request.caller, card.person_id)
            _store_papers(connection, card, merged_papers(card.papers, command.papers))
            if card.state is not CardState.LOST:
                change_card(
                    connection,
                    card,
                    state=state_after(card, CardEvent.REPORT_LOSS).value,
                    loss_report_time=self._clock(),
                    loss_reported_by=request.caller.path,
                )
            return self._finish(connection, request, card.card_id, encode)

        return self._answer(command.request, command.card_id, work)

    def order_replacement(self, command: OrderReplacement, encode: EncodeCard) -> bytes:
        """Orders the replacement of a lost card whose papers are all there."""

        def work(connection: sa.Connection) -> bytes:
            request, now = command.request, self._clock()
            name = CardName(command.card_id)
            held = hold_card(connection, request.region, name, self._reader())
            card = held.card
            check_replaceable(card)
            check_shown_document(self._vault, command.document, held.person)
            if card.replacement is not None:
                raise _replacement_exists(card)
            papers = merged_papers(card.papers, command.papers)
            check_papers(papers)
            _store_papers(connection, card, papers)
            days = self._limits.replacement_days
            connection.execute(
                sa.insert(tables.card_replacement).values(
                    region=request.region,
                    card_id=card.card_id,
                    order_time=now,
                    ordered_by=request.caller.path,
                    ready_date=ready_date(shanghai_day(now), days=days),
                    collected_by="",
                )
            )
            # Settlement is not told: a lost card is lost whether another is on its way.
            answered = self._reader().one(connection, request.region, card.card_id)
            response = encode(answered)
            self._record(connection, request, answered)
            return response

        return self._answer(command.request, command.card_id, work)

    def collect_replacement(self, command: CollectReplacement, encode: EncodeCard) -> bytes:
        """Hands out the new card, not activated; the lost one stays lost until it is."""

        def work(connection: sa.Connection) -> bytes:
            request, now, reader = command.request, self._clock(), self._reader()
            region = request.region
            held = hold_card(connection, region, CardName(command.card_id), reader)
            lost = held.card
            check_replaceable(lost)
            check_shown_document(self._vault, command.document, held.person)
            if lost.replacement is None:
                raise _replacement_not_found(lost)
            if lost.replacement.card_id is not None:
                raise card_exists(lost.replacement.card_id)
            check_ready(lost.replacement, today=shanghai_day(now))
            for known in lock_cards_of(connection, region, lost.person_id, reader):
                if is_living(known.state):
                    raise card_exists(known.card_id)
            serial, chip = command.card_serial, command.chip_number
            check_is_free(connection, region, serial=serial, chip=chip)
            bank = (lost.standard_version, lost.bank_code)
            new = NewCard(lost.person_id, serial, chip, *bank, replaces_card_id=lost.card_id)
            new_card_id = self._insert(connection, request, new)
            order = tables.card_replacement
            connection.execute(
                sa.update(order)
                .where(order.c.region == region, order.c.card_id == lost.card_id)
                .values(
                    new_card_id=new_card_id,
                    collect_time=now,
                    collected_by=request.caller.path,
                )
            )
            detail = {"replaces": lost.card_id}
            return self._finish(connection, request, new_card_id, encode, detail)

        return self._answer(command.request, command.card_id, work)


def _store_papers(connection: sa.Connection, card: Card, papers: LossPapers) -> None:
    change_card(
        connection,
        card,
        employer_letter_reference=papers.employer_letter,
        office_confirmation_reference=papers.office_confirmation,
    )


def _replacement_exists(card: Card) -> RuleError:
    return RuleError(
        Reason.REPLACEMENT_EXISTS,
        f"a replacement of card {card.card_id} was ordered",
        card_id=card.card_id,
    )


def _replacement_not_found(card: Card) -> RuleError:
    return RuleError(
        Reason.REPLACEMENT_NOT_FOUND,
        f"no replacement of card {card.card_id} was ordered",
        card_id=card.card_id,
    )
