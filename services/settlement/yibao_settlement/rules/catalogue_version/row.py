"""Rows of the catalogue's lists: which layer has which fields, and what can be wrong with one.

The layers are those of the national interface: 1301 to 1306 (medical list), 1312 (insurance
list), 1316 (mapping), 1318 (ceilings), 1319 (first self-pay shares), and the dictionaries of
diagnoses, operations and chronic diseases.
"""

import datetime as dt
import enum
import re
from collections.abc import Iterator
from typing import NamedTuple

from yibao_common.values.errors import FieldFault
from yibao_common.values.reasons import Reason


class Layer(enum.IntEnum):
    """A list of the catalogue, by the numbers of the contract; stored with each row."""

    MEDICAL = 1
    INSURANCE = 2
    MAPPING = 3
    CEILING = 4
    SHARE = 5
    PAYMENT_STANDARD = 6
    LIMITED_USE = 7
    CHANNEL = 8
    DIAGNOSIS = 9
    OPERATION = 10
    CHRONIC_DISEASE = 11


# What settles is made of these; they are asked for by the national code, or by that of the
# insurance list.
BY_ITEM = (Layer.MEDICAL, Layer.MAPPING)
BY_INSURANCE_CODE = (
    *(Layer.INSURANCE, Layer.CEILING, Layer.SHARE),
    *(Layer.PAYMENT_STANDARD, Layer.LIMITED_USE, Layer.CHANNEL),
)
DICTIONARIES = (Layer.DIAGNOSIS, Layer.OPERATION, Layer.CHRONIC_DISEASE)
# Of these the issuing authority is told (T-07).
OF_AUTHORITIES = (Layer.CEILING, Layer.SHARE, Layer.PAYMENT_STANDARD)

EMPLOYEES, RESIDENTS, RETIRED_CADRES, EVERYBODY = "310", "390", "330", "99"
_PERSON_TYPES = (EMPLOYEES, RESIDENTS, RETIRED_CADRES, EVERYBODY)
FIRST_SHARE, DIRECT_SHARE, SHARE_BY_PRICE = "10", "20", "30"
_CLASSES, _LEVEL_TYPES, _CHANNELS = ("01", "02", "03"), ("1", "2", "3"), ("10", "22", "32")


class RowContent(NamedTuple):
    """What a row says beside its key and its days; what its layer has not is empty.

    Field by field as `CatalogueRow` of the contract.
    """

    name: str = ""
    insurance_code: str = ""
    list_type: str = ""
    catalogue_class: str = ""
    item_group: str = ""
    is_limited_use: bool = False
    limited_use_text: str = ""
    level_type: str = ""
    price_ceiling: str = ""
    person_type: str = ""
    share_type: str = ""
    first_self_pay_ratio_ppm: int | None = None
    price_from: str = ""
    channel: str = ""


class ListRow(NamedTuple):
    """A row of a layer: `content` is None where it ends what was said of its key.

    `row_number` is the spreadsheet's, 0 of a row that the service made. `end_date` is the last
    day, None while none is set.
    """

    row_number: int
    code: str
    subkey: str
    start_date: dt.date
    end_date: dt.date | None
    content: RowContent | None


_NOTHING = RowContent()
# Diagnoses may bear a mark: that of a cause (`+`, `†`), or of where it shows (`*`).
_CODE, _TERM = re.compile(r"[A-Za-z0-9._:/-]+"), re.compile(r"[A-Za-z0-9._:/+*†-]+")
# The fields that rows of a layer must have, and those that they may have.
_FIELDS: dict[Layer, tuple[tuple[str, ...], tuple[str, ...]]] = {
    Layer.MEDICAL: (("name", "list_type"), ()),
    Layer.INSURANCE: (
        ("name", "catalogue_class"),
        ("list_type", "item_group", "is_limited_use"),
    ),
    Layer.MAPPING: (("insurance_code",), ()),
    Layer.CEILING: (("level_type", "price_ceiling"), ()),
    Layer.SHARE: (("person_type", "share_type", "first_self_pay_ratio_ppm"), ("price_from",)),
    Layer.PAYMENT_STANDARD: (("price_ceiling",), ()),
    Layer.LIMITED_USE: (("limited_use_text",), ()),
    Layer.CHANNEL: (("channel",), ()),
    **{each: (("name",), ()) for each in DICTIONARIES},
}
_CHOICES = {
    "catalogue_class": _CLASSES,
    "level_type": _LEVEL_TYPES,
    "person_type": _PERSON_TYPES,
    "share_type": (FIRST_SHARE, SHARE_BY_PRICE),
    "channel": _CHANNELS,
}


