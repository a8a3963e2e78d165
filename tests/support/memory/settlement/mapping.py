"""Mappings of own codes in memory."""

import dataclasses
from collections.abc import Collection, Sequence

from yibao_settlement.application.mapping.rows import MappingRows, MappingWish
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.mapping import CodeMapping


@dataclasses.dataclass
class MemoryMappings(MappingRows):
    """Mappings of one region by id."""

    by_id: dict[str, CodeMapping] = dataclasses.field(default_factory=dict)
    rows_by_code: dict[str, Sequence[CatalogueItem]] = dataclasses.field(default_factory=dict)
    locked: list[str] = dataclasses.field(default_factory=list)

    def lock(self, institution_id: str) -> None:
        self.locked.append(institution_id)

    def of_codes(
        self, institution_id: str, codes: Collection[str]
    ) -> dict[tuple[str, str], list[CodeMapping]]:
        found: dict[tuple[str, str], list[CodeMapping]] = {}
        for each in self.by_id.values():
            key = each.institution_id, each.row.provider_item_code
            if key[0] == institution_id and key[1] in codes:
                found.setdefault(key, []).append(each)
        return found

    def find(self, mapping_ids: Collection[str]) -> dict[str, CodeMapping]:
        return {each: self.by_id[each] for each in mapping_ids if each in self.by_id}

    def insert(self, mappings: Sequence[CodeMapping]) -> None:
        self.by_id.update({each.mapping_id: each for each in mappings})

    def update(self, mappings: Sequence[CodeMapping]) -> None:
        self.insert(mappings)

    def items(self, item_codes: Collection[str]) -> dict[str, Sequence[CatalogueItem]]:
        return {each: self.rows_by_code[each] for each in item_codes if each in self.rows_by_code}

    def listed(self, wish: MappingWish, *, after: str | None, limit: int) -> list[CodeMapping]:
        found = [self.by_id[each] for each in sorted(self.by_id) if after is None or each > after]
        return found[:limit]
