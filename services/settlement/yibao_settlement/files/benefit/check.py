"""Everything that is to be said of a file of `yibao-policy/2` before it is submitted."""

from typing import NamedTuple

from yibao_common.files.yaml_file import parse_yaml
from yibao_common.values.reasons import Reason
from yibao_settlement.files.benefit.file import load_benefit_policy
from yibao_settlement.files.policy.file import line_and_key
from yibao_settlement.rules.benefit.doubts.doubt import DoubtKind
from yibao_settlement.rules.benefit.doubts.find import doubts_of
from yibao_settlement.rules.benefit.policy import BenefitPolicy


class BenefitWarning(NamedTuple):
    """A doubt about a file: line, key, step or counter, in English and Chinese."""

    line: int
    key: str
    kind: DoubtKind
    owner: str
    message: str
    message_zh: str


class BenefitCheck(NamedTuple):
    """The policy in a file, and what is probably not meant in it, in the order of lines."""

    policy: BenefitPolicy
    warnings: tuple[BenefitWarning, ...]


def check_benefit_policy(contents: bytes, *, name: str) -> BenefitCheck:
    """Returns the policy in a file with its warnings; `name` is how messages call the file.

    Raises:
        RuleError: POLICY_FILE_INVALID, with a fault for every mistake.
    """
    policy = load_benefit_policy(contents, name=name)
    file = parse_yaml(contents, name=name, reason=Reason.POLICY_FILE_INVALID)
    warnings = []
    for doubt in doubts_of(policy):
        line, key = line_and_key(file.fault(doubt.place, doubt.message), name=name)
        told = (doubt.kind, doubt.owner, doubt.message, doubt.message_zh)
        warnings.append(BenefitWarning(line, key, *told))
    return BenefitCheck(policy, tuple(sorted(warnings, key=lambda each: each.line)))
