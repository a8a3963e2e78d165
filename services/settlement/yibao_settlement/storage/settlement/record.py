"""The settlement of record as stored: one row, and one for each further hundred lines.

What is queried stands in columns. The rest is JSON in a form of its own, whose number
stands beside it: a later form is read by another function, and what was stored stays as
it is. Form 1 is an object with these names:

    account_used, balance_before_fen   as in `SettlementRecord`
    accumulations, year_before         objects: name to value
    amounts                            excluded, over limit, first self-pay, eligible, deductible
    entries                            arrays: account, fen
    facts                              an object, as in `Facts`
    fund_payments                      arrays: fund, step, base, amount
    trace                              the SHA-256 in hexadecimal

and a line is an array: number, item, class, amount, excluded, over limit, first self-pay, eligible,
first self-pay ratio, unit price, quantity (both empty where they were not kept yet). That is the
order of `SplitLine`; whoever changes it makes a new form.

Form 2 is that of bills whose lines say more, or of which lines were refused. It is form 1
with one more name where there are such lines, and one more value a line, null where there
is nothing to tell of it, left out where there is nothing to tell of any:

    refused_lines                      arrays, in the order of `RefusedLine`
    the line's last value              an array, in the order of `LineParticulars`

A bill of plain lines is stored in form 1 still: it costs nothing that others say more.

Form 3 is that of bills by policies of the second format, whatever their lines say. It is
form 2 with one more name; `accumulations` and `year_before` are of all windows that the bill
opened, each number by instance and name (`rules.benefit.keeping`):

    benefit                            an object, as in `BenefitTerms`; facts by their names

Any form has one more name where the account held something of earlier years:

    carried                            an array: held and paid of it, in fen

and one more where relatives' accounts paid:

    family                             arrays, in the order of `FamilyPart`
"""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from yibao_common.db.rows import Insert, Row, Statement, Update
from yibao_common.values.errors import InvariantError
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.settlement.record import ReversalNote, SettlementRecord
from yibao_settlement.rules.bill import LineParticulars
from yibao_settlement.rules.duplicate import Marks
from yibao_settlement.rules.policy.split import SplitLine
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.loading import Read, Wanted
from yibao_settlement.storage.settlement.form import (
    StoredLine,
    StoredRecord,
    lines_in_form_2,
    split_lines,
    stored_from,
)

_encode = msgspec.json.Encoder().encode
_stored_record = msgspec.json.Decoder(StoredRecord).decode
_plain_lines = msgspec.json.Decoder(tuple[SplitLine, ...]).decode
_stored_lines = msgspec.json.Decoder(list[StoredLine]).decode

PLAIN_FORM, FORM, BENEFIT_FORM = 1, 2, 3
LINES_A_ROW = 100

_REVERSAL_COLUMNS = (
    *("reversal_id", "reverse_time", "reverse_reason", "reversed_by"),
    "reverse_request_id",
)
WRITTEN_COLUMNS = (
    *("region", "settlement_id", "request_id", "settled_by", "settle_time", "visit_id"),
    *("bill_number", "person_id", "institution_id", "insurance_type", "service_date"),
    *("policy_version", "total_fen", "fund_total_fen", "account_fen", "cash_fen"),
    *("benefit_year", "record_form", "record", "first_lines", "is_interim"),
    *("line_marks", "item_set_mark", "former_place"),
)
SETTLEMENT_COLUMNS = (*WRITTEN_COLUMNS, *_REVERSAL_COLUMNS)
LINES_COLUMNS = ("settlement_id", "first_line", "lines")
_SUMS = ("total_fen", "fund_total_fen", "account_fen", "cash_fen")
# What is left of a settlement, where something was returned.
LEFT_COLUMNS = ("record_form", "record", "lines", *_SUMS)


def form_of(record: SettlementRecord) -> int:
    """Returns the form that a settlement is stored in."""
    if record.benefit is not None:
        return BENEFIT_FORM
    return FORM if record.particulars or record.refused_lines else PLAIN_FORM


