"""Policies of `yibao-policy/2` and years of bills, made at random from a seed.

Every construct of the language occurs. What is made is what the files hold: a case can be
written down as `policy.yaml` and `bills.yaml` and kept.
"""
