"""A benefit policy of either format, where no more is asked than both say of themselves."""

from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.policy.policy import Policy

# Files of `yibao-policy/1` make the first, those of `yibao-policy/2` the second.
AnyPolicy = Policy | BenefitPolicy
