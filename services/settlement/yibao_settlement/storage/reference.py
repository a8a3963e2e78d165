"""Reference data in memory: institutions, catalogue and policies of each region.

A region's data carry an epoch that rises with every change, by a number that nobody can foretell;
each transaction reads the epoch first and drops what it has kept of another one, so every process
decides by what is stored at that moment, also where the database was restored under it.
"""

import secrets
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping

import sqlalchemy as sa

from yibao_common.db.rows import insert_rows, select_rows
from yibao_settlement.application.reference import (
    NO_LINE_TERMS,
    DatedPolicy,
    LineTerms,
    Reference,
    Served,
)
from yibao_settlement.files.policy.any_file import load_any_policy
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.elsewhere.terms import NO_TERMS, ElsewhereTerms
from yibao_settlement.rules.institution.suspension import Suspended
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.policy.version import PolicyState
from yibao_settlement.rules.visit import Institution
from yibao_settlement.storage import tables
from yibao_settlement.storage.account_close.tables import account_close
from yibao_settlement.storage.catalogue import INSTITUTION_COLUMNS, ITEM_COLUMNS, item_from
from yibao_settlement.storage.catalogue_version.effective import effective_rows
from yibao_settlement.storage.institution.record import (
    read_scopes,
    read_suspended_names,
    read_suspensions,
)

# A region's catalogue has some hundred thousand items at most; past this the cache
# starts again rather than grow without bound.
_ITEMS_MAX = 200_000
# How far an epoch rises at most. Counted one by one, a database that was restored from a backup
# while processes ran would come to an epoch that they have kept of other contents. Eight million
# changes fit into the column.
_RISES_MAX = 1 << 40


class ReferenceCache:
    """The regions' reference data, shared by the threads of a process."""

    def __init__(
        self,
        line_terms: Mapping[str, LineTerms] | None = None,
        elsewhere_terms: Mapping[str, ElsewhereTerms] | None = None,
        *,
        regions: Collection[str] = (),
    ) -> None:
        """Starts empty; takes what regions say of lines and of care elsewhere, by region.

        `regions` are those that are served: at institutions of each, persons of the others are
        treated.
        """
        self._line_terms = line_terms or {}
        self._elsewhere_terms = elsewhere_terms or {}
        self.served = Served(tuple(sorted(regions)))
        self._lock = threading.Lock()
        self._regions: dict[str, Reference] = {}
        self._compiled: dict[str, AnyPolicy] = {}

    def view(
        self, connection: sa.Connection, region: str, item_codes: Iterable[str], *, epoch: int
    ) -> Reference:
        """Returns the region's data as of `epoch`, with the rows of `item_codes` loaded.

        The caller has read the epoch in the same transaction.
        """
        with self._lock:
            known = self._regions.get(region)
            if known is None or known.epoch != epoch or len(known.rows_by_code) > _ITEMS_MAX:
                known = Reference(
                    epoch,
                    self._policies(connection, region),
                    _institutions(connection, region),
                    has_versions=_has_versions(connection, region),
                    has_counted=_has_counted(connection, region),
                    scopes=read_scopes(connection, region),
                    suspended=_suspended(connection, region),
                    line_terms=self._line_terms.get(region, NO_LINE_TERMS),
                    elsewhere=self._elsewhere_terms.get(region, NO_TERMS),
                    served=self.served,
                )
                self._regions[region] = known
            missing = {code for code in item_codes if code not in known.rows_by_code}
            if missing:
                found = _rows_by_code(connection, region, missing)
                if known.has_versions:
                    for item in effective_rows(connection, region, missing):
                        found[item.item_code] = (*found[item.item_code], item)
                known.rows_by_code.update(found)
            return known

    def policy_version(
        self, connection: sa.Connection, region: str, policy_version: str
    ) -> AnyPolicy | None:
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
                self._compiled[policy_version] = load_any_policy(row[0], name=policy_version)
            return self._compiled[policy_version]

    def _policies(self, connection: sa.Connection, region: str) -> dict[str, list[DatedPolicy]]:
        found: dict[str, list[DatedPolicy]] = {}
        for dated in _active_policies(connection, region, self._compiled):
            found.setdefault(dated.policy.insurance_type, []).append(dated)
        return found


