"""What institutions of a place of treatment did for the persons of all regions that are served."""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from yibao_common.commands.transactions import Transactions
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.application.day.find import Days, DayTotals
from yibao_settlement.application.declaration.rows import DeclarationWish
from yibao_settlement.rules.day.act import span_of_days
from yibao_settlement.rules.declaration.month import Declaration
from yibao_settlement.rules.visit import check_known

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

MOST_DAYS = 31
# Declarations of a month to one region: a handful of insurance and clearing types, some of them
# withdrawn and declared again.
_PAGE = 500


class Treatment:
    """Reads each region by itself, since each keeps the books of its own persons. Blocks."""

    def __init__(
        self, transactions: "Transactions[Work]", days: Days, *, regions: Collection[str]
    ) -> None:
        """Takes what is read of, and the regions that are served."""
        self._transactions = transactions
        self._days = days
        self._regions = sorted(regions)

    def totals(
        self,
        region: str,
        institution_id: str,
        first: dt.date,
        last: dt.date,
        snapshot_time: dt.datetime | None,
    ) -> tuple[dt.datetime, Sequence[tuple[str, DayTotals]]]:
        """Returns what acts of some days come to by insuring region, and before which instant.

        Raises RuleError FIELD_OUT_OF_RANGE, INSTITUTION_NOT_DESIGNATED.
        """
        if not 0 <= (last - first).days < MOST_DAYS:
            message = f"from start_date on, at most {MOST_DAYS} days are told at once"
            refuse_faults([FieldFault("end_date", Reason.FIELD_OUT_OF_RANGE, message)])
        snapshot_time = self._days.snapshot(snapshot_time)
        self._check_known(region, institution_id)
        span = span_of_days(first, last, snapshot_time)
        found = [
            (each, self._days.totals_of(each, institution_id, span, snapshot_time))
            for each in self._regions
        ]
        return snapshot_time, [(each, totals) for each, totals in found if totals.sums]

    def declarations(self, region: str, institution_id: str, month: int) -> Sequence[Declaration]:
        """Returns what was declared of a month to all regions.

        Raises RuleError INSTITUTION_NOT_DESIGNATED.
        """
        self._check_known(region, institution_id)
        wish = DeclarationWish(institution_id, month, None)
        return [found for each in self._regions for found in self._declared(each, wish)]

    def _declared(self, region: str, wish: DeclarationWish) -> Sequence[Declaration]:
        declared: list[Declaration] = []
        with self._transactions.read(region) as work:
            while True:
                after = declared[-1].declaration_id if declared else None
                page = work.declarations.page(wish, after=after, limit=_PAGE)
                declared += page
                if len(page) < _PAGE:
                    return declared

    def _check_known(self, region: str, institution_id: str) -> None:
        """Refuses who asks for an institution that another place has its agreement with."""
        with self._transactions.read(region) as work:
            found = work.institutions.find([institution_id])
        check_known(found.get(institution_id), institution_id)
