"""What bills are settled by, made of the layers: tables of an item on a day."""

import datetime as dt

import pytest
from support.catalogue_versions import ceiling, insured, list_row, share

from yibao_settlement.rules.bill import CatalogueItem, item_on
from yibao_settlement.rules.catalogue_version.effective import (
    EffectiveItem,
    OfCode,
    effective_rows,
    is_nothing,
)
from yibao_settlement.rules.catalogue_version.row import Layer, ListRow, subkey_of
from yibao_settlement.rules.catalogue_version.timeline import SaidRow, timeline_of

SINCE = dt.date(2026, 1, 1)
ONE = dt.timedelta(days=1)
MEDICAL = list_row(Layer.MEDICAL, "M", name="示例药 M", list_type="101")
MAPPED = list_row(Layer.MAPPING, "M", insurance_code="H")


def standard(code: str, price: str) -> ListRow:
    return list_row(Layer.PAYMENT_STANDARD, code, price_ceiling=price)


def band(code: str, ratio_ppm: int, price_from: str, person_type: str = "99") -> ListRow:
    return list_row(
        Layer.SHARE,
        code,
        person_type=person_type,
        share_type="30",
        price_from=price_from,
        first_self_pay_ratio_ppm=ratio_ppm,
    )


def layers_of(said: dict[Layer, list[ListRow]]) -> dict[str, OfCode]:
    """Returns timelines by code, as one version each says them."""
    found: dict[str, dict[Layer, dict[str, list[SaidRow]]]] = {"M": {}, "H": {}}
    for layer, rows in said.items():
        for row in rows:
            of_key = found[row.code].setdefault(layer, {}).setdefault(row.subkey, [])
            of_key.append(SaidRow(1, row.start_date, row))
    return {
        code: {
            layer: {subkey: timeline_of(rows) for subkey, rows in of_layer.items()}
            for layer, of_layer in of_code.items()
        }
        for code, of_code in found.items()
    }


def made(*said: tuple[Layer, list[ListRow]]) -> list[EffectiveItem]:
    return effective_rows("M", layers_of(dict(said)), since=SINCE, version_number=7)


@pytest.mark.parametrize(
    ("said", "catalogue_class"),
    [
        ([], ""),
        # T-01: known, and on no insurance list.
        ([(Layer.MEDICAL, [MEDICAL])], "03"),
        ([(Layer.MEDICAL, [MEDICAL]), (Layer.MAPPING, [MAPPED])], "03"),
        ([(Layer.INSURANCE, [insured("M", "01")])], "01"),
        ([(Layer.MAPPING, [MAPPED]), (Layer.INSURANCE, [insured("H", "02")])], "02"),
        # A mapping goes before the item's own code.
        (
            [
                (Layer.MAPPING, [MAPPED]),
                (Layer.INSURANCE, [insured("M", "01"), insured("H", "02")]),
            ],
            "02",
        ),
        # A ceiling alone puts nothing into the catalogue.
        ([(Layer.CEILING, [ceiling("M", "3", "9")])], ""),
    ],
)
def test_an_item_is_of_the_class_of_its_insurance_code(
    said: list[tuple[Layer, list[ListRow]]], catalogue_class: str
) -> None:
    rows = made(*said)
    assert [each.item.catalogue_class for each in rows] == [catalogue_class]
    assert is_nothing(rows) is (catalogue_class == "")


@pytest.mark.parametrize(
    ("ceilings", "standard_price", "found"),
    [
        ([], "", ("", "", "")),
        ([], "50", ("50", "50", "50")),
        ([("3", "80"), ("1", "40")], "", ("80", "", "40")),
        # The lesser of both; a level without a ceiling has the standard.
        ([("3", "80"), ("1", "40")], "50", ("50", "50", "40")),
        ([("2", "50.00")], "50", ("50", "50.00", "50")),
        ([("2", "50.000001")], "50", ("50", "50", "50")),
    ],
)
def test_a_unit_costs_the_lesser_of_ceiling_and_standard_at_most(
    ceilings: list[tuple[str, str]], standard_price: str, found: tuple[str, str, str]
) -> None:
    rows = made(
        (Layer.INSURANCE, [insured("M", "01")]),
        (Layer.CEILING, [ceiling("M", *each) for each in ceilings]),
        (Layer.PAYMENT_STANDARD, [standard("M", standard_price)] if standard_price else []),
    )
    (row,) = rows
    # A third-level hospital, a second-level one and a clinic.
    assert tuple(row.item.ceiling_at(level) for level in ("2", "5", "8")) == found


