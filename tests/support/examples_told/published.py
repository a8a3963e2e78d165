"""Published bills: which of an answer's amounts each printed or derived figure is."""

import json
from decimal import Decimal
from typing import Any

from support.benefit_examples import EXAMPLES, value_of
from support.examples_told.walk import Told

PUBLISHED: dict[str, dict[str, Any]] = {
    each["id"]: each
    for each in json.loads((EXAMPLES.parent / "worked_examples.json").read_text(encoding="utf-8"))
}
# By the names of the national interface and of the pages, in those of the examples.
_AMOUNTS = {
    "fulamt_ownpay_amt": "excluded",
    "preselfpay_amt": "prepay",
    "inscp_scp_amt": "eligible",
    "act_pay_dedc": "deductible",
    "next_admission_act_pay_dedc": "deductible",
    "fund_pay_sumamt": "fund_total",
    "psn_part_amt": "personal",
    "in_catalogue_self_pay": "personal - excluded",
    "acct_pay": "account",
    "psn_cash_pay": "cash",
    "balc": "balance",
    "hifp_pay": "fund_310100 + fund_390100",
    "hifob_pay": "fund_330100",
    "hifmi_pay": "K1.paid",
    "oth_pay": "fund_999997",
    "maf_pay": "fund_610100",
    "maf_large_expense": "A1.paid",
    "maf_tilt": "A2.paid",
    "catastrophic_base": "K1.base",
    "residual_in_scope_after_basic": "eligible",
    "copay_share": "P1.copay",
    "personal_class_a": "personal.a - deductible.a",
    "personal_class_b": "personal.b",
    "personal_relaxed": "personal.relaxed",
    "personal_implant": "personal.implant",
    "cumulative_fund_payment": "all.fund_total",
    "personal_share_ratio": "all.personal / all.total",
    "effective_ratio": "fund_total / total",
}
# The bill after the one that a page is about.
_NEXT = "next_admission_"


def expected_of(name: str) -> dict[str, int | str]:
    """Returns what a page prints, or what follows from it: fen, or a ratio as text."""
    page = PUBLISHED[name]
    expected = dict(page["expected"])
    for what in {*page["printed"], *page["derived"]} - expected.keys():
        expected[what] = page["inputs"][what]
    return {
        what: value if what.endswith("_ratio") else int(Decimal(value) * 100)
        for what, value in expected.items()
    }


def found_of(told: Told) -> dict[str, int | str]:
    """Returns the same amounts as the services answered them."""
    expected = expected_of(told.example.name)
    about_two = any(what.startswith(_NEXT) for what in expected)
    found = {}
    for what in expected:
        of_last = what.startswith(_NEXT) or not about_two
        names = told.names[-1 if of_last else -2]
        found[what] = value_of(_AMOUNTS[what], names)
    return found
