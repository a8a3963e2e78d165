"""A policy by which a later bill pays the person what was due for earlier ones."""

# Case N12: a person becomes low-income, and what was due for the year is decided anew.
DUE_OF_THE_YEAR = """\
format: yibao-policy/2
policy_id: due
title: Due of the year
title_zh: 年度应付
region: "{region}"
insurance_type: "390"
start_date: 2014-01-01
sources:
  page: {{title: 某文件, url: "https://example.cn/1"}}
steps:
  - classify:
      id: S1
      title: Classes
      title_zh: 目录类别
      rows:
        - shares: {{"01": 0, "02": 0, "03": own_cost}}
  - tiers:
      id: K1
      title: Large sums
      title_zh: 大病保险
      fund_type: "390200"
      base: [eligible]
      window: year
      less: [K1.paid]
      by: [entitlement_groups]
      rows:
        - when: {{entitlement_groups: "2303"}}
          threshold: 800_000
          brackets:
            - {{over_fen: 0, ratio_ppm: 650_000}}
        - when: {{entitlement_groups: none}}
          threshold: 1_600_000
          brackets:
            - {{over_fen: 0, ratio_ppm: 600_000}}
"""
