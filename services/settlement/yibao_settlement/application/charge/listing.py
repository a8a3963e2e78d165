"""Listing the lines with ids of a visit, with what is made of each."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import Caller
from yibao_common.values.errors import RuleError
from yibao_settlement.application.charge.results import LineResult, applied_ratios, line_results
from yibao_settlement.application.reading import Reads, TrialInputs
from yibao_settlement.application.reference import Reference
from yibao_settlement.application.settlement.explain import settled_again
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.visit.find import visit_not_found
from yibao_settlement.rules.charge import Charge, less_returned, place_of, returned_quantity
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.policy.split import OwnCost

# Where a page of lines ended: day, number, id.
Place = tuple[dt.date, int, str]
# What a bill carried without a day stands behind all else, on whichever day it is asked for.
_UNDATED = dt.date.max


class LineWish(NamedTuple):
    """Which lines of a visit are listed; what is empty limits nothing."""

    visit_id: str
    charge_batch_id: str = ""
    settlement_id: str = ""
    only_unsettled: bool = False


class ListedLine(NamedTuple):
    """A line with an id, and what is made of it; None where that cannot be told."""

    charge: Charge
    result: LineResult | None


class LinePage(NamedTuple):
    """Lines in their order, and where the page ended; None where it is the last one."""

    lines: Sequence[ListedLine]
    end: Place | None


def list_lines(
    reads: Reads,
    region: str,
    wish: LineWish,
    caller: Caller,
    *,
    after: Place | None,
    limit: int,
    now: dt.datetime,
) -> LinePage:
    """Returns a page of a visit's uploaded lines, by day, number and id.

    Raises RuleError VISIT_NOT_FOUND, and TRACE_MISMATCH where a settlement was altered.
    """
    today = shanghai_day(now)
    inputs = reads.trial_inputs(
        region, wish.visit_id, day=today, item_codes=set(), with_charges=True
    )
    if inputs is None or caller.institution_id not in (None, inputs.visit.institution_id):
        raise visit_not_found(wish.visit_id)
    wanted = sorted(
        (place_of(each.line, _UNDATED), each) for each in inputs.charges if _is_wanted(each, wish)
    )
    further = [each for place, each in wanted if after is None or place > after]
    page = further[:limit]
    end = place_of(page[-1].line, _UNDATED) if len(further) > limit else None
    return LinePage(_with_results(reads, region, page, inputs, today), end)


def _is_wanted(charge: Charge, wish: LineWish) -> bool:
    return (
        (charge.is_uploaded or charge.settlement_id is not None)
        and wish.charge_batch_id in ("", charge.charge_batch_id)
        and wish.settlement_id in ("", charge.settlement_id)
        and not (wish.only_unsettled and charge.settlement_id)
    )


def _with_results(
    reads: Reads, region: str, page: Sequence[Charge], inputs: TrialInputs, today: dt.date
) -> list[ListedLine]:
    waiting = [each for each in page if each.is_waiting and not each.line.returned_line_id]
    results = _results_now(waiting, inputs, region, today)
    for settlement_id in {each.settlement_id for each in page if each.settlement_id}:
        record = reads.settlement(region, settlement_id)
        if record is not None:
            policy = reads.policy(region, record.policy_version)
            results.update(_results_of(record, policy, inputs.reference))
    return [ListedLine(each, results.get(each.line.line_id)) for each in page]


def _results_now(
    waiting: Sequence[Charge], inputs: TrialInputs, region: str, today: dt.date
) -> dict[str, LineResult | None]:
    if not waiting:
        return {}
    returned = _returned(inputs.charges)
    lines = [
        less_returned(each.line, returned[each.line.line_id])
        if each.line.line_id in returned
        else each.line
        for each in waiting
    ]
    try:
        results = line_results(
            lines,
            inputs.visit,
            region=region,
            enrolments=inputs.enrolments,
            diseases=inputs.diseases,
            year=inputs.history.year(today.year),
            reference=inputs.reference,
            last=today,
        )
    except RuleError:
        # As of a person who is not enrolled any more: the lines themselves are still told.
        return {}
    return {line.line_id: result for line, result in zip(lines, results, strict=True)}


def _returned(charges: Iterable[Charge]) -> Mapping[str, int]:
    returned: dict[str, int] = {}
    for each in charges:
        if each.is_waiting and (line_id := each.line.returned_line_id):
            returned[line_id] = returned.get(line_id, 0) + returned_quantity(each.line)
    return returned


def _results_of(
    record: SettlementRecord, policy: AnyPolicy | None, reference: Reference
) -> dict[str, LineResult | None]:
    """Returns what was made of the lines of a settlement, by line id."""
    ratios: Sequence[int | None] = [line.first_self_pay_ratio_ppm for line in record.lines]
    if policy is not None:
        ratios = applied_ratios(settled_again(record, policy))
    found: dict[str, LineResult | None] = {}
    for line, own, ratio in zip(record.lines, record.particulars, ratios, strict=False):
        if own is None:
            continue
        item = reference.item(line.item_code, own.charge_date or record.service_date)
        found[own.line_id] = LineResult(
            line.catalogue_class,
            "" if item is None else item.price_ceiling,
            ratio,
            line.excluded_fen,
            line.over_limit_fen,
            line.first_self_pay_fen,
            line.eligible_fen,
            OwnCost(own.own_cost),
            is_limited_use=item is not None and item.is_limited_use,
        )
    return found