def _active_policies(
    connection: sa.Connection, region: str, compiled: dict[str, AnyPolicy]
) -> Iterator[DatedPolicy]:
    """Yields the active policies, compiled where `compiled` has them not; keeps them there."""
    columns = tables.policy.c
    for row in connection.execute(
        sa.select(
            columns.policy_version, columns.policy_file, columns.start_date, columns.end_date
        ).where(columns.region == region, columns.state == PolicyState.ACTIVE.value)
    ):
        if row.policy_version not in compiled:
            compiled[row.policy_version] = load_any_policy(row.policy_file, name=row.policy_version)
        yield DatedPolicy(compiled[row.policy_version], row.start_date, row.end_date)


class StoredReference:
    """See `application.reference.ReferenceRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def raise_epoch(self) -> None:
        """Raises the region's epoch, in the transaction of the change."""
        table = tables.reference_epoch
        # Made where it is missing: two at once would each find none.
        columns, row = ("region", "epoch"), (self._region, 0)
        insert_rows(self._connection, table, columns, [row], skip_existing=True)
        rise = 1 + secrets.randbelow(_RISES_MAX)
        self._connection.execute(
            sa.update(table)
            .where(table.c.region == self._region)
            .values(epoch=table.c.epoch + rise)
        )

    def policies(self) -> list[DatedPolicy]:
        """Returns every active policy of the region."""
        return list(_active_policies(self._connection, self._region, {}))


def read_epoch(connection: sa.Connection, region: str) -> int:
    """Returns the region's epoch, 0 before anything was imported."""
    epoch = connection.execute(
        sa.select(tables.reference_epoch.c.epoch).where(tables.reference_epoch.c.region == region)
    ).scalar_one_or_none()
    return 0 if epoch is None else int(epoch)


def _has_counted(connection: sa.Connection, region: str) -> bool:
    """Tells whether accounts of a year were closed, or are being closed."""
    close = account_close.c
    query = sa.select(close.close_id).where(close.region == region, close.close_time.is_not(None))
    return connection.execute(query.limit(1)).first() is not None


def _institutions(connection: sa.Connection, region: str) -> dict[str, Institution]:
    columns = [tables.institution.c[name] for name in INSTITUTION_COLUMNS]
    rows = connection.execute(sa.select(*columns).where(tables.institution.c.region == region))
    return {row.institution_id: Institution(*row) for row in rows}


def _suspended(connection: sa.Connection, region: str) -> Suspended:
    suspensions = read_suspensions(connection, region)
    names = read_suspended_names(connection, region) if suspensions else {}
    return Suspended.of(suspensions, names)


def _has_versions(connection: sa.Connection, region: str) -> bool:
    """Tells whether any version of a list was approved."""
    column = tables.listed.catalogue_version.c
    query = sa.select(column.version_number).where(
        column.region == region, column.version_number > 0
    )
    return connection.execute(query.limit(1)).one_or_none() is not None


def _rows_by_code(
    connection: sa.Connection, region: str, codes: Iterable[str]
) -> dict[str, tuple[CatalogueItem, ...]]:
    # A code that the catalogue lacks is kept too, as no rows: the epoch tells of its import.
    found: dict[str, tuple[CatalogueItem, ...]] = dict.fromkeys(codes, ())
    rows = select_rows(
        connection,
        tables.catalogue_item,
        ITEM_COLUMNS,
        region=region,
        key="item_code",
        among=found,
    )
    for row in rows:
        item = item_from(row)
        found[item.item_code] = (*found[item.item_code], item)
    return found
