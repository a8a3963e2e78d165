"""Lists of versions of the catalogue, of their rows, and of policies."""

import datetime as dt
from collections.abc import Sequence

from support.catalogue_versions import LONG_AGO, Desk, list_row
from support.lists.paged import Made, Shop
from support.lists.rows import DAY, moment
from support.settlement_world import REGION

from yibao.common.v1.date_pb2 import Date
from yibao_settlement.rules.catalogue_version.row import Layer, ListRow
from yibao_settlement.storage import tables

_VERSION = tables.listed.catalogue_version


def policies(shop: Shop) -> Made:
    """Drafts of some first days."""

    def make(ranks: Sequence[int]) -> None:
        rows = [
            {
                "policy_version": f"{rank:064x}",
                "state": 1,
                "insurance_type": "310",
                "start_date": DAY + dt.timedelta(days=rank // 60),
                "checker": "",
            }
            for rank in ranks
        ]
        shop.insert(tables.policy, rows)

    def withdraw(rank: int) -> None:
        shop.change(tables.policy, {"policy_version": f"{rank:064x}"}, state=3)

    return Made({"state": 1}, make, ("policy_version",), withdraw, {"insurance_type": "390"})


def versions(shop: Shop) -> Made:
    """Drafts, some of which were begun at one moment."""

    def make(ranks: Sequence[int]) -> None:
        rows = [{"version_id": shop.id(rank), "begin_time": moment(rank)} for rank in ranks]
        shop.insert(_VERSION, [{**row, "layer": 1, "state": 1} for row in rows])

    def withdraw(rank: int) -> None:
        shop.change(_VERSION, {"version_id": shop.id(rank)}, state=4)

    return Made({"layer": 1, "state": 1}, make, ("version_id",), withdraw, {"state": 0})


def row_faults(shop: Shop) -> Made:
    """Refused rows, three of one number in three chunks."""
    version_id = shop.new_id()
    shop.insert(_VERSION, [{"version_id": version_id, "layer": 2, "state": 1}])

    def make(ranks: Sequence[int]) -> None:
        rows = [
            {
                "version_id": version_id,
                "row_number": rank // 60,
                "chunk_number": rank,
                "place": 1,
                "faults": "[]",
                # By this they are told here: rows without a number are told by nothing else.
                "faults_total": rank,
            }
            for rank in ranks
        ]
        shop.insert(tables.listed.catalogue_row_fault, rows)

    other = {"version_id": shop.new_id()}
    return Made({"version_id": version_id}, make, ("fault_count",), None, other)


def differences(shop: Shop) -> Made:
    """Diagnoses of a submitted version; what another version says meanwhile differs no more."""
    desk = _desk(shop)
    version_id = desk.bring(Layer.DIAGNOSIS, LONG_AGO, _term(Layer.DIAGNOSIS, 50_000))

    def make(ranks: Sequence[int]) -> None:
        rows = [
            {
                "version_id": version_id,
                "layer": int(Layer.DIAGNOSIS),
                "code": _code(rank),
                "subkey": "",
                "start_date": LONG_AGO,
                "content": f'{{"name":"{_code(rank)}"}}',
            }
            for rank in ranks
        ]
        shop.insert(tables.listed.catalogue_row, rows)

    def say(rank: int) -> None:
        desk.put(Layer.DIAGNOSIS, LONG_AGO, _term(Layer.DIAGNOSIS, rank))

    other = {"version_id": shop.new_id()}
    return Made({"version_id": version_id}, make, ("after.code",), say, other)


def changes(shop: Shop) -> Made:
    """Rows of versions: those of a later one come behind."""
    desk = _desk(shop)

    def make(ranks: Sequence[int]) -> None:
        desk.put(Layer.OPERATION, LONG_AGO, *(_term(Layer.OPERATION, each) for each in ranks))

    request = {"layer": int(Layer.OPERATION)}
    key = ("version_number", "row.code")
    return Made(request, make, key, None, {"layer": int(Layer.DIAGNOSIS)})


def in_force(shop: Shop) -> Made:
    """What holds on a day: another version may end some of it."""
    desk = _desk(shop)

    def make(ranks: Sequence[int]) -> None:
        rows = (_term(Layer.CHRONIC_DISEASE, each) for each in ranks)
        desk.put(Layer.CHRONIC_DISEASE, LONG_AGO, *rows)

    def end(rank: int) -> None:
        row = _term(Layer.CHRONIC_DISEASE, rank)
        desk.put(Layer.CHRONIC_DISEASE, LONG_AGO, row._replace(end_date=DAY - dt.timedelta(days=1)))

    layer = int(Layer.CHRONIC_DISEASE)
    request = {"layer": layer, "date": Date(year=2026, month=3, day=2)}
    return Made(request, make, ("row.code",), end, {"date": Date(year=2026, month=3, day=3)})


def _desk(shop: Shop) -> Desk:
    return Desk(shop.services.database, REGION, shop.services.clock)


def _code(rank: int) -> str:
    return f"L{rank:05d}"


def _term(layer: Layer, rank: int) -> ListRow:
    return list_row(layer, _code(rank), name=_code(rank))
