"""Reference data in memory: institutions, catalogue and policies of each region.

A region's data carry an epoch that rises with every change; each transaction reads the
epoch first and drops what it has kept of an older one, so every process decides by what
is stored at that moment.
"""

import datetime as dt
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from yibao_common.db.rows import select_rows
from yibao_settlement.files.policy.file import load_policy
from yibao_settlement.rules.bill import CatalogueItem, item_on
from yibao_settlement.rules.policy import Policy
from yibao_settlement.rules.visit import Institution
from yibao_settlement.storage import tables

POLICY_DRAFT = 1
POLICY_ACTIVE = 2

# A region's catalogue has some hundred thousand items at most; past this the cache
# starts again rather than grow without bound.
_ITEMS_MAX = 200_000
# Bills are of the last days; late ones are few.
_DAYS_MAX = 32

_ITEM_COLUMNS = (
    "item_code",
    "item_name",
    "catalogue_class",
    "prepay_ratio_ppm",
    "price_ceiling",
    "start_date",
    "end_date",
)
_INSTITUTION_COLUMNS = (
    "institution_id",
    "institution_name",
    "institution_level",
    "ecert_supported",
    "start_date",
    "end_date",
)


@dataclass(frozen=True, slots=True)
class DatedPolicy:
    """An active policy and the service dates that it decides, both ends included."""

    policy: Policy
    start_date: dt.date
    end_date: dt.date | None


@dataclass(slots=True)
class RegionReference:
    """What is kept of one region at one epoch."""

    epoch: int
    policies: Mapping[str, Sequence[DatedPolicy]]
    institutions: Mapping[str, Institution]
    rows_by_code: dict[str, tuple[CatalogueItem, ...]] = field(default_factory=dict)
    items_by_day: dict[dt.date, dict[str, CatalogueItem | None]] = field(default_factory=dict)

    def institution(self, institution_id: str) -> Institution | None:
        """Returns the institution, or None where the region has no agreement with it."""
        return self.institutions.get(institution_id)

    def policy(self, insurance_type: str, day: dt.date) -> Policy | None:
        """Returns the active policy that decides `day`, or None."""
        for dated in self.policies.get(insurance_type, ()):
            if dated.start_date <= day and (dated.end_date is None or day <= dated.end_date):
                return dated.policy
        return None

    def items(self, codes: Iterable[str], day: dt.date) -> Mapping[str, CatalogueItem | None]:
        """Returns the rows in force on `day`, by code; unknown codes have None."""
        found = self.items_by_day.get(day)
        if found is None:
            if len(self.items_by_day) >= _DAYS_MAX:
                self.items_by_day.clear()
            found = self.items_by_day[day] = {}
        for code in codes:
            if code not in found:
                found[code] = item_on(self.rows_by_code.get(code, ()), day)
        return found


class ReferenceCache:
    """The regions' reference data, shared by the threads of a process."""

    def __init__(self) -> None:
        """Starts empty."""
        self._lock = threading.Lock()
        self._regions: dict[str, RegionReference] = {}
        self._compiled: dict[str, Policy] = {}

    def view(
        self, connection: sa.Connection, region: str, item_codes: Iterable[str], *, epoch: int
    ) -> RegionReference:
        """Returns the region's data as of `epoch`, with the rows of `item_codes` loaded.

        The caller has read the epoch in the same transaction.
        """
        with self._lock:
            known = self._regions.get(region)
            if known is None or known.epoch != epoch or len(known.rows_by_code) > _ITEMS_MAX:
                known = RegionReference(
                    epoch, self._policies(connection, region), _institutions(connection, region)
                )
                self._regions[region] = known
            missing = {code for code in item_codes if code not in known.rows_by_code}
            if missing:
                known.rows_by_code.update(_rows_by_code(connection, region, missing))
            return known

    def policy_version(
        self, connection: sa.Connection, region: str, policy_version: str
    ) -> Policy | None:
        """Returns the policy stored under `policy_version`, whatever its state, or None."""
        with self._lock:
            if policy_version not in self._compiled:
                row = connection.execute(
                    sa.select(tables.policy.c.policy_file).where(
                        tables.policy.c.region == region,
                        tables.policy.c.policy_version == policy_version,
                    )
                ).one_or_none()
                if row is None:
                    return None
                self._compiled[policy_version] = load_policy(row[0], name=policy_version)
            return self._compiled[policy_version]

    def _policies(self, connection: sa.Connection, region: str) -> dict[str, list[DatedPolicy]]:
        found: dict[str, list[DatedPolicy]] = {}
        columns = tables.policy.c
        for row in connection.execute(
            sa.select(
                columns.insurance_type,
                columns.policy_version,
                columns.policy_file,
                columns.start_date,
                columns.end_date,
            ).where(columns.region == region, columns.state == POLICY_ACTIVE)
        ):
            policy = self._compiled.get(row.policy_version)
            if policy is None:
                policy = load_policy(row.policy_file, name=row.policy_version)
                self._compiled[row.policy_version] = policy
            dated = DatedPolicy(policy, row.start_date, row.end_date)
            found.setdefault(row.insurance_type, []).append(dated)
        return found


def read_epoch(connection: sa.Connection, region: str) -> int:
    """Returns the region's epoch, 0 before anything was imported."""
    epoch = connection.execute(
        sa.select(tables.reference_epoch.c.epoch).where(tables.reference_epoch.c.region == region)
    ).scalar_one_or_none()
    return 0 if epoch is None else int(epoch)


def raise_epoch(connection: sa.Connection, region: str) -> None:
    """Raises the region's epoch, in the transaction of the change."""
    table = tables.reference_epoch
    updated = connection.execute(
        sa.update(table).where(table.c.region == region).values(epoch=table.c.epoch + 1)
    )
    if updated.rowcount == 0:
        connection.execute(sa.insert(table).values(region=region, epoch=1))


def _institutions(connection: sa.Connection, region: str) -> dict[str, Institution]:
    columns = [tables.institution.c[name] for name in _INSTITUTION_COLUMNS]
    rows = connection.execute(sa.select(*columns).where(tables.institution.c.region == region))
    return {row.institution_id: Institution(*row) for row in rows}


def _rows_by_code(
    connection: sa.Connection, region: str, codes: Iterable[str]
) -> dict[str, tuple[CatalogueItem, ...]]:
    # A code that the catalogue lacks is kept too, as no rows: the epoch tells of its import.
    found: dict[str, tuple[CatalogueItem, ...]] = dict.fromkeys(codes, ())
    rows = select_rows(
        connection,
        tables.catalogue_item,
        _ITEM_COLUMNS,
        region=region,
        key="item_code",
        among=found,
    )
    for row in rows:
        item = CatalogueItem(*row)
        found[item.item_code] = (*found[item.item_code], item)
    return found
