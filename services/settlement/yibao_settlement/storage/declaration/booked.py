"""Declared months and what became of them, read from one snapshot for the ledger checker."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from yibao_settlement.application.declaration.order import CONFIRM_DEDUCTION, CONFIRM_MOVE
from yibao_settlement.application.declaration.pay import CONFIRM_PAYMENT, REPORT_PAYMENT
from yibao_settlement.application.declaration.rows import ActsOf
from yibao_settlement.rules.declaration.month import Declaration, MonthSums
from yibao_settlement.rules.declaration.order import Deduction, DepositMove
from yibao_settlement.rules.declaration.payment import Payment, PaymentLine
from yibao_settlement.rules.ledger import CLEARING_KINDS
from yibao_settlement.storage import tables
from yibao_settlement.storage.declaration import tables as declared
from yibao_settlement.storage.declaration.acts import (
    DECLARED_COLUMNS,
    chosen_acts,
    payers_of,
)
from yibao_settlement.storage.declaration.order import (
    DEDUCTION_COLUMNS,
    MOVE_COLUMNS,
    deduction_from,
    move_from,
)
from yibao_settlement.storage.declaration.payment import COLUMNS as PAYMENT_COLUMNS
from yibao_settlement.storage.declaration.payment import LINE_COLUMNS, payment_from
from yibao_settlement.storage.declaration.record import COLUMNS, declaration_from
from yibao_settlement.storage.ledger.told import audit_pairs

_act = declared.declared_act.c


@dataclass(slots=True)
class ClearingPosting:
    """A posting that cleared something: its kind, its entries and the months these bear."""

    kind: int
    entries: dict[str, int] = field(default_factory=dict)
    months: set[tuple[int, int | None]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class BookedDeclarations:
    """All of a region; `audited` are details of the audit by method and subject."""

    declarations: Mapping[str, Declaration]
    shares: Mapping[str, Mapping[str, int]]
    deductions: list[Deduction]
    moves: list[DepositMove]
    payments: Mapping[str, Payment]
    lines: Mapping[str, list[PaymentLine]]
    postings: Mapping[str, ClearingPosting]
    audited: Mapping[tuple[str, str], Mapping[str, str]]


def booked_declarations(connection: sa.Connection, region: str) -> BookedDeclarations:
    """Returns all that is kept of declared months but their acts."""
    shares: dict[str, dict[str, int]] = {}
    columns = ("declaration_id", "account_id", "declared_fen")
    for declaration_id, account_id, fen in _rows(
        connection, region, declared.declaration_share, columns
    ):
        shares.setdefault(declaration_id, {})[account_id] = fen
    lines: dict[str, list[PaymentLine]] = {}
    for payment_id, *line in _rows(
        connection, region, declared.institution_payment_line, ("payment_id", *LINE_COLUMNS)
    ):
        lines.setdefault(payment_id, []).append(PaymentLine._make(line))
    found = map(declaration_from, _rows(connection, region, declared.declaration, COLUMNS))
    paid = map(
        payment_from, _rows(connection, region, declared.institution_payment, PAYMENT_COLUMNS)
    )
    return BookedDeclarations(
        {each.declaration_id: each for each in found},
        shares,
        [
            deduction_from(row)
            for row in _rows(connection, region, declared.deduction, DEDUCTION_COLUMNS)
        ],
        [
            move_from((*row, None))
            for row in _rows(connection, region, declared.deposit_move, MOVE_COLUMNS)
        ],
        {each.payment_id: each for each in paid},
        lines,
        _postings(connection, region),
        _audited(connection, region),
    )


def summed_acts(connection: sa.Connection, region: str) -> dict[str, MonthSums]:
    """Returns what the kept acts of every declaration come to, by its id."""
    names = MonthSums._fields[1:]
    rows = connection.execute(
        sa.select(
            _act.declaration_id, sa.func.count(), *(sa.func.sum(_act[name]) for name in names)
        )
        .where(_act.region == region)
        .group_by(_act.declaration_id)
    )
    return {row[0]: MonthSums(*map(int, row[1:])) for row in rows}


def posted_payers(
    connection: sa.Connection, region: str, declaration: Declaration
) -> dict[str, int]:
    """Returns what funds and bearers pay of a declaration's acts, by the ledger."""
    own = (
        sa.select(*(_act[name] for name in DECLARED_COLUMNS))
        .where(_act.region == region, _act.declaration_id == declaration.declaration_id)
        .subquery("own")
    )
    return payers_of(connection, region, declaration.institution_id, own)


