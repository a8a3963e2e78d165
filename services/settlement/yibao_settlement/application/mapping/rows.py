"""Mappings of a region, as one transaction finds, locks and writes them."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.mapping import CodeMapping


class MappingWish(NamedTuple):
    """Which mappings are asked for; None limits nothing, `state` is a `MappingState`'s number."""

    institution_id: str | None = None
    provider_item_code: str | None = None
    item_code: str | None = None
    list_type: str | None = None
    state: int | None = None
    day: dt.date | None = None


class MappingRows(Protocol):
    """Mappings of a region, as one transaction finds, locks and writes them."""

    def lock(self, institution_id: str) -> None:
        """Locks an institution's list until the transaction ends."""
        ...

    def of_codes(
        self, institution_id: str, codes: Collection[str]
    ) -> Mapping[tuple[str, str], Sequence[CodeMapping]]:
        """Returns all mappings of own codes, by institution and code, oldest first."""
        ...

    def find(self, mapping_ids: Collection[str]) -> Mapping[str, CodeMapping]:
        """Returns mappings by id; those that are not there are left out."""
        ...

    def insert(self, mappings: Sequence[CodeMapping]) -> None:
        """Stores new mappings."""
        ...

    def update(self, mappings: Sequence[CodeMapping]) -> None:
        """Stores what became of mappings."""
        ...

    def items(self, item_codes: Collection[str]) -> Mapping[str, Sequence[CatalogueItem]]:
        """Returns the catalogue's rows of some items."""
        ...

    def listed(self, wish: MappingWish, *, after: str | None, limit: int) -> Sequence[CodeMapping]:
        """Returns at most `limit` mappings behind an id, the one uploaded first at the head."""
        ...
