"""Statements of bills that small policies decide, without a service or a database."""

import datetime as dt
from collections.abc import Mapping, Sequence

from support.policies import FACTS
from support.settlement_world import HOSPITAL, NOW, REGION, TODAY

from yibao_common.values.masking import Paper
from yibao_settlement.application.reference import Reference
from yibao_settlement.application.settlement.record import ReversalNote, SettlementRecord
from yibao_settlement.application.statement import statement_of
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.care_facts import CareFacts, Diagnosis
from yibao_settlement.rules.policy.benefits import adjudicate
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.split import Facts, PricedLine, Split
from yibao_settlement.rules.statement.form import Printing
from yibao_settlement.rules.statement.statement import Statement
from yibao_settlement.rules.visit import Institution, Visit

SETTLEMENT = "0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c3e"
VISIT = "0190b5c4-7d3a-7f60-8a51-000000000001"
PERSON = "0190b5c4-7d3a-7f60-8a51-000000000002"
# A citizen number of nobody: its birthday is in the future of the tests.
NUMBER = "110105209912310021"
SIGNED = Printing(Paper.SIGNED, "张晓明", NUMBER, TODAY)
COPY = SIGNED._replace(paper=Paper.COPY)
REVERSAL = ReversalNote("0190b5c4-7d3a-7f60-8a51-000000000003", NOW, "entered twice", "")
_DIAGNOSIS = Diagnosis("I10.x00", "原发性高血压", True)
_SINCE = dt.date(2014, 1, 1)


def settled(
    policy: Policy,
    *lines: PricedLine,
    facts: Facts = FACTS,
    year: Mapping[str, int] | None = None,
    balance_fen: int | None = None,
    reversal: ReversalNote | None = None,
) -> tuple[SettlementRecord, Split]:
    """Returns a settlement as it is recorded, and its calculation.

    The account is used where it has a `balance_fen`.
    """
    split = adjudicate(
        policy,
        facts=facts,
        lines=lines,
        year=year or {},
        account_used=balance_fen is not None,
        account_balance_fen=balance_fen or 0,
    )
    record = SettlementRecord(
        region=REGION,
        settlement_id=SETTLEMENT,
        request_id=SETTLEMENT,
        settled_by=f"institution/{HOSPITAL}",
        settle_time=NOW,
        visit_id=VISIT,
        bill_number="B20261120001",
        person_id=PERSON,
        institution_id=HOSPITAL,
        insurance_type=policy.insurance_type,
        service_date=TODAY,
        policy_version=policy.version,
        facts=facts,
        year_before=year or {},
        account_used=balance_fen is not None,
        balance_before_fen=balance_fen or 0,
        lines=split.lines,
        total_fen=split.total_fen,
        excluded_fen=split.excluded_fen,
        over_limit_fen=split.over_limit_fen,
        first_self_pay_fen=split.first_self_pay_fen,
        eligible_fen=split.eligible_fen,
        deductible_fen=split.deductible_fen,
        fund_payments=split.fund_payments,
        fund_total_fen=split.fund_total_fen,
        account_fen=split.account_fen,
        cash_fen=split.cash_fen,
        accumulations=dict(split.accumulations),
        trace_sha256=split.trace_sha256,
        entries=(),
        reversal=reversal,
    )
    return record, split


def visit_of(facts: Facts) -> Visit:
    return Visit(
        VISIT,
        PERSON,
        HOSPITAL,
        "ZY20261101007",
        facts.care_type,
        dt.date(2026, 11, 8),
        dt.date(1950, 1, 1),
        "390",
        facts.person_class,
        facts.entitlement_groups,
        facts.institution_level,
        NOW,
        facts=CareFacts(department="心血管内科", diagnoses=(_DIAGNOSIS,)),
        end_date=TODAY,
    )


def reference_of(lines: Sequence[PricedLine], names: Mapping[str, str] | None = None) -> Reference:
    """Returns reference data with an institution and the items of lines."""
    rows: dict[str, tuple[CatalogueItem, ...]] = {
        line.item_code: (
            CatalogueItem(
                line.item_code,
                (names or {}).get(line.item_code, f"项目{line.line_number}"),
                line.catalogue_class,
                line.first_self_pay_ratio_ppm,
                "",
                _SINCE,
                None,
            ),
        )
        for line in lines
    }
    institution = Institution(HOSPITAL, "示例市人民医院", "2", True, _SINCE, None)
    return Reference(1, {}, {HOSPITAL: institution}, rows)


def statement_for(
    policy: Policy,
    *lines: PricedLine,
    facts: Facts = FACTS,
    year: Mapping[str, int] | None = None,
    balance_fen: int | None = None,
    reversal: ReversalNote | None = None,
    names: Mapping[str, str] | None = None,
) -> Statement:
    """Returns the statement of a bill; arguments as those of `settled`."""
    record, split = settled(
        policy, *lines, facts=facts, year=year, balance_fen=balance_fen, reversal=reversal
    )
    return statement_of(
        record, policy, split, visit=visit_of(facts), reference=reference_of(lines, names)
    )
