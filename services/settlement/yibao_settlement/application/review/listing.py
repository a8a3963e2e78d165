"""Listing cases: which of them, in which order, from where on."""

import datetime as dt
from typing import NamedTuple

from yibao_settlement.rules.review import ReviewKind, ReviewState


class Place(NamedTuple):
    """A case's place in lists: they go from the one opened first to the last."""

    open_time: dt.datetime
    review_id: str


class ReviewWish(NamedTuple):
    """Which cases are listed; what is None limits nothing.

    Instants are the first one included and the first one left out.
    """

    institution_id: str | None = None
    state: ReviewState | None = None
    kind: ReviewKind | None = None
    opened_since: dt.datetime | None = None
    opened_before: dt.datetime | None = None
    person_id: str | None = None
