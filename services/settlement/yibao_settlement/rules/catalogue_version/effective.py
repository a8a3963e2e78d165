"""What bills are settled by, made of the layers: one row an item and a span of days.

Item → mapping → insurance list × ceilings by level × shares by type of person × payment
standard. It is made when a version is approved, so that no bill joins layers.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from yibao_common.values.money import parse_decimal
from yibao_settlement.rules.bill import CatalogueItem, LevelPriceCeiling, PersonShare
from yibao_settlement.rules.catalogue_version.row import (
    EVERYBODY,
    SHARE_BY_PRICE,
    Layer,
    RowContent,
)
from yibao_settlement.rules.catalogue_version.timeline import Timeline, content_on

# Institution levels (hosp_lv) by types of ceilings (hilist_lmtpric_type).
LEVELS = {
    "1": ("8", "9", "10", "11", "14"),
    "2": ("5", "6", "7", "13"),
    "3": ("1", "2", "3", "4", "12"),
}
# The class of what is on no insurance list: own cost (T-01).
OWN_COST = "03"
_DAY = dt.timedelta(days=1)

# The timelines of a code, by their subkeys, of each layer.
OfCode = Mapping[Layer, Mapping[str, Timeline]]


class Told(NamedTuple):
    """What is told of an item beside what settles."""

    insurance_code: str = ""
    payment_standard: str = ""
    limited_use_text: str = ""
    channels: tuple[str, ...] = ()


class EffectiveItem(NamedTuple):
    """A row that settles, and what is told with it.

    The item's class is empty where it is in the catalogue no more: the row then keeps older
    ones from holding.
    """

    item: CatalogueItem
    told: Told


def codes_of(item_code: str, layers: OfCode) -> set[str]:
    """Returns the insurance codes that an item has on any day; its own where it has none."""
    mapped = layers.get(Layer.MAPPING, {}).get("", ())
    codes = {piece.content.insurance_code for piece in mapped if piece.content is not None}
    return {item_code, *codes}


def effective_rows(
    item_code: str,
    layers: Mapping[str, OfCode],
    *,
    since: dt.date,
    version_number: int,
) -> list[EffectiveItem]:
    """Returns the rows of an item for all days from `since` on.

    `layers` are the timelines of the item's own code and of its insurance codes.
    """
    made: list[tuple[dt.date, CatalogueItem, Told]] = []
    for day in _days(layers.values(), since):
        found = _on(item_code, layers, day, version_number)
        if not made or (found[0], found[1]) != _undated(made[-1]):
            made.append((day, *found))
    ends = [start - _DAY for start, _, _ in made[1:]]
    return [
        EffectiveItem(_dated(item, start, end), told)
        for (start, item, told), end in zip(made, [*ends, None], strict=True)
    ]


def same_effect(first: Sequence[EffectiveItem], second: Sequence[EffectiveItem]) -> bool:
    """Tells whether two sequences of rows say the same, whichever versions made them."""
    return [_versionless(each) for each in first] == [_versionless(each) for each in second]


def is_nothing(rows: Sequence[EffectiveItem]) -> bool:
    """Tells whether an item is in the catalogue on no day of the rows."""
    return not any(each.item.catalogue_class for each in rows)


def _undated(made: tuple[dt.date, CatalogueItem, Told]) -> tuple[CatalogueItem, Told]:
    return made[1], made[2]


def _versionless(row: EffectiveItem) -> tuple[object, ...]:
    item = row.item
    return (
        *(item.item_name, item.catalogue_class, item.first_self_pay_ratio_ppm),
        *(item.price_ceiling, item.start_date, item.end_date, item.is_limited_use),
        *(item.item_group, item.level_price_ceilings, item.shares, row.told),
    )


def _days(layers: Iterable[OfCode], since: dt.date) -> list[dt.date]:
    """Returns `since` and the days after it on which anything begins or ends."""
    days = {since}
    for of_code in layers:
        for timelines in of_code.values():
            for timeline in timelines.values():
                for piece in timeline:
                    if piece.start > since:
                        days.add(piece.start)
    return sorted(days)


def _on(
    item_code: str, layers: Mapping[str, OfCode], day: dt.date, version_number: int
) -> tuple[CatalogueItem, Told]:
    """Returns what an item is on a day, without days, and what is told with it."""
    own = layers.get(item_code, {})
    medical = _one(own, Layer.MEDICAL, day)
    mapped = _one(own, Layer.MAPPING, day)
    insurance_code = mapped.insurance_code if mapped else item_code
    of_code = layers.get(insurance_code, {})
    insured = _one(of_code, Layer.INSURANCE, day)
    if insured is None:
        name = medical.name if medical else ""
        catalogue_class = OWN_COST if medical else ""
        return _item(item_code, name, catalogue_class, version_number), Told()
    standard = _one(of_code, Layer.PAYMENT_STANDARD, day)
    standard_price = standard.price_ceiling if standard else ""
    limited = _one(of_code, Layer.LIMITED_USE, day)
    shares = _shares(of_code, day) if insured.catalogue_class == "02" else ()
    everybodys = next((each for each in shares if each[:2] == (EVERYBODY, 0)), None)
    item = _item(
        item_code,
        medical.name if medical else insured.name,
        insured.catalogue_class,
        version_number,
        first_self_pay_ratio_ppm=everybodys and everybodys.first_self_pay_ratio_ppm,
        price_ceiling=standard_price,
        is_limited_use=insured.is_limited_use or limited is not None,
        item_group=insured.item_group,
        level_price_ceilings=_ceilings(of_code, day, standard_price),
        # What is everybody's stands in the field that all items have.
        shares=() if shares == (everybodys,) else shares,
    )
    channels = sorted(each.channel for each in _all(of_code, Layer.CHANNEL, day))
    text = limited.limited_use_text if limited else ""
    return item, Told(insurance_code, standard_price, text, tuple(channels))


def _item(
    item_code: str, name: str, catalogue_class: str, version_number: int, **said: object
) -> CatalogueItem:
    values: dict[str, object] = {
        "first_self_pay_ratio_ppm": None,
        "price_ceiling": "",
        "start_date": dt.date.min,
        "end_date": None,
        "version_number": version_number,
        **said,
    }
    return CatalogueItem(item_code, name, catalogue_class, **values)  # type: ignore[arg-type]


def _dated(item: CatalogueItem, start: dt.date, end: dt.date | None) -> CatalogueItem:
    return replace(item, start_date=start, end_date=end)


def _one(of_code: OfCode, layer: Layer, day: dt.date) -> RowContent | None:
    timelines = of_code.get(layer)
    return content_on(timelines[""], day) if timelines else None


def _all(of_code: OfCode, layer: Layer, day: dt.date) -> Iterator[RowContent]:
    for timeline in of_code.get(layer, {}).values():
        content = content_on(timeline, day)
        if content is not None:
            yield content


def _shares(of_code: OfCode, day: dt.date) -> tuple[PersonShare, ...]:
    """Returns shares by type of person, of each the band of the highest prices first."""
    found = []
    for each in _all(of_code, Layer.SHARE, day):
        price_from = parse_decimal(each.price_from, places=6) if each.price_from else 0
        # A band goes before the share of mode 10, also where it begins at nothing.
        place = (each.person_type, -price_from, each.share_type != SHARE_BY_PRICE)
        found.append(
            (place, PersonShare(each.person_type, price_from, each.first_self_pay_ratio_ppm or 0))
        )
    return tuple(share for _, share in sorted(found))


def _ceilings(of_code: OfCode, day: dt.date, standard: str) -> tuple[LevelPriceCeiling, ...]:
    """Returns ceilings by levels; what exceeds the payment standard is own cost too."""
    found = []
    for each in _all(of_code, Layer.CEILING, day):
        price = _lesser(each.price_ceiling, standard)
        found.append(LevelPriceCeiling(LEVELS[each.level_type], price))
    return tuple(sorted(found))


def _lesser(price: str, standard: str) -> str:
    if not standard or parse_decimal(price, places=6) <= parse_decimal(standard, places=6):
        return price
    return standard
