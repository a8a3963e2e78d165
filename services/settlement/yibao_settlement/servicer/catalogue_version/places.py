"""Where lists of versions, rows, keys and faults go on, as the tokens of pages hold it."""

import datetime as dt

from yibao_common.rpc.pages import number_in_place
from yibao_settlement.application.catalogue_version.rows import FaultPlace, KeyPlace, RowPlace

# No code or key holds it.
_BETWEEN = "|"


def fault_text(place: FaultPlace) -> str:
    """Returns the place of a refused row."""
    return _BETWEEN.join(map(str, place))


def fault_place(text: str) -> FaultPlace:
    """Returns what `fault_text` wrote. Raises ValueError."""
    number, chunk_number, place = map(number_in_place, text.split(_BETWEEN))
    return FaultPlace(number, chunk_number, place)


def key_text(place: KeyPlace) -> str:
    """Returns the place of a key."""
    return _BETWEEN.join(place)


def key_place(text: str) -> KeyPlace:
    """Returns what `key_text` wrote. Raises ValueError."""
    code, subkey = text.split(_BETWEEN)
    return KeyPlace(code, subkey)


def row_text(place: RowPlace) -> str:
    """Returns the place of an approved row."""
    number, code, subkey, day = place
    return _BETWEEN.join((str(number), code, subkey, day.isoformat()))


def row_place(text: str) -> RowPlace:
    """Returns what `row_text` wrote. Raises ValueError."""
    number, code, subkey, day = text.split(_BETWEEN)
    return RowPlace(number_in_place(number), code, subkey, dt.date.fromisoformat(day))
