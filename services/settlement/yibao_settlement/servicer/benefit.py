"""What settlements by policies of the second format say beyond others, as sent."""

from yibao.settlement.v1 import settlement_pb2 as pb
from yibao_settlement.application.settlement.explain import Figures
from yibao_settlement.application.settlement.terms import BenefitTerms
from yibao_settlement.rules.benefit.answers import GroupFigures, LineFigures


def fill_benefit(settlement: pb.Settlement, terms: BenefitTerms) -> None:
    """Fills in what others pay, what is owed for earlier bills, and facts.

    The fund payments stand there already.
    """
    arrears = dict(terms.arrears)
    if arrears:
        for payment in settlement.fund_payments:
            payment.arrears_fen = arrears.get(payment.step_id, 0)
        settlement.arrears_total_fen = terms.arrears_fen
    if terms.other_payments:
        for other in terms.other_payments:
            settlement.other_payments.add(
                step_id=other.step_id,
                payer=other.payer,
                base_fen=other.base_fen,
                amount_fen=other.amount_fen,
                arrears_fen=arrears.get(other.step_id, 0) if other.is_bearer else 0,
            )
        settlement.other_total_fen = terms.other_total_fen
    _fill_facts(settlement.facts, terms)


def _fill_facts(message: pb.BenefitFacts, terms: BenefitTerms) -> None:
    facts = terms.facts
    message.institution_kind = facts.institution_kind or ""
    message.offsite = facts.offsite
    message.path = facts.path
    if facts.disease is not None:
        message.disease = facts.disease
    if facts.tier is not None:
        message.tier = facts.tier
    if facts.diseases:
        message.diseases.extend(sorted(facts.diseases))
    if facts.months_insured is not None:
        message.months_insured = facts.months_insured
    if facts.months_owing is not None:
        message.months_owing = facts.months_owing
    if facts.years_unclaimed is not None:
        message.years_unclaimed = facts.years_unclaimed


def line_messages(figures: Figures) -> list[pb.LineFigures]:
    """Returns what each line costs whom, in the order of the bill."""
    made = map(_line_message, figures.lines)
    return sorted(made, key=lambda message: message.line_number)


def _line_message(line: LineFigures) -> pb.LineFigures:
    return pb.LineFigures(
        # Lines go into the calculation under their numbers.
        line_number=int(line.line_id),
        group=line.group,
        amount_fen=line.amount_fen,
        fund_fen=line.fund_fen,
        account_fen=line.account_fen,
        cash_fen=line.cash_fen,
        deductible_fen=line.deductible_fen,
        by_step=[pb.StepFigure(step_id=step_id, amount_fen=fen) for step_id, fen in line.by_step],
    )


def group_messages(figures: Figures) -> list[pb.GroupFigures]:
    """Returns the same by group."""
    return list(map(_group_message, figures.groups))


def amount_messages(figures: Figures) -> list[pb.NamedAmount]:
    """Returns what the steps left, by the names of the policy."""
    return [pb.NamedAmount(name=name, amount_fen=fen) for name, fen in figures.amounts]


def _group_message(group: GroupFigures) -> pb.GroupFigures:
    return pb.GroupFigures(
        group=group.group,
        amount_fen=group.amount_fen,
        fund_fen=group.fund_fen,
        account_fen=group.account_fen,
        cash_fen=group.personal_fen - group.account_fen,
        deductible_fen=group.deductible_fen,
    )
