"""The form of an audit row that is hashed: one for a row, another for every other row."""

import dataclasses
import datetime as dt
import hashlib

import pytest

from yibao_common.commands.audit import AuditEntry, canonical, chained_hash

ENTRY = AuditEntry(
    region="999019",
    at=dt.datetime(2026, 11, 20, 4, 0, 0, 5, tzinfo=dt.UTC),
    caller="agency/999019/wang",
    method="ReportLoss",
    subject_ids=("a", "b"),
    outcome="OK",
    detail={"b": "2", "a": "1"},
    request_id="r",
)


def test_the_form_is_each_field_after_its_length() -> None:
    fields = (
        *("999019", "7", "1795147200000005", "agency/999019/wang"),
        *("ReportLoss", "a,b", "OK", "a=1 b=2", "r"),
    )
    form = b"".join(len(field).to_bytes(4, "big") + field.encode() for field in fields)
    assert canonical(ENTRY, 7) == form
    assert chained_hash(b"p" * 32, ENTRY, 7) == hashlib.sha256(b"p" * 32 + form).digest()


def test_the_order_of_the_detail_does_not_count() -> None:
    turned = dataclasses.replace(ENTRY, detail={"a": "1", "b": "2"})
    assert canonical(turned, 7) == canonical(ENTRY, 7)


@pytest.mark.parametrize(
    "changes",
    [
        {"region": "99901"},
        {"at": ENTRY.at + dt.timedelta(microseconds=1)},
        # The same letters in other fields.
        {"caller": "agency/999019/wangR", "method": "eportLoss"},
        {"subject_ids": ("a", "b", ""), "outcome": "OK"},
        {"detail": {"a": "1 b=2"}},
        {"detail": {"a=1 b": "2"}},
        {"detail": {"a": "1", "b": "2%20"}},
        {"detail": {}},
        {"request_id": ""},
    ],
)
def test_rows_that_differ_have_other_forms(changes: dict[str, object]) -> None:
    other = dataclasses.replace(ENTRY, **changes)  # type: ignore[arg-type]
    assert canonical(other, 7) != canonical(ENTRY, 7)


def test_the_number_of_a_row_is_in_its_form() -> None:
    assert canonical(ENTRY, 8) != canonical(ENTRY, 7)


def test_what_parts_pairs_is_written_out_inside_them() -> None:
    spaced = dataclasses.replace(ENTRY, detail={"note": "a b=c%"})
    assert b"note=a%20b%3Dc%25" in canonical(spaced, 1)
