"""Credits and orders of accounts as they are read, each by one snapshot."""

from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.transactions import Transactions
from yibao_settlement.application.credit.order import OrderCase
from yibao_settlement.rules.credit.credit import Credit, credit_not_found
from yibao_settlement.rules.credit.order import AccountOrder, AccountOrderState, order_not_found

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work


class CreditRows(Protocol):
    """Credits and orders of a region, as one transaction finds them."""

    def credit(self, credit_id: str) -> Credit | None:
        """Returns a credit with who holds its account by now as its person, or None."""
        ...

    def credits(self, person_id: str, *, before: str | None, limit: int) -> list[Credit]:
        """Returns at most `limit` credits of all records of a person, the newest first."""
        ...

    def order(self, order_id: str) -> AccountOrder | None:
        """Returns an order, or None."""
        ...

    def orders(
        self, state: AccountOrderState | None, *, after: str | None, limit: int
    ) -> list[AccountOrder]:
        """Returns at most `limit` orders, of any state where none is told, the first first."""
        ...

    def count_waiting(self) -> int:
        """Returns how many orders wait for their checker."""
        ...


class CreditBook:
    """What callers read of credits and orders. Blocks."""

    def __init__(self, transactions: "Transactions[Work]") -> None:
        """Takes what begins transactions."""
        self._transactions = transactions

    def credit(self, region: str, credit_id: str) -> Credit:
        """Returns a credit as `CreditRows`; raises RuleError CREDIT_NOT_FOUND."""
        with self._transactions.read(region) as work:
            found = work.credits.credit(credit_id)
        if found is None:
            raise credit_not_found(credit_id)
        return found

    def credits(
        self, region: str, person_id: str, *, before: str | None, limit: int
    ) -> list[Credit]:
        """Returns at most `limit` credits of a person, the newest first."""
        with self._transactions.read(region) as work:
            return work.credits.credits(person_id, before=before, limit=limit)

    def orders(
        self, region: str, state: AccountOrderState | None, *, after: str | None, limit: int
    ) -> list[AccountOrder]:
        """Returns at most `limit` orders, the one proposed first at the head."""
        with self._transactions.read(region) as work:
            return work.credits.orders(state, after=after, limit=limit)

    def case(self, region: str, order_id: str) -> OrderCase:
        """Returns an order's person and credit; raises RuleError ACCOUNT_ORDER_NOT_FOUND."""
        with self._transactions.read(region) as work:
            order = work.credits.order(order_id)
        if order is None:
            raise order_not_found(order_id)
        return OrderCase(order.order_id, order.person_id, order.credit_id)

    def count_waiting(self, region: str) -> int:
        """Returns how many orders wait for their checker."""
        with self._transactions.read(region) as work:
            return work.credits.count_waiting()
