"""Which sentences tell a settlement: in the order of the sheet, none of a line of nothing.

What they name as paid by funds adds up to what the first sentence says that insurance paid.
"""

from collections.abc import Callable, Iterator, Sequence

from yibao_common.values.money import PPM, divide_half_up
from yibao_settlement.rules.care_type import is_stay
from yibao_settlement.rules.policy.formulas import percent
from yibao_settlement.rules.statement import labels
from yibao_settlement.rules.statement.sentences import Name, Sentence, say, short
from yibao_settlement.rules.statement.since import sentences_since
from yibao_settlement.rules.statement.spans import span_of
from yibao_settlement.rules.statement.statement import (
    FundLine,
    LimitLeft,
    OtherLine,
    Overflow,
    Share,
    Statement,
    StatementItem,
)

# More items of a kind than these are told together, so that the sheet stays one page.
_MOST_ITEMS = 2
_MOST_BRACKETS = 3
_MOST_LIMITS = 4


def sentences_of(statement: Statement) -> tuple[Sentence, ...]:
    """Returns the sentences of a statement."""
    since = sentences_since(statement.returned, statement.costs_now)
    if statement.reversal is not None:
        return (_total(statement), *since, _reversed(statement))
    return (
        *_sums(statement),
        *since,
        *_items(statement),
        *_deductible(statement),
        *_funds(statement),
        *statement.elsewhere,
        *_account(statement),
        *_next(statement),
    )


def paid_share(statement: Statement) -> str:
    """Returns what funds paid of the whole bill, in per cent with two decimals."""
    total = statement.total_fen
    share = divide_half_up(statement.fund_total_fen * 10_000, total) if total else 0
    return f"{share // 100}.{share % 100:02d}%"


def _total(statement: Statement) -> Sentence:
    return say(
        "SUM1",
        total=statement.total_fen,
        funds=statement.fund_total_fen,
        own=statement.personal_total_fen,
    )


def _reversed(statement: Statement) -> Sentence:
    assert statement.reversal is not None
    return say(
        "REF1",
        date=statement.reversal.day.isoformat(),
        funds=statement.fund_total_fen,
        account=statement.account_fen,
        cash=statement.cash_fen,
    )


def _sums(statement: Statement) -> Iterator[Sentence]:
    yield _total(statement)
    account, cash = statement.account_fen, statement.cash_fen
    if account and cash:
        yield say("SUM2", own=statement.personal_total_fen, account=account, cash=cash)
    for other in statement.others:
        yield say("OTH1", payer=_name(statement, other), paid=other.amount_fen)
    if statement.fund_total_fen:
        yield say("SUM3", share=paid_share(statement))
    inside, outside = statement.inside_list_fen, statement.outside_list_fen
    if inside and outside:
        yield say("OWN1", inside=inside, outside=outside)
    if statement.parts.eligible_fen and outside and outside == statement.parts.outside_fen:
        yield say("SCOPE1", scope=statement.parts.eligible_fen, out=outside)


def _items(statement: Statement) -> Iterator[Sentence]:
    items, parts = statement.items, statement.parts
    shared = [each for each in items if each.parts.first_self_pay_fen]
    if len(shared) > _MOST_ITEMS or not all(each.parts.eligible_fen for each in shared):
        yield say("B2", pre=parts.first_self_pay_fen)
    else:
        yield from map(_class_b, shared)
    over = [each for each in items if each.parts.over_limit_fen]
    yield from _each_or_all(
        over,
        lambda item: say("L1", item=short(item.item_name), over=item.parts.over_limit_fen),
        lambda count: say("L0", count=count, over=parts.over_limit_fen),
    )
    own = [each for each in items if each.parts.excluded_fen]
    yield from _each_or_all(
        own,
        lambda item: say("C1", item=short(item.item_name), amount=item.parts.excluded_fen),
        lambda count: say("C0", count=count, amount=parts.excluded_fen),
    )


def _each_or_all(
    items: Sequence[StatementItem],
    each: Callable[[StatementItem], Sentence],
    together: Callable[[str], Sentence],
) -> Iterator[Sentence]:
    if len(items) > _MOST_ITEMS:
        yield together(str(len(items)))
    else:
        yield from map(each, items)


def _class_b(item: StatementItem) -> Sentence:
    parts = item.parts
    return say(
        "B1",
        item=short(item.item_name),
        rate=percent(item.first_self_pay_ratio_ppm or 0),
        pre=parts.first_self_pay_fen,
        rest=parts.eligible_fen,
    )


