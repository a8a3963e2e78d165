"""`yibao policy try`: walks bills through a policy and prints each step as a clerk reads it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from yibao_cli.output import is_json, print_document
from yibao_cli.policy.bills import read_bills
from yibao_cli.policy.files import read_policy
from yibao_common.values.errors import RuleError
from yibao_common.values.money import yuan
from yibao_common.values.reasons import Reason
from yibao_settlement.files.benefit.bills import TriedBills
from yibao_settlement.files.policy.any_file import load_any_policy
from yibao_settlement.rules.account import accumulate
from yibao_settlement.rules.benefit import adjudicate as benefits
from yibao_settlement.rules.benefit import trace as benefit_trace
from yibao_settlement.rules.benefit.asking import NO_GROUP
from yibao_settlement.rules.benefit.bill import Balances, Bill, RefusedLine
from yibao_settlement.rules.benefit.memory import NOTHING_YET
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.benefit.steps import Bearer
from yibao_settlement.rules.policy import benefits as policies
from yibao_settlement.rules.policy import trace
from yibao_settlement.rules.policy.formulas import DOES_NOT_APPLY
from yibao_settlement.rules.policy.funds import FUND_NAMES_ZH
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.split import Facts, PricedLine

_BEARERS = {"hospital": "医院", "employer": "用人单位", "treasury": "财政"}


class _Tried(NamedTuple):
    """What a bill comes to: its steps, who pays what of it by name, and what the person bears."""

    nodes: Sequence[trace.TraceNode | benefit_trace.TraceNode]
    paid: Mapping[str, int]
    deductible_fen: int
    account_fen: int
    cash_fen: int
    refused: Sequence[RefusedLine]


def run_try(console: Console, policy_path: Path, bills_path: Path) -> int:
    """Prints every step of every bill; returns 1 where the policy refuses one.

    Raises:
        RuleError: POLICY_FILE_INVALID, with a fault for every mistake in either file.
        StartError: a file cannot be read.
    """
    policy = load_any_policy(read_policy(policy_path), name=str(policy_path))
    tried = read_bills(bills_path, day=policy.start_date)
    walk = _benefits(policy, tried) if isinstance(policy, BenefitPolicy) else _policy(policy, tried)
    if is_json():
        found = list(walk)
        print_document(console, {"bills": [_document(*each) for each in found]})
        return int(any(isinstance(outcome, RuleError) for _, outcome in found))
    are_refused = False
    for number, (bill, outcome) in enumerate(walk, start=1):
        total = sum(line.amount_fen for line in bill.lines)
        head = f"Bill {number} of visit {bill.visit_id}, {bill.date}: {yuan(total)} yuan"
        told = [head, *_lines(outcome), ""]
        if isinstance(outcome, RuleError):
            are_refused = True
        console.print("\n".join(told), soft_wrap=True, markup=False)
    return int(are_refused)


def _document(bill: Bill, outcome: _Tried | RuleError) -> dict[str, object]:
    total_fen = sum(line.amount_fen for line in bill.lines)
    said: dict[str, object] = {
        "visit_id": bill.visit_id,
        "date": bill.date.isoformat(),
        "total_fen": total_fen,
    }
    if isinstance(outcome, RuleError):
        refused = {
            "reason": outcome.reason.wire_name,
            "message": outcome.message,
            "message_zh": outcome.reason.message_zh,
            "metadata": outcome.metadata,
        }
        return {**said, "refused": refused}
    return {
        **said,
        "paid_fen": dict(outcome.paid),
        "deductible_fen": outcome.deductible_fen,
        "account_fen": outcome.account_fen,
        "cash_fen": outcome.cash_fen,
        "steps": [_step(node) for node in outcome.nodes],
        "refused_lines": [
            {"line_id": line.line_id, "reason": line.reason.wire_name} for line in outcome.refused
        ],
    }


def _step(node: trace.TraceNode | benefit_trace.TraceNode) -> dict[str, object]:
    return {
        "step_id": node.step_id,
        "leg": getattr(node, "leg", 0),
        "title": node.title,
        "title_zh": node.title_zh,
        "clause": node.clause,
        "inputs": [{"name": each.name, "amount_fen": each.amount_fen} for each in node.inputs],
        "formula": node.formula,
        "amount_fen": node.amount_fen,
    }


def _lines(outcome: _Tried | RuleError) -> Iterator[str]:
    if isinstance(outcome, RuleError):
        yield f"  is refused: {outcome.reason.name}: {outcome.message}"
        yield f"  {outcome.reason.message_zh}"
        yield from _advice(outcome)
        return
    leg = 0
    passed: list[str] = []
    for node in outcome.nodes:
        if getattr(node, "leg", leg) != leg:
            leg += 1
            yield f"  Part {leg + 1} of the bill, in another window:"
        if node.formula == DOES_NOT_APPLY:
            passed.append(node.step_id)
            continue
        yield f"  {node.step_id} {node.title_zh} {node.title}".rstrip()
        if node.clause:
            yield f"     clause: {node.clause}"
        for each in node.inputs:
            yield f"     {each.name} = {yuan(each.amount_fen)}"
        yield f"     {node.formula}"
        yield f"     => {yuan(node.amount_fen)}"
    if passed:
        yield f"  不适用 does not apply: {', '.join(dict.fromkeys(passed))}"
    yield "  Who bears it:"
    for payer, fen in outcome.paid.items():
        called = FUND_NAMES_ZH.get(payer) or _BEARERS.get(payer, "")
        yield f"     {payer} {called}: {yuan(fen)}".replace(" :", ":")
    if outcome.account_fen:
        yield f"     个人账户 account: {yuan(outcome.account_fen)}"
    of_it = f" (deductible 起付线 {yuan(outcome.deductible_fen)})" if outcome.deductible_fen else ""
    yield f"     现金 cash: {yuan(outcome.cash_fen)}{of_it}"
    for line in outcome.refused:
        yield f"  Line {line.line_id} is refused: {line.reason.name} {line.reason.message_zh}"


def _advice(refusal: RuleError) -> Iterator[str]:
    """Yields what to write in which file, where that mends the refusal."""
    said = refusal.metadata
    step = said.get("step_id", "")
    if refusal.reason is Reason.FACT_MISSING:
        yield f"  Write {said['fact']} into the bill's facts."
        yield f"  请在该账单的 facts 中写明 {said['fact']}。"
    elif refusal.reason is not Reason.POLICY_NO_MATCHING_ROW:
        return
    elif line := said.get("line_id") or said.get("line_number"):
        yield f"  Write share_ppm into line {line} of the bill, or a share into {step}."
        yield f"  请在该账单第 {line} 条明细写 share_ppm，或在 {step} 写该类别的比例。"
    elif NO_GROUP in said["key"]:
        yield "  Write the care type into a group of care_groups, if the policy is for it."
        yield "  若本政策适用于该类别，请将医疗类别写入 care_groups 的一组；否则应当拒绝。"
    else:
        yield f"  Write a row for it into {step}, or let its applies name other care."
        yield f"  请在 {step} 补写 {said['key']} 的行，或用 applies 限定其就诊类别。"


def _benefits(
    policy: BenefitPolicy, tried: TriedBills
) -> Iterator[tuple[Bill, _Tried | RuleError]]:
    memory, balances = NOTHING_YET, tried.balances
    for said in tried.bills:
        bill = said._replace(balances=balances)
        try:
            split = benefits.adjudicate(policy, bill, memory)
        except RuleError as refusal:
            yield bill, refusal
            continue
        memory = memory.after(split.change)
        paid = split.paid_by_purse
        balances = Balances(*(had - took for had, took in zip(balances, paid, strict=True)))
        payers: list[tuple[str, int]] = []
        for payment in split.payments():
            payer = payment.payer.value if isinstance(payment.payer, Bearer) else payment.payer
            payers.append((payer or "paid by others", payment.amount_fen))
            if payment.arrears_fen:
                payers.append((f"{payer} for earlier bills", payment.arrears_fen))
        sums = split.sums
        yield (
            bill,
            _Tried(
                benefit_trace.explain(split),
                _by_payer(payers),
                sums.deductible_fen,
                sums.account_fen,
                sums.cash_fen,
                split.refused_lines,
            ),
        )


def _policy(policy: Policy, tried: TriedBills) -> Iterator[tuple[Bill, _Tried | RuleError]]:
    years: dict[int, dict[str, int]] = {}
    balance_fen = sum(tried.balances)
    for bill in tried.bills:
        year = years.get(bill.date.year, {})
        facts = bill.facts
        try:
            split = policies.adjudicate(
                policy,
                facts=Facts(
                    facts.care_type or "",
                    facts.person_class or "",
                    tuple(sorted(facts.entitlement_groups)),
                    facts.institution_level or "",
                    facts.age or 0,
                ),
                lines=[
                    PricedLine(
                        int(line.line_id),
                        "",
                        line.catalogue_class or "",
                        line.amount_fen,
                        line.over_limit_fen,
                        line.first_self_pay_ppm,
                    )
                    for line in bill.lines
                ],
                year=year,
                account_used=bill.account_used,
                account_balance_fen=balance_fen,
            )
        except RuleError as refusal:
            yield bill, refusal
            continue
        years[bill.date.year] = accumulate(year, split.accumulations)
        balance_fen -= split.account_fen
        paid = _by_payer((each.fund_type, each.amount_fen) for each in split.fund_payments)
        sums = (split.deductible_fen, split.account_fen, split.cash_fen)
        yield bill, _Tried(trace.explain(policy, split), paid, *sums, ())


def _by_payer(payments: Iterable[tuple[str, int]]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for payer, fen in payments:
        if fen:
            found[payer] = found.get(payer, 0) + fen
    return found
