"""What a close did with a person's account, and how the interest came about."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from yibao_common.commands.transactions import Transactions
from yibao_settlement.application.account_close.page import held_in
from yibao_settlement.application.account_close.rows import AccountCloseRows
from yibao_settlement.application.account_close.run import ReadRules
from yibao_settlement.rules.account_close.close import ClosedAccount, closed_account_not_found
from yibao_settlement.rules.account_close.interest import Span, spans

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work


class ToldAccount(NamedTuple):
    """A record's account as it was closed; spans are derived from the ledger anew."""

    closed: ClosedAccount
    current_year_spans: Sequence[Span] = ()
    carried_spans: Sequence[Span] = ()


class ClosedAccounts:
    """Reads closed accounts. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, read_rules: ReadRules) -> None:
        """Takes what begins transactions, and what reads files of rules."""
        self._transactions = transactions
        self._read_rules = read_rules

    def of_person(self, region: str, person_id: str, benefit_year: int) -> list[ToldAccount]:
        """Returns a person's account of a year, of each record that was merged into one.

        Raises RuleError CLOSED_ACCOUNT_NOT_FOUND where no close has passed any.
        """
        with self._transactions.read(region) as work:
            rows = work.account_closes
            found = [
                closed
                for each in work.years.records_of(person_id)
                if (closed := rows.closed(each, benefit_year)) is not None
            ]
            if not found:
                raise closed_account_not_found(person_id, benefit_year)
            return [self._told(rows, each) for each in found]

    def _told(self, rows: AccountCloseRows, closed: ClosedAccount) -> ToldAccount:
        close = rows.find(closed.close_id)
        assert close is not None, "what was proposed never goes away"
        rules = self._read_rules(close.rules_file).interest
        person_id, year = closed.person_id, closed.benefit_year
        standing = rows.accounts([person_id]).get(person_id)
        if rules is None or standing is None:
            return ToldAccount(closed)
        entries = rows.purse_entries([person_id], since_month=year * 100 + 1)
        held = held_in(standing, entries.get(person_id, ()), rules, year)
        current: list[tuple[dt.date, int]] = [(each[0], each[1]) for each in held.changes]
        carried: list[tuple[dt.date, int]] = [(each[0], each[2]) for each in held.changes]
        return ToldAccount(
            closed,
            spans(rules.current_year, 0, current, year),
            spans(rules.carried, held.opening_fen, carried, year),
        )