@pytest.mark.parametrize(
    ("shares", "unit_price", "found"),
    [
        # By type of person: own, else everybody's, else the policy's.
        ([share("M", 100_000, "310")], "1", (100_000, None, None)),
        ([share("M", 100_000, "310"), share("M", 200_000)], "1", (100_000, 200_000, 200_000)),
        ([share("M", 200_000)], "1", (200_000, 200_000, 200_000)),
        ([share("M", 0, "330"), share("M", 200_000)], "1", (200_000, 200_000, 0)),
        # By band, from its price on.
        ([share("M", 100_000), band("M", 300_000, "500")], "499.99", (100_000,) * 3),
        ([share("M", 100_000), band("M", 300_000, "500")], "500", (300_000,) * 3),
        ([band("M", 300_000, "500"), band("M", 400_000, "1000")], "499", (None,) * 3),
        ([band("M", 400_000, "1000"), band("M", 300_000, "500")], "999", (300_000,) * 3),
        # A band that begins at nothing goes before mode 10, in whichever order they come.
        ([share("M", 100_000), band("M", 300_000, "0")], "1", (300_000,) * 3),
        ([band("M", 300_000, "0"), share("M", 100_000)], "1", (300_000,) * 3),
        # An own share below its band: everybody's holds there.
        ([band("M", 300_000, "500", "310"), share("M", 100_000)], "499", (100_000,) * 3),
    ],
)
def test_a_share_is_that_of_person_and_price(
    shares: list[ListRow], unit_price: str, found: tuple[int | None, ...]
) -> None:
    (row,) = made((Layer.INSURANCE, [insured("M", "02")]), (Layer.SHARE, shares))
    assert tuple(row.item.share_of(each, unit_price) for each in ("310", "390", "330")) == found


@pytest.mark.parametrize("catalogue_class", ["01", "03"])
def test_shares_are_of_class_b_alone(catalogue_class: str) -> None:
    (row,) = made(
        (Layer.INSURANCE, [insured("M", catalogue_class)]), (Layer.SHARE, [share("M", 100_000)])
    )
    assert row.item.share_of("310", "1") is None


@pytest.mark.parametrize("written", ["500", "500.00", "0500", "500.", "0500.000000"])
def test_equal_prices_are_one_band(written: str) -> None:
    content = band("M", 1, written).content
    assert content is not None
    assert subkey_of(Layer.SHARE, content) == "99/30/500"


def test_rows_part_on_the_days_on_which_anything_changes() -> None:
    later, last = SINCE + ONE * 30, SINCE + ONE * 59
    rows = made(
        (Layer.INSURANCE, [insured("M", "01", end=last)]),
        (Layer.CEILING, [ceiling("M", "3", "9", start=later)]),
    )
    assert [(each.item.start_date, each.item.end_date) for each in rows] == [
        (SINCE, later - ONE),
        (later, last),
        (last + ONE, None),
    ]
    assert [each.item.catalogue_class for each in rows] == ["01", "01", ""]


def test_of_rows_of_several_versions_the_newest_holds_and_may_say_that_there_is_none() -> None:
    def row(number: int, name: str, start: dt.date, catalogue_class: str = "01") -> CatalogueItem:
        values = ("M", name, catalogue_class, None, "", start, None)
        return CatalogueItem(*values, version_number=number)

    direct = row(0, "direct", SINCE + ONE * 9)
    rows = [direct, row(2, "two", SINCE), row(1, "one", SINCE + ONE), row(3, "", SINCE + ONE, "")]
    names = [
        found.item_name if (found := item_on(rows[:count], SINCE + ONE * 9)) else None
        for count in (1, 2, 3, 4)
    ]
    assert names == ["direct", "two", "two", None]
    assert item_on(rows, SINCE - ONE) is None
