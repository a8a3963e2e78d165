"""What the ledger checker examines of declared months.

By payer what is paid is what was declared less what was deducted, offset and withheld; all of it
is posted so, and nothing else. Each act is in the declaration of its month and types. Each fault
is an invariant's number, a subject and what is wrong with it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

import sqlalchemy as sa

from yibao_common.values.caller import are_two_operators
from yibao_settlement.application.declaration.find import span_of_month
from yibao_settlement.application.declaration.order import CONFIRM_DEDUCTION, CONFIRM_MOVE
from yibao_settlement.application.declaration.pay import CONFIRM_PAYMENT, REPORT_PAYMENT
from yibao_settlement.application.declaration.rows import ActsOf
from yibao_settlement.rules.day.clearing_type import care_types_of
from yibao_settlement.rules.declaration.month import Declaration, DeclarationState, MonthSums
from yibao_settlement.rules.declaration.order import (
    Deduction,
    DeductionType,
    DepositMove,
    DepositMoveKind,
    OrderState,
)
from yibao_settlement.rules.declaration.payment import (
    Payment,
    PaymentLine,
    PaymentState,
    deposit_entries,
    payment_entries,
)
from yibao_settlement.rules.declaration.share import DEPOSIT_RATIO_MAX_PPM, PERSONS, deposit_of
from yibao_settlement.rules.ledger import PostingKind, fund_account
from yibao_settlement.storage.declaration import booked

# The identity of what is paid, and each act once.
PAID, ACTS = 25, 26
Fault = tuple[int, str, str]
_STANDING = (PaymentState.CONFIRMED, PaymentState.PAID)


def declaration_faults(connection: sa.Connection, region: str) -> Iterator[Fault]:
    """Yields what is wrong with declared months of a region."""
    known = booked.booked_declarations(connection, region)
    summed = booked.summed_acts(connection, region)
    for declaration in known.declarations.values():
        declaration_id = declaration.declaration_id
        told = summed.get(declaration_id, MonthSums())
        if told != declaration.sums:
            yield PAID, declaration_id, f"was declared as {declaration.sums}, its acts are {told}"
        payers = booked.posted_payers(connection, region, declaration)
        owed = {**payers, PERSONS: told.account_fen}
        kept = {name: fen for name, fen in known.shares.get(declaration_id, {}).items() if fen}
        if kept != {name: fen for name, fen in owed.items() if fen}:
            yield PAID, declaration_id, f"payers owe {kept} of it, its acts posted {owed}"
        if declaration.end_time is None:
            yield from _act_faults(connection, region, declaration)
    for declaration_id in sorted({*known.shares, *summed} - known.declarations.keys()):
        yield PAID, declaration_id, "payers or acts are kept of it, and it was not declared"
    for act_id in booked.acts_declared_twice(connection, region):
        yield ACTS, act_id, "is of two declarations that stand"
    for declaration_id in booked.acts_freed_otherwise(connection, region):
        yield ACTS, declaration_id, "its acts are free though it stands, or the reverse"
    yield from _posting_faults(known)
    yield from _order_faults(known)
    for payment in known.payments.values():
        yield from _payment_faults(known, payment)
    yield from _item_faults(known)
    yield from _deposit_faults(known)


def _act_faults(
    connection: sa.Connection, region: str, declaration: Declaration
) -> Iterator[Fault]:
    of = declaration.of
    span, care_types = span_of_month(of.month), care_types_of(of.clearing_type)
    acts = ActsOf(of.institution_id, span, of.insurance_type, care_types)
    for act_id in booked.acts_declared_otherwise(connection, region, declaration, acts):
        detail = f"declaration {declaration.declaration_id} has it otherwise than it was done"
        yield ACTS, act_id, detail


def _posting_faults(known: booked.BookedDeclarations) -> Iterator[Fault]:
    """Yields postings that clear something and are of nothing, or of it otherwise."""
    expected: dict[str, tuple[PostingKind, dict[str, int], int | None]] = {}
    for order in _orders(known):
        if order.posting_id is not None:
            declaration = known.declarations.get(order.declaration_id)
            month = declaration.month if declaration else None
            expected[order.posting_id] = (order.posting_kind, dict(order.entries), month)
    for payment in known.payments.values():
        lines = known.lines.get(payment.payment_id, ())
        if payment.deposit_posting_id is not None:
            withheld = dict(deposit_entries(payment.institution_id, lines))
            expected[payment.deposit_posting_id] = (PostingKind.DEPOSIT_WITHHELD, withheld, None)
        if payment.posting_id is not None:
            paid = dict(payment_entries(payment))
            expected[payment.posting_id] = (PostingKind.INSTITUTION_PAID, paid, None)
    for posting_id in sorted({*expected, *known.postings}):
        posting = known.postings.get(posting_id)
        if posting_id not in expected or posting is None:
            yield PAID, posting_id, "clears nothing that is kept, or is kept and not posted"
            continue
        kind, entries, month = expected[posting_id]
        if (posting.kind, posting.entries) != (int(kind), entries):
            yield PAID, posting_id, f"posted {posting.entries}, and was to post {entries}"
        for own, original in posting.months:
            if original != (month if month != own else None):
                yield PAID, posting_id, f"refers to month {original}, and is of {month}"


def _order_faults(known: booked.BookedDeclarations) -> Iterator[Fault]:
    for order in _orders(known):
        subject = order.order_id
        if order.declaration_id not in known.declarations:
            yield PAID, subject, "is of no declaration"
        is_done = order.state is OrderState.CARRIED_OUT
        if is_done != (order.posting_id is not None):
            yield PAID, subject, "its state is not what became of it"
        if is_done and not are_two_operators(order.maker, order.checker):
            yield PAID, subject, "was not carried out by two operators"
        method = CONFIRM_DEDUCTION if isinstance(order, Deduction) else CONFIRM_MOVE
        told = known.audited.get((method, subject))
        if is_done and told != _order_on_record(order):
            yield PAID, subject, "the audit tells of no such order"
        if told is not None and not is_done:
            yield PAID, subject, "the audit tells that it was carried out"
    revoked = Counter(
        each.revoked_id
        for each in known.deductions
        if each.revoked_id and each.state is not OrderState.WITHDRAWN
    )
    by_id = {each.deduction_id: each for each in known.deductions}
    for deduction in known.deductions:
        of = by_id.get(deduction.revoked_id or "")
        if deduction.revoked_id and (
            of is None or revoked[of.deduction_id] > 1 or of.amount_fen != -deduction.amount_fen
        ):
            yield PAID, deduction.deduction_id, "gives back what was not deducted so"


def _payment_faults(known: booked.BookedDeclarations, payment: Payment) -> Iterator[Fault]:
    subject = payment.payment_id
    lines = known.lines.get(subject, ())
    if sum(line.amount_fen for line in lines) != payment.amount_fen:
        yield PAID, subject, f"is of {payment.amount_fen} fen, and its lines are not"
    if sum(line.deposit_fen for line in lines) != payment.deposit_fen:
        yield PAID, subject, f"withholds {payment.deposit_fen} fen, and its lines do not"
    is_standing, is_paid = payment.state in _STANDING, payment.state is PaymentState.PAID
    if is_standing and not are_two_operators(payment.maker, payment.checker):
        yield PAID, subject, "was not confirmed by two operators"
    has_deposit = bool(is_standing and payment.deposit_fen)
    has_paid = bool(is_paid and payment.amount_fen)
    if (has_deposit, has_paid) != (
        payment.deposit_posting_id is not None,
        payment.posting_id is not None,
    ) or is_paid != (payment.bank_reference is not None):
        yield PAID, subject, "its state is not what became of it"
    for method, is_due, caller in (
        (CONFIRM_PAYMENT, is_standing, payment.checker),
        (REPORT_PAYMENT, is_paid, payment.reported_by),
    ):
        told = known.audited.get((method, subject))
        if (told is not None) != is_due:
            yield PAID, subject, f"the audit tells otherwise of it by {method}"
        elif told is not None and (told["amount_fen"], told["caller"]) != (
            str(payment.amount_fen),
            caller,
        ):
            yield PAID, subject, f"the audit tells of another {method}"


def _item_faults(known: booked.BookedDeclarations) -> Iterator[Fault]:
    """Yields declarations and releases that are paid otherwise than they come to, or twice."""
    items: dict[str, list[str]] = {}
    for payment in known.payments.values():
        if payment.state is not PaymentState.WITHDRAWN:
            for item_id in {line.item_id for line in known.lines.get(payment.payment_id, ())}:
                items.setdefault(item_id, []).append(payment.payment_id)
    for item_id, payment_ids in items.items():
        if len(payment_ids) > 1:
            yield PAID, item_id, "is of two payments"
    moves = {each.move_id: each for each in known.moves}
    for item_id, (payment_id, *_) in items.items():
        own = [each for each in known.lines[payment_id] if each.item_id == item_id]
        if item_id in known.declarations:
            yield from _identity_faults(known, item_id, own)
            continue
        move = moves.get(item_id)
        amounts = [(each.amount_fen, each.deposit_fen) for each in own]
        if (
            move is None
            or (move.move_kind, move.state) != (DepositMoveKind.RELEASE, OrderState.CARRIED_OUT)
            or amounts != [(move.amount_fen, 0)]
        ):
            yield PAID, item_id, "is paid, and is no release of that amount"
    for declaration in known.declarations.values():
        states = [known.payments[each].state for each in items.get(declaration.declaration_id, ())]
        if declaration.state is not _state_by(declaration, states):
            yield PAID, declaration.declaration_id, f"is {declaration.state.name} without reason"


def _state_by(declaration: Declaration, states: list[PaymentState]) -> DeclarationState:
    """Returns the state that a declaration has by the payments that it is in."""
    if PaymentState.PAID in states:
        return DeclarationState.PAID
    if states:
        return DeclarationState.ORDERED
    if declaration.end_time is not None:
        ended = DeclarationState.WITHDRAWN, DeclarationState.REJECTED
        return declaration.state if declaration.state in ended else ended[0]
    return (
        DeclarationState.DECLARED if declaration.accept_time is None else DeclarationState.ACCEPTED
    )


def _identity_faults(
    known: booked.BookedDeclarations, declaration_id: str, lines: list[PaymentLine]
) -> Iterator[Fault]:
    """Yields payers who pay something else than declared less deducted, offset and withheld."""
    declared = known.shares.get(declaration_id, {})
    deducted: Counter[str] = Counter()
    offset: Counter[str] = Counter()
    for each in known.deductions:
        if each.declaration_id == declaration_id and each.state is OrderState.CARRIED_OUT:
            is_offset = each.deduction_type is DeductionType.PREPAYMENT_OFFSET
            (offset if is_offset else deducted)[fund_account(each.fund_type)] += each.amount_fen
    paid: Mapping[str, PaymentLine] = {each.account_id: each for each in lines}
    for account_id in sorted({*declared, *deducted, *offset, *paid}):
        line = paid.get(account_id)
        amount_fen, deposit_fen = (line.amount_fen, line.deposit_fen) if line else (0, 0)
        base_fen = declared.get(account_id, 0) - deducted[account_id]
        payable_fen = base_fen - offset[account_id] - deposit_fen
        if amount_fen != payable_fen:
            detail = f"{account_id} pays {amount_fen} fen of it, by the identity {payable_fen}"
            yield PAID, declaration_id, detail
        is_fund = account_id.startswith(fund_account(""))
        most_fen = deposit_of(base_fen, ratio_ppm=DEPOSIT_RATIO_MAX_PPM) if is_fund else 0
        if not 0 <= deposit_fen <= most_fen:
            detail = f"{deposit_fen} fen of {account_id} are withheld of it, at most {most_fen}"
            yield PAID, declaration_id, detail
        if deducted[account_id] + offset[account_id] > max(declared.get(account_id, 0), 0):
            yield PAID, declaration_id, f"more is deducted of {account_id} than was declared"


def _deposit_faults(known: booked.BookedDeclarations) -> Iterator[Fault]:
    """Yields declarations of which more was released or forfeited than was withheld."""
    left: Counter[tuple[str, str]] = Counter()
    for payment in known.payments.values():
        if payment.state in _STANDING:
            for line in known.lines.get(payment.payment_id, ()):
                left[line.item_id, line.account_id] += line.deposit_fen
    for deduction in known.deductions:
        if (deduction.deduction_type, deduction.state) == (
            DeductionType.RESERVE,
            OrderState.CARRIED_OUT,
        ):
            key = deduction.declaration_id, fund_account(deduction.fund_type)
            left[key] += deduction.amount_fen
    for move in known.moves:
        if move.state is OrderState.CARRIED_OUT:
            left[move.declaration_id, fund_account(move.fund_type)] -= move.amount_fen
    for (declaration_id, account_id), fen in left.items():
        if fen < 0:
            detail = f"{-fen} fen of {account_id} more are released and forfeited than withheld"
            yield PAID, declaration_id, detail


def _orders(known: booked.BookedDeclarations) -> Iterator[Deduction | DepositMove]:
    yield from known.deductions
    yield from known.moves


def _order_on_record(order: Deduction | DepositMove) -> dict[str, str]:
    return {
        "order": order.order_id,
        "declaration": order.declaration_id,
        "institution": order.institution_id,
        "fund": order.fund_type,
        "amount_fen": str(order.amount_fen),
        "state": order.state.name,
        "maker": order.maker,
        "caller": order.checker or "",
    }
