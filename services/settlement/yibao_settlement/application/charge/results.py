"""What catalogue and policy make of lines that are not settled yet."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from yibao_settlement.application.reference import Reference
from yibao_settlement.application.settlement.adjudicate import (
    cover_of,
    facts_of,
    items_by_day,
    policy_on,
)
from yibao_settlement.rules.account import Accumulators
from yibao_settlement.rules.bill import ChargedLine
from yibao_settlement.rules.enrolment import Enrolment
from yibao_settlement.rules.policy.benefits import adjudicate
from yibao_settlement.rules.policy.record import ClassifyRecord
from yibao_settlement.rules.policy.split import OwnCost, Split
from yibao_settlement.rules.policy.step import OWN_COST
from yibao_settlement.rules.pricing import price_lines
from yibao_settlement.rules.visit import Visit


class LineResult(NamedTuple):
    """What is made of a line, amounts in fen.

    `first_self_pay_ratio_ppm` is the share that decided, None where the line is own cost.
    """

    catalogue_class: str
    price_ceiling: str
    first_self_pay_ratio_ppm: int | None
    excluded_fen: int
    over_limit_fen: int
    first_self_pay_fen: int
    eligible_fen: int
    own_cost: OwnCost
    is_limited_use: bool


def line_results(
    lines: Sequence[ChargedLine],
    visit: Visit,
    *,
    region: str,
    enrolments: Sequence[Enrolment],
    year: Accumulators,
    reference: Reference,
    last: dt.date,
) -> list[LineResult | None]:
    """Returns what is made of each line on a bill of the day `last`.

    None stands for a line that would be refused by itself. Raises RuleError as
    `adjudicate_bill` where nothing can be told of any.
    """
    numbered = [line._replace(line_number=at) for at, line in enumerate(lines)]
    cover = cover_of(numbered, enrolments, visit=visit, last=last)
    policy = policy_on(reference, cover.enrolment.insurance_type, last, region=region)
    items = items_by_day(numbered, reference, last)
    priced = price_lines(numbered, items, cover.days, institution_level=visit.institution_level)
    split = adjudicate(
        policy,
        facts=facts_of(visit, cover.enrolment, last),
        lines=priced.lines,
        year=year,
        account_used=False,
        account_balance_fen=0,
    )
    ratios = applied_ratios(split)
    results: list[LineResult | None] = [None] * len(numbered)
    for line, split_line, ratio in zip(priced.lines, split.lines, ratios, strict=True):
        item = items[numbered[line.line_number].day(last)][line.item_code]
        assert item is not None, "what is not in the catalogue has no price"
        results[line.line_number] = LineResult(
            line.catalogue_class,
            item.ceiling_at(visit.institution_level),
            ratio,
            split_line.excluded_fen,
            split_line.over_limit_fen,
            split_line.first_self_pay_fen,
            split_line.eligible_fen,
            line.own_cost,
            item.is_limited_use,
        )
    return results


def applied_ratios(split: Split) -> list[int | None]:
    """Returns the first self-pay share that decided each line in ppm, None of own cost."""
    (classified,) = [each for each in split.records if isinstance(each, ClassifyRecord)]
    return [None if line.ratio_ppm == OWN_COST else line.ratio_ppm for line in classified.lines()]
