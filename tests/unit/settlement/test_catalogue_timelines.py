"""Rows of lists day by day, as tables: which holds, and what bills are settled by of it."""

import datetime as dt

import pytest
from support.catalogue_versions import ceiling, insured, list_row, share

from yibao_settlement.rules.catalogue_version.effective import effective_rows
from yibao_settlement.rules.catalogue_version.row import (
    Layer,
    ListRow,
    person_type_of,
    row_faults,
)
from yibao_settlement.rules.catalogue_version.timeline import (
    SaidRow,
    content_on,
    first_difference,
    timeline_of,
)

ONE = dt.timedelta(days=1)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def said(
    number: int, since: str, price: str, start: str = "", end: str = "", *, whole: bool = False
) -> SaidRow:
    """Returns a ceiling that a version says; a price of nothing ends the key."""
    days = {"start": day(start or since), **({"end": day(end)} if end else {})}
    row = ceiling("C", "3", price or "1", **days)
    return SaidRow(number, day(since), row if price else row._replace(content=None), whole)


FIRST = said(1, "2024-01-01", "10", "2023-06-01")
PLANNED = said(2, "2026-01-01", "30")


@pytest.mark.parametrize(
    ("rows", "prices"),
    [
        # A row holds from its version's first day, not from its own earlier one.
        ([FIRST], {"2023-12-31": "", "2024-01-01": "10"}),
        # The next row of the key ends it, the day before it begins.
        ([FIRST, PLANNED], {"2025-12-31": "10", "2026-01-01": "30"}),
        # What is corrected for today leaves what was approved for next year.
        (
            [FIRST, PLANNED, said(3, "2025-03-01", "20")],
            {"2025-02-28": "10", "2025-03-01": "20", "2025-12-31": "20", "2026-01-01": "30"},
        ),
        # A whole list does not, and says what holds later itself.
        (
            [FIRST, PLANNED, said(3, "2025-03-01", "20", whole=True)],
            {"2025-02-28": "10", "2026-01-01": "20"},
        ),
        ([FIRST, PLANNED, said(3, "2025-03-01", "", whole=True)], {"2026-01-01": ""}),
        # Of two that begin on one day the newest version's holds.
        ([PLANNED, said(3, "2026-01-01", "31")], {"2026-01-01": "31"}),
        ([said(3, "2026-01-01", "31"), PLANNED], {"2026-01-01": "31"}),
        # One that ends leaves nothing behind it.
        (
            [FIRST, said(2, "2025-01-01", "20", end="2025-06-30")],
            {"2024-12-31": "10", "2025-06-30": "20", "2025-07-01": ""},
        ),
        # One that ended before its version begins ends what was said.
        (
            [FIRST, said(2, "2025-01-01", "20", "2024-05-01", "2024-12-31")],
            {"2024-12-31": "10", "2025-01-01": ""},
        ),
        # Two rows of one version, parted by a day.
        (
            [
                said(1, "2024-01-01", "10", end="2024-01-31"),
                said(1, "2024-01-01", "20", "2024-02-02"),
            ],
            {"2024-01-31": "10", "2024-02-01": "", "2024-02-02": "20"},
        ),
    ],
)
def test_of_a_key_that_row_holds(rows: list[SaidRow], prices: dict[str, str]) -> None:
    timeline = timeline_of(rows)
    found = {text: content_on(timeline, day(text)) for text in prices}
    assert {text: each.price_ceiling if each else "" for text, each in found.items()} == prices


def test_the_first_day_that_differs_is_told() -> None:
    before = timeline_of([FIRST])
    later = timeline_of([FIRST, PLANNED])
    differs = first_difference(before, later, since=day("2025-01-01"))
    assert differs is not None
    assert differs[0] == day("2026-01-01")
    again = timeline_of([FIRST, said(2, "2025-01-01", "10")])
    assert first_difference(before, again, since=day("2025-01-01")) is None