def _strange_fields(layer: Layer) -> tuple[tuple[int, str], ...]:
    own = {name for names in _FIELDS[layer] for name in names}
    return tuple((at, name) for at, name in enumerate(RowContent._fields) if name not in own)


_STRANGE = {layer: _strange_fields(layer) for layer in Layer}


def subkey_of(layer: Layer, content: RowContent) -> str:
    """Returns what tells rows of one code apart within a layer; empty where a code has one."""
    if layer is Layer.CEILING:
        return content.level_type
    if layer is Layer.SHARE:
        return f"{content.person_type}/{content.share_type}/{_plain(content.price_from)}"
    return content.channel


def _plain(price: str) -> str:
    """Returns a price as all that are equal to it are written: `500` of `0500.00`."""
    whole, _, rest = price.partition(".")
    if not whole:
        return price
    rest = rest.rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{rest}" if rest else "")


def row_faults(layer: Layer, row: ListRow) -> Iterator[FieldFault]:
    """Yields what is wrong with a row of a layer beyond its form."""
    content = row.content or _NOTHING
    pattern, marks = (_TERM, " + * †") if layer in DICTIONARIES else (_CODE, "")
    if row.code and not pattern.fullmatch(row.code):
        message = f"must be letters, digits and - _ . : /{marks} only"
        yield FieldFault("code", Reason.FIELD_MALFORMED, message)
    for name in _FIELDS[layer][0]:
        if getattr(content, name) in ("", None):
            yield FieldFault(name, Reason.FIELD_REQUIRED, f"is required of layer {layer.name}")
    for at, name in _STRANGE[layer]:
        if content[at] != _NOTHING[at]:
            message = f"has no meaning in layer {layer.name}"
            yield FieldFault(name, Reason.FIELD_OUT_OF_RANGE, message)
    for name in _FIELDS[layer][0]:
        choices, value = _CHOICES.get(name), getattr(content, name)
        if choices and value and value not in choices:
            message = f"is none of {', '.join(choices)}"
            if value == DIRECT_SHARE and name == "share_type":
                message = "20, a direct ratio of the funds, is the policy's to say"
            yield FieldFault(name, Reason.FIELD_OUT_OF_RANGE, message)
    yield from _amount_faults(layer, content)
    if row.end_date is not None and row.end_date < row.start_date:
        message = f"lies before the first day, {row.start_date.isoformat()}"
        yield FieldFault("end_date", Reason.FIELD_OUT_OF_RANGE, message)


def _amount_faults(layer: Layer, content: RowContent) -> Iterator[FieldFault]:
    price = content.price_ceiling
    if price and set(price) <= {"0", "."}:
        message = "is no ceiling: leave the row out where there is none"
        yield FieldFault("price_ceiling", Reason.FIELD_OUT_OF_RANGE, message)
    if layer is not Layer.SHARE:
        return
    by_price = content.share_type == SHARE_BY_PRICE
    if by_price and not content.price_from:
        yield FieldFault("price_from", Reason.FIELD_REQUIRED, "is required of mode 30")
    if content.price_from and not by_price:
        message = "has a meaning in mode 30 alone"
        yield FieldFault("price_from", Reason.FIELD_OUT_OF_RANGE, message)


def key_repeated(first_row_number: int) -> FieldFault:
    """Returns the fault of a row whose key and first day an earlier row has."""
    message = f"row {first_row_number} has the same key and first day"
    return FieldFault("code", Reason.ROW_REPEATED, message)


def person_type_of(insurance_type: str) -> str:
    """Returns of which type of person (selfpay_prop_psn_type) an insurance type is."""
    if insurance_type == "340":  # 离休人员
        return RETIRED_CADRES
    return insurance_type if insurance_type in (EMPLOYEES, RESIDENTS) else EVERYBODY
