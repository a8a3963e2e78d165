"""Whether the regions of a province have the same lists: care elsewhere rests on one catalogue."""

import datetime as dt
from collections.abc import Collection, Iterator

import sqlalchemy as sa

from yibao_cli.doctor.finding import Finding
from yibao_common.db.database import Database
from yibao_settlement.rules.catalogue_version.row import Layer
from yibao_settlement.rules.catalogue_version.version import VersionState
from yibao_settlement.storage.catalogue_version.tables import catalogue_version

# The lists that are the province's; ceilings and shares may be a region's own.
_PROVINCIAL = (Layer.MEDICAL, Layer.INSURANCE)


def examine_lists(
    database: Database, regions: Collection[str], *, today: dt.date
) -> Iterator[Finding]:
    """Finds provinces whose regions have other lists in force; nothing of one with one region.

    It is no fault: bills elsewhere are valued by the lists of the person's region.
    """
    for province in sorted({region[:2] for region in regions}):
        members = sorted(region for region in regions if region[:2] == province)
        if len(members) < 2:
            continue
        other = [
            layer.name.lower()
            for layer in _PROVINCIAL
            if len({_digest(database, region, layer, today) for region in members}) > 1
        ]
        remark = "the same in each region"
        if other:
            remark = (
                f"WARNING: {', '.join(members)} have other versions of {' and '.join(other)} in "
                "force; care elsewhere is valued by those of the person's region"
            )
        yield Finding(f"lists of province {province}", remark=remark)


def _digest(database: Database, region: str, layer: Layer, today: dt.date) -> str:
    """Returns the digest of the newest version in force of a list, empty where there is none."""
    column = catalogue_version.c
    query = (
        sa.select(column.digest)
        .where(
            column.region == region,
            column.layer == int(layer),
            column.state == VersionState.APPROVED.value,
            column.start_date <= today,
        )
        .order_by(column.version_number.desc())
        .limit(1)
    )
    with database.read() as connection:
        return connection.execute(query).scalar_one_or_none() or ""
