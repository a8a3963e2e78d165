"""What is read of versions: themselves, how they differ, and what institutions download."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from yibao_common.commands.transactions import Transactions
from yibao_common.values.caller import Caller, Role
from yibao_settlement.application.catalogue_version.rows import (
    FaultPlace,
    KeyPlace,
    RowFaults,
    RowPlace,
    VersionPlace,
    VersionWish,
)
from yibao_settlement.rules.catalogue_version.row import Layer
from yibao_settlement.rules.catalogue_version.timeline import (
    Piece,
    SaidRow,
    first_difference,
    piece_on,
    timeline_of,
)
from yibao_settlement.rules.catalogue_version.version import (
    CatalogueVersion,
    VersionState,
    check_told,
    version_unknown,
)

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

# The number that a version has while it is compared as if it were approved.
_AS_IF = 2**31 - 1


class Difference(NamedTuple):
    """How a version differs of a key: the first day on which it does, with both pieces."""

    key: KeyPlace
    day: dt.date
    before: Piece | None
    after: Piece | None


class DifferencePage(NamedTuple):
    """Differences of some keys, and the last key that was compared; None behind the last."""

    differences: Sequence[Difference]
    reached: KeyPlace | None


class ChangePage(NamedTuple):
    """Rows of approved versions, whether more follow, and the newest version of the region."""

    rows: Sequence[SaidRow]
    next_place: RowPlace | None
    newest_number: int


class CatalogueVersions:
    """Reads versions of a region's lists. Blocks."""

    def __init__(self, transactions: "Transactions[Work]") -> None:
        """Takes what is read of."""
        self._transactions = transactions

    def find(self, region: str, version_id: str, caller: Caller) -> CatalogueVersion:
        """Returns a version; to others than agencies one that is approved.

        Raises RuleError CATALOGUE_VERSION_UNKNOWN.
        """
        with self._transactions.read(region) as work:
            found = work.catalogue_versions.find(version_id)
        if found is None or not (_reads_drafts(caller) or found.state is VersionState.APPROVED):
            raise version_unknown(version_id)
        return found

    def page(
        self,
        region: str,
        wish: VersionWish,
        caller: Caller,
        *,
        after: VersionPlace | None,
        limit: int,
    ) -> Sequence[CatalogueVersion]:
        """Returns at most `limit` versions, the one begun last first."""
        if not _reads_drafts(caller):
            if wish.state not in (None, VersionState.APPROVED):
                return []
            wish = wish._replace(state=VersionState.APPROVED)
        with self._transactions.read(region) as work:
            return work.catalogue_versions.page(wish, after=after, limit=limit)

    def faults(
        self, region: str, version_id: str, *, after: FaultPlace | None, limit: int
    ) -> Sequence[RowFaults]:
        """Returns at most `limit` refused rows. Raises RuleError CATALOGUE_VERSION_UNKNOWN."""
        with self._transactions.read(region) as work:
            if work.catalogue_versions.find(version_id) is None:
                raise version_unknown(version_id)
            return work.catalogue_versions.faults(version_id, after=after, limit=limit)

    def differences(
        self, region: str, version_id: str, *, after: KeyPlace | None, limit: int
    ) -> DifferencePage:
        """Compares at most `limit` keys of a submitted version with what holds.

        Raises RuleError CATALOGUE_VERSION_UNKNOWN, CATALOGUE_VERSION_STATE.
        """
        with self._transactions.read(region) as work:
            rows = work.catalogue_versions
            version = rows.find(version_id)
            if version is None:
                raise version_unknown(version_id)
            check_told(version)
            keys = rows.keys(version_id, after=after, limit=limit)
            as_if = version.as_if(_AS_IF)
            said = rows.said(version.layer, {key.code for key in keys}, beside=as_if)
        found = []
        for key in keys:
            both = said[key.code][key.subkey]
            before = timeline_of(each for each in both if each.version_number != _AS_IF)
            differs = first_difference(before, timeline_of(both), since=version.start_date)
            if differs is not None:
                found.append(Difference(key, *differs))
        return DifferencePage(found, keys[-1] if len(keys) == limit else None)

    def changes(
        self, region: str, layer: Layer, after_number: int, *, after: RowPlace | None, limit: int
    ) -> ChangePage:
        """Returns at most `limit` rows of versions after one, in their order."""
        with self._transactions.read(region) as work:
            rows = work.catalogue_versions
            found = rows.changes(layer, after_number, after=after, limit=limit)
            newest = rows.newest_number()
        return ChangePage(found, _place(found[-1]) if len(found) == limit else None, newest)

    def in_force(
        self, region: str, layer: Layer, day: dt.date, *, after: RowPlace | None, limit: int
    ) -> ChangePage:
        """Returns what holds on a day of at most `limit` codes, by code."""
        with self._transactions.read(region) as work:
            rows = work.catalogue_versions
            codes = rows.codes_said(layer, after=after.code if after else "", limit=limit)
            said = rows.said(layer, codes)
            newest = rows.newest_number()
        found = []
        for code in codes:
            for _, of_key in sorted(said.get(code, {}).items()):
                piece = piece_on(timeline_of(of_key), day)
                if piece is not None:
                    found.append(next(each for each in of_key if each.row is piece.row))
        place = RowPlace(0, codes[-1], "", dt.date.min) if len(codes) == limit else None
        return ChangePage(found, place, newest)


def _place(said: SaidRow) -> RowPlace:
    row = said.row
    return RowPlace(said.version_number, row.code, row.subkey, row.start_date)


def _reads_drafts(caller: Caller) -> bool:
    return caller.role is Role.AGENCY
