"""Catalogue items, institutions and the epoch of reference data in memory."""

import dataclasses
import datetime as dt
from collections.abc import Sequence

from yibao_settlement.application.catalogue import CatalogueRows
from yibao_settlement.application.reference import ReferenceRows
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.visit import Institution


@dataclasses.dataclass
class MemoryCatalogue(CatalogueRows):
    """Rows of one region by their keys."""

    items: dict[tuple[str, dt.date], CatalogueItem] = dataclasses.field(default_factory=dict)
    institutions: dict[str, Institution] = dataclasses.field(default_factory=dict)

    def put_items(self, items: Sequence[CatalogueItem]) -> None:
        self.items.update({(item.item_code, item.start_date): item for item in items})

    def put_institutions(self, institutions: Sequence[Institution]) -> None:
        self.institutions.update({each.institution_id: each for each in institutions})


@dataclasses.dataclass
class MemoryReference(ReferenceRows):
    """The epoch of one region."""

    epoch: int = 0

    def raise_epoch(self) -> None:
        self.epoch += 1
