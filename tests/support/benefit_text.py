"""A policy file of `yibao-policy/2` without mistakes, and what faulty ones are told."""

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.files.benefit.file import load_benefit_policy
from yibao_settlement.rules.benefit.policy import BenefitPolicy

NAME = "policies/x.yaml"
GOOD = """\
format: yibao-policy/2
policy_id: sample-2024
title: Sample
title_zh: 样例
region: "999001"
insurance_type: "310"
start_date: 2024-01-01
end_date: 2025-12-31
sources:
  page: {title: 某文件, url: "https://example.cn/1"}
care_groups:
  inpatient: ["2*"]
  outpatient: ["*"]
line_groups:
  implant: {item_groups: [implant]}
  b: {classes: ["02"]}
windows:
  stay: {joins_transfers_within_days: 1, facts: admission}
  period: {days: 90}
  year: {starts: "07-01", stay_over_new_year: split, deductible: make_up}
counts:
  stays: {of: stay, in: year, per: [institution_level], care_groups: [inpatient]}
parameters:
  average_wage:
    - {from: 2023-07-01, fen: 808_400, cites: {source: page, clause: 第一条}}
    - {from: 2024-07-01, fen: 900_000}
rounding: {each: bracket, mode: down, unit_fen: 10}
steps:
  - classify:
      id: S1
      title: Classes
      title_zh: 目录类别
      cites: {source: page, clause: 第一条}
      rows:
        - shares: {"01": 0, "02": by_item, "03": own_cost}
          catalogue: treatment_place
  - given:
      id: G1
      fund_types: ["999001"]
      base: [eligible]
  - deductible:
      id: D1
      cites: {source: page, clause: 第二条}
      base: [prepay.b, eligible]
      window: stay
      per: [institution]
      make_up: false
      as: prepay
      by: [age, count.stays]
      rows:
        - when: {age: {to: 59}, count.stays: 1}
          amount: {of: average_wage, ppm: 100_000, least_fen: 1, most_fen: 90_000}
          cites: {source: page, clause: 第三条}
        - when: {age: {from: 60}, count.stays: any}
          amount: {of: base}
        - when: otherwise
          amount: 50_000
  - tiers:
      id: P1
      title: Pool
      title_zh: 统筹基金
      fund_type: "310100"
      base: [D1.rest, first_self_pay.implant]
      window: year
      per: [disease]
      on_top_of: [D1.paid]
      axis: paid
      applies: {offsite: [local, referral], diseases: {all: [M1], none: [M2]}}
      adjust:
        - by: [offsite]
          rows:
            - when: {offsite: local}
            - when: otherwise
              points_ppm: -100_000
              factor_ppm: 900_000
      rounding: {unit_fen: 100}
      by: [entitlement_groups]
      rows:
        - when: {entitlement_groups: "2305"}
          threshold: {of: D1.paid}
          brackets:
            - {over_fen: 0, upto_fen: 1_000_000, ratio_ppm: 800_000}
            - over_fen: 1_000_000
              ratio_ppm: {ppm: 500_000, each: {fact: months_insured, ppm: 1_000}, most_ppm: 700_000}
        - when: {entitlement_groups: none}
          brackets:
            - {over_fen: 0, upto_fen: 2_000_000, ratio_ppm: 700_000}
  - tiers:
      id: K1
      payer: treasury
      base: [P1.copay.implant, P1.overflow]
      window: year
      less: [P1.paid, K1.paid]
      rows:
        - brackets:
            - {over_fen: 0, ratio_ppm: 500_000}
  - account:
      id: Z1
      base: [total]
      purses: [family, carried]
counters:
  pool:
    window: year
    per: [disease]
    limits: [P1.paid, D1.paid]
    counts: [prepay, G1.paid]
    by: [tier]
    rows:
      - when: {tier: "1"}
        limit: none
      - when: otherwise
        limit: {of: average_wage, ppm: 6_000_000}
"""


def load(text: str) -> BenefitPolicy:
    """Returns the policy in a file of this text."""
    return load_benefit_policy(text.encode(), name=NAME)


def changed(old: str, new: str) -> str:
    """Returns the good file with one text, which stands there once, changed."""
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def faults_of(text: str) -> list[tuple[str, str]]:
    """Returns place and message of every mistake that a file is refused for."""
    with pytest.raises(RuleError) as refusal:
        load(text)
    assert refusal.value.reason is Reason.POLICY_FILE_INVALID
    assert all(fault.reason is Reason.POLICY_FILE_INVALID for fault in refusal.value.faults)
    return [(fault.field, fault.message) for fault in refusal.value.faults]
