"""All doubts about a policy."""

import itertools
from collections.abc import Iterator

from yibao_settlement.rules.benefit.doubts.amounts import doubts_of_amounts
from yibao_settlement.rules.benefit.doubts.bills import doubts_of_bills
from yibao_settlement.rules.benefit.doubts.care import doubts_of_care
from yibao_settlement.rules.benefit.doubts.declared import doubts_of_codes
from yibao_settlement.rules.benefit.doubts.doubt import Doubt
from yibao_settlement.rules.benefit.doubts.gaps import doubts_of_tables
from yibao_settlement.rules.benefit.doubts.limits import doubts_of_limits
from yibao_settlement.rules.benefit.doubts.lots import doubts_of_bases
from yibao_settlement.rules.benefit.doubts.ratios import doubts_of_ratios
from yibao_settlement.rules.benefit.policy import BenefitPolicy


def doubts_of(policy: BenefitPolicy) -> Iterator[Doubt]:
    """Yields what is probably not meant; none of it keeps a policy from being put in force."""
    return itertools.chain(
        doubts_of_codes(policy),
        doubts_of_care(policy),
        doubts_of_ratios(policy),
        doubts_of_amounts(policy),
        doubts_of_tables(policy),
        doubts_of_bases(policy),
        doubts_of_limits(policy),
        doubts_of_bills(policy),
    )
