"""A policy of either format in words, for those who submit and approve it."""

from typing import NamedTuple

from yibao_settlement.rules.benefit.words import tell
from yibao_settlement.rules.benefit.words.chinese import Chinese
from yibao_settlement.rules.benefit.words.english import English
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.words import policy_in_words


class Words(NamedTuple):
    """A policy in Chinese and in English; files of `yibao-policy/1` are told in Chinese alone."""

    zh: str
    en: str


def words_of(policy: AnyPolicy) -> Words:
    """Returns a policy in words, a line for each of its rows."""
    if isinstance(policy, Policy):
        return Words(policy_in_words(policy), "")
    return Words(
        *(
            "\n".join(each.text for each in tell.policy_in_words(policy, language))
            for language in (Chinese(), English())
        )
    )