def settlement_row(record: SettlementRecord) -> Row:
    """Returns a row of the columns that are written when a bill is settled."""
    return (
        record.region,
        record.settlement_id,
        record.request_id,
        record.settled_by,
        record.settle_time,
        record.visit_id,
        record.bill_number,
        record.person_id,
        record.institution_id,
        record.insurance_type,
        record.service_date,
        record.policy_version,
        record.total_fen,
        record.fund_total_fen,
        record.account_fen,
        record.cash_fen,
        record.benefit_year,
        form_of(record),
        _encode(stored_from(record)).decode(),
        lines_text(_written_lines(record, 0)),
        record.is_interim,
        record.marks.lines,
        record.marks.items,
        record.former_place,
    )


def lines_rows(record: SettlementRecord) -> list[Row]:
    """Returns rows of the lines that its own row has no room for: with region in front."""
    return [
        (record.region, record.settlement_id, at, lines_text(_written_lines(record, at)))
        for at in range(LINES_A_ROW, len(record.lines), LINES_A_ROW)
    ]


def _written_lines(record: SettlementRecord, first: int) -> Sequence[Row]:
    """Returns a row's lines, from that at `first` on."""
    lines = record.lines[first : first + LINES_A_ROW]
    if not record.particulars:
        return lines
    return lines_in_form_2(lines, record.particulars[first : first + LINES_A_ROW])


def lines_text(lines: Sequence[Row]) -> str:
    """Returns lines as stored: a JSON array of an array a line."""
    return _encode(lines).decode()


def lines_from(rows: Iterable[Row]) -> dict[str, list[StoredLine]]:
    """Returns the lines in rows of LINES_COLUMNS, by settlement, in the bill's order.

    Raises InvariantError where some are no lines.
    """
    found: dict[str, list[StoredLine]] = {}
    for settlement_id, _, lines in sorted(rows, key=lambda row: row[:2]):
        found.setdefault(settlement_id, []).extend(stored_lines(settlement_id, lines))
    return found


def _lines_of(
    settlement_id: str, first_lines: str | None, further_lines: Sequence[StoredLine]
) -> tuple[tuple[SplitLine, ...], tuple[LineParticulars | None, ...]]:
    """Returns a settlement's lines and what is particular to them; none where nothing is."""
    if first_lines and not further_lines:
        # Most bills: lines of which nothing is particular are read as what they are.
        with contextlib.suppress(msgspec.DecodeError):
            return _plain_lines(first_lines), ()
    # Null where all of them are further ones.
    return split_lines([*stored_lines(settlement_id, first_lines or "[]"), *further_lines])


def stored_lines(settlement_id: str, stored: str) -> list[StoredLine]:
    """Returns lines as they are stored, a JSON array of them.

    Raises InvariantError where they are none.
    """
    try:
        return _stored_lines(stored)
    except msgspec.DecodeError as error:
        raise InvariantError(f"lines of settlement {settlement_id} cannot be read") from error


def record_from(row: Row, further_lines: Sequence[StoredLine]) -> SettlementRecord:
    """Returns the settlement in a row of SETTLEMENT_COLUMNS and its further lines.

    Raises InvariantError where its form is not known here, newer than this program, and
    where it is not what was written.
    """
    columns = dict(zip(SETTLEMENT_COLUMNS, row, strict=True))
    form, stored, first_lines = [
        columns.pop(name) for name in ("record_form", "record", "first_lines")
    ]
    told = _told(columns["settlement_id"], form, stored)
    del columns["benefit_year"]  # that of the service date
    marks = Marks(columns.pop("line_marks") or b"", columns.pop("item_set_mark") or b"")
    note = [columns.pop(name) for name in _REVERSAL_COLUMNS]
    lines, particulars = _lines_of(columns["settlement_id"], first_lines, further_lines)
    return SettlementRecord(
        **columns,
        **told,
        lines=lines,
        particulars=particulars,
        reversal=None if note[0] is None else ReversalNote._make(note),
        marks=marks,
    )


