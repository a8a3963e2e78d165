"""The policy of the insuring region with terms of care elsewhere, which its source says none of."""

import dataclasses

from yibao_cli.regions import Region

# Where the inpatient pool is calculated.
_STEP = """
      window: year
      on_top_of: [D1.paid]
"""
_TERMS = """
      adjust:
        - by: [offsite]
          cites: {source: assumed, clause: 假设：转诊降低 5 个百分点，临时外出 10，未备案 20}
          rows:
            - when: {offsite: referral}
              points_ppm: -50_000
            - when: {offsite: temporary}
              points_ppm: -100_000
            - when: {offsite: unregistered}
              points_ppm: -200_000
            - when: otherwise
"""


def with_terms(region: Region) -> Region:
    """Returns a region that pays less for stays elsewhere: by points, and an emergency as at home.

    Five points off a referral and twenty off whoever does not register are the most that
    苏医保发〔2022〕75号, article 18, allows.
    """
    text = region.policy_file.decode("utf-8")
    assert text.count(_STEP) == 1, "the policy has another inpatient step than this is written for"
    changed = text.replace(_STEP, _STEP.rstrip("\n") + _TERMS)
    return dataclasses.replace(region, policy_file=changed.encode("utf-8"))
