"""Transactions of a service that was given no keys to keep files with: each is refused."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from yibao_common.commands.request import Outcome, Request
from yibao_common.commands.transactions import ResultT, Transactions
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.application.work import Work


class KeylessTransactions(Transactions[Work]):
    """Refuses everything with FILES_NOT_KEPT; see `Transactions`."""

    def once(self, request: Request, decide: Callable[[Work], bytes]) -> bytes:
        """Raises FILES_NOT_KEPT."""
        raise _not_kept()

    def once_counted(self, request: Request, decide: Callable[[Work], bytes | RuleError]) -> bytes:
        """Raises FILES_NOT_KEPT."""
        raise _not_kept()

    def once_each(
        self,
        region: str,
        requests: Sequence[Request],
        decide: Callable[[Work, Sequence[int]], Sequence[Outcome[bytes]]],
    ) -> list[Outcome[bytes]]:
        """Raises FILES_NOT_KEPT."""
        raise _not_kept()

    def change(self, region: str, work: Callable[[Work], ResultT]) -> ResultT:
        """Raises FILES_NOT_KEPT."""
        raise _not_kept()

    def change_untried(self, region: str, work: Callable[[Work], ResultT]) -> ResultT:
        """Raises FILES_NOT_KEPT."""
        raise _not_kept()

    def read(self, region: str) -> AbstractContextManager[Work]:
        """Raises FILES_NOT_KEPT."""
        raise _not_kept()

    def look(self, region: str, ask: Callable[[Work], ResultT]) -> ResultT:
        """Raises FILES_NOT_KEPT."""
        raise _not_kept()


def _not_kept() -> RuleError:
    return RuleError(Reason.FILES_NOT_KEPT, "the service was given no keys to keep files with")