def _told(settlement_id: str, form: int, stored: str) -> dict[str, Any]:
    """Returns what is recorded beside the columns, by its names in `SettlementRecord`."""
    if form not in (PLAIN_FORM, FORM, BENEFIT_FORM):
        raise InvariantError(f"record {settlement_id} is of form {form}")
    try:
        told = _stored_record(stored).values()
    except (msgspec.DecodeError, ValueError) as error:
        # The error names the place, and no value.
        raise InvariantError(f"record {settlement_id}: {error}") from error
    if (told["benefit"] is not None) != (form == BENEFIT_FORM):
        raise InvariantError(f"record {settlement_id} is not of form {form}")
    return told


def left_values(left: SettlementRecord) -> Row:
    """Returns a row of LEFT_COLUMNS: a settlement as what is left of it."""
    lines = lines_in_form_2(left.lines, left.particulars) if left.particulars else left.lines
    return (
        form_of(left),
        _encode(stored_from(left)).decode(),
        lines_text(lines),
        *(left.total_fen, left.fund_total_fen, left.account_fen, left.cash_fen),
    )


def left_from(settled: SettlementRecord, row: Row) -> SettlementRecord:
    """Returns a settlement as what is left of it, by a row of LEFT_COLUMNS.

    Raises InvariantError where that is not what was written.
    """
    form, stored, all_lines, *sums = row
    lines, particulars = split_lines(stored_lines(settled.settlement_id, all_lines))
    return settled._replace(
        **_told(settled.settlement_id, form, stored),
        **dict(zip(_SUMS, sums, strict=True)),
        lines=lines,
        particulars=particulars,
    )


def read_settlements(wanted: Wanted) -> tuple[Read, Read]:
    """Reads the settlements that are named.

    Lines are read first: the settlement's row completes the record.
    """
    lines: dict[str, list[StoredLine]] = {}
    ids = wanted.needs.settlement_ids

    def keep_settlements(working_set: WorkingSet, rows: list[Row]) -> None:
        for row in rows:
            record = record_from(row, lines.get(row[1], ()))
            working_set.settlements[record.settlement_id] = record

    return (
        Read(
            wanted.select(tables.settlement_lines, LINES_COLUMNS, "settlement_id", ids),
            lambda _, rows: lines.update(lines_from(rows)),
        ),
        Read(
            wanted.select(tables.settlement, SETTLEMENT_COLUMNS, "settlement_id", ids),
            keep_settlements,
        ),
    )


def write_settlements(working_set: WorkingSet) -> Iterator[Statement]:
    """Writes the notes of what was reversed, then what was settled and its lines.

    One settlement of a bill stands at a time, and the batch that reverses it may settle the
    bill again. What it settles and reverses itself is inserted with its note, for no order
    of inserting and updating would do for both.
    """
    settled = working_set.changes.settlements
    own_ids = {record.settlement_id for record in settled}
    reversed_ = {record.settlement_id: record for record in working_set.changes.reversals}
    yield Update(
        tables.settlement,
        ("region", "settlement_id"),
        _REVERSAL_COLUMNS,
        [
            (record.region, record.settlement_id, *(record.reversal or ()))
            for record in reversed_.values()
            if record.settlement_id not in own_ids
        ],
    )
    yield Insert(
        tables.settlement,
        WRITTEN_COLUMNS,
        [settlement_row(record) for record in settled if record.settlement_id not in reversed_],
    )
    yield Insert(
        tables.settlement,
        SETTLEMENT_COLUMNS,
        [
            (*settlement_row(record), *(record.reversal or ()))
            for record in reversed_.values()
            if record.settlement_id in own_ids
        ],
    )
    yield Insert(
        tables.settlement_lines,
        ("region", *LINES_COLUMNS),
        [row for record in settled for row in lines_rows(record)],
    )
