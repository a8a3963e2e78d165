"""An ordinary policy with small amounts, under which nearly every bill moves the next.

A deductible by the number of the stay, brackets over the stay, a pool with a limit of the year
that outpatient care shares, a fund for large amounts above it, and the account.
"""

import datetime as dt
import random
from collections.abc import Iterator
from typing import Any, Final

import yaml

from .bills import Bill, Line

INPATIENT, OUTPATIENT = "2101", "11"
VISITS = 40

_POLICY: Final = """\
format: yibao-policy/2
start_date: 2001-01-01
care_groups: {inpatient: ["2*"], outpatient: ["*"]}
counts:
  stays: {of: stay, in: year, care_groups: [inpatient]}
counters:
  pool: {window: year, limits: [P1.paid, P2.paid], rows: [{limit: 20000}]}
  large: {window: year, limits: [L1.paid], rows: [{limit: 8000}]}
  out: {window: year, limits: [P2.paid], rows: [{limit: 1500}]}
steps:
- classify: {id: S1, rows: [{shares: {"01": 0, "02": 100000, "03": own_cost}}]}
- deductible:
    id: D1
    applies: {care_group: inpatient}
    base: [eligible]
    window: stay
    by: [count.stays]
    rows:
    - {when: {count.stays: 1}, amount: 1300}
    - {when: {count.stays: {from: 2}}, amount: 650}
- tiers:
    id: P1
    applies: {care_group: inpatient}
    fund_type: "310100"
    base: [D1.rest]
    window: stay
    on_top_of: [D1.paid]
    rows:
    - brackets:
      - {over_fen: 0, upto_fen: 5000, ratio_ppm: 800000}
      - {over_fen: 5000, upto_fen: 9000, ratio_ppm: 850000}
      - {over_fen: 9000, upto_fen: 14000, ratio_ppm: 900000}
      - {over_fen: 14000, ratio_ppm: 950000}
- tiers:
    id: L1
    applies: {care_group: inpatient}
    fund_type: "330100"
    base: [P1.overflow]
    window: bill
    rows: [{brackets: [{over_fen: 0, ratio_ppm: 700000}]}]
- deductible:
    id: D2
    applies: {care_group: outpatient}
    base: [eligible]
    window: year
    rows: [{amount: 300}]
- tiers:
    id: P2
    applies: {care_group: outpatient}
    fund_type: "310100"
    base: [D2.rest]
    window: year
    rows:
    - brackets:
      - {over_fen: 0, upto_fen: 1500, ratio_ppm: 600000}
      - {over_fen: 1500, ratio_ppm: 700000}
- account: {id: Z1, base: [eligible, prepay]}
"""


def ordinary_policy() -> dict[str, Any]:
    """Returns the policy as its file reads."""
    read: dict[str, Any] = yaml.safe_load(_POLICY)
    return read


def ordinary_bills(chance: random.Random, person: int) -> Iterator[Bill]:
    """Yields bills of stays with interim bills, and of outpatient visits, over two years."""
    day = dt.date(2025, 2, 1)
    stays: list[tuple[str, dt.date]] = []
    for number in range(VISITS):
        day += dt.timedelta(days=chance.randint(1, 30))
        if stays and chance.random() < 0.4:
            visit, admitted = chance.choice(stays[-3:])
            yield _bill(chance, visit, admitted, day, INPATIENT)
        elif chance.random() < 0.6:
            stays.append((f"{person}.s{number}", day))
            yield _bill(chance, *stays[-1], day, INPATIENT)
        else:
            yield _bill(chance, f"{person}.o{number}", day, day, OUTPATIENT)


def _bill(
    chance: random.Random, visit: str, admitted: dt.date, day: dt.date, care_type: str
) -> Bill:
    lines = tuple(
        Line(
            price_micro=chance.choice((chance.randint(1, 900), chance.randint(100, 6_000))) * 10_000
            + chance.randint(0, 9_999),
            quantity=chance.randint(1, 8) * chance.choice((10_000, 2_500)),
            words={"class": chance.choice(("01", "01", "01", "01", "02", "02", "03"))},
        )
        for _ in range(chance.randint(1, 3))
    )
    words = {"visit": visit, "date": day, "admitted": admitted, "facts": {"care_type": care_type}}
    return Bill(words, lines, chance.random() < 0.6)
