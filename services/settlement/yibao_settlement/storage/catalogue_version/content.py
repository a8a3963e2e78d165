"""What a row of a list says, as JSON: the fields that its layer has, by their names."""

from typing import Any

import msgspec

from yibao_common.db.rows import Row
from yibao_settlement.rules.catalogue_version.row import ListRow, RowContent

ROW_COLUMNS = (
    *("code", "subkey", "start_date", "end_date", "row_number"),
    *("insurance_code", "content"),
)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_NOTHING = RowContent()
_FIELDS = tuple(zip(RowContent._fields, _NOTHING, strict=True))


def row_values(row: ListRow) -> Row:
    """Returns a row of ROW_COLUMNS."""
    content = row.content
    insurance_code, text = None, None
    if content is not None:
        insurance_code = content.insurance_code or None
        said = {
            name: value
            for (name, nothing), value in zip(_FIELDS, content, strict=True)
            if value != nothing
        }
        text = _encode(said).decode()
    return (
        *(row.code, row.subkey, row.start_date, row.end_date, row.row_number),
        *(insurance_code, text),
    )


def row_from(
    code: str, subkey: str, start_date: Any, end_date: Any, row_number: int, content: str | None
) -> ListRow:
    """Returns the row that columns hold."""
    said = None if content is None else RowContent(**_decode(content))
    return ListRow(row_number, code, subkey, start_date, end_date, said)
