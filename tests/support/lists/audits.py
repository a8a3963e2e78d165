"""Lists of audits, admission declarations and complaints."""

from collections.abc import Sequence

from support.lists.paged import Made, Shop
from support.lists.rows import BEGIN, moment
from support.settlement_world import REGION

from yibao_offsite.storage import tables

_tables = tables.audit_tasks


def _open_tasks(shop: Shop, ranks: Sequence[int], **told: object) -> None:
    rows = [{"task_id": shop.id(rank), **told} for rank in ranks]
    shop.insert(_tables.audit_task, rows)


def tasks(shop: Shop) -> Made:
    """Tasks of one day."""
    person_id = shop.new_id()

    def make(ranks: Sequence[int]) -> None:
        _open_tasks(shop, ranks, person_id=person_id)

    def close(rank: int) -> None:
        shop.change(_tables.audit_task, {"task_id": shop.id(rank)}, state=5)

    return Made(
        {"person_id": person_id, "only_open": True},
        make,
        ("task_id",),
        close,
        {"state": 2},
    )


def holds(shop: Shop) -> Made:
    """Holds of one visit, each of a task of its own."""
    visit_id = shop.new_id()

    def make(ranks: Sequence[int]) -> None:
        _open_tasks(shop, ranks)
        rows = [
            {"hold_id": shop.id(rank), "task_id": shop.id(rank), "visit_id": visit_id}
            for rank in ranks
        ]
        shop.insert(_tables.audit_hold, rows)

    def lift(rank: int) -> None:
        shop.change(_tables.audit_hold, {"hold_id": shop.id(rank)}, lift_time=BEGIN)

    return Made({"visit_id": visit_id}, make, ("hold_id",), lift, {"only_overdue": True})


def assistance_checks(shop: Shop) -> Made:
    """Stays that one place is asked about, by the region that asks."""

    def make(ranks: Sequence[int]) -> None:
        _open_tasks(shop, ranks, type=5)
        rows = [{"task_id": shop.id(rank), "treatment_region": REGION} for rank in ranks]
        shop.insert(_tables.assistance_check, rows)

    def answer(rank: int) -> None:
        shop.change(_tables.assistance_check, {"task_id": shop.id(rank)}, answer=1)

    return Made({"only_unanswered": True}, make, ("task_id",), answer, {"only_unanswered": False})


def declarations(shop: Shop) -> Made:
    """Stays of one person, some of one minute."""
    person_id = shop.new_id()

    def make(ranks: Sequence[int]) -> None:
        rows = [
            {
                "admission_declaration_id": shop.id(rank),
                "person_id": person_id,
                "institution_id": "H31000000001",
                "declare_time": moment(rank),
            }
            for rank in ranks
        ]
        shop.insert(tables.admission_declaration, rows)

    def discharge(rank: int) -> None:
        id = shop.id(rank)
        day = moment(rank).date()
        key = {"admission_declaration_id": id}
        shop.change(tables.admission_declaration, key, discharge_date=day)

    return Made(
        {"person_id": person_id, "only_open": True},
        make,
        ("admission_declaration_id",),
        discharge,
        {"institution_id": "H31000000002"},
    )


def complaints(shop: Shop) -> Made:
    """Complaints about one institution."""
    institution_id = "H31000000009"

    def make(ranks: Sequence[int]) -> None:
        rows = [
            {
                "complaint_id": shop.id(rank),
                "receipt_number": f"TS{shop.id(rank)[:12]}{shop.new_id()[:8]}",
                "institution_id": institution_id,
                # Stored without keys, see `texts.py`.
                **dict.fromkeys(("text", "contact", "answer"), b"\0told"),
            }
            for rank in ranks
        ]
        shop.insert(tables.complaints.complaint, rows)

    def answer(rank: int) -> None:
        shop.change(tables.complaints.complaint, {"complaint_id": shop.id(rank)}, state=3)

    return Made(
        {"institution_id": institution_id, "state": 1},
        make,
        ("complaint_id",),
        answer,
        {"state": 2},
    )
