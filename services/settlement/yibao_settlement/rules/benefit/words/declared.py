"""What a policy of `yibao-policy/2` declares beside its steps, in Chinese and English."""

from collections.abc import Iterator
from typing import NamedTuple

from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.benefit.refused_care import refused_care
from yibao_settlement.rules.benefit.steps import ClassifyStep
from yibao_settlement.rules.benefit.windows import Count, NewYear, SplitDeductible
from yibao_settlement.rules.benefit.wording import code_zh, fact_zh
from yibao_settlement.rules.benefit.words import chinese, english
from yibao_settlement.rules.care_type import CARE_TYPE

_NEW_YEAR_ZH = {
    NewYear.DISCHARGE: "跨年住院计入出院所在年度",
    NewYear.ADMISSION: "跨年住院计入入院所在年度",
    NewYear.SPLIT: "跨年住院按费用日期分属两个年度",
}
_NEW_YEAR = {
    NewYear.DISCHARGE: "a stay over New Year is of the year of its discharge",
    NewYear.ADMISSION: "a stay over New Year is of the year of its admission",
    NewYear.SPLIT: "a stay over New Year is split by the days of its lines",
}
_SPLIT_ZH = {
    SplitDeductible.ONCE: "起付线只计一次",
    SplitDeductible.MAKE_UP: "起付线按新年度标准补差",
    SplitDeductible.AGAIN: "新年度重新计起付线",
}
_SPLIT = {
    SplitDeductible.ONCE: "with one deductible",
    SplitDeductible.MAKE_UP: "and bears what the new year's deductible is more",
    SplitDeductible.AGAIN: "and bears the new year's deductible again",
}


class Declaration(NamedTuple):
    """What a policy declares under a key of its file, such as `care_groups.inpatient`."""

    key: str
    zh: str
    en: str


def declarations_of(policy: BenefitPolicy) -> Iterator[Declaration]:
    """Yields line groups, windows, counts and parameters, in the order of a file, then what the
    policy refuses.
    """
    for group in policy.line_groups:
        told = [", ".join(codes) for codes in (group.classes, group.item_groups) if codes]
        fits = " + ".join(told)
        yield Declaration(
            f"line_groups.{group.name}",
            f"费用分组 {group.name}：{fits}",
            f"Line group {group.name}: {fits}",
        )
    yield from _windows(policy)
    for count in policy.counts:
        yield Declaration(f"counts.{count.name}", _count_zh(count), _count(count))
    for parameter in policy.parameters:
        for value in parameter.values:
            day = value.start_date.isoformat()
            yield Declaration(
                f"parameters.{parameter.name} {day}",
                f"基数 {parameter.name}：自 {day} 起 {chinese.money(value.fen)}",
                f"Parameter {parameter.name}: {english.money(value.fen)} from {day} on",
            )
    if any(isinstance(step, ClassifyStep) and step.refuses_out_of_cover for step in policy.steps):
        yield Declaration(
            "out_of_cover",
            "参保期以外的费用：拒绝结算",
            "Lines of days without cover: the bill is refused",
        )
    if refused := refused_care(policy):
        named = "、".join(code_zh(CARE_TYPE, code) for code in refused)
        yield Declaration(
            "refused_care",
            f"拒绝结算的医疗类别：{named}",
            f"Care types of which bills are refused: {', '.join(refused)}",
        )


def _windows(policy: BenefitPolicy) -> Iterator[Declaration]:
    windows = policy.windows
    if windows.joins_transfers_within_days is not None:
        days = windows.joins_transfers_within_days
        yield Declaration(
            "windows.stay.joins_transfers_within_days",
            f"转院后 {days} 日内入院的，视为同一次住院",
            f"A transfer admitted within {days} days goes on the same stay",
        )
    if windows.facts_of_admission:
        yield Declaration(
            "windows.stay.facts",
            "参保人信息以入院时为准",
            "Facts of the person are those of the admission",
        )
    if windows.period_days is not None:
        yield Declaration(
            "windows.period",
            f"结算期：自入院起每 {windows.period_days} 日",
            f"A period has {windows.period_days} days from the admission",
        )
    month, day = windows.year_starts
    split = windows.new_year is NewYear.SPLIT
    zh = f"，{_SPLIT_ZH[windows.split_deductible]}" if split else ""
    en = f" {_SPLIT[windows.split_deductible]}" if split else ""
    yield Declaration(
        "windows.year",
        f"年度自 {month} 月 {day} 日起；{_NEW_YEAR_ZH[windows.new_year]}{zh}",
        f"A year starts on {month:02}-{day:02}; {_NEW_YEAR[windows.new_year]}{en}",
    )


def _count_zh(count: Count) -> str:
    per = f"，按{'、'.join(fact_zh(fact) for fact in count.per)}分别计" if count.per else ""
    only = f"，仅限 {'、'.join(count.care_groups)}" if count.care_groups is not None else ""
    of, within = chinese.SPANS[count.of], chinese.SPANS[count.within]
    return f"次数 {count.name}：{of}计一次，{within}重新计{per}{only}"


def _count(count: Count) -> str:
    per = f", by {', '.join(count.per)}" if count.per else ""
    only = f", only of {', '.join(count.care_groups)}" if count.care_groups is not None else ""
    of, within = count.of.value, count.within.value
    return f"Count {count.name}: the number of the {of} in its {within}{per}{only}"