def _deductible(statement: Statement) -> Iterator[Sentence]:
    for line in statement.deductibles:
        if not line.paid_fen:
            if line.is_of_year and 0 < line.standard_fen <= line.before_fen:
                yield say("D3")
        elif line.before_fen:
            yield say("D4", standard=line.standard_fen, before=line.before_fen, paid=line.paid_fen)
        else:
            yield say("D1", paid=line.paid_fen)


def _name(statement: Statement, line: FundLine | OtherLine | Share | Overflow | LimitLeft) -> Name:
    """Returns what the policy calls a payer, in Chinese where it has no English name."""
    return Name(short(line.name_zh), statement.titles.get(line.step_id) or line.name_zh)


def _funds(statement: Statement) -> Iterator[Sentence]:
    rounded = False
    for fund in statement.funds:
        if not fund.amount_fen:
            continue
        shares = [each for each in statement.shares if each.step_id == fund.step_id]
        told = [_share(statement, each) for each in shares]
        if None in told or len(told) > _MOST_BRACKETS:
            paid = fund.amount_fen
            yield say("F0", pays_fen=paid, fund=_name(statement, fund), paid=paid)
        else:
            yield from (each for each in told if each is not None and each.pays_fen)
            rounded = rounded or any(_is_rounded(each) for each in shares)
    if rounded:
        yield say("R5")
    for over in statement.overflows:
        yield say("CAP2", over=over.amount_fen, fund=_name(statement, over))


def _share(statement: Statement, share: Share) -> Sentence | None:
    """Returns how a stretch was shared; None where it cannot be said in one short sentence."""
    if share.ratio_ppm is None:
        return None
    told: dict[str, int | str] = {
        "base": share.base_fen,
        "rate": percent(share.ratio_ppm),
        "paid": share.paid_fen,
    }
    if share.low_fen is not None and share.high_fen is not None:
        found = say("R2", pays_fen=share.paid_fen, low=share.low_fen, high=share.high_fen, **told)
    elif _is_all_above_the_deductible(statement, share):
        found = say("R1", pays_fen=share.paid_fen, left=share.left_fen, **told)
    else:
        fund = _name(statement, share)
        found = say("F1", pays_fen=share.paid_fen, fund=fund, **told)
    return found if found.fits else None


def _is_all_above_the_deductible(statement: Statement, share: Share) -> bool:
    deductible = statement.deductible_fen
    paying = [fund for fund in statement.funds if fund.amount_fen]
    return (
        len(paying) == 1
        and deductible > 0
        and share.base_fen == statement.parts.eligible_fen - deductible
    )


def _is_rounded(share: Share) -> bool:
    return share.ratio_ppm is not None and share.base_fen * share.ratio_ppm % PPM != 0


def _account(statement: Statement) -> Iterator[Sentence]:
    account, cash, balance = (
        statement.account_fen,
        statement.cash_fen,
        statement.account_balance_fen,
    )
    if account and not balance and cash:
        yield say("AC2", account=account, cash=cash)
    elif account:
        yield say("AC1", account=account, balance=balance)
    elif balance and cash and not statement.account_used:
        yield say("AC3")
    if statement.account_carried_fen:
        paid, left = statement.account_carried_fen, statement.carried_balance_fen
        yield say("AC4", paid=paid, left=left)
    for relation, paid_fen in statement.family:
        name = Name(labels.relation_zh(relation), labels.relation_en(relation))
        yield say("FAM1", account=paid_fen, relation=name)
    # What was paid of a bill that changed since is not asked for again.
    if cash and statement.returned is None and statement.costs_now is None:
        yield say("CASH1", cash=cash)


def _next(statement: Statement) -> Iterator[Sentence]:
    next_bill = statement.next_bill
    if next_bill is None:
        return
    if next_bill.deductible_fen:
        which = "NEXT4" if next_bill.is_of_stay else "NEXT1"
        yield say(which, paid=next_bill.deductible_fen)
    told = [_limit(statement, limit) for limit in next_bill.limits]
    # All of them stand in the table above.
    yield from [each for each in told if each.fits][:_MOST_LIMITS]


def _limit(statement: Statement, limit: LimitLeft) -> Sentence:
    span = Name(*span_of(limit, is_stay=is_stay(statement.care.care_type)))
    fund = _name(statement, limit)
    if not limit.is_running:
        which = "NEXT7" if limit.of_fee else "NEXT5"
    elif limit.left_fen:
        which = "NEXT6" if limit.of_fee else "NEXT2"
        return say(which, fund=fund, span=span, limit=limit.limit_fen, left=limit.left_fen)
    else:
        which = "NEXT8" if limit.of_fee else "NEXT3"
    return say(which, fund=fund, span=span, limit=limit.limit_fen)
