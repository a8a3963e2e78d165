"""What is found and written of versions of the catalogue's lists, in one region."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.catalogue_version.effective import EffectiveItem, Told
from yibao_settlement.rules.catalogue_version.row import Layer, ListRow
from yibao_settlement.rules.catalogue_version.timeline import SaidRow
from yibao_settlement.rules.catalogue_version.version import CatalogueVersion, VersionState

if TYPE_CHECKING:
    from yibao_settlement.application.catalogue_version.look_up import TokenHolder


class ToldFault(NamedTuple):
    """A fault as it is kept: its field, the name of its reason, and what is said of it."""

    field: str
    reason: str
    message: str
    message_zh: str


class RowFaults(NamedTuple):
    """Why a row is refused: its number as the spreadsheet counts it, and its first faults.

    `chunk_number` and `place` are where it stood in what was sent.
    """

    row_number: int
    chunk_number: int
    place: int
    faults: Sequence[ToldFault]
    faults_total: int


class Chunk(NamedTuple):
    """Rows that were taken together: a digest of them, and how many were stored and refused."""

    chunk_number: int
    digest: str
    row_count: int
    refused_count: int


class FaultPlace(NamedTuple):
    """A refused row's place in lists."""

    row_number: int
    chunk_number: int
    place: int


class KeyPlace(NamedTuple):
    """A key's place in a layer, by its code."""

    code: str
    subkey: str


class RowPlace(NamedTuple):
    """The place of an approved row among all of its layer."""

    version_number: int
    code: str
    subkey: str
    start_date: dt.date


class VersionPlace(NamedTuple):
    """A version's place in lists: they go from the one begun last to the first."""

    begin_time: dt.datetime
    version_id: str


class VersionWish(NamedTuple):
    """Which versions are listed; what is None limits nothing."""

    layer: Layer | None = None
    state: VersionState | None = None


# What approved versions, and one more where it is asked for, say by code and subkey.
Said = Mapping[str, Mapping[str, Sequence[SaidRow]]]


class CatalogueVersionRows(Protocol):
    """Versions of lists and their rows, as one transaction finds and writes them."""

    def find(self, version_id: str, *, for_update: bool = False) -> CatalogueVersion | None:
        """Returns a version, whatever its state, or None; locked where it is to be changed."""
        ...

    def insert(self, version: CatalogueVersion) -> None:
        """Stores a new version."""
        ...

    def update(self, version: CatalogueVersion) -> None:
        """Stores what changes of a version: its state, counts, and who closed it."""
        ...

    def page(
        self, wish: VersionWish, *, after: VersionPlace | None, limit: int
    ) -> Sequence[CatalogueVersion]:
        """Returns at most `limit` versions, the one begun last first."""
        ...

    def newest_number(self, layer: Layer | None = None) -> int:
        """Returns the number of the newest approved version, of any layer or of one; 0 if none."""
        ...

    def first_day(self, layer: Layer) -> dt.date | None:
        """Returns the first day of all that approved versions of a layer decide; None if none."""
        ...

    def chunk(self, version_id: str, chunk_number: int) -> Chunk | None:
        """Returns a chunk that was taken."""
        ...

    def chunks(self, version_id: str) -> Sequence[Chunk]:
        """Returns all chunks of a version by their numbers."""
        ...

    def put_chunk(
        self,
        version: CatalogueVersion,
        chunk: Chunk,
        rows: Sequence[ListRow],
        faults: Sequence[RowFaults],
    ) -> None:
        """Stores a chunk, its rows, and why others of it are refused."""
        ...

    def stored_keys(
        self, version: CatalogueVersion, codes: Collection[str]
    ) -> Mapping[tuple[str, str, dt.date], int]:
        """Returns the row numbers of a version's rows of some codes, by key and first day."""
        ...

    def faults(
        self, version_id: str, *, after: FaultPlace | None, limit: int
    ) -> Sequence[RowFaults]:
        """Returns at most `limit` refused rows by their row numbers."""
        ...

    def faults_of(self, version_id: str, chunk_number: int) -> Sequence[RowFaults]:
        """Returns the refused rows of a chunk by their places."""
        ...

    def take_away(self, version_id: str) -> None:
        """Deletes rows, faults and chunks of a version that is not approved."""
        ...

    def end_what_is_not_said(self, version: CatalogueVersion) -> int:
        """Adds a row to a whole layer for each key of approved versions that it does not say.

        Returns how many.
        """
        ...

    def put_rows(self, version: CatalogueVersion, rows: Sequence[ListRow]) -> None:
        """Stores rows of a version."""
        ...

    def keys(self, version_id: str, *, after: KeyPlace | None, limit: int) -> Sequence[KeyPlace]:
        """Returns at most `limit` keys that a version says something of, by code."""
        ...

    def said(
        self,
        layer: Layer,
        codes: Collection[str],
        *,
        beside: CatalogueVersion | None = None,
        without: str = "",
    ) -> Said:
        """Returns what approved versions say of some codes.

        `beside` is a version that counts as if it were approved with its number;
        `without` is the id of one that is left out.
        """
        ...

    def codes_said(self, layer: Layer, *, after: str, limit: int) -> Sequence[str]:
        """Returns at most `limit` codes of a layer behind one, that any version has rows of."""
        ...

    def changes(
        self, layer: Layer, after_number: int, *, after: RowPlace | None, limit: int
    ) -> Sequence[SaidRow]:
        """Returns at most `limit` rows of approved versions after one, in their order."""
        ...

    def items_of(self, insurance_codes: Collection[str]) -> Sequence[str]:
        """Returns the national codes that any version maps to some insurance codes."""
        ...

    def put_effective(self, rows: Sequence[EffectiveItem]) -> None:
        """Stores what bills are settled by."""
        ...

    def told(self, item: CatalogueItem) -> Told:
        """Returns what is told beside a row that a version made."""
        ...

    def holder_of(self, token_hash: str) -> "TokenHolder | None":
        """Returns whom a token stands for, used or not, or None."""
        ...

    def kept(self, item_codes: Collection[str]) -> Collection[str]:
        """Returns those of some items that versions have made rows of."""
        ...

    def without_share(
        self,
        classes: Collection[str],
        *,
        person_type: str,
        start_date: dt.date,
        end_date: dt.date | None,
        version_number: int | None,
        most: int,
    ) -> Sequence[str]:
        """Returns codes of items of some classes without a share of a type of person.

        In force on such days, in rising order, at most `most`. Of the rows that a version made,
        or of the newest of each item where it is None.
        """
        ...
