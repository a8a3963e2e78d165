"""Cards of a person whose record is merged into another."""

import datetime as dt
from typing import TYPE_CHECKING

from yibao_identity.rules.card import TRANSITIONS, CardEvent

if TYPE_CHECKING:
    from yibao_identity.application.work import Work


def close_cards_of(work: "Work", person_id: str, *, at: dt.datetime, caller: str) -> list[str]:
    """Closes every card of a person whose record is merged away; returns their ids.

    The person's row has to be locked; feed and audit are the caller's. Why the card was
    closed is not stored with it: the merge tells.
    """
    closed = []
    for card in work.cards.lock_of_person(person_id):
        # As it is stored: whether a card is overdue today is of no concern to its closing.
        after = TRANSITIONS.get((card.state, CardEvent.MERGED))
        if after is not None:
            work.cards.close(card.card_id, state=after, at=at, by=caller, closing=None)
            closed.append(card.card_id)
    return closed