@pytest.mark.parametrize(
    ("layer", "row", "faults"),
    [
        (Layer.INSURANCE, insured("C", "03"), []),
        (Layer.INSURANCE, insured("C", "04"), [("catalogue_class", "OUT_OF_RANGE")]),
        (Layer.INSURANCE, insured("C", "01", name=""), [("name", "REQUIRED")]),
        (Layer.CEILING, ceiling("C", "3", "0.01"), []),
        (Layer.CEILING, ceiling("C", "3", "0.00"), [("price_ceiling", "OUT_OF_RANGE")]),
        (Layer.CEILING, ceiling("C", "4", "1"), [("level_type", "OUT_OF_RANGE")]),
        (Layer.SHARE, share("C", 0), []),
        (Layer.SHARE, share("C", 1, "391"), [("person_type", "OUT_OF_RANGE")]),
        (Layer.CHANNEL, list_row(Layer.CHANNEL, "C", channel="32"), []),
        (Layer.CHANNEL, list_row(Layer.CHANNEL, "C", channel="33"), [("channel", "OUT_OF_RANGE")]),
        (
            Layer.MAPPING,
            insured("C"),
            [
                ("insurance_code", "REQUIRED"),
                ("name", "OUT_OF_RANGE"),
                ("catalogue_class", "OUT_OF_RANGE"),
            ],
        ),
        (Layer.DIAGNOSIS, list_row(Layer.DIAGNOSIS, "U85.x00", name="示例诊断"), []),
        # Diagnoses of ICD-10 may bear a mark; no other list has such.
        (Layer.DIAGNOSIS, list_row(Layer.DIAGNOSIS, "G01.x00*", name="示例诊断"), []),
        (
            Layer.DIAGNOSIS,
            list_row(Layer.DIAGNOSIS, "U85|x", name="示例诊断"),
            [("code", "MALFORMED")],
        ),
        (Layer.CEILING, ceiling("C+1", "3", "1"), [("code", "MALFORMED")]),
        (
            Layer.DIAGNOSIS,
            list_row(Layer.DIAGNOSIS, "U85", name="x", end=dt.date(2013, 12, 31)),
            [("end_date", "OUT_OF_RANGE")],
        ),
        (Layer.DIAGNOSIS, list_row(Layer.DIAGNOSIS, "U85", name="x", end=dt.date(2014, 1, 1)), []),
    ],
)
def test_a_row_is_refused_for_what_its_layer_cannot_use(
    layer: Layer, row: ListRow, faults: list[tuple[str, str]]
) -> None:
    # Case M5.
    told = [
        (each.field, each.reason.name.removeprefix("FIELD_")) for each in row_faults(layer, row)
    ]
    assert told == faults


@pytest.mark.parametrize(
    ("share_type", "price_from", "faults"),
    [
        ("10", "", []),
        ("20", "", ["share_type"]),
        ("30", "500", []),
        ("30", "", ["price_from"]),
        ("10", "500", ["price_from"]),
    ],
)
def test_shares_are_of_modes_that_decide(
    share_type: str, price_from: str, faults: list[str]
) -> None:
    row = list_row(
        Layer.SHARE,
        "C",
        person_type="99",
        share_type=share_type,
        price_from=price_from,
        first_self_pay_ratio_ppm=100_000,
    )
    assert [each.field for each in row_faults(Layer.SHARE, row)] == faults


@pytest.mark.parametrize(
    ("insurance_type", "person_type"),
    [("310", "310"), ("390", "390"), ("340", "330"), ("510", "99"), ("", "99")],
)
def test_an_insurance_type_is_of_a_type_of_person(insurance_type: str, person_type: str) -> None:
    assert person_type_of(insurance_type) == person_type


@pytest.mark.parametrize(
    ("unit_price", "ratio_ppm"),
    [("0.01", 100_000), ("499.999999", 100_000), ("500", 300_000), ("9999999999", 300_000)],
)
def test_a_share_by_bands_is_that_of_the_unit_price(unit_price: str, ratio_ppm: int) -> None:
    band = list_row(
        Layer.SHARE,
        "C",
        person_type="99",
        share_type="30",
        price_from="500",
        first_self_pay_ratio_ppm=300_000,
    )
    rows = {Layer.INSURANCE: [insured("C")], Layer.SHARE: [share("C", 100_000), band]}
    layers = {
        layer: {each.subkey: timeline_of([SaidRow(1, day("2014-01-01"), each)]) for each in own}
        for layer, own in rows.items()
    }
    (made,) = effective_rows("C", {"C": layers}, since=day("2024-01-01"), version_number=1)
    assert made.item.share_of("310", unit_price) == ratio_ppm
