"""Doubts about care: care types that a file decides, or leaves to the person, without a word.

A care type is named by its code, or by a pattern such as `14*` whose care types are of one kind;
`*` names nothing. What is refused needs no name: nobody pays it wrongly.
"""

from collections.abc import Iterator, Sequence

from yibao_settlement.rules.benefit.conditions import Among, Condition
from yibao_settlement.rules.benefit.doubts.doubt import KEYS, Doubt, DoubtKind
from yibao_settlement.rules.benefit.doubts.gaps import placed_tables
from yibao_settlement.rules.benefit.policy import BenefitPolicy, care_group_of
from yibao_settlement.rules.benefit.refused_care import refused_care
from yibao_settlement.rules.benefit.wording import code_zh
from yibao_settlement.rules.care_type import CARE_TYPE, CARE_TYPES, is_named_by


def doubts_of_care(policy: BenefitPolicy) -> Iterator[Doubt]:
    """Yields care groups that take more than they name, then care that no group has."""
    named = {
        code
        for condition in _conditions(policy)
        for fact, matcher in condition.matchers
        if fact == CARE_TYPE and isinstance(matcher, Among)
        for code in matcher.codes
    }
    refused = refused_care(policy)
    unnamed: dict[str, list[str]] = {}
    for code in CARE_TYPES:
        group = care_group_of(policy, code)
        if code not in named and not _names(policy, group, code) and code not in refused:
            unnamed.setdefault(group, []).append(code)
    for care_group in policy.care_groups:
        if codes := unnamed.get(care_group.name):
            place = ("care_groups", care_group.name)
            yield Doubt(DoubtKind.UNNAMED_CARE, "", place, *taken_along(codes))
    if codes := unnamed.get(""):
        yield _of_no_group(policy, codes)


def _conditions(policy: BenefitPolicy) -> Iterator[Condition]:
    yield from (step.applies for step in policy.steps)
    for placed in placed_tables(policy):
        yield from (row.when for row in placed.table.rows if row.when is not None)


def _names(policy: BenefitPolicy, name: str, code: str) -> bool:
    """Tells whether a pattern of a care group names a care type."""
    patterns = (
        each for group in policy.care_groups if group.name == name for each in group.patterns
    )
    return any(is_named_by(pattern, code) for pattern in patterns)


def taken_along(codes: Sequence[str]) -> tuple[str, str]:
    """Returns what is told of a care group with care types that nothing names."""
    named = "、".join(code_zh(CARE_TYPE, code) for code in codes)
    return (
        f"by * it is also of care that the file does not name: {', '.join(codes)}; such bills "
        "are decided by the terms of this group. Name the care types that these are meant for",
        f"本组因 * 还包括文件未写明的医疗类别：{named}；此类单据按本组待遇结算。"
        "请逐一写明适用本组待遇的医疗类别",
    )


def _of_no_group(policy: BenefitPolicy, codes: Sequence[str]) -> Doubt:
    named = "、".join(code_zh(CARE_TYPE, code) for code in codes)
    first = policy.steps[0]
    return Doubt(
        DoubtKind.UNNAMED_CARE,
        "",
        ("care_groups",) if policy.care_groups else ("steps", 0, KEYS[type(first)]),
        f"care that the file does not name is settled: {', '.join(codes)}; steps that apply to "
        "care groups pass it by, and the person bears what the others leave. Let "
        f"{first.id} refuse it: by: [care_group], with a row for the groups that are meant",
        f"文件未写明的医疗类别也会结算：{named}；限定医疗类别组的步骤对其不适用，"
        f"其余费用由个人负担。请在 {first.id} 写 by: [care_group]，"
        "只为适用的医疗类别组写行，其他类别即被拒绝",
    )
