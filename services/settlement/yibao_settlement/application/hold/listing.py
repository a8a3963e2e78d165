"""Listing what is held: of whom, and from where on."""

import datetime as dt
from typing import NamedTuple


class HoldWish(NamedTuple):
    """Which holds are listed, HELD and not run out by `now`; what is None limits nothing."""

    now: dt.datetime
    institution_id: str | None = None
    person_id: str | None = None
    visit_id: str | None = None
