"""Settlements have a record of their own.

What was recorded of a settlement stood in the answer of SettleBill, a message of the
contract. It is read here by its field numbers, which never change, and not by the stubs,
which do.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id

revision = "0005"
down_revision = "0004"

_PAGE_ROWS = 500
_LINES_A_ROW = 100

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def _table(name: str, **columns: Any) -> sa.TableClause:
    return sa.table(name, *(sa.column(key, type_) for key, type_ in columns.items()))


_settlement = _table(
    "settlement",
    region=sa.String,
    settlement_id=Id,
    request_id=Id,
    accumulations=sa.Text,
    settled_by=sa.String,
    record_form=sa.SmallInteger,
    record=sa.Text,
)
_lines = _table(
    "settlement_lines", region=sa.String, settlement_id=Id, first_line=sa.Integer, lines=sa.Text
)
_answer = _table("answer", region=sa.String, request_id=Id, response=sa.LargeBinary)


def upgrade() -> None:
    with op.batch_alter_table("settlement") as settlement:
        settlement.add_column(sa.Column("settled_by", sa.String(200)))
        settlement.add_column(sa.Column("record_form", sa.SmallInteger))
        settlement.add_column(sa.Column("record", sa.Text))
    op.create_table(
        "settlement_lines",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("settlement_id", Id, nullable=False),
        sa.Column("first_line", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("lines", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint(
            "region", "settlement_id", "first_line", name="pk_settlement_lines"
        ),
    )
    _carry_settlements_over(op.get_bind())
    with op.batch_alter_table("settlement") as settlement:
        for name, kind in (
            ("settled_by", sa.String(200)),
            ("record_form", sa.SmallInteger()),
            ("record", sa.Text()),
        ):
            settlement.alter_column(name, existing_type=kind, nullable=False)
        settlement.drop_column("accumulations")
        settlement.drop_column("fund_amounts")


def _pages(
    connection: sa.Connection, query: sa.Select[Any], *key: sa.ColumnElement[Any]
) -> Iterator[Sequence[sa.Row[Any]]]:
    """Yields the rows of a query in the order of `key`: unique, and its first columns."""
    page = query.order_by(*key).limit(_PAGE_ROWS)
    rows = connection.execute(page).all()
    while rows:
        yield rows
        last = [
            sa.literal(value, column.type) for value, column in zip(rows[-1], key, strict=False)
        ]
        rows = connection.execute(page.where(sa.tuple_(*key) > sa.tuple_(*last))).all()


def _carry_settlements_over(connection: sa.Connection) -> None:
    settlement, answer = _settlement.c, _answer.c
    query = sa.select(
        settlement.region, settlement.settlement_id, settlement.accumulations, answer.response
    ).join_from(
        _settlement,
        _answer,
        sa.and_(settlement.region == answer.region, settlement.request_id == answer.request_id),
        isouter=True,
    )
    update = (
        sa.update(_settlement)
        .where(
            settlement.region == sa.bindparam("of_region"),
            settlement.settlement_id == sa.bindparam("of_settlement"),
        )
        # Who called was kept only in the digest of the request.
        .values(settled_by="", record_form=1, record=sa.bindparam("new_record"))
    )
    for rows in _pages(connection, query, settlement.region, settlement.settlement_id):
        records: list[dict[str, Any]] = []
        lines: list[dict[str, Any]] = []
        for row in rows:
            if row.response is None:
                raise RuntimeError(f"settlement {row.settlement_id} has no stored answer")
            told = _message(_message(row.response)[1][-1])
            record = _record(told, json.loads(row.accumulations))
            records.append(
                {
                    "of_region": row.region,
                    "of_settlement": row.settlement_id,
                    "new_record": _encode(record),
                }
            )
            lines += _lines_rows(row, [_line(each) for each in told.get(11, ())])
        connection.execute(update, records)
        if lines:
            connection.execute(sa.insert(_lines), lines)


def _lines_rows(row: sa.Row[Any], lines: list[list[Any]]) -> list[dict[str, Any]]:
    return [
        {
            "region": row.region,
            "settlement_id": row.settlement_id,
            "first_line": at,
            "lines": _encode(lines[at : at + _LINES_A_ROW]),
        }
        for at in range(0, len(lines), _LINES_A_ROW)
    ]


# --- Protobuf messages by field number: what stands in SettleBillResponse.

_Fields = dict[int, list[Any]]


def _message(serialized: bytes) -> _Fields:
    """Returns the values of each field: numbers for varints, bytes for all that has a length.

    Raises ValueError where it is no message of such fields.
    """
    fields: _Fields = {}
    at, data = 0, bytes(serialized)
    while at < len(data):
        tag, at = _varint(data, at)
        value: Any
        if tag & 7 == 0:
            value, at = _varint(data, at)
        elif tag & 7 == 2:
            length, at = _varint(data, at)
            value, at = data[at : at + length], at + length
            if at > len(data):
                raise ValueError("a field ends behind its message")
        else:
            raise ValueError("a field of another kind")
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
    raise ValueError("a number has no end")


def _int(fields: _Fields, number: int) -> int:
    value: int = fields.get(number, [0])[-1]
    # Negative numbers travel as their two's complement of 64 bits.
    return value - (1 << 64) if value >= 1 << 63 else value


def _text(fields: _Fields, number: int) -> str:
    value: bytes = fields.get(number, [b""])[-1]
    return value.decode()


def _messages(fields: _Fields, number: int) -> list[_Fields]:
    return [_message(each) for each in fields.get(number, ())]


def _line(serialized: bytes) -> list[Any]:
    line = _message(serialized)
    amounts = [_int(line, number) for number in (4, 5, 6, 7, 8)]
    ratio_ppm = _int(line, 9) if 9 in line else None
    # What a unit cost and how many there were stood in the request alone.
    return [_int(line, 1), _text(line, 2), _text(line, 3), *amounts, ratio_ppm, "", ""]


def _record(told: _Fields, accumulations: dict[str, int]) -> dict[str, Any]:
    """Returns the record, form 1, of a settlement as it was answered."""
    facts = _messages(told, 28)[-1] if 28 in told else {}
    return {
        "account_used": bool(_int(told, 29)),
        "accumulations": accumulations,
        "amounts": [_int(told, number) for number in (13, 14, 15, 16, 17)],
        "balance_before_fen": _int(told, 23) + _int(told, 21),
        "entries": [[_text(each, 1), _int(each, 2)] for each in _messages(told, 27)],
        "facts": {
            "age": _int(facts, 5),
            "care_type": _text(facts, 1),
            "entitlement_groups": [each.decode() for each in facts.get(3, ())],
            "institution_level": _text(facts, 4),
            "person_class": _text(facts, 2),
        },
        "fund_payments": [
            [_text(each, 1), _text(each, 2), _int(each, 3), _int(each, 4)]
            for each in _messages(told, 18)
        ],
        "trace": told[25][-1].hex(),
        "year_before": {_text(each, 1): _int(each, 2) for each in _messages(told, 26)},
    }
