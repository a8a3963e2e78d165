"""Steps `given` and `account`: who pays by what the bill says, without brackets."""

from dataclasses import dataclass

from yibao_settlement.rules.benefit.leg import Leg
from yibao_settlement.rules.benefit.lots import LotTest, choose, sum_of
from yibao_settlement.rules.benefit.record import PaidRecord


@dataclass(frozen=True, slots=True, eq=False)
class GivenPlan:
    """Other payers, whose payments are taken from the base in order."""

    index: int
    base: tuple[LotTest, ...]
    first: int
    fund_types: tuple[str, ...]

    def settle(self, leg: Leg) -> PaidRecord:
        """Takes what the bill says that these have paid, as far as there is something."""
        lots = choose(leg.lots, self.base)
        base = sum_of(lots)
        available = paid = 0
        for fund_type in self.fund_types:
            given = leg.given.get(fund_type, 0)
            part = min(given, base - paid)
            available += given
            if part:
                leg.given[fund_type] = given - part
                paid += part
        leg.take_in_order(self.index, lots, paid)
        leg.amounts[self.first] = paid
        return PaidRecord(0, base, available, paid)


@dataclass(frozen=True, slots=True, eq=False)
class AccountPlan:
    """The person's account, from its purses in order."""

    index: int
    base: tuple[LotTest, ...]
    first: int
    purses: tuple[int, ...]

    def settle(self, leg: Leg) -> PaidRecord:
        """Takes what the purses hold, as far as there is something to pay."""
        lots = choose(leg.lots, self.base)
        base = sum_of(lots)
        available = paid = 0
        for purse in self.purses:
            holds = leg.purses[purse]
            part = min(holds, base - paid)
            available += holds
            leg.purses[purse] -= part
            paid += part
        leg.take_in_order(self.index, lots, paid)
        leg.amounts[self.first] = paid
        return PaidRecord(0, base, available, paid)
