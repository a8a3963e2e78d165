"""What the window of a limit is called in sentences and on the sheet."""

from collections.abc import Mapping
from typing import NamedTuple

from yibao_settlement.rules.benefit.wording import fact_zh
from yibao_settlement.rules.statement.statement import LimitLeft


class Span(NamedTuple):
    """A window in both languages: what stands before a verb, and what ends an English clause."""

    zh: str
    en: str


# The window that this bill is of.
_RUNNING: Mapping[str, Span] = {
    "day": Span("当日", "on this day"),
    "month": Span("本月", "this month"),
    "period": Span("本结算期", "in this settlement period"),
    "stay": Span("本次就诊", "for this visit"),
    "year": Span("本年", "this year"),
}
# One that the next bill begins.
_NEW: Mapping[str, Span] = {
    "bill": Span("每次结算", "for each bill"),
    "period": Span("每个结算期", "in each settlement period"),
    "stay": Span("每次就诊", "for each visit"),
}
_RUNNING_STAY = Span("本次住院", "for this stay")
_NEW_STAY = Span("每次住院", "for each stay")


def span_of(limit: LimitLeft, *, is_stay: bool) -> Span:
    """Returns a limit's window, and by what it is divided; `is_stay` is of the care."""
    if limit.window == "stay" and is_stay:
        found = _RUNNING_STAY if limit.is_running else _NEW_STAY
    else:
        found = (_RUNNING if limit.is_running else _NEW)[limit.window]
    if not limit.per:
        return found
    by_zh = "、".join(f"同一{fact_zh(fact)}" for fact in limit.per)
    by_en = " and ".join(f"the same {fact.replace('_', ' ')}" for fact in limit.per)
    return Span(f"{found.zh}{by_zh}", f"{found.en} for {by_en}")
