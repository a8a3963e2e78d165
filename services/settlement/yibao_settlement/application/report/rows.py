"""What is read of a region's figures, and how refusals are counted."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from yibao_settlement.rules.day.act import DayAmounts, DaySpan
from yibao_settlement.rules.report import FigureBy, RefusalBy


class ActFigure(NamedTuple):
    """What acts with one key come to; `counts` are by kind of act, in their order."""

    key: str
    counts: tuple[int, int, int, int]
    amounts: DayAmounts


class RefusalKey(NamedTuple):
    """What was refused: `institution_id` is empty where no institution called."""

    day: dt.date
    institution_id: str
    method: str
    reason: str


class PersonsSum(NamedTuple):
    """How many persons there are, and what they come to in fen."""

    person_count: int
    amount_fen: int


class ReviewSum(NamedTuple):
    """Cases in a state (`rules.review.ReviewState`), and what their bills come to."""

    state: int
    review_count: int
    total_fen: int


class ReportRows(Protocol):
    """Figures of a region, as one snapshot finds them."""

    def acts(
        self,
        span: DaySpan,
        by: FigureBy | None,
        *,
        institution_id: str,
        after: str,
        limit: int,
    ) -> Sequence[ActFigure]:
        """Returns at most `limit` figures behind a key, of all or one institution's acts.

        By nothing there is one figure of all, with an empty key, where there are acts.
        """
        ...

    def refusals(
        self, start: dt.date, end: dt.date, by: RefusalBy, *, institution_id: str, limit: int
    ) -> Sequence[tuple[str, int]]:
        """Returns keys with how often there was a refusal, most often first."""
        ...

    def refusal_count(self, start: dt.date, end: dt.date, *, institution_id: str) -> int:
        """Returns how often there was a refusal on some days."""
        ...

    def count_refusals(self, counts: Mapping[RefusalKey, int]) -> None:
        """Adds refusals to those that are counted."""
        ...

    def funds_at(self, instant: dt.datetime) -> Sequence[tuple[str, int]]:
        """Returns each fund's balance by what was posted before an instant, in their order."""
        ...

    def differences(self) -> tuple[PersonsSum, PersonsSum]:
        """Returns who is owed something, and who owes; both sums are positive."""
        ...

    def reviews(self) -> Sequence[ReviewSum]:
        """Returns the cases that are not closed, by state."""
        ...

    def hold_count(self) -> int:
        """Returns how many bills are held."""
        ...
