"""Lists of registrations for care elsewhere and of regions' rules."""

import datetime as dt
from collections.abc import Callable, Sequence

from support.lists.paged import Made, Shop
from support.lists.rows import DAY

from yibao_offsite.storage import tables

FIRST = dt.date(2020, 1, 1)


def registrations(shop: Shop) -> Made:
    """Registrations of one city in force, the newest first."""

    def cancel(rank: int) -> None:
        shop.change(tables.registration, {"registration_id": shop.id(rank)}, state=2)

    request = {"state": 1, "treatment_region": "310000"}
    return Made(request, _made(shop, {}), ("registration_id",), cancel)


def covering(shop: Shop) -> Made:
    """Registrations whose cover holds a day, several of which began on one day."""

    def cancel(rank: int) -> None:
        key = {"registration_id": shop.id(rank)}
        shop.change(tables.registration, key, ended_date=FIRST)

    day = {"year": 2025, "month": 1, "day": 1}
    return Made({"cover_date": day}, _made(shop, {}, from_day=FIRST), ("registration_id",), cancel)


def tasks(shop: Shop) -> Made:
    """What is due, of which several are due on one day."""

    def decide(rank: int) -> None:
        key = {"registration_id": shop.id(rank)}
        shop.change(tables.registration, key, task_kind=None, task_due_date=None)

    due = {"year": 2026, "month": 4, "day": 2}
    request = {"due_date": due, "task_kind": 1}
    return Made(request, _made(shop, {"task_kind": 1}), ("registration_id",), decide)


def rules(shop: Shop) -> Made:
    """Rules, those that begin last first."""

    def make(ranks: Sequence[int]) -> None:
        shop.insert(
            tables.region_rules,
            [
                {
                    "rules_version": f"{rank:064x}",
                    "effective_date": DAY + dt.timedelta(days=rank // 60),
                }
                for rank in ranks
            ],
        )

    return Made({}, make, ("rules_version",))


def _made(
    shop: Shop, more: dict[str, object], *, from_day: dt.date | None = None
) -> Callable[[Sequence[int]], None]:
    """Returns what stores registrations of ranks; with a task they are due by rank.

    From a day on they begin by rank.
    """

    def make(ranks: Sequence[int]) -> None:
        rows = []
        for rank in ranks:
            row = {
                "registration_id": shop.id(rank),
                "treatment_region": "310000",
                "state": 1,
                "materials": "[]",
                "benefits": "[1]",
                **more,
            }
            if from_day is not None:
                row["start_date"] = from_day + dt.timedelta(days=rank // 60)
            if more:
                row["task_due_date"] = DAY + dt.timedelta(days=rank // 60)
            rows.append(row)
        shop.insert(tables.registration, rows)

    return make
