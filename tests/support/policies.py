"""Small policies for tests, written as policy files and loaded like any other.

JSON is YAML, so a file is made of plain values; only what a test is about is named.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from yibao_settlement.files.policy.file import load_policy
from yibao_settlement.rules.policy.benefits import adjudicate
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.record import TiersRecord
from yibao_settlement.rules.policy.split import Facts, PricedLine, Split
from yibao_settlement.rules.policy.step import TiersStep

Json = dict[str, Any]

FACTS = Facts(
    care_type="2101",
    person_class="11",
    entitlement_groups=(),
    institution_level="2",
    age=40,
)


def head(step_id: str) -> Json:
    cites = {"source": "page", "clause": f"clause of {step_id}"}
    return {"id": step_id, "title": f"Step {step_id}", "title_zh": f"步骤{step_id}", "cites": cites}


def classify(*, class_b_ppm: int = 100_000, step_id: str = "S1") -> Json:
    row = {"prepay_ppm": {"01": 0, "02": class_b_ppm}, "own_cost": ["03"]}
    return {"classify": {**head(step_id), "rows": [row]}}


def deductible(amount_fen: int, *, step_id: str = "D1", **more: Any) -> Json:
    body = {"basis": "per_bill", "rows": [{"amount_fen": amount_fen}], **more}
    return {"deductible": {**head(step_id), **body}}


def brackets(*pieces: tuple[int, int | None, int]) -> list[Json]:
    return [{"over_fen": low, "upto_fen": high, "ratio_ppm": ppm} for low, high, ppm in pieces]


def tiers(
    step_id: str,
    base: Json,
    pieces: Sequence[tuple[int, int | None, int]],
    *,
    cap_fen: int | None = None,
    threshold_fen: int = 0,
    fund_type: str = "390100",
    axis: str = "above_threshold",
    **more: Any,
) -> Json:
    row: Json = {"threshold_fen": threshold_fen, "brackets": brackets(*pieces)}
    if cap_fen is not None:
        row["cap_fen"] = cap_fen
        more.setdefault("cap_basis", "per_year")
    body = {"fund_type": fund_type, "axis": axis, "base": base, "rows": [row], **more}
    return {"tiers": {**head(step_id), **body}}


def account(*pays: str, step_id: str = "Z1") -> Json:
    parts = list(pays) or ["deductible", "copay", "prepay"]
    return {"account": {**head(step_id), "rows": [{"pays": parts}]}}


def policy_data(*steps: Json, **more: Any) -> Json:
    return {
        "format": "yibao-policy/1",
        "policy_id": "small",
        "title": "Small policy",
        "title_zh": "小政策",
        "region": "999001",
        "insurance_type": "310",
        "start_date": "2024-01-01",
        "sources": {"page": {"title": "某文件", "url": "http://example.invalid/page"}},
        "care_groups": {"inpatient": ["2*"], "outpatient": ["*"]},
        "steps": list(steps),
        **more,
    }


def policy_of(*steps: Json, **more: Any) -> Policy:
    contents = json.dumps(policy_data(*steps, **more), ensure_ascii=False).encode()
    return load_policy(contents, name="small.yaml")


def line(
    amount_fen: int,
    catalogue_class: str = "01",
    *,
    number: int = 1,
    over_limit_fen: int = 0,
    ratio_ppm: int | None = None,
) -> PricedLine:
    return PricedLine(
        line_number=number,
        item_code=f"ITEM{number}",
        catalogue_class=catalogue_class,
        amount_fen=amount_fen,
        over_limit_fen=over_limit_fen,
        first_self_pay_ratio_ppm=ratio_ppm,
    )


def split_of(
    policy: Policy,
    *lines: PricedLine,
    year: Mapping[str, int] | None = None,
    facts: Facts = FACTS,
    balance_fen: int | None = None,
) -> Split:
    return adjudicate(
        policy,
        facts=facts,
        lines=lines,
        year=year or {},
        account_used=balance_fen is not None,
        account_balance_fen=balance_fen or 0,
    )


def year_after(year: Mapping[str, int], split: Split) -> dict[str, int]:
    after = dict(year)
    for name, added in split.accumulations:
        after[name] = after.get(name, 0) + added
    return after


def paid_by(split: Split) -> dict[str, int]:
    return {payment.step_id: payment.amount_fen for payment in split.fund_payments}


def amounts_of(policy: Policy, split: Split, step_id: str) -> dict[str, int]:
    """What a `tiers` step left, by name: base, below, paid, copay, overflow."""
    index = [step.id for step in policy.steps].index(step_id)
    record = split.records[index]
    assert isinstance(record, TiersRecord)
    return dict(zip(TiersStep.leaves, record.left, strict=True))
