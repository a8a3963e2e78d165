"""The histories of `tests/vectors/history`, read and told."""

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import yaml
from support.contracts import ROOT

from .bills import Bill, Line
from .books import Books
from .columns import Column
from .operations import (
    Confirm,
    Correct,
    Credit,
    Hold,
    Interim,
    Operation,
    PassTime,
    Refund,
    Reverse,
    Settle,
    SettleDifference,
)
from .outcomes import Outcome
from .region import RefundOrder, Region
from .terms import Terms

FOLDER = ROOT / "tests" / "vectors" / "history"
DAY = dt.date(2025, 6, 1)
FACTS = {"care_type": "2101"}
KINDS: dict[str, type[Operation]] = {
    kind.__name__: kind
    for kind in (
        Settle,
        Interim,
        Hold,
        Refund,
        Reverse,
        Correct,
        Confirm,
        PassTime,
        Credit,
        SettleDifference,
    )
}
# Keys of a file and of an operation, where they differ.
NAMES = {
    "id": "op_id",
    "person": "person_id",
    "institution": "institution_id",
    "settlement": "settlement_id",
    "amount": "amount_fen",
}
Json = dict[str, Any]


def examples() -> list[Json]:
    """Returns the examples as they are written."""
    read: list[Json] = json.loads((FOLDER / "examples.json").read_text(encoding="utf-8"))
    return read


def region_of(example: Json) -> Region:
    """Returns the region of an example."""
    policy = yaml.safe_load((FOLDER / "policy.yaml").read_text(encoding="utf-8"))
    return Region(
        persons=("p1",),
        institutions=("H1", "H2"),
        versions={"T": Terms("T", policy)},
        in_force="T",
        refund_order=RefundOrder(example["refund_order"]),
    )


def operation_of(written: Json) -> Operation:
    """Returns an operation of an example."""
    values = {
        NAMES.get(key, key): value
        for key, value in written.items()
        if key not in ("operation", "expected")
    }
    if "bill" in values:
        values["bill"] = _bill(values["bill"])
    if "amount_fen" in values:
        values["amount_fen"] = fen(values["amount_fen"])
    if "returned" in values:
        values["returned"] = {
            int(number): _whole(quantity, 10_000) for number, quantity in values["returned"].items()
        }
    return KINDS[written["operation"]](**values)


def _bill(written: Json) -> Bill:
    lines = tuple(
        Line(
            price_micro=_whole(line["price"], 1_000_000),
            quantity=_whole(line["quantity"], 10_000),
            words={"class": line["class"]},
        )
        for line in written["lines"]
    )
    words = {"visit": written["visit"], "date": DAY, "admitted": DAY, "facts": FACTS}
    return Bill(words, lines, written["account_used"])


def told(outcome: Outcome) -> Json:
    """Returns an outcome as an example expects it."""
    postings = [
        {
            "kind": each.kind,
            "of": each.subject,
            "entries": {account: yuan(amount) for account, amount in each.entries.items()},
        }
        for each in outcome.postings
    ]
    found: Json = {"posts": postings} if postings else {}
    if outcome.refused:
        left = {"left": str(outcome.why["left"])} if "left" in outcome.why else {}
        return {"refused": outcome.refused, **left, **found}
    answer = outcome.answer
    if answer.column.paid or answer.column.person_fen:
        found |= column_told(answer.column)
        found["later_adjusted"] = answer.later_adjusted
    return found


def column_told(column: Column) -> dict[str, str]:
    """Returns a column by the names of the examples."""
    paid = column.by_account()
    return {
        "pool": yuan(paid.get("fund:310100", 0)),
        "large": yuan(paid.get("fund:330100", 0)),
        "account": yuan(column.purses.fen),
        "cash": yuan(column.cash_fen),
    }


def settlements_told(books: Books) -> Json:
    """Returns all settlements as an example expects them at its end."""
    return {
        name: {
            "state": each.state.value,
            "fee": yuan(each.bill.amount_fen),
            "counter": column_told(each.counter),
            "effective": column_told(each.effective),
        }
        for name, each in books.settlements.items()
    }


def windows_told(books: Books) -> Json:
    """Returns what the windows of the person remember."""
    windows = books.windows_of("p1")
    year = windows.windows.get(("year", DAY.year), {})
    ((_, stays),) = windows.counted.items()
    by_stay = {}
    for number, (_, stay) in enumerate(stays, start=1):
        remembered = windows.windows["stay", stay]
        # The deductible stands under the brackets of the pool's step, which remembers both.
        base, deductible = yuan(remembered["P1.before"]), yuan(remembered["D1.paid"])
        by_stay[stay] = {"number": number, "deductible": deductible, "base": base}
    return {
        "stays": len(stays),
        "pool": yuan(year.get("counter.pool", 0)),
        "large": yuan(year.get("counter.large", 0)),
        "by_stay": by_stay,
    }


def yuan(amount_fen: int) -> str:
    """Returns fen as yuan are written."""
    return f"{Decimal(amount_fen) / 100:.2f}"


def fen(amount_yuan: str) -> int:
    """Returns yuan as fen."""
    return _whole(amount_yuan, 100)


def _whole(written: str, unit: int) -> int:
    value = Decimal(written) * unit
    assert value == int(value)
    return int(value)
