"""Payments to institutions: proposed, confirmed with deposits withheld, and paid by the bank."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_settlement.application.declaration.find import ToldPayment, shares_of
from yibao_settlement.application.declaration.posting import Poster
from yibao_settlement.rules.declaration.month import (
    Declaration,
    DeclarationState,
    check_state,
    declaration_not_found,
    deduction_waits,
)
from yibao_settlement.rules.declaration.order import (
    DepositMove,
    DepositMoveKind,
    OrderState,
    move_not_found,
    wrong_state,
)
from yibao_settlement.rules.declaration.payment import (
    Payment,
    PaymentLine,
    check_payable,
    check_reference,
    confirmed,
    deposit_entries,
    is_paid_so,
    other_institution,
    paid,
    payment_entries,
    payment_not_found,
    payment_withdrawn,
)
from yibao_settlement.rules.declaration.share import PERSONS, Share
from yibao_settlement.rules.ledger import PostingKind, fund_account

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

CONFIRM_PAYMENT = "ConfirmInstitutionPayment"
REPORT_PAYMENT = "ReportInstitutionPayment"

Encode = Callable[[ToldPayment], bytes]


@dataclass(frozen=True, slots=True)
class ProposePayment:
    """Proposes to pay declarations and released deposits of one institution together."""

    request: Request
    declaration_ids: tuple[str, ...]
    release_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DecidePayment:
    """Confirms a payment of the amount that was read, or withdraws it."""

    request: Request
    payment_id: str
    amount_fen: int = 0


@dataclass(frozen=True, slots=True)
class ReportPayment:
    """Tells that the bank paid."""

    request: Request
    payment_id: str
    amount_fen: int
    bank_reference: str


class InstitutionPayments:
    """Pays institutions. Blocks."""

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        deposit_ratio_ppm: Mapping[str, int],
        clock: Clock,
        ids: Ids,
    ) -> None:
        """Takes what is withheld as deposit by region; nothing in others."""
        self._transactions = transactions
        self._deposit_ratio_ppm = deposit_ratio_ppm
        self._clock = clock
        self._ids = ids

    def propose(self, command: ProposePayment, encode: Encode) -> bytes:
        """Proposes a payment once by request id and returns the answer's bytes.

        Raises RuleError REQUEST_ID_REUSED, DECLARATION_NOT_FOUND, DECLARATION_STATE,
        DEDUCTION_WAITS, DEPOSIT_MOVE_NOT_FOUND, DEPOSIT_MOVE_STATE, OTHER_INSTITUTION,
        PAYMENT_NEGATIVE.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._propose(work, command))
        )

    def confirm(self, command: DecidePayment, encode: Encode) -> bytes:
        """Confirms a payment once by request id, withholds deposits; returns the answer's bytes.

        Raises RuleError REQUEST_ID_REUSED, INSTITUTION_PAYMENT_NOT_FOUND,
        INSTITUTION_PAYMENT_STATE, SAME_MAKER_AND_CHECKER.
        """
        request = command.request

        def confirm(work: "Work") -> bytes:
            found = self._locked(work, command.payment_id)
            lines = work.payments.lines(found.payment_id)
            poster = Poster(work, clock=self._clock, ids=self._ids)
            entries = deposit_entries(found.institution_id, lines) if found.deposit_fen else ()
            posting = poster.posting(request, PostingKind.DEPOSIT_WITHHELD, entries)
            done = confirmed(
                found,
                checker=request.caller.path,
                read_fen=command.amount_fen,
                posting_id=posting.posting_id,
                now=poster.now,
            )
            work.declaration_orders.post(posting, now=poster.now)
            return encode(self._store(work, request, done, lines))

        return self._transactions.once(request, confirm)

    def withdraw(self, command: DecidePayment, encode: Encode) -> bytes:
        """Withdraws a payment once by request id and returns the answer's bytes.

        Raises RuleError REQUEST_ID_REUSED, INSTITUTION_PAYMENT_NOT_FOUND,
        INSTITUTION_PAYMENT_STATE.
        """
        request = command.request

        def withdraw(work: "Work") -> bytes:
            found = self._locked(work, command.payment_id)
            done = payment_withdrawn(found, by=request.caller.path, now=self._clock())
            lines = work.payments.lines(found.payment_id)
            self._move_on(work, lines, DeclarationState.ACCEPTED)
            return encode(self._store(work, request, done, lines))

        return self._transactions.once(request, withdraw)

    def report(self, command: ReportPayment, encode: Encode) -> bytes:
        """Books that the bank paid, once by request id and once by its reference.

        Raises RuleError REQUEST_ID_REUSED, INSTITUTION_PAYMENT_NOT_FOUND, BANK_REFERENCE_USED,
        INSTITUTION_PAYMENT_STATE.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._report(work, command))
        )

    def _propose(self, work: "Work", command: ProposePayment) -> ToldPayment:
        request = command.request
        releases = self._releases(work, command.release_ids)
        # Those of releases too: what becomes of deposits is decided under their lock.
        locked = work.declarations.lock(
            {*command.declaration_ids, *(each.declaration_id for each in releases)}
        )
        # By now no other payment can take one of them.
        releases = self._releases(work, command.release_ids)
        declarations = self._payable(work, locked, command.declaration_ids)
        institution_id = _institution_of(declarations, releases)
        lines = self._lines(work, declarations, releases, region=request.region)
        amount_fen = sum(line.amount_fen for line in lines)
        check_payable(amount_fen)
        payment = Payment(
            request.region,
            self._ids(),
            institution_id,
            amount_fen,
            sum(line.deposit_fen for line in lines),
            request.caller.path,
            self._clock(),
        )
        work.payments.insert(payment, lines)
        for each in declarations:
            work.declarations.update(each._replace(state=DeclarationState.ORDERED))
        self._put_on_record(work, request, payment)
        return ToldPayment(payment, lines)

    def _report(self, work: "Work", command: ReportPayment) -> ToldPayment:
        request, reference = command.request, command.bank_reference
        found = self._locked(work, command.payment_id)
        lines = work.payments.lines(found.payment_id)
        if is_paid_so(found, bank_reference=reference, paid_fen=command.amount_fen):
            return ToldPayment(found, lines)
        check_reference(work.payments.by_reference(reference))
        poster = Poster(work, clock=self._clock, ids=self._ids)
        entries = payment_entries(found) if found.amount_fen else ()
        posting = poster.posting(request, PostingKind.INSTITUTION_PAID, entries)
        done = paid(
            found,
            bank_reference=reference,
            paid_fen=command.amount_fen,
            by=request.caller.path,
            posting_id=posting.posting_id,
            now=poster.now,
        )
        work.declaration_orders.post(posting, now=poster.now)
        self._move_on(work, lines, DeclarationState.PAID)
        return self._store(work, request, done, lines)

    def _releases(self, work: "Work", release_ids: Sequence[str]) -> list[DepositMove]:
        """Returns releases that may be paid; raises RuleError."""
        paid_with = work.payments.standing_lines(release_ids)
        found = []
        for move_id in release_ids:
            move = work.declaration_orders.find_move(move_id)
            if move is None:
                raise move_not_found(move_id)
            if move.move_kind is not DepositMoveKind.RELEASE:
                raise wrong_state(move, "is forfeited, or is to be")
            if move.state is not OrderState.CARRIED_OUT:
                raise wrong_state(move, f"is {move.state.name}")
            if move_id in paid_with:
                raise wrong_state(move, "is paid, or is to be")
            found.append(move)
        return found

    def _payable(
        self, work: "Work", locked: Mapping[str, Declaration], declaration_ids: Sequence[str]
    ) -> list[Declaration]:
        """Returns declarations that may be paid; raises RuleError."""
        for declaration_id in declaration_ids:
            if declaration_id not in locked:
                raise declaration_not_found(declaration_id)
            check_state(locked[declaration_id], DeclarationState.ACCEPTED)
        for deduction in work.declaration_orders.deductions(declaration_ids):
            if deduction.state is OrderState.PROPOSED:
                raise deduction_waits(deduction.declaration_id)
        return [locked[each] for each in declaration_ids]

    def _lines(
        self,
        work: "Work",
        declarations: Sequence[Declaration],
        releases: Sequence[DepositMove],
        *,
        region: str,
    ) -> list[PaymentLine]:
        ratio_ppm = self._deposit_ratio_ppm.get(region, 0)
        shares = shares_of(work, [each.declaration_id for each in declarations])
        lines = [
            _line(declaration_id, share.with_deposit(ratio_ppm=ratio_ppm))
            for declaration_id, own in shares.items()
            # Where nobody owes anything, a line of nothing tells that it is paid.
            for share in (own or [Share(PERSONS, 0)])
        ]
        lines += [
            PaymentLine(each.move_id, fund_account(each.fund_type), each.amount_fen)
            for each in releases
        ]
        return sorted(lines)

    def _locked(self, work: "Work", payment_id: str) -> Payment:
        found = work.payments.lock(payment_id)
        if found is None:
            raise payment_not_found(payment_id)
        return found

    def _move_on(self, work: "Work", lines: Iterable[PaymentLine], state: DeclarationState) -> None:
        """Stores the state of the declarations that a payment is of."""
        for each in work.declarations.lock({line.item_id for line in lines}).values():
            check_state(each, DeclarationState.ORDERED)
            work.declarations.update(each._replace(state=state))

    def _store(
        self, work: "Work", request: Request, payment: Payment, lines: Sequence[PaymentLine]
    ) -> ToldPayment:
        work.payments.update(payment)
        self._put_on_record(work, request, payment)
        return ToldPayment(payment, lines)

    def _put_on_record(self, work: "Work", request: Request, payment: Payment) -> None:
        reference = {"bank_reference": payment.bank_reference} if payment.bank_reference else {}
        detail = {
            "payment": payment.payment_id,
            "institution": payment.institution_id,
            "amount_fen": str(payment.amount_fen),
            "deposit_fen": str(payment.deposit_fen),
            "state": payment.state.name,
            "maker": payment.maker,
            **reference,
        }
        subjects = (payment.payment_id,)
        work.audit.add(entry_of(request, at=self._clock(), subject_ids=subjects, detail=detail))


def _institution_of(declarations: Sequence[Declaration], releases: Sequence[DepositMove]) -> str:
    """Returns the institution that all is of; raises RuleError OTHER_INSTITUTION."""
    items = [(each.institution_id, each.declaration_id) for each in declarations]
    items += [(each.institution_id, each.move_id) for each in releases]
    first = items[0][0]
    for institution_id, item_id in items:
        if institution_id != first:
            raise other_institution(item_id)
    return first


def _line(item_id: str, share: Share) -> PaymentLine:
    return PaymentLine(item_id, share.account_id, share.payable_fen, share.deposit_fen)
