"""What can be wrong with a row of an import beyond its form.

What a row of the catalogue says is used at the counter by whoever happens to be charged
for the item, so whatever could not be used is refused when it is imported.
"""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from yibao_common.values.errors import FieldFault
from yibao_common.values.money import PPM
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.benefit import steps as benefit
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.step import BY_ITEM, ClassifyStep
from yibao_settlement.rules.visit import Institution

_FULLY_COVERED, _OWN_COST = "01", "03"
_CLASSES = (_FULLY_COVERED, "02", _OWN_COST)
LEVELS = frozenset(str(level) for level in range(1, 15))
NO_LEVEL = "is no level of an institution: 1 to 14, without a leading zero"


class Asking(NamedTuple):
    """The classes whose first self-pay share a policy takes from the item, and since when."""

    policy_version: str
    classes: frozenset[str]
    start_date: dt.date
    end_date: dt.date | None


def classes_asked_of_items(policy: AnyPolicy) -> frozenset[str]:
    """Returns the catalogue classes whose first self-pay share only the item tells."""
    return frozenset(
        catalogue_class
        for shares, by_item in _shares_of(policy)
        for catalogue_class, share in shares.items()
        if share == by_item
    )


def _shares_of(policy: AnyPolicy) -> Iterator[tuple[Mapping[str, int], int]]:
    """Yields the first self-pay shares of each row of a policy, and what leaves one to the item."""
    if isinstance(policy, Policy):
        (step,) = (step for step in policy.steps if isinstance(step, ClassifyStep))
        yield from ((row.prepay_ppm, BY_ITEM) for row in step.rows)
    else:
        (first,) = (step for step in policy.steps if isinstance(step, benefit.ClassifyStep))
        yield from ((row.value.shares, benefit.BY_ITEM) for row in first.table.rows)


def item_faults(item: CatalogueItem, asking: Collection[Asking]) -> Iterator[FieldFault]:
    """Yields what is wrong with a row of the catalogue; `asking` are the policies in force."""
    if item.catalogue_class not in _CLASSES:
        message = "is no catalogue class: 01, 02 or 03"
        yield FieldFault("catalogue_class", Reason.FIELD_OUT_OF_RANGE, message)
    share = item.first_self_pay_ratio_ppm
    if item.catalogue_class == _FULLY_COVERED and share:
        message = "an item of class 01 has no first self-pay share"
        yield FieldFault("first_self_pay_ratio_ppm", Reason.FIRST_SELF_PAY_RATIO_INVALID, message)
    if item.catalogue_class == _OWN_COST and share not in (None, PPM):
        message = f"an item of class 03 is own cost: the share is {PPM} or absent"
        yield FieldFault("first_self_pay_ratio_ppm", Reason.FIRST_SELF_PAY_RATIO_INVALID, message)
    yield from _ceiling_faults(item)
    if share is None:
        for each in asking:
            if item.catalogue_class in each.classes and _meet(item, each):
                message = (
                    f"is required: policy {each.policy_version} takes the share of class "
                    f"{item.catalogue_class} from the item"
                )
                yield FieldFault(
                    "first_self_pay_ratio_ppm", Reason.FIRST_SELF_PAY_RATIO_INVALID, message
                )
                break
    yield from _days_faults(item.start_date, item.end_date)


def versions_faults(
    item: CatalogueItem, *, kept: Collection[str], limited: Collection[str], needs_approval: bool
) -> Iterator[FieldFault]:
    """Yields why a row may not be imported directly: `kept` items are those of versions.

    With `needs_approval` neither may one with a ceiling or share, which two operators bring
    (T-07), nor one of the `limited` items, which have one that it would take away.
    """
    if item.item_code in kept:
        message = "is kept by versions of the lists: a direct import would have no effect"
        yield FieldFault("item_code", Reason.CATALOGUE_ITEM_IN_VERSIONS, message)
    if not needs_approval:
        return
    if item.item_code in limited:
        message = "has a ceiling or share, which a version of a list changes or ends"
        yield FieldFault("item_code", Reason.CATALOGUE_APPROVAL_REQUIRED, message)
    for name in ("first_self_pay_ratio_ppm", "price_ceiling", "level_price_ceilings"):
        if getattr(item, name) not in (None, "", ()):
            message = "comes as a version of a list, which a second operator approves"
            yield FieldFault(name, Reason.CATALOGUE_APPROVAL_REQUIRED, message)


def institution_faults(institution: Institution) -> Iterator[FieldFault]:
    """Yields what is wrong with an institution."""
    if institution.institution_level not in LEVELS:
        yield FieldFault("institution_level", Reason.FIELD_OUT_OF_RANGE, NO_LEVEL)
    yield from _days_faults(institution.start_date, institution.end_date)


def repeated_rows(keys: Sequence[object]) -> Mapping[int, tuple[int, ...]]:
    """Returns, for the rows whose key other rows have too, the rows with that key.

    Rows are told by their places, from 0; a row whose key is None has none.
    """
    places: dict[object, list[int]] = {}
    for place, key in enumerate(keys):
        if key is not None:
            places.setdefault(key, []).append(place)
    return {
        place: tuple(together)
        for together in places.values()
        if len(together) > 1
        for place in together
    }


def row_repeated(field: str, rows: Sequence[int]) -> FieldFault:
    """Returns the fault of a row whose key, which begins in `field`, others have too."""
    listed = ", ".join(f"[{row}]" for row in rows[:10])
    more = f" and {len(rows) - 10} more" if len(rows) > 10 else ""
    return FieldFault(field, Reason.ROW_REPEATED, f"the rows {listed}{more} have the same key")


def _meet(item: CatalogueItem, asking: Asking) -> bool:
    last = dt.date.max
    return item.start_date <= (asking.end_date or last) and asking.start_date <= (
        item.end_date or last
    )


def _ceiling_faults(item: CatalogueItem) -> Iterator[FieldFault]:
    if _is_nothing(item.price_ceiling):
        # Other systems write 0 where there is no ceiling; here all of a price would be over it.
        message = "is no ceiling: leave it empty where there is none"
        yield FieldFault("price_ceiling", Reason.FIELD_OUT_OF_RANGE, message)
    seen: set[str] = set()
    for place, ceiling in enumerate(item.level_price_ceilings):
        field = f"level_price_ceilings[{place}]"
        if _is_nothing(ceiling.price_ceiling):
            message = "is no ceiling: leave the level out where there is none"
            yield FieldFault(f"{field}.price_ceiling", Reason.FIELD_OUT_OF_RANGE, message)
        for number, level in enumerate(ceiling.institution_levels):
            at = f"{field}.institution_levels[{number}]"
            if level not in LEVELS:
                yield FieldFault(at, Reason.FIELD_OUT_OF_RANGE, NO_LEVEL)
            elif level in seen:
                message = f"level {level} has a ceiling of this item already"
                yield FieldFault(at, Reason.FIELD_OUT_OF_RANGE, message)
            seen.add(level)


def _is_nothing(price: str) -> bool:
    return bool(price) and set(price) <= {"0", "."}


def _days_faults(start_date: dt.date, end_date: dt.date | None) -> Iterator[FieldFault]:
    if end_date is not None and end_date < start_date:
        message = f"lies before the first day, {start_date.isoformat()}"
        yield FieldFault("end_date", Reason.FIELD_OUT_OF_RANGE, message)
