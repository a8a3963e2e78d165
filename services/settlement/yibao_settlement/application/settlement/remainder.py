"""What is left of a settled bill when lines of it are returned: decided anew, never a share.

It is decided on the terms and the windows that the bill was settled on, so that the counter
gives back what the receipt implies, whatever became of bills before it.
"""

from collections.abc import Sequence

from yibao_settlement.application.settlement.benefit import BenefitOutcome
from yibao_settlement.application.settlement.explain import AnySplit, calculated, divided
from yibao_settlement.application.settlement.fold import pays_before_funds
from yibao_settlement.application.settlement.record import SettlementRecord, owed_entries
from yibao_settlement.application.settlement.refunded import GivenBack, Refund
from yibao_settlement.application.settlement.terms import TermsSet
from yibao_settlement.rules.account import Carried, Purses, taken_of_carried
from yibao_settlement.rules.benefit.bill import Balances
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.benefit.steps import AccountStep, Purse
from yibao_settlement.rules.difference import Cause
from yibao_settlement.rules.family import family_kept_fen, kept
from yibao_settlement.rules.ledger import Entry, balanced
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.refund import (
    AskedReturn,
    LinesLeft,
    RefundOrder,
    account_after_refund_fen,
    lines_left,
)


def remainder_of(
    record: SettlementRecord,
    left: LinesLeft,
    policy: AnyPolicy,
    *,
    order: RefundOrder,
    carried_first: bool,
    own_first: bool = False,
) -> SettlementRecord:
    """Returns a settlement as what is left of it by the counter's column.

    `own_first` lets the own account get back before relatives' do. Raises RuleError where the
    policy cannot decide what is left.
    """
    # The account is asked for what it paid and bears no more than that.
    asked = record._replace(
        lines=left.lines,
        particulars=left.particulars,
        balance_before_fen=record.account_fen,
        carried=Carried(record.carried.paid_fen, record.carried.paid_fen),
    )
    split = calculated(asked, policy)
    account_fen = split.account_fen
    if not pays_before_funds(policy):
        account_fen = account_after_refund_fen(
            order,
            drawn_fen=record.as_settled.account_fen,
            personal_before_fen=record.as_settled.personal_total_fen,
            personal_after_fen=split.account_fen + split.cash_fen,
            most_fen=split.account_fen,
        )
    most = _most_of_purses(record, split)
    if not record.family:
        return _asked_for(asked, most, account_fen, policy, carried_first=carried_first)
    own_fen, family_kept = _parted(record, most, account_fen, own_first=own_first)
    asked = asked._replace(family=kept(record.family, family_kept))
    return _asked_for(asked, most, own_fen + family_kept, policy, carried_first=carried_first)


def _parted(
    record: SettlementRecord, most: Balances, account_fen: int, *, own_first: bool
) -> tuple[int, int]:
    """Returns what of `account_fen` the own account and relatives pay of the rest.

    What was moved back to relatives since the counter gives back for them: the receipt returns
    what they have already, so that it stays theirs.
    """
    own_most_fen = most.current_year_fen + most.carried_fen
    stays_fen = family_kept_fen(
        record.family_fen,
        own_most_fen=own_most_fen,
        family_most_fen=most.family_fen,
        account_fen=account_fen,
        own_first=own_first,
    )
    own_fen = min(account_fen - stays_fen, own_most_fen)
    moved_fen = min(record.moved_fen, record.family_fen)
    while True:
        back_fen = record.account_fen - own_fen - stays_fen
        theirs_fen = min(moved_fen, back_fen)
        if record.family_fen - stays_fen >= theirs_fen:
            return own_fen, stays_fen
        stays_fen = record.family_fen - theirs_fen
        own_fen = min(max(account_fen - stays_fen, own_fen), own_most_fen)


def asked_of_account(
    record: SettlementRecord,
    policy: AnyPolicy,
    *,
    purses: Purses,
    account_fen: int,
    carried_first: bool,
) -> SettlementRecord:
    """Returns a bill as it is settled where the account pays so much of it, out of `purses`.

    Relatives whose part of it `record` tells are asked for no more than that. Less where a
    purse may not pay it. Raises RuleError where the policy cannot decide it.
    """
    carried_fen = purses.carried_fen
    asked = record._replace(
        balance_before_fen=purses.balance_fen + record.family_fen,
        carried=Carried(carried_fen, carried_fen),
    )
    split = calculated(asked, policy)
    most = Balances(*purses, record.family_fen)
    if isinstance(split, BenefitOutcome):
        most = split.split.paid_by_purse
    account_fen = min(account_fen, split.account_fen)
    if record.family:
        own_most_fen = most.current_year_fen + most.carried_fen
        stays_fen = min(max(account_fen - own_most_fen, 0), most.family_fen)
        asked = asked._replace(family=kept(record.family, stays_fen))
        account_fen = min(account_fen, own_most_fen) + stays_fen
    return _asked_for(asked, most, account_fen, policy, carried_first=carried_first)


