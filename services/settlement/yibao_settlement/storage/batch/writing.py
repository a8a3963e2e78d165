"""What a batch writes: every change of its commands, by statements in an order that holds."""

from yibao_common.db.rows import Statement
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.storage.account import write_standings
from yibao_settlement.storage.allocation.batch import write_allocated
from yibao_settlement.storage.batch.answer import write_answers
from yibao_settlement.storage.charge import write_charges
from yibao_settlement.storage.correction.record import write_corrections
from yibao_settlement.storage.credit.record import write_credits
from yibao_settlement.storage.difference.move import write_moves
from yibao_settlement.storage.difference.order import write_orders
from yibao_settlement.storage.elsewhere.reading import write_elsewhere
from yibao_settlement.storage.family.record import write_payments
from yibao_settlement.storage.hold.record import write_holds
from yibao_settlement.storage.hold.requests import write_hold_requests
from yibao_settlement.storage.ledger.posting import write_postings
from yibao_settlement.storage.override.record import write_overrides
from yibao_settlement.storage.presentation import write_codes
from yibao_settlement.storage.refund.record import write_refunds
from yibao_settlement.storage.repair.record import write_repairs
from yibao_settlement.storage.repricing.person import write_repriced_persons
from yibao_settlement.storage.repricing.terms import write_terms
from yibao_settlement.storage.review.record import write_reviews
from yibao_settlement.storage.settlement.adjustment import write_adjustments
from yibao_settlement.storage.settlement.record import write_settlements
from yibao_settlement.storage.settlement.window import write_windows
from yibao_settlement.storage.token.record import write_tokens
from yibao_settlement.storage.transfer.record import write_transfers
from yibao_settlement.storage.visit import write_visits


def writes_of(working_set: WorkingSet) -> list[Statement]:
    """Returns the statements that write every change of the batch; the caller commits."""
    return [
        *write_standings(working_set),
        *write_windows(working_set),
        *write_visits(working_set),
        *write_elsewhere(working_set),
        write_codes(working_set),
        *write_tokens(working_set),
        *write_charges(working_set),
        *write_settlements(working_set),
        *write_adjustments(working_set),
        *write_refunds(working_set),
        *write_corrections(working_set),
        *write_holds(working_set),
        *write_hold_requests(working_set),
        *write_reviews(working_set),
        *write_orders(working_set),
        *write_credits(working_set),
        *write_allocated(working_set),
        *write_transfers(working_set),
        *write_repairs(working_set),
        *write_overrides(working_set),
        *write_terms(working_set),
        *write_repriced_persons(working_set),
        *write_moves(working_set),
        *write_payments(working_set),
        *write_postings(working_set),
        write_answers(working_set),
    ]
