"""Acts of days in memory."""

import dataclasses
import datetime as dt
from collections.abc import Collection

from yibao_settlement.application.day.rows import DayRows, DaySum
from yibao_settlement.application.outcome.state import AskedRequest
from yibao_settlement.rules.day.act import DayAct, DaySpan


@dataclasses.dataclass
class MemoryDays(DayRows):
    """What institutions did, by institution, and what requests were answered."""

    done: dict[str, list[DayAct]] = dataclasses.field(default_factory=dict)
    summed: dict[str, list[DaySum]] = dataclasses.field(default_factory=dict)
    answered: dict[str, AskedRequest] = dataclasses.field(default_factory=dict)

    def acts(
        self, institution_id: str, span: DaySpan, *, after: str, until: str, limit: int
    ) -> list[DayAct]:
        found = [
            act
            for act in self._within(institution_id, span)
            if act.request_id > after and (not until or act.request_id <= until)
        ]
        return sorted(found, key=lambda act: (act.request_id, act.act_time, act.act_id))[:limit]

    def acts_of_settlements(
        self, institution_id: str, span: DaySpan, settlement_ids: Collection[str]
    ) -> list[DayAct]:
        found = self._within(institution_id, span)
        return [act for act in found if act.settlement_id in settlement_ids]

    def sums(self, institution_id: str, span: DaySpan) -> list[DaySum]:
        return self.summed.get(institution_id, [])

    def asked(
        self, institution_id: str, request_ids: Collection[str], before: dt.datetime
    ) -> dict[str, AskedRequest]:
        found = [self.answered[each] for each in request_ids if each in self.answered]
        return {each.request_id: each for each in found if each.answer_time < before}

    def _within(self, institution_id: str, span: DaySpan) -> list[DayAct]:
        acts = self.done.get(institution_id, [])
        return [act for act in acts if span.start <= act.act_time < span.end]
