"""What settlement answers, by the names that examples give amounts."""

from collections.abc import Iterable
from typing import Literal

from yibao.settlement.v1 import settlement_pb2 as pb
from yibao.settlement.v1 import settlement_service_pb2 as rpc

# The pools of employees and residents, large amount, catastrophic, medical aid, others.
_FUNDS = ("310100", "390100", "330100", "390200", "610100", "999997")
_OF_ONE_SETTLING: tuple[
    Literal["settlement_id", "settle_time", "state", "entries", "review_id", "review_kinds"], ...
] = ("settlement_id", "settle_time", "state", "entries", "review_id", "review_kinds")


def same_in_trial(settlement: pb.Settlement) -> pb.Settlement:
    """Returns what a trial of the bill has to say too."""
    same = pb.Settlement()
    same.CopyFrom(settlement)
    for name in _OF_ONE_SETTLING:
        same.ClearField(name)
    return same


def names_of(
    explained: rpc.ExplainSettlementResponse,
    first_share_steps: Iterable[str],
    every: dict[str, int],
) -> dict[str, int]:
    """Returns each amount by the name that examples give it; `every` sums them over bills."""
    settlement = explained.settlement
    names = {each.name: each.amount_fen for each in explained.amounts}
    names |= {
        "prepay": settlement.first_self_pay_fen,
        "deductible": settlement.deductible_fen,
        "fund_total": settlement.fund_total_fen,
        "arrears": settlement.arrears_total_fen,
        "personal": settlement.personal_total_fen,
        "account": settlement.account_fen,
        "cash": settlement.cash_fen,
        "balance": settlement.account_balance_fen,
        "purse.carried": settlement.carried_balance_fen,
        "purse.current_year": settlement.account_balance_fen - settlement.carried_balance_fen,
    }
    names |= dict.fromkeys((f"fund_{fund_type}" for fund_type in _FUNDS), 0)
    _add(names, ((f"fund_{each.fund_type}", each.amount_fen) for each in settlement.fund_payments))
    names["first_share"] = names["prepay"] + sum(names[f"{s}.paid"] for s in first_share_steps)
    for group in explained.group_figures:
        names[f"fund.{group.group}"] = group.fund_fen
        names[f"account.{group.group}"] = group.account_fen
        names[f"personal.{group.group}"] = group.account_fen + group.cash_fen
        names[f"deductible.{group.group}"] = group.deductible_fen
    _add(every, names.items())
    names |= {f"all.{name}": fen for name, fen in every.items()}
    return names | {"refused_lines": settlement.refused_line_count}


def parts_of(settlement: pb.Settlement) -> dict[str, int]:
    """Returns the parts of a bill, as the settlement has them."""
    return {
        "total": settlement.total_fen,
        "eligible": settlement.eligible_fen,
        "first_self_pay": settlement.first_self_pay_fen,
        "over_limit": settlement.over_limit_fen,
        "excluded": settlement.excluded_fen,
        **{f"{each.step_id}.paid": each.amount_fen for each in settlement.fund_payments},
    }


def parts_named(explained: rpc.ExplainSettlementResponse) -> dict[str, int]:
    """Returns the same, as the explanation has them."""
    amounts = {each.name: each.amount_fen for each in explained.amounts}
    return {name: amounts[name] for name in parts_of(explained.settlement)}


def _add(sums: dict[str, int], amounts: Iterable[tuple[str, int]]) -> None:
    for name, fen in amounts:
        sums[name] = sums.get(name, 0) + fen
