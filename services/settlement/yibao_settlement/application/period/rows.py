"""What closing of periods finds, locks and writes."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from yibao_settlement.rules.period.close import Period, PeriodClose, PeriodSum


class PeriodRows(Protocol):
    """Months of the funds and of institutions, as one transaction of a region finds them."""

    def lock(self) -> None:
        """Lets no other process close a period of the region until the transaction ends."""
        ...

    def end_month(self, month: int) -> None:
        """Lets whatever begins after this transaction post nothing in months up to this one."""
        ...

    def find(self, close_id: str) -> PeriodClose | None:
        """Returns what was proposed, or None."""
        ...

    def last_closed(self, institution_id: str) -> PeriodClose | None:
        """Returns the last month of an institution, or of the funds, that is closed."""
        ...

    def first_time(self, institution_id: str) -> dt.datetime | None:
        """Returns when an institution settled first, or anything was posted in the region.

        None where nothing was.
        """
        ...

    def sums(self, period: Period) -> Sequence[PeriodSum]:
        """Returns what was posted in a period, summed from the entries, by account.

        Of an institution's month: its payable, and of the same postings what each fund and
        bearer paid and, under `person:`, what persons' own accounts did.
        """
        ...

    def closed_sums(self, close_id: str) -> Sequence[PeriodSum]:
        """Returns the sums that were kept when a period was closed."""
        ...

    def newest(self, period: Period) -> PeriodClose | None:
        """Returns what closed a period, else what was proposed last, or None."""
        ...

    def of_month(self, month: int) -> Mapping[str, PeriodClose]:
        """Returns the newest of each period of a month, by institution; "" are the funds."""
        ...

    def payables(self, month: int) -> Mapping[str, tuple[int, int]]:
        """Returns what institutions are owed for a month, in fen and in how many entries."""
        ...

    def institution_ids(self) -> Collection[str]:
        """Returns the institutions that the region has an agreement with, or had."""
        ...

    def insert(self, close: PeriodClose) -> None:
        """Stores what is proposed."""
        ...

    def close(self, close: PeriodClose, sums: Sequence[PeriodSum]) -> None:
        """Stores that a period is closed, with its sums, once."""
        ...
