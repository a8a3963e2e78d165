"""Everything that is to be said of a policy file before it is submitted."""

from typing import NamedTuple

from yibao_common.files.yaml_file import YamlFile
from yibao_common.values.errors import FieldFault, RuleError
from yibao_settlement.files.policy.file import line_and_key, load_policy, parse_policy
from yibao_settlement.files.policy.schema import STEP_MODELS
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

    policy: Policy | None
    faults: tuple[FieldFault, ...]
    warnings: tuple[PolicyWarning, ...]


def check_policy(contents: bytes, *, name: str) -> PolicyCheck:
    """Returns the policy in a file with its warnings, or every mistake of the file.

    `name` is how messages call the file. Tries some thousand bills: takes a second at worst.
    """
    try:
        policy = load_policy(contents, name=name)
    except RuleError as refusal:
        return PolicyCheck(None, refusal.faults, ())
    file = parse_policy(contents, name=name)
    warnings = (_warning(file, policy, doubt, name=name) for doubt in doubts_of(policy))
    return PolicyCheck(policy, (), tuple(sorted(warnings)))


def _warning(file: YamlFile, policy: Policy, doubt: Doubt, *, name: str) -> PolicyWarning:
    path = doubt.place
    if doubt.step is not None:
        made = type(policy.steps[doubt.step])
        kind = next(kind for kind, model in STEP_MODELS.items() if model.makes is made)
        path = ("steps", doubt.step, kind, *path)
    place = file.fault(path, doubt.message)
    line, key = line_and_key(place, name=name)
    return PolicyWarning(line, key, doubt.message, doubt.message_zh)
