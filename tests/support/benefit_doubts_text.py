"""A policy of `yibao-policy/2` without a doubt, and what is told of one that is changed."""

from yibao_settlement.files.benefit.check import BenefitWarning
from yibao_settlement.files.policy.check import check_policy

CLEAR = """\
format: yibao-policy/2
policy_id: sample-2024
title: Sample
title_zh: 样例
region: "999001"
insurance_type: "310"
start_date: 2024-01-01
sources:
  page: {title: 某文件}
care_groups:
  inpatient: ["2*", "28", "2106", "2107"]
  outpatient: ["11", "1103", "12", "13*", "14", "18", "41", "51", "52", "71", "99*", "9903", "9904"]
line_groups:
  implant: {item_groups: [implant]}
counts:
  stays: {of: stay, care_groups: [inpatient]}
parameters:
  average_wage: [{from: 2024-01-01, fen: 1_000_000}]
steps:
  - classify:
      id: S1
      rows:
        - shares: {"01": 0, "02": 30_000, "03": own_cost}
  - deductible:
      id: D1
      base: [eligible]
      window: stay
      rows:
        - amount: 100_000
  - tiers:
      id: P1
      fund_type: "310100"
      base: [D1.rest]
      window: year
      on_top_of: [D1.paid]
      rows:
        - brackets:
            - {over_fen: 0, upto_fen: 1_000_000, ratio_ppm: 800_000}
            - {over_fen: 1_000_000, upto_fen: 5_000_000, ratio_ppm: 900_000}
  - tiers:
      id: L1
      fund_type: "330100"
      base: [P1.overflow]
      window: year
      rows:
        - brackets:
            - {over_fen: 0, ratio_ppm: 700_000}
counters:
  pool:
    window: year
    limits: [P1.paid]
    rows:
      - limit: 3_000_000
"""


def told(*changes: tuple[str, str]) -> list[BenefitWarning]:
    """Returns the warnings of the policy with texts, of which each stands there once, changed."""
    text = CLEAR
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return warnings_of(text.encode())


def warnings_of(contents: bytes) -> list[BenefitWarning]:
    """Returns the warnings about a file of `yibao-policy/2`."""
    found = check_policy(contents, name="p.yaml")
    assert not found.faults
    assert all(isinstance(each, BenefitWarning) for each in found.warnings)
    return [each for each in found.warnings if isinstance(each, BenefitWarning)]