def _asked_for(
    asked: SettlementRecord,
    most: Balances,
    account_fen: int,
    policy: AnyPolicy,
    *,
    carried_first: bool,
) -> SettlementRecord:
    """Returns a bill of which the account pays so much, and no purse more than its `most`.

    Asked for just that, the bill comes out so whenever it is calculated again.
    """
    own_fen = account_fen - asked.family_fen
    carried_fen = _carried_kept_fen(most, own_fen, policy, carried_first=carried_first)
    asked = asked._replace(
        balance_before_fen=account_fen, carried=Carried(carried_fen, carried_fen)
    )
    return decided(asked, calculated(asked, policy))


def terms_left(
    record: SettlementRecord, asked: Sequence[AskedReturn], refund: Refund
) -> TermsSet | None:
    """Returns on which terms what is left costs whom by now, None where these are its own."""
    given = record.newest_terms
    if given is None:
        return None
    left = lines_left(given.terms.lines, given.terms.particulars, asked)
    terms = given.terms._replace(lines=left.lines, particulars=left.particulars)
    return TermsSet(
        given.settlement_id,
        given.number + 1,
        refund.refund_time,
        Cause.REFUND,
        refund.refund_id,
        terms,
    )


def decided(asked: SettlementRecord, split: AnySplit) -> SettlementRecord:
    """Returns a settlement as its calculation came out, with the entries that it owes."""
    left = divided(asked, split)
    if isinstance(split, BenefitOutcome):
        carried = Carried(asked.carried.before_fen, split.split.paid_by_purse.carried_fen)
        left = left._replace(year_before=split.year_before, carried=carried)
    entries = owed_entries(
        left.fund_payments,
        left.benefit,
        person_id=left.person_id,
        account_fen=left.account_fen,
        institution_id=left.institution_id,
        carried_fen=left.carried.paid_fen,
    )
    return left._replace(entries=entries)


def _most_of_purses(record: SettlementRecord, split: AnySplit) -> Balances:
    """Returns what each purse bears of the rest where it is asked for all that it paid.

    Steps of a policy may leave some amounts to one purse alone.
    """
    if isinstance(split, BenefitOutcome):
        return split.split.paid_by_purse
    carried_fen, family_fen = record.carried.paid_fen, record.family_fen
    return Balances(record.account_fen - family_fen - carried_fen, carried_fen, family_fen)


def _carried_kept_fen(
    most: Balances, own_fen: int, policy: AnyPolicy, *, carried_first: bool
) -> int:
    """Returns what of `own_fen`, the own account's part, stays paid of earlier years' money.

    What paid first stays paid, so that the other goes back first; neither purse bears more
    of the rest than it may.
    """
    if isinstance(policy, BenefitPolicy):
        steps = [step for step in policy.steps if isinstance(step, AccountStep)]
        carried_first = bool(steps) and steps[0].purses[0] is Purse.CARRIED
    own = Purses(most.current_year_fen, most.carried_fen)
    return taken_of_carried(own, own_fen, carried_first=carried_first)


def given_back(before: SettlementRecord, left: SettlementRecord) -> GivenBack:
    """Returns what the counter gives back."""
    return GivenBack(
        before.fund_total_fen - left.fund_total_fen,
        _others_fen(before) - _others_fen(left),
        before.account_fen - left.account_fen,
        before.cash_fen - left.cash_fen,
    )


def _others_fen(record: SettlementRecord) -> int:
    return 0 if record.benefit is None else record.benefit.other_total_fen


def refund_entries(before: SettlementRecord, left: SettlementRecord) -> tuple[Entry, ...]:
    """Returns the entries that take what a settlement posted to what is left of it."""
    moved = {entry.account_id: -entry.amount_fen for entry in before.entries}
    for entry in left.entries:
        moved[entry.account_id] = moved.get(entry.account_id, 0) + entry.amount_fen
    return balanced([Entry(account_id, fen) for account_id, fen in moved.items() if fen])
