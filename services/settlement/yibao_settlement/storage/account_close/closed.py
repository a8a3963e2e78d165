"""What a close did with a record, as a row."""

from typing import Any

from yibao_common.db.rows import Row
from yibao_settlement.rules.account_close.close import ClosedAccount
from yibao_settlement.rules.account_close.counters import Counters
from yibao_settlement.rules.account_close.interest import Earned

CLOSED_COLUMNS = (
    *("region", "person_id", "benefit_year", "close_id", "insurance_type"),
    *Earned._fields,
    *("owner_id", "posting_id", "counted_type", "months_insured", "years_unclaimed", "take_time"),
)


def closed_row(closed: ClosedAccount) -> Row:
    """Returns a row of CLOSED_COLUMNS."""
    counters = (None, None, None) if closed.counters is None else closed.counters
    return (
        *closed[:5],
        *closed.earned,
        closed.owner_id,
        closed.posting_id,
        *counters,
        closed.take_time,
    )


def closed_from(row: tuple[Any, ...]) -> ClosedAccount:
    """Returns what a row of CLOSED_COLUMNS tells."""
    counted_type, months, years = row[11:14]
    counters = None if counted_type is None else Counters(counted_type, months, years)
    region, person_id, benefit_year, close_id, insurance_type, *_ = row
    key = (region, person_id, benefit_year, close_id, insurance_type)
    return ClosedAccount(*key, Earned(*row[5:9]), row[9], row[10], counters, row[14])
