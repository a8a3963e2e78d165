"""Catalogue items, institutions and the epoch of reference data in memory."""

import dataclasses
import datetime as dt
from collections.abc import Callable, Collection, Sequence

from yibao_settlement.application.catalogue import CatalogueRows
from yibao_settlement.application.reference import DatedPolicy, ReferenceRows
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.visit import Institution


@dataclasses.dataclass
class MemoryCatalogue(CatalogueRows):
    """Rows of one region by their keys."""

    items: dict[tuple[str, dt.date], CatalogueItem] = dataclasses.field(default_factory=dict)
    institutions: dict[str, Institution] = dataclasses.field(default_factory=dict)

    def put_items(self, items: Sequence[CatalogueItem]) -> None:
        self.items.update({(item.item_code, item.start_date): item for item in items})

    def without_share(
        self,
        classes: Collection[str],
        *,
        start_date: dt.date,
        end_date: dt.date | None,
        most: int,
    ) -> list[str]:
        found = {
            each.item_code
            for each in self.items.values()
            if each.catalogue_class in classes
            and each.first_self_pay_ratio_ppm is None
            and (each.end_date is None or each.end_date >= start_date)
            and (end_date is None or each.start_date <= end_date)
        }
        return sorted(found)[:most]

    def limited(self, item_codes: Collection[str]) -> set[str]:
        return {
            each.item_code
            for each in self.items.values()
            if each.item_code in item_codes
            and (
                each.first_self_pay_ratio_ppm is not None
                or each.price_ceiling
                or each.level_price_ceilings
            )
        }

    def put_institutions(self, institutions: Sequence[Institution]) -> None:
        self.institutions.update({each.institution_id: each for each in institutions})


@dataclasses.dataclass
class MemoryReference(ReferenceRows):
    """The epoch of one region."""

    epoch: int = 0
    active: list[DatedPolicy] = dataclasses.field(default_factory=list)
    # Those that are approved in this unit of work.
    approved: Callable[[], list[DatedPolicy]] = list

    def raise_epoch(self) -> None:
        self.epoch += 1

    def policies(self) -> list[DatedPolicy]:
        return [*self.active, *self.approved()]
