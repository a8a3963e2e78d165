"""Settled bills in memory, for those who try a policy on them."""

from collections.abc import Iterable, Mapping, Sequence

from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.simulation import Insured, Period, SettledHistory
from yibao_settlement.rules.visit import Visit


class ManyIds(SettledHistory):
    """A history with a number of settlements, all of which were reversed since."""

    def __init__(self, bills: int) -> None:
        """Keeps what is asked of it."""
        self._bills = bills
        self.most = 0
        self.pages: list[int] = []

    def ids(self, region: str, period: Period, *, most: int) -> list[str]:
        self.most = most
        return [str(number) for number in range(min(self._bills, most))]

    def read(self, region: str, ids: Sequence[str]) -> list[tuple[SettlementRecord, Visit]]:
        self.pages.append(len(ids))
        return []

    def insured(self, region: str, person_ids: Iterable[str]) -> Mapping[str, Insured]:
        return {}
