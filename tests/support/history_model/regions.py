"""Regions and years of bills at random, of the policies that both evaluators are compared by."""

import copy
import functools
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import yaml
from support.benefit_cases.cases import YEARS_OF_A_POLICY, case

from .bills import PRICE_TIMES_QUANTITY, Bill, Line
from .ordinary import ordinary_bills, ordinary_policy
from .region import OwnDebts, RefundOrder, Region, Wrong
from .taking_back import random_own_debts
from .terms import Terms

PERSONS = ("p1", "p2")
INSTITUTIONS = ("H1", "H2")
POLICIES_LOOKED_AT = 6
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
QUANTITIES = (10_000, 10_000, 20_000, 70_000, 2_500, 120_000)


def region(seed: int, *, wrong: Wrong | None = None) -> Region:
    """Returns the region of a seed; that of a faulty program is the same but for the fault."""
    chance = random.Random(f"region {seed}")
    policy = ordinary_policy() if is_ordinary(seed) else policy_of(number_of_policy(seed))
    return Region(
        persons=PERSONS,
        institutions=INSTITUTIONS,
        versions={"first": Terms("first", policy), "amended": Terms("amended", amended(policy))},
        in_force="first",
        sharers={"p2": "p1"} if chance.random() < 0.5 else {},
        refund_order=chance.choice(list(RefundOrder)),
        newest_first=chance.random() < 0.15 and wrong is None,
        own_debts=random_own_debts(seed) if wrong is None else OwnDebts.DIFFERENCE,
        wrong=wrong,
    )


def is_ordinary(seed: int) -> bool:
    """Tells whether the region of a seed has the ordinary policy, as every second has."""
    return seed % 2 == 0


@functools.lru_cache(64)
def number_of_policy(seed: int) -> int:
    """Returns the policy of a seed, mostly one in which bills depend on those before."""
    numbers = range(seed * POLICIES_LOOKED_AT, (seed + 1) * POLICIES_LOOKED_AT)
    if seed % 8 == 7:
        return numbers[0]
    return max(numbers, key=lambda number: str(policy_of(number)).count("'window': 'year'"))


def policy_of(number: int) -> dict[str, Any]:
    """Returns a policy as the model takes it; one without an account gets one."""
    text = case(number * YEARS_OF_A_POLICY).policy_text
    policy: dict[str, Any] = _as_modelled(yaml.load(text, _LOADER))
    if not any("account" in step for step in policy["steps"]):
        policy["steps"].append({"account": {"id": "Z9", "base": ["eligible", "prepay"]}})
    return policy


def bills(seed: int, person: int) -> Iterator[tuple[str, Bill]]:
    """Yields the bills of a person, by number, with the institution of each."""
    chance = random.Random(f"lines {seed} {person}")
    if is_ordinary(seed):
        for bill in ordinary_bills(chance, person):
            yield chance.choice(INSTITUTIONS), bill
        return
    for year in range(2):
        number = number_of_policy(seed) * YEARS_OF_A_POLICY + 2 * person + year
        for written in case(number).bills["bills"]:
            yield _bill(chance, copy.deepcopy(written), f"{person}.{year}.")


def _bill(chance: random.Random, written: dict[str, Any], prefix: str) -> tuple[str, Bill]:
    for name in ("visit", "transfer_from"):
        if name in written:
            written[name] = prefix + written[name]
    # The visit knows its first day, whichever of its bills stand.
    written.setdefault("admitted", written["date"])
    institution = written["facts"].get("institution", "H1")
    institution = institution if institution in INSTITUTIONS else "H1"
    lines = tuple(line_of(chance, line) for line in written.pop("lines") if line["fen"] >= 0)
    account_used = written.pop("use_account", True)
    return institution, Bill(written, lines, account_used)


def line_of(chance: random.Random, written: dict[str, Any]) -> Line:
    """Returns a written line of an amount as one of a price and a quantity."""
    quantity = chance.choice(QUANTITIES)
    fen, over_fen = written.pop("fen"), written.pop("over_fen", None)
    price = fen * PRICE_TIMES_QUANTITY // quantity
    if over_fen is None:
        return Line(price, quantity, written)
    within = (fen - over_fen) * PRICE_TIMES_QUANTITY // quantity
    return Line(price, quantity, written, within)


def changed_lines(chance: random.Random, bill: Bill) -> Bill:
    """Returns a bill corrected at random: other prices, other classes, or a line less."""
    lines = [
        replace(
            line,
            price_micro=line.price_micro * chance.choice((1, 2, 10, 11)) // 10 or 1,
            words={**line.words, "class": chance.choice(("01", "02", "03")), "share_ppm": 100_000},
        )
        for line in bill.lines
    ]
    if len(lines) > 1 and chance.random() < 0.3:
        lines.pop()
    return replace(bill, lines=tuple(lines), account_used=chance.random() < 0.6)


def _as_modelled(written: Any) -> Any:
    """Returns a policy in which the treasury bears what a hospital would."""
    if isinstance(written, dict):
        return {
            key: "treasury" if key == "payer" and value == "hospital" else _as_modelled(value)
            for key, value in written.items()
        }
    if isinstance(written, list):
        return [_as_modelled(value) for value in written]
    return written


def amended(written: Any) -> Any:
    """Returns a policy with other ratios, deductibles and limits."""
    if isinstance(written, dict):
        return {key: _amended_value(key, value) for key, value in written.items()}
    if isinstance(written, list):
        return [amended(value) for value in written]
    return written


def _amended_value(key: str, value: Any) -> Any:
    if isinstance(value, int) and key == "ratio_ppm":
        return max(value - 50_000, 0)
    if isinstance(value, int) and key == "amount":
        return value * 3 // 4
    if isinstance(value, int) and key == "limit":
        return value * 6 // 5
    return amended(value)
