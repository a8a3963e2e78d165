"""A policy of either format in words, row by row, in Chinese and English."""

from collections.abc import Iterator
from typing import NamedTuple

from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.benefit.wording import code_zh
from yibao_settlement.rules.benefit.words import tell
from yibao_settlement.rules.benefit.words.chinese import Chinese
from yibao_settlement.rules.benefit.words.declared import declarations_of
from yibao_settlement.rules.benefit.words.english import English
from yibao_settlement.rules.care_type import CARE_TYPE
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.policy.funds import INSURANCE_NAMES_ZH
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.step import PolicyStep
from yibao_settlement.rules.policy.words import step_in_words
from yibao_settlement.rules.policy.words_en import step_in_english


class Told(NamedTuple):
    """What is said by one row of a policy; `clause` cites document and clause, or is empty.

    `owner` is the id of a step or the name of a counter, empty for what the policy says of
    itself; `key` is what tells the row from the owner's others.
    """

    owner: str
    key: str
    text_zh: str
    text_en: str
    clause: str


def tell_policy(policy: AnyPolicy) -> tuple[Told, ...]:
    """Returns what a policy says: of itself, then the rows of its steps, then counters."""
    rows = _of_steps(policy) if isinstance(policy, Policy) else _of_benefits(policy)
    return (*_of_head(policy), *rows)


def _of_head(policy: AnyPolicy) -> Iterator[Told]:
    insurance = policy.insurance_type
    insurance_zh = INSURANCE_NAMES_ZH.get(insurance, "险种")
    first = policy.start_date.isoformat()
    last = None if policy.end_date is None else policy.end_date.isoformat()
    order = [step.id for step in policy.steps]
    for key, zh, en in (
        (
            "title",
            f"{policy.title_zh}（{policy.policy_id}）",
            f"{policy.title} ({policy.policy_id})",
        ),
        (
            "insurance_type",
            f"统筹区 {policy.region}，{insurance_zh}（{insurance}）",
            f"Region {policy.region}, insurance type {insurance}",
        ),
        ("start_date", f"费用日期自 {first} 起", f"For service dates from {first} on"),
        (
            "end_date",
            "至另行通知为止" if last is None else f"至 {last} 止",
            "Until further notice" if last is None else f"Until {last}",
        ),
        ("steps", f"步骤顺序：{'、'.join(order)}", f"Steps in order: {', '.join(order)}"),
    ):
        yield Told("", key, zh, en, "")
    for group in policy.care_groups:
        patterns = group.patterns
        zh = f"医疗类别组 {group.name}：{'、'.join(code_zh(CARE_TYPE, each) for each in patterns)}"
        en = f"Care group {group.name}: {', '.join(patterns)}"
        yield Told("", f"care_groups.{group.name}", zh, en, "")


def _of_benefits(policy: BenefitPolicy) -> Iterator[Told]:
    for each in declarations_of(policy):
        yield Told("", *each, "")
    # Both languages tell the same rows in the same order.
    for zh, en in zip(
        tell.policy_in_words(policy, Chinese()),
        tell.policy_in_words(policy, English()),
        strict=True,
    ):
        yield Told(en.owner, en.key, zh.text, en.text, en.clause)


def _of_steps(policy: Policy) -> Iterator[Told]:
    for step in policy.steps:
        yield from _of_step(policy, step)


def _of_step(policy: Policy, step: PolicyStep) -> Iterator[Told]:
    zh, en = step_in_words(policy, step), step_in_english(policy, step)
    title_zh, title = f"{step.id} {step.title_zh}", f"{step.id} {step.title}"
    if zh.heads:
        heads_zh, heads = "；".join(zh.heads), "; ".join(en.heads)
        yield Told(step.id, "", f"{title_zh}：{heads_zh}。", f"{title}: {heads}.", step.clause)
    clauses = [row.clause for row in step.rows]
    for clause, (when_zh, text_zh), (when, text) in zip(clauses, zh.rows, en.rows, strict=True):
        said_zh = f"{when_zh}，{text_zh}" if when_zh else text_zh
        said = f"{when}: {text}" if when else text
        key = f"rows {when}"
        yield Told(step.id, key, f"{title_zh}：{said_zh}。", f"{title}: {said}.", clause)
