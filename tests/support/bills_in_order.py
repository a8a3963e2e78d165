"""Bills of a person's stays and visits, and what each costs whom: as settled, and by now."""

import sqlalchemy as sa
from support.benefit_world import policy_text
from support.settlement_world import REGION, World

from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.storage import tables

# Of years and periods that stays cross.
DIVIDED = policy_text(
    stay="{joins_transfers_within_days: 1}",
    year='{starts: "12-30", stay_over_new_year: split, deductible: make_up}\n  period: {days: 4}',
)
KEPT_AMOUNTS = policy_text(year="{stay_over_new_year: admission}").replace(
    "      window: stay\n", "      window: year\n      make_up: false\n"
)


def record_of(world: World, settlement_id: str) -> SettlementRecord:
    found = world.queries.settlement(REGION, settlement_id)
    assert found is not None
    return found


def cost(record: SettlementRecord, *, effective: bool) -> tuple[object, ...]:
    told = record.effective if effective else record.counter
    payments = [(each.step_id, each.base_fen, each.amount_fen) for each in told.fund_payments]
    others = [(each.step_id, each.amount_fen) for each in told.other_payments]
    return payments, others, told.deductible_fen, told.account_fen, told.cash_fen


def posted(world: World, kind: PostingKind) -> dict[str, int]:
    """Returns what postings of a kind moved, by account without zeros."""
    entry = tables.entry.c
    total = sa.func.sum(entry.amount_fen)
    with world.database.read() as connection:
        rows = connection.execute(
            sa.select(entry.account_id, total)
            .where(entry.region == REGION, entry.kind == int(kind))
            .group_by(entry.account_id)
        ).all()
    return {account_id: int(fen) for account_id, fen in rows if fen}
