"""Everything that is to be said of a policy file before it is submitted."""

from typing import NamedTuple

from yibao_common.files.yaml_file import YamlFile
from yibao_common.values.errors import FieldFault, RuleError
from yibao_settlement.files.benefit.check import BenefitWarning, warnings_of
from yibao_settlement.files.policy.any_file import read_any_policy
from yibao_settlement.files.policy.file import line_and_key, parse_policy
from yibao_settlement.files.policy.schema import STEP_MODELS
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.policy.doubts import Doubt, doubts_of
from yibao_settlement.rules.policy.policy import Policy


class PolicyWarning(NamedTuple):
    """What the author of a file probably did not mean: line, key, in English and Chinese."""

    line: int
    key: str
    message: str
    message_zh: str


class PolicyCheck(NamedTuple):
    """What was found in a file: its policy, or every mistake; and what is probably not meant."""

    policy: AnyPolicy | None
    faults: tuple[FieldFault, ...]
    warnings: tuple[PolicyWarning | BenefitWarning, ...]


def check_policy(contents: bytes, *, name: str) -> PolicyCheck:
    """Returns the policy in a file of either format with its warnings, or every mistake.

    `name` is how messages call the file. Tries some thousand bills: takes a second at worst.
    """
    try:
        file = parse_policy(contents, name=name)
        policy = read_any_policy(file, contents)
    except RuleError as refusal:
        return PolicyCheck(None, refusal.faults, ())
    if isinstance(policy, Policy):
        warnings = (_warning(file, policy, doubt) for doubt in doubts_of(policy))
        return PolicyCheck(policy, (), tuple(sorted(warnings)))
    return PolicyCheck(policy, (), warnings_of(file, policy))


def _warning(file: YamlFile, policy: Policy, doubt: Doubt) -> PolicyWarning:
    path = doubt.place
    if doubt.step is not None:
        made = type(policy.steps[doubt.step])
        kind = next(kind for kind, model in STEP_MODELS.items() if model.makes is made)
        path = ("steps", doubt.step, kind, *path)
    place = file.fault(path, doubt.message)
    line, key = line_and_key(place, name=file.name)
    return PolicyWarning(line, key, doubt.message, doubt.message_zh)
