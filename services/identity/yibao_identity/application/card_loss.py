"""Lost cards, frozen at once, and what follows cards that ended: ready after seven days."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_identity.application.card.calls import CardCalls, EncodeCard
from yibao_identity.application.card.making import CardMaking, NewCard
from yibao_identity.application.card.rows import CardName
from yibao_identity.application.document_guess import check_counted_document
from yibao_identity.application.holder import require_holder
from yibao_identity.rules.card import (
    Card,
    CardEvent,
    CardLimits,
    CardState,
    card_exists,
    check_none_standing,
    check_not_overtaken,
    check_replaceable,
    state_after,
)
from yibao_identity.rules.card_loss import (
    LossPapers,
    Replacement,
    check_papers,
    check_ready,
    merged_papers,
    ready_date,
    replacement_exists,
    replacement_not_found,
)
from yibao_identity.rules.document import ShownDocument

if TYPE_CHECKING:
    from yibao_identity.application.work import Work


class CardLossRows(Protocol):
    """Losses and replacements of a region; the rows of the cards have to be locked."""

    def store_papers(self, card_id: str, papers: LossPapers) -> None:
        """Stores the papers about a loss."""
        ...

    def report(self, card_id: str, *, state: CardState, at: dt.datetime, by: str) -> None:
        """Stores that a card was reported lost."""
        ...

    def order(self, card_id: str, replacement: Replacement, *, by: str) -> None:
        """Stores the order of a lost card's replacement."""
        ...

    def collect(self, card_id: str, *, new_card_id: str, at: dt.datetime, by: str) -> None:
        """Stores that the ordered replacement of a lost card was handed out."""
        ...


@dataclass(frozen=True, slots=True)
class ReportCardLoss:
    """Freezes a card at once, with the papers at hand."""

    request: Request
    card_id: str
    papers: LossPapers


@dataclass(frozen=True, slots=True)
class OrderReplacement:
    """Orders what follows a card that was handed in, or lost.

    Of a lost one, with the papers not given before.
    """

    request: Request
    card_id: str
    papers: LossPapers
    document: ShownDocument | None


@dataclass(frozen=True, slots=True)
class CollectReplacement:
    """Hands out the replacement of card `card_id`.

    It follows that one's standard where `standard_version` is empty.
    """

    request: Request
    card_id: str
    card_serial: str
    chip_number: str
    document: ShownDocument | None
    standard_version: str = ""


class CardLosses:
    """What happens to lost cards. Blocks.

    Each call is carried out once by request id and returns the answer's bytes; it raises
    RuleError REQUEST_ID_REUSED, CARD_NOT_FOUND and what the rules refuse.
    """

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        clock: Clock,
        ids: Ids,
        random_bytes: Callable[[int], bytes],
        limits: CardLimits,
    ) -> None:
        """Takes what begins transactions, and the sources of ids, subjects and salts."""
        self._calls = CardCalls(transactions, clock=clock, limits=limits)
        self._making = CardMaking(clock=clock, ids=ids, random_bytes=random_bytes, limits=limits)
        self._clock = clock
        self._limits = limits

    def report(self, command: ReportCardLoss, encode: EncodeCard) -> bytes:
        """Freezes a card; one reported before stays as it is, but for papers it lacked."""
        return self._calls.answer(
            command.request, command.card_id, lambda work: encode(self._report(work, command))
        )

    def order(self, command: OrderReplacement, encode: EncodeCard) -> bytes:
        """Orders the replacement of a card; where it was lost, the papers are all there."""
        return self._calls.answer(
            command.request,
            command.card_id,
            lambda work: encode(self._order(work, command)),
            document=command.document,
        )

    def collect(self, command: CollectReplacement, encode: EncodeCard) -> bytes:
        """Hands out the new card, not activated; a lost one stays lost until it is."""
        return self._calls.answer(
            command.request,
            command.card_id,
            lambda work: encode(self._collect(work, command)),
            document=command.document,
        )

    def _report(self, work: "Work", command: ReportCardLoss) -> Card:
        request = command.request
        card = self._calls.hold(work, CardName(command.card_id)).card
        require_holder(work.holders, request.caller, card.person_id)
        work.card_losses.store_papers(card.card_id, merged_papers(card.papers, command.papers))
        if card.state is not CardState.LOST:
            state = state_after(card, CardEvent.REPORT_LOSS)
            now, operator = self._clock(), request.caller.path
            work.card_losses.report(card.card_id, state=state, at=now, by=operator)
        return self._calls.told(work, request, card.card_id)

    def _order(self, work: "Work", command: OrderReplacement) -> Card:
        request, now = command.request, self._clock()
        card, holder_id = self._calls.hold_for_next(work, CardName(command.card_id))
        check_replaceable(card)
        check_counted_document(work, command.document, holder_id, now=now)
        if card.replacement is not None:
            raise replacement_exists(card.card_id)
        check_none_standing(self._calls.of_records(work, holder_id), but=card.card_id)
        if card.loss_report_time is not None:
            papers = merged_papers(card.papers, command.papers)
            check_papers(papers)
            work.card_losses.store_papers(card.card_id, papers)
        ready = ready_date(shanghai_day(now), days=self._limits.replacement_days)
        ordered = Replacement(now, ready, None)
        work.card_losses.order(card.card_id, ordered, by=request.caller.path)
        # Settlement is not told: a card is lost or closed whether another is on its way.
        return self._calls.recorded(work, request, card.card_id)

    def _collect(self, work: "Work", command: CollectReplacement) -> Card:
        request, now = command.request, self._clock()
        before, holder_id = self._calls.hold_for_next(work, CardName(command.card_id))
        check_replaceable(before)
        check_counted_document(work, command.document, holder_id, now=now)
        if before.replacement is None:
            raise replacement_not_found(before.card_id)
        if before.replacement.card_id is not None:
            raise card_exists(before.replacement.card_id)
        check_ready(before.replacement, today=shanghai_day(now))
        self._calls.hold_all(work, holder_id)
        known_cards = self._calls.of_records(work, holder_id)
        check_none_standing(known_cards, but=before.card_id)
        check_not_overtaken(before.replacement, known_cards)
        new = NewCard(
            holder_id,
            command.card_serial,
            command.chip_number,
            command.standard_version or before.standard_version,
            before.bank_code,
            replaces_card_id=before.card_id,
        )
        new_id = self._making.make(work, request, new)
        operator = request.caller.path
        work.card_losses.collect(before.card_id, new_card_id=new_id, at=now, by=operator)
        return self._calls.told(work, request, new_id, {"replaces": before.card_id})
