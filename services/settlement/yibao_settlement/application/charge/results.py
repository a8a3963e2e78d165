"""What catalogue and policy make of lines that are not settled yet."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from yibao_settlement.application.reference import Reference
from yibao_settlement.application.settlement import benefit
from yibao_settlement.application.settlement.adjudicate import (
    cover_of,
    facts_of,
    items_by_day,
    policy_on,
)
from yibao_settlement.application.settlement.barred import barred_by
from yibao_settlement.application.settlement.explain import AnySplit
from yibao_settlement.application.settlement.lines import line_parts
from yibao_settlement.rules.account import Accumulators
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.bill import ChargedLine
from yibao_settlement.rules.enrolment import Enrolment, RegisteredDisease
from yibao_settlement.rules.policy.benefits import adjudicate
from yibao_settlement.rules.policy.record import ClassifyRecord
from yibao_settlement.rules.policy.split import OwnCost
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


class _Parts(NamedTuple):
    """How a line was split, in the order of `LineResult`."""

    first_self_pay_ratio_ppm: int | None
    excluded_fen: int
    over_limit_fen: int
    first_self_pay_fen: int
    eligible_fen: int


def line_results(
    lines: Sequence[ChargedLine],
    visit: Visit,
    *,
    region: str,
    enrolments: Sequence[Enrolment],
    diseases: Sequence[RegisteredDisease],
    year: Accumulators,
    reference: Reference,
    last: dt.date,
    treating: Reference | None = None,
) -> list[LineResult | None]:
    """Returns what is made of each line on a bill of the day `last`.

    None stands for a line that would be refused by itself. Raises RuleError as
    `adjudicate_bill` where nothing can be told of any.
    `treating` is what another region says of its institutions, for care elsewhere.
    """
    numbered = [line._replace(line_number=at) for at, line in enumerate(lines)]
    cover = cover_of(numbered, enrolments, visit=visit, last=last)
    policy = policy_on(reference, cover.enrolment.insurance_type, last, region=region)
    items = items_by_day(numbered, reference, last)
    priced = price_lines(
        numbered,
        items,
        cover.days,
        institution_level=visit.institution_level,
        barred=barred_by(treating or reference, numbered, visit, last=last),
        insurance_type=cover.enrolment.insurance_type,
    )
    if isinstance(policy, BenefitPolicy):
        person = benefit.Person(enrolments, cover.enrolment, diseases)
        facts = benefit.facts_of(visit, person, last)
        classified = [
            _Parts(_told(ratio), excluded, over, first, eligible)
            for _, ratio, eligible, first, over, excluded in benefit.classify(
                policy, facts, priced, day=last
            )
        ]
    else:
        split = adjudicate(
            policy,
            facts=facts_of(visit, cover.enrolment, last),
            lines=priced.lines,
            year=year,
            account_used=False,
            account_balance_fen=0,
        )
        classified = [
            _Parts(
                ratio,
                *(each.excluded_fen, each.over_limit_fen),
                each.first_self_pay_fen,
                each.eligible_fen,
            )
            for each, ratio in zip(split.lines, applied_ratios(split), strict=True)
        ]
    results: list[LineResult | None] = [None] * len(numbered)
    for line, parts in zip(priced.lines, classified, strict=True):
        item = items[numbered[line.line_number].day(last)][line.item_code]
        results[line.line_number] = LineResult(
            line.catalogue_class,
            # An own code that is mapped to nothing has no item.
            "" if item is None else item.ceiling_at(visit.institution_level),
            *parts,
            line.own_cost,
            item is not None and item.is_limited_use,
        )
    return results


def applied_ratios(split: AnySplit) -> list[int | None]:
    """Returns the first self-pay share that decided each line in ppm, None of own cost."""
    if isinstance(split, benefit.BenefitOutcome):
        return [_told(each[1]) for each in line_parts(split.split, split.lines)]
    (classified,) = [each for each in split.records if isinstance(each, ClassifyRecord)]
    return [_told(line.ratio_ppm) for line in classified.lines()]


def _told(ratio_ppm: int) -> int | None:
    # Both formats write own cost so.
    return None if ratio_ppm == OWN_COST else ratio_ppm
