"""The account of a person whose records are merged, and how two of them become one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from yibao_settlement.application.merge.bills import Windows
from yibao_settlement.rules.account import Accumulators
from yibao_settlement.rules.ledger import Entry, carry_over_entries


@dataclass(frozen=True, slots=True)
class PersonAccount:
    """What a person holds, under the lock of the standing.

    `years` are what each benefit year used up, by year, `months` what windows of days and
    months hold, by month as in `2026-11`; `merged_into` is who took the account over.
    Windows of stays are kept with their visits, and stay there. Of the balance, `carried_fen`
    is of years before `account_year`, as in `Standing`, and so is `newest_settlement_id`.
    """

    person_id: str
    balance_fen: int
    years: Mapping[int, Accumulators]
    merged_into: str | None
    months: Mapping[str, Accumulators] = field(default_factory=dict)
    carried_fen: int = 0
    account_year: int = 0
    newest_settlement_id: str | None = None

    @property
    def windows(self) -> Windows:
        """What is kept of the person alone."""
        return Windows(self.person_id, self.years, self.months)

    @property
    def has_bills(self) -> bool:
        """Tells whether bills of the person, or of a record merged before, can stand.

        Who took bills over before the newest one was kept has what these used up alone.
        """
        return self.newest_settlement_id is not None or any(self.years.values())


def in_year(account: PersonAccount, year: int) -> PersonAccount:
    """Returns the account in a calendar year: what is left of one before is carried over."""
    if account.account_year >= year:
        return account
    return replace(account, carried_fen=account.balance_fen, account_year=year)


def carry_over(account: PersonAccount, year: int) -> tuple[Entry, ...]:
    """Returns the entries by which an account comes to a calendar year; perhaps none."""
    left_fen = in_year(account, year).carried_fen - account.carried_fen
    if not left_fen:
        return ()
    return carry_over_entries(person_id=account.person_id, amount_fen=left_fen)


def later(first: str | None, second: str | None) -> str | None:
    """Returns the later of two ids: the next bill of who is one person now stands behind both."""
    return max(first or "", second or "") or None
