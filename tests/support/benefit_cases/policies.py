"""Random policies."""

import datetime as dt
import random
from collections.abc import Callable
from typing import Any

from . import amounts
from .facts import CARE_GROUPS, GIVERS
from .tables import condition, table

PARTS = ("eligible", "prepay", "over_limit", "excluded")
WINDOWS = ("bill", "day", "month", "stay", "stay", "stay", "year", "year")
LINE_GROUPS: dict[str, dict[str, list[str]]] = {
    "implant": {"item_groups": ["implant"]},
    "special": {"item_groups": ["dual_channel"], "classes": ["02"]},
    "b": {"classes": ["02"]},
}
FUND_TYPES = ("310100", "320100", "330100", "390200", "610100")


class PolicyMaker:
    """Makes one policy step by step and keeps the names that later steps may use."""

    def __init__(self, chance: random.Random) -> None:
        """Draws windows, counts, parameters and line groups."""
        self.chance = chance
        self.policy: dict[str, Any] = {
            "format": "yibao-policy/2",
            "policy_id": "generated",
            "title": "Generated",
            "title_zh": "生成",
            "region": "999000",
            "insurance_type": "310",
            "start_date": dt.date(2023, 1, 1),
            "sources": {"page": {"title": "generated"}},
            "care_groups": CARE_GROUPS,
        }
        if chance.random() < 0.1:
            self.policy["end_date"] = dt.date(2023, 12, 31)
        self.groups = [name for name in LINE_GROUPS if chance.random() < 0.3]
        if self.groups:
            self.policy["line_groups"] = {name: LINE_GROUPS[name] for name in self.groups}
        self.has_periods = chance.random() < 0.3
        self._windows()
        self.counts = self._counts()
        self.parameters = self._parameters()
        if chance.random() < 0.2:
            self.policy["rounding"] = amounts.rounding(chance)
        # What a base may hold, and what an amount may be of.
        self.bases = [
            "total",
            *PARTS,
            *(f"{part}.{group}" for part in PARTS for group in self.all_groups),
        ]
        self.names = list(self.bases)
        self.limitable: list[str] = []
        self.payers: list[str] = []
        self.deductibles: list[str] = []
        self.steps: list[dict[str, Any]] = []

    @property
    def all_groups(self) -> list[str]:
        """The line groups with `rest`, or none where the policy has none."""
        return [*self.groups, "rest"] if self.groups else []

    @property
    def splits(self) -> bool:
        """Tells whether stays are split at New Year."""
        year = self.policy.get("windows", {}).get("year", {})
        return bool(year.get("stay_over_new_year") == "split")

    def _windows(self) -> None:
        chance = self.chance
        windows: dict[str, Any] = {}
        stay: dict[str, Any] = {}
        if chance.random() < 0.5:
            stay["joins_transfers_within_days"] = chance.choice((0, 1, 3))
        if chance.random() < 0.3:
            stay["facts"] = chance.choice(("discharge", "admission"))
        if stay:
            windows["stay"] = stay
        if self.has_periods:
            windows["period"] = {"days": chance.choice((3, 10, 30))}
        if chance.random() < 0.7:
            year: dict[str, Any] = {
                "stay_over_new_year": chance.choice(("discharge", "admission", "split", "split"))
            }
            if chance.random() < 0.2:
                year["starts"] = chance.choice(("07-01", "04-15"))
            if year["stay_over_new_year"] == "split" and chance.random() < 0.8:
                year["deductible"] = chance.choice(("once", "make_up", "again"))
            windows["year"] = year
        if windows:
            self.policy["windows"] = windows

    def _counts(self) -> list[str]:
        chance = self.chance
        possible = {
            "stays": ("stay", "year"),
            "days": ("day", chance.choice(("month", "year"))),
            "months": ("month", "year"),
        }
        if self.has_periods:
            possible["periods"] = ("period", chance.choice(("stay", "year")))
        counts: dict[str, Any] = {}
        for name in possible:
            if chance.random() < 0.3:
                counts[name] = {"of": possible[name][0], "in": possible[name][1]}
                if chance.random() < 0.3:
                    counts[name]["per"] = [chance.choice(("institution", "institution_level"))]
                if chance.random() < 0.5:
                    counts[name]["care_groups"] = chance.choice(
                        (["inpatient"], ["outpatient", "chronic"])
                    )
        if counts:
            self.policy["counts"] = counts
        return [f"count.{name}" for name in counts]

    def _parameters(self) -> list[str]:
        chance = self.chance
        if chance.random() < 0.6:
            return []
        first = dt.date(2023, 3, 1) if chance.random() < 0.1 else dt.date(2022, 7, 1)
        self.policy["parameters"] = {
            "average_wage": [
                {"from": first, "fen": amounts.fen(chance, 1_000_000)},
                {"from": dt.date(2023, 7, 1), "fen": amounts.fen(chance, 1_000_000)},
            ]
        }
        return ["average_wage"]

    def window(self) -> dict[str, Any]:
        """Returns `window` and `per`, or nothing."""
        if self.chance.random() < 0.1:
            return {}
        kind = self.chance.choice((*WINDOWS, "period", "period") if self.has_periods else WINDOWS)
        written: dict[str, Any] = {"window": kind}
        if self.chance.random() < 0.15:
            written["per"] = [self.chance.choice(("institution", "institution_level", "disease"))]
        return written

    def base(self) -> list[str]:
        """Returns one to three names, rather those that the last steps left."""
        chance = self.chance
        favoured = ["eligible", *self.bases[-8:]] if chance.random() < 0.8 else self.bases
        return list(dict.fromkeys(chance.choices(favoured, k=chance.choice((1, 1, 1, 2, 3)))))

    def table(self, row: Callable[[], dict[str, Any]], by_chance: float = 0.4) -> dict[str, Any]:
        """Returns a table of what `row` makes."""
        return table(self.chance, row, self.counts, by_chance=by_chance)

    def add(self, kind: str, name: str, step: dict[str, Any]) -> None:
        """Puts a step at the end, sometimes under a condition."""
        written = {"id": name, **step}
        if kind != "classify" and self.chance.random() < 0.25:
            written["applies"] = condition(self.chance, self.counts)
        self.steps.append({kind: written})

    def leaves(self, name: str, lots: tuple[str, ...], sums: tuple[str, ...]) -> None:
        """Says what later steps may name: `lots` in a base, and all as amounts."""
        for tag in lots:
            self.bases += [f"{name}.{tag}", *(f"{name}.{tag}.{group}" for group in self.all_groups)]
        self.names += [f"{name}.{tag}" for tag in (*lots, *sums)]

    def classify(self) -> None:
        """Adds the first step."""
        chance = self.chance

        def row() -> dict[str, Any]:
            shares = {
                "01": chance.choice((0, 0, 50_000)),
                "02": chance.choice(("by_item", 100_000, 33_333)),
                "03": chance.choice(("own_cost", "own_cost", 500_000)),
            }
            if chance.random() < 0.1:
                return {"shares": shares, "catalogue": "insured_place"}
            return {"shares": shares}

        step = self.table(row, 0.15)
        if chance.random() < 0.1:
            step["out_of_cover"] = chance.choice(("own_cost", "refuse"))
        self.add("classify", "S1", step)

    def given(self, number: int) -> None:
        """Adds a step that takes what others have paid."""
        name = f"G{number}"
        self.add("given", name, {"fund_types": list(GIVERS), "base": self.base()})
        self.names.append(f"{name}.paid")

    def account(self, number: int) -> None:
        """Adds the personal account."""
        step: dict[str, Any] = {"base": self.base()}
        if self.chance.random() < 0.3:
            step["purses"] = self.chance.choice((["carried", "current_year"], ["current_year"]))
        self.add("account", f"Z{number}", step)
        self.names.append(f"Z{number}.paid")

    def deductible(self, number: int) -> None:
        """Adds a deductible or a first share."""
        chance, name = self.chance, f"D{number}"
        step: dict[str, Any] = {"base": self.base(), **self.window()}
        # What is kept of the window's first bill under `again` is left open.
        again = self.policy.get("windows", {}).get("year", {}).get("deductible") == "again"
        if chance.random() < 0.25 and not again:
            step["make_up"] = chance.random() < 0.3
        if chance.random() < 0.25:
            step["as"] = chance.choice(("deductible", "prepay"))
        of = [*chance.sample(self.names, 2), "base", "total", "eligible"]
        step |= self.table(lambda: {"amount": amounts.amount(chance, of, self.parameters)})
        self.add("deductible", name, step)
        self.leaves(name, ("paid", "rest"), ("base",))
        self.limitable.append(f"{name}.paid")
        self.deductibles.append(f"{name}.paid")

    def tiers(self, number: int) -> None:
        """Adds a step that pays, along an axis or up to a due."""
        chance, name = self.chance, f"P{number}"
        step: dict[str, Any] = {"base": self.base(), **self.window()}
        if chance.random() < 0.12:
            step["payer"] = chance.choice(("hospital", "employer", "treasury"))
        else:
            step["fund_type"] = chance.choice(FUND_TYPES)
        tops_up = chance.random() < 0.2
        if tops_up:
            others = chance.sample(self.payers, min(len(self.payers), chance.choice((0, 1, 2))))
            itself = step.get("window", "bill") != "bill" or not others or chance.random() < 0.5
            step["less"] = [*others, f"{name}.paid"] if itself else others
        elif chance.random() < 0.35:
            on_top = [*self.deductibles, *self.deductibles, *self.payers, "prepay"]
            step["on_top_of"] = list(
                dict.fromkeys(chance.choices(on_top, k=chance.choice((1, 1, 2))))
            )
        if chance.random() < 0.15:
            step["axis"] = chance.choice(("fee", "paid", "paid"))
        if chance.random() < 0.2:
            step["adjust"] = [
                self.table(self._adjustment, 0.9) for _ in range(chance.choice((1, 2)))
            ]
        if chance.random() < 0.15:
            step["rounding"] = amounts.rounding(chance)
        step |= self.table(self._tiers_row)
        self.add("tiers", name, step)
        self.leaves(
            name, ("copay",) if tops_up else ("below", "copay", "overflow"), ("paid", "covered")
        )
        self.limitable += [f"{name}.paid"] if tops_up else [f"{name}.paid", f"{name}.covered"]
        self.payers.append(f"{name}.paid")

    def _tiers_row(self) -> dict[str, Any]:
        row: dict[str, Any] = {"brackets": amounts.brackets(self.chance)}
        if self.chance.random() < 0.25:
            names = self.chance.sample(self.names, 2)
            row["threshold"] = amounts.amount(self.chance, names, self.parameters)
        return row

    def _adjustment(self) -> dict[str, Any]:
        row: dict[str, Any] = {}
        if self.chance.random() < 0.6:
            row["factor_ppm"] = self.chance.choice((900_000, 1_100_000, 333_333))
        if self.chance.random() < 0.6:
            row["points_ppm"] = self.chance.choice((-100_000, -200_000, 50_000, 12_345))
        return row

    def counters(self) -> None:
        """Adds counters over what the steps left."""
        chance = self.chance
        made: dict[str, Any] = {}
        for number in range(chance.choice((0, 0, 1, 1, 2, 3))):
            limits = chance.sample(
                self.limitable, min(len(self.limitable), chance.choice((1, 1, 2)))
            )
            others = [name for name in self.names if name not in limits]
            counter: dict[str, Any] = {"window": "bill", **self.window(), "limits": limits}
            if chance.random() < 0.4:
                counter["counts"] = chance.sample(others, chance.choice((1, 1, 2)))
            counter |= self.table(self._limit, 0.3)
            made[f"counter{number}"] = counter
        if made:
            self.policy["counters"] = made

    def _limit(self) -> dict[str, Any]:
        if self.chance.random() < 0.15:
            return {"limit": "none"}
        return {"limit": amounts.amount(self.chance, [], self.parameters)}


def policy(chance: random.Random) -> dict[str, Any]:
    """Returns a policy as its file reads."""
    maker = PolicyMaker(chance)
    maker.classify()
    kinds = [
        "tiers",
        *chance.choices(
            ("deductible", "tiers", "given", "account"), (5, 6, 1, 1.5), k=chance.randint(1, 5)
        ),
    ]
    if chance.random() < 0.7:
        kinds.insert(0, "deductible")
    if kinds.count("given") > 1:
        kinds = [kind for kind in kinds if kind != "given"] + ["given"]
    for number, kind in enumerate(kinds, start=1):
        getattr(maker, kind)(number)
    maker.counters()
    return {**maker.policy, "steps": maker.steps}
