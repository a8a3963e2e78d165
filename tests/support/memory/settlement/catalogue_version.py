"""A region without versions of lists, in memory."""

from collections.abc import Collection
from typing import Any

from yibao_settlement.application.catalogue_version.rows import CatalogueVersionRows
from yibao_settlement.rules.catalogue_version.row import Layer


class MemoryCatalogueVersions(CatalogueVersionRows):
    """What those ask who import or approve something else; it does nothing else."""

    items: Collection[str] = ()

    def newest_number(self, layer: Layer | None = None) -> int:
        return int(bool(self.items))

    def kept(self, item_codes: Collection[str]) -> Collection[str]:
        return [code for code in item_codes if code in self.items]

    def without_share(self, classes: Collection[str], **asked: Any) -> list[str]:
        return []
