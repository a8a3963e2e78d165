"""Puts together what carries out the commands of the settlement service."""

from typing import Any

from yibao_common.db.batcher import Batcher
from yibao_common.db.database import Database
from yibao_common.process.logs import Log
from yibao_common.process.metrics import BatchMetrics, Metrics
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.batch.work import BatchWork
from yibao_settlement.application.charge.upload import UploadLines
from yibao_settlement.application.hold.expire import ExpireHolds
from yibao_settlement.application.hold.take import HoldBill
from yibao_settlement.application.override.order import Act, ProposeOverride
from yibao_settlement.application.settlement.correct import CorrectSettlement
from yibao_settlement.application.settlement.settle import SettleBill
from yibao_settlement.config import SettlementConfig
from yibao_settlement.housekeeping import review_telling
from yibao_settlement.rules.bill import Bill
from yibao_settlement.storage.batch.transaction import SettlementTransactions
from yibao_settlement.storage.reference import ReferenceCache

# So many lines cost about what a bill of few does.
_LINES_A_COMMAND = 20
# What a bill of uploaded lines is taken to have that does not say which.
_UPLOADED_LINES = 400
# What a command is taken to have by which bills are decided again, with those behind them.
_LINES_AGAIN = 140
# Before more later bills a command has a batch of its own, for which others do not wait.
_MOST_LATER = 100


def make_batcher(
    database: Database,
    reference: ReferenceCache,
    config: SettlementConfig,
    *,
    clock: Clock | None,
    ids: Ids,
    metrics: Metrics,
    log: Log,
) -> Batcher[Command, bytes]:
    """Returns the batcher of a service; `clock` stands for that of the database."""
    work, alone = (
        BatchWork(
            SettlementTransactions(database, reference, most_later=most_later),
            clock=clock,
            ids=ids,
            tell=review_telling(metrics, log=log),
        )
        for most_later in (_MOST_LATER, None)
    )
    batch = config.batch
    return Batcher(
        work,
        alone=alone,
        party_of=lambda command: command.request.caller.party,
        weight_of=weight_of,
        regions=config.identity.regions,
        max_size=batch.max_size,
        linger_seconds=batch.linger_ms / 1000,
        max_queue=batch.max_queue,
        observer=BatchMetrics(metrics, "settlement"),
    )


def weight_of(command: Command) -> int:
    """Returns for how many commands of a batch one counts, by its lines."""
    return 1 + _lines(command) // _LINES_A_COMMAND


def _lines(command: Command | Act[Any]) -> int:
    match command:
        case UploadLines():
            return len(command.lines)
        case HoldBill():
            return _lines_of(command.settling.bill)
        case SettleBill():
            return _lines_of(command.bill)
        case CorrectSettlement():
            return _LINES_AGAIN + _lines_of(command.bill)
        case ProposeOverride():
            return _lines(command.act)
        case ExpireHolds():
            # It is sent where a hold ran out, which it does not name.
            return _LINES_AGAIN
        case _:
            needs = command.needs()
            decides_again = needs.leaving_settlement_ids or needs.leaving_hold_ids
            return _LINES_AGAIN if decides_again else 0


def _lines_of(bill: Bill) -> int:
    if bill.selection is None:
        return len(bill.lines)
    return len(bill.selection.line_ids) or _UPLOADED_LINES
