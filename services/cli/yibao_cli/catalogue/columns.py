"""The columns of a list's file: ours, and those that the national interface calls the same."""

import datetime as dt
import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from yibao.common.v1.date_pb2 import Date
from yibao.settlement.v1 import catalogue_version_pb2 as messages
from yibao_common.rpc.wire import from_date

LAYERS = {
    name.removeprefix("CATALOGUE_LAYER_").lower().replace("_", "-"): number
    for name, number in messages.CatalogueLayer.items()
    if number
}
AUTHORITIES = {
    "state": messages.ISSUING_AUTHORITY_STATE,
    "province": messages.ISSUING_AUTHORITY_PROVINCE,
    "region": messages.ISSUING_AUTHORITY_POOLING_REGION,
}
COLUMNS = tuple(
    field.name for field in messages.CatalogueRow.DESCRIPTOR.fields if field.name != "row_number"
)
_BY_ITEM = (messages.CATALOGUE_LAYER_MEDICAL, messages.CATALOGUE_LAYER_MAPPING)
# As 1312, 1316, 1318 and 1319 call them.
_NATIONAL = {
    "hilist_code": "code",
    "hilist_name": "name",
    "med_list_codg": "code",
    "reg_name": "name",
    "begndate": "start_date",
    "enddate": "end_date",
    "list_type": "list_type",
    "chrgitm_lv": "catalogue_class",
    "lmt_used_flag": "is_limited_use",
    "hilist_lmtpric_type": "level_type",
    "hilist_pric_uplmt_amt": "price_ceiling",
    "selfpay_prop_psn_type": "person_type",
    "selfpay_prop_type": "share_type",
    "selfpay_prop": "first_self_pay_ratio_ppm",
    "diag_code": "code",
    "diag_name": "name",
    "oprn_std_list_code": "code",
    "oprn_std_list_name": "name",
    "opsp_dise_code": "code",
    "opsp_dise_name": "name",
}
_FLAGS = {"": False, "0": False, "1": True, "false": False, "true": True, "否": False, "是": True}
_SHARE = re.compile(r"[01](\.[0-9]{1,6})?")
# Longer than any cell may be, and short enough that a chunk of such rows can be sent.
_MOST_CHARACTERS = 1_000

Read = Callable[[str], Any]


def column_of(name: str, layer: int) -> tuple[str, Read] | None:
    """Returns the field that a column of a layer is, and what reads its cells; None if none."""
    if name in COLUMNS:
        return name, _READERS.get(name, _text)
    field = _NATIONAL.get(name)
    if name == "hilist_code" and layer == messages.CATALOGUE_LAYER_MAPPING:
        field = "insurance_code"
    if field is None or (name == "med_list_codg" and layer not in _BY_ITEM):
        return None
    # The interface tells shares as decimals; ours are in parts per million.
    return field, _decimal_share if name == "selfpay_prop" else _READERS.get(field, _text)


def row_of(
    row_number: int, cells: Mapping[str, str], columns: Mapping[str, tuple[str, Read]]
) -> messages.CatalogueRow | list[str]:
    """Returns the row in some cells, or the columns that cannot be read."""
    values: dict[str, Any] = {"row_number": row_number}
    faulty = []
    for name, (field, read) in columns.items():
        cell = cells.get(name, "")
        if not cell:
            continue
        try:
            values[field] = read(cell)
        except ValueError:
            faulty.append(name)
    return faulty or messages.CatalogueRow(**values)


def cells_of(row: messages.CatalogueRow) -> list[str]:
    """Returns the cells of a row in the order of COLUMNS."""
    return [_cell(row, name) for name in COLUMNS]


def _cell(row: messages.CatalogueRow, name: str) -> str:
    if name == "start_date":
        return _day_text(row.start_date) if row.HasField("start_date") else ""
    if name == "end_date":
        return _day_text(row.end_date) if row.HasField("end_date") else ""
    if name == "first_self_pay_ratio_ppm" and not row.HasField("first_self_pay_ratio_ppm"):
        return ""
    if name == "is_limited_use":
        return "1" if row.is_limited_use else ""
    return str(getattr(row, name))


def _day_text(day: Date) -> str:
    return f"{day.year:04d}-{day.month:02d}-{day.day:02d}"


def _text(cell: str) -> str:
    if len(cell) > _MOST_CHARACTERS:
        raise ValueError("too long")
    return cell


@functools.lru_cache(maxsize=10_000)
def _day(cell: str) -> Date:
    # 1312 and its like tell days with their time.
    return from_date(dt.date.fromisoformat(cell.split(" ", 1)[0].replace("/", "-")))


def _flag(cell: str) -> bool:
    if cell.lower() not in _FLAGS:
        raise ValueError(cell)
    return _FLAGS[cell.lower()]


def _ppm(cell: str) -> int:
    if not re.fullmatch("[0-9]{1,7}", cell):
        raise ValueError(cell)
    return int(cell)


def _decimal_share(cell: str) -> int:
    if not _SHARE.fullmatch(cell):
        raise ValueError(cell)
    whole, _, rest = cell.partition(".")
    return int(whole) * 1_000_000 + int(rest.ljust(6, "0") or 0)


_READERS: dict[str, Read] = {
    "start_date": _day,
    "end_date": _day,
    "is_limited_use": _flag,
    "first_self_pay_ratio_ppm": _ppm,
}
