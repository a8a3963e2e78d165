"""A policy of either format in words as one text, for those who submit and approve it."""

from typing import NamedTuple

from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.told import tell_policy
from yibao_settlement.rules.policy.words import policy_in_words


class Words(NamedTuple):
    """A policy in Chinese and in English, as lines."""

    zh: str
    en: str


def words_of(policy: AnyPolicy) -> Words:
    """Returns a policy in words, a line for each of its rows."""
    told = tell_policy(policy)
    en = "\n".join(each.text_en for each in told)
    if isinstance(policy, Policy):
        return Words(policy_in_words(policy), en)
    return Words("\n".join(each.text_zh for each in told), en)
