"""Cards of a person that end together: the record was merged away, or the holder died."""

import datetime as dt
from typing import TYPE_CHECKING

from yibao_identity.rules.card import TRANSITIONS, CardClosing, CardEvent

if TYPE_CHECKING:
    from yibao_identity.application.work import Work


def close_cards_of(
    work: "Work",
    person_id: str,
    *,
    at: dt.datetime,
    caller: str,
    closing: CardClosing | None = None,
) -> list[str]:
    """Closes every card of a person whose row is locked; returns their ids.

    Feed and audit are the caller's. Without `closing` the record is merged away, and why the
    card was closed is not stored with it: the merge tells.
    """
    event = CardEvent.MERGED if closing is None else CardEvent.CLOSE
    closed = []
    for card in work.cards.lock_of_person(person_id):
        # As it is stored: whether a card is overdue today is of no concern to its closing.
        after = TRANSITIONS.get((card.state, event))
        if after is not None:
            work.cards.close(card.card_id, state=after, at=at, by=caller, closing=closing)
            closed.append(card.card_id)
    return closed
