"""What is probably not meant in a file of `yibao-policy/2`, by line and key."""

from typing import NamedTuple

from yibao_common.files.yaml_file import YamlFile
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


def warnings_of(file: YamlFile, policy: BenefitPolicy) -> tuple[BenefitWarning, ...]:
    """Returns what is probably not meant in a file, in the order of lines."""
    warnings = []
    for doubt in doubts_of(policy):
        line, key = line_and_key(file.fault(doubt.place, doubt.message), name=file.name)
        told = (doubt.kind, doubt.owner, doubt.message, doubt.message_zh)
        warnings.append(BenefitWarning(line, key, *told))
    return tuple(sorted(warnings, key=lambda each: each.line))
