"""A policy file without mistakes, and what the author of a faulty one is told."""

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.files.policy.file import load_policy

NAME = "policies/x.yaml"
GOOD = """\
format: yibao-policy/1
policy_id: sample-2024
title: Sample
title_zh: 样例
region: "999001"
insurance_type: "310"
start_date: 2024-01-01
end_date: 2024-12-31
sources:
  page: {title: 某文件}
care_groups:
  inpatient: ["2*"]
  outpatient: ["*"]
steps:
  - classify:
      id: S1
      title: Classes
      title_zh: 目录类别
      cites: {source: page, clause: 第一条}
      rows:
        - prepay_ppm: {"01": 0, "02": 100_000}
          own_cost: ["03"]
  - deductible:
      id: D1
      title: Deductible
      title_zh: 起付线
      cites: {source: page, clause: 第二条}
      basis: per_bill
      by: [age, count.inpatient]
      rows:
        - when: {age: {to: 59}, count.inpatient: 1}
          amount_fen: 100_000
        - when: {age: {from: 60}, count.inpatient: any}
          amount_fen: 50_000
          annual_cap_fen: 200_000
  - tiers:
      id: P1
      title: Pool
      title_zh: 统筹基金
      cites: {source: page, clause: 第三条}
      fund_type: "310100"
      base: {add: [eligible], subtract: [D1.paid]}
      axis: above_threshold
      cap_basis: per_year
      by: [institution_level, entitlement_groups]
      rows:
        - when: {institution_level: ["1", "2"], entitlement_groups: "2305"}
          cap_fen: 5_000_000
          brackets:
            - {over_fen: 0, upto_fen: 1_000_000, ratio_ppm: 800_000}
            - {over_fen: 1_000_000, ratio_ppm: 850_000}
        - when: {institution_level: ["1", "2"], entitlement_groups: none}
          brackets:
            - {over_fen: 0, ratio_ppm: 700_000}
  - account:
      id: Z1
      title: Account
      title_zh: 个人账户
      cites: {source: page, clause: 第四条}
      rows:
        - pays: [copay]
"""


def faults_of(contents: str | bytes) -> list[tuple[str, str]]:
    raw = contents if isinstance(contents, bytes) else contents.encode()
    with pytest.raises(RuleError) as raised:
        load_policy(raw, name=NAME)
    assert raised.value.reason is Reason.POLICY_FILE_INVALID
    assert all(fault.reason is Reason.POLICY_FILE_INVALID for fault in raised.value.faults)
    return [(fault.field, fault.message) for fault in raised.value.faults]


def changed(old: str, new: str) -> str:
    """The good file with one change."""
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)