def acts_declared_otherwise(
    connection: sa.Connection, region: str, declaration: Declaration, acts: ActsOf
) -> list[str]:
    """Returns acts that a declaration has otherwise than they are, lacks, or has wrongly."""
    own = sa.select(*(_act[name] for name in DECLARED_COLUMNS)).where(
        _act.region == region, _act.declaration_id == declaration.declaration_id
    )
    there = chosen_acts(region, acts)
    found: set[str] = set()
    for one, other in ((own, there), (there, own)):
        differing = one.except_(other).subquery("differing")
        found.update(connection.execute(sa.select(differing.c.act_id)).scalars())
    return sorted(found)


def acts_declared_twice(connection: sa.Connection, region: str) -> list[str]:
    """Returns acts of which more than one declaration that stands has any."""
    query = (
        sa.select(_act.act_id)
        .where(_act.region == region, _act.free_time.is_(None))
        .group_by(_act.act_id)
        .having(sa.func.count() > 1)
    )
    return list(connection.execute(query).scalars())


def acts_freed_otherwise(connection: sa.Connection, region: str) -> list[str]:
    """Returns declarations with acts that stand though they ended, or the reverse, or of none."""
    declaration = declared.declaration.c
    query = (
        sa.select(_act.declaration_id)
        .distinct()
        .join_from(
            declared.declared_act,
            declared.declaration,
            sa.and_(
                declaration.region == _act.region,
                declaration.declaration_id == _act.declaration_id,
            ),
            isouter=True,
        )
        .where(
            _act.region == region,
            sa.or_(
                declaration.declaration_id.is_(None),
                _act.free_time.is_(None) != declaration.end_time.is_(None),
            ),
        )
    )
    return list(connection.execute(query).scalars())


def _postings(connection: sa.Connection, region: str) -> dict[str, ClearingPosting]:
    entry = tables.entry.c
    found: dict[str, ClearingPosting] = {}
    for posting_id, kind, account_id, fen, month, original in connection.execute(
        sa.select(
            *(entry.posting_id, entry.kind, entry.account_id),
            *(entry.amount_fen, entry.month, entry.original_month),
        ).where(entry.region == region, entry.kind.in_(tuple(map(int, CLEARING_KINDS))))
    ):
        posting = found.setdefault(posting_id, ClearingPosting(kind))
        posting.entries[account_id] = fen
        posting.months.add((month, original))
    return found


def _audited(connection: sa.Connection, region: str) -> dict[tuple[str, str], dict[str, str]]:
    event = tables.audit.event.c
    methods = (CONFIRM_DEDUCTION, CONFIRM_MOVE, CONFIRM_PAYMENT, REPORT_PAYMENT)
    rows = connection.execute(
        sa.select(event.method, event.subject_ids, event.detail, event.caller).where(
            event.region == region, event.method.in_(methods)
        )
    )
    return {
        (method, subject_id): {**audit_pairs(detail), "caller": caller}
        for method, subject_id, detail, caller in rows
    }


def _rows(
    connection: sa.Connection, region: str, table: sa.Table, columns: tuple[str, ...]
) -> list[tuple[Any, ...]]:
    query = sa.select(*(table.c[name] for name in columns)).where(table.c.region == region)
    return [tuple(row) for row in connection.execute(query.order_by(*table.primary_key))]
