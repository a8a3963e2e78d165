"""Why a bill elsewhere is paid as it is, and what registering would have changed."""

from typing import NamedTuple

from yibao_common.values.errors import InvariantError, RuleError
from yibao_settlement.application.settlement.explain import AnySplit, calculated
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.elsewhere.sentences import Compared, elsewhere_sentences
from yibao_settlement.rules.elsewhere.terms import LOCAL, TEMPORARY, UNREGISTERED, Elsewhere
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.statement.sentences import Sentence


class ElsewhereExplained(NamedTuple):
    """On which terms, what the funds would pay on others, in fen, and why.

    `registered_terms` are those that whoever registers gets without any reason; None where
    registering would change nothing.
    """

    care: Elsewhere
    at_home_difference_fen: int
    registered_terms: str | None
    registered_difference_fen: int
    sentences: tuple[Sentence, ...]


def explain_elsewhere(
    record: SettlementRecord, policy: AnyPolicy, split: AnySplit, *, can_still: bool = False
) -> ElsewhereExplained | None:
    """Returns why care elsewhere is paid on its terms, None of care at home.

    What it would be otherwise is calculated by the same policy, on the same lines and windows.
    `can_still` is whether the bill is not settled yet. Of a policy of the first format, which
    knows no terms, nothing is told.
    """
    care = None if record.benefit is None else record.benefit.elsewhere
    if care is None:
        return None
    fund_fen = split.fund_total_fen
    at_home_fen = _on_terms(record, policy, LOCAL)
    registered_terms = TEMPORARY if care.terms == UNREGISTERED else None
    registered_fen = None
    if registered_terms is not None:
        registered_fen = _on_terms(record, policy, registered_terms)
    compared = Compared(fund_fen, at_home_fen, registered_fen, can_still)
    return ElsewhereExplained(
        care,
        0 if at_home_fen is None else at_home_fen - fund_fen,
        registered_terms,
        0 if registered_fen is None else registered_fen - fund_fen,
        elsewhere_sentences(care, compared, home_region=record.region),
    )


def _on_terms(record: SettlementRecord, policy: AnyPolicy, terms: str) -> int | None:
    """Returns what the funds would pay on other terms, None where the policy cannot tell."""
    assert record.benefit is not None
    facts = record.benefit.facts._replace(offsite=terms)
    benefit = record.benefit._replace(facts=facts, other_payments=(), arrears=())
    try:
        return calculated(record._replace(benefit=benefit), policy).fund_total_fen
    except (RuleError, InvariantError):
        return None
