"""A year of bills of one person, at random."""

import datetime as dt
import random
from typing import Any

from . import amounts
from .facts import CODES, ENROLMENT, GIVERS, ITEM_GROUPS, NUMBERS, SETS

Bill = dict[str, Any]


class YearMaker:
    """Makes the bills of one person; what enrolment says of them changes now and then."""

    def __init__(self, chance: random.Random, policy: dict[str, Any]) -> None:
        """Makes bills that `policy` can settle."""
        self.chance = chance
        self.giver = any("given" in step for step in policy["steps"])
        self.person = self._facts(ENROLMENT)
        self.visits = 0
        self.bills: list[Bill] = []

    def _facts(self, names: tuple[str, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in names:
            if name in CODES:
                found[name] = self.chance.choice(CODES[name])
            elif name in SETS:
                codes = SETS[name]
                found[name] = self.chance.sample(codes, self.chance.choice((0, 0, 1, 2)))
            else:
                found[name] = self.chance.randint(0, NUMBERS[name])
        return found

    def year(self) -> list[Bill]:
        """Returns bills in the order of their dates, from spring over New Year."""
        day = dt.date(2023, 1, 5)
        while day < dt.date(2024, 3, 1) and len(self.bills) < 14:
            day += dt.timedelta(days=int(self.chance.expovariate(1 / 40)))
            if self.chance.random() < 0.2:
                self.person = self._facts(ENROLMENT)
            # Stays that begin late in the year end in the next one.
            if dt.date(2023, 11, 20) < day < dt.date(2023, 12, 31) or self.chance.random() < 0.4:
                day = self._stay(day)
            else:
                self._outpatient(day)
        return self.bills

    def _outpatient(self, day: dt.date) -> None:
        self.visits += 1
        care_type = self.chance.choice(("11", "14", "41"))
        self._bill(f"V{self.visits}", day, day, {"care_type": care_type, **self._place()})

    def _place(self) -> dict[str, Any]:
        place = self._facts(("institution", "institution_level", "institution_kind", "disease"))
        for name in ("offsite", "path"):
            if self.chance.random() < 0.5:
                place[name] = self.chance.choice(CODES[name])
        return place

    def _stay(self, day: dt.date) -> dt.date:
        """Makes a stay of one to three visits with interim bills; returns its last day."""
        chance = self.chance
        before = None
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            self.visits += 1
            visit, admitted = f"V{self.visits}", day
            facts = {"care_type": chance.choice(("2101", "2102")), **self._place()}
            for _ in range(chance.choice((1, 1, 2, 3))):
                day += dt.timedelta(days=chance.choice((0, 1, 4, 9, 25)))
                bill = self._bill(visit, admitted, day, facts)
                if before is not None and not chance.random() < 0.1:
                    bill["transfer_from"] = before
                if chance.random() < 0.2:
                    bill["facts_at_admission"] = self._facts(tuple(chance.sample(ENROLMENT, 2)))
            before = visit
            day += dt.timedelta(days=chance.choice((0, 0, 1, 2, 4)))
        return day

    def _bill(self, visit: str, admitted: dt.date, day: dt.date, facts: dict[str, Any]) -> Bill:
        chance = self.chance
        bill: Bill = {"date": day, "visit": visit, "facts": {**self.person, **facts}}
        if admitted != day or chance.random() < 0.3:
            bill["admitted"] = admitted
        if chance.random() < 0.1:
            until = day - dt.timedelta(days=chance.randint(0, 10))
            bill["cover"] = [{"from": dt.date(2022, 1, 1), "to": until}]
            if chance.random() < 0.3:
                bill["cover"].append({"from": until + dt.timedelta(days=2)})
        if self.giver and chance.random() < 0.3:
            bill["given"] = [
                {"fund_type": giver, "fen": amounts.fen(chance, 3_000)}
                for giver in chance.sample(GIVERS, chance.choice((1, 1, 2)))
            ]
        if chance.random() < 0.01:
            bill["given"] = [{"fund_type": "620100", "fen": 100}]
        if chance.random() < 0.5:
            bill["use_account"] = chance.random() < 0.8
        if chance.random() < 0.04:
            bill["facts"].pop(chance.choice(ENROLMENT))
        bill["lines"] = [
            self._line(admitted, day) for _ in range(chance.choice((0, 1, 1, 2, 3, 5, 8)))
        ]
        self.bills.append(bill)
        return bill

    def _line(self, admitted: dt.date, day: dt.date) -> dict[str, Any]:
        chance = self.chance
        line: dict[str, Any] = {
            "class": chance.choice(("01", "01", "01", "02", "02", "03")),
            "fen": 0 if chance.random() < 0.02 else amounts.fen(chance),
        }
        if line["class"] == "02" or chance.random() < 0.05:
            line["share_ppm"] = chance.choice((0, 100_000, 200_000, 333_333))
        if chance.random() < 0.1:
            line["over_fen"] = chance.randint(0, line["fen"])
        if chance.random() < 0.3:
            line["item_group"] = chance.choice(ITEM_GROUPS)
        if chance.random() < 0.7:
            line["date"] = admitted + dt.timedelta(days=chance.randint(0, (day - admitted).days))
        if chance.random() < 0.03:
            line["date"] = chance.choice((admitted, day)) + dt.timedelta(
                days=chance.choice((-1, 1))
            )
        if chance.random() < 0.02:
            line["class"] = None
        if chance.random() < 0.002:
            line["fen"] = -line["fen"] - 1
        return line


def history(chance: random.Random, policy: dict[str, Any]) -> dict[str, Any]:
    """Returns what `bills.yaml` holds, without expectations."""
    year: dict[str, Any] = {"format": "yibao-bills/2"}
    if chance.random() < 0.7:
        purses = ("current_year", "carried", "family")
        year["purses"] = {
            purse: amounts.fen(chance, 100_000) for purse in purses if chance.random() < 0.7
        }
    year["bills"] = YearMaker(chance, policy).year()
    return year
