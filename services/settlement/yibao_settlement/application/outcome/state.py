"""What is known of a request that somebody asks for."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from yibao_common.commands.request import FENCED_METHOD
from yibao_settlement.rules.day.act import DayAct


class AskedRequest(NamedTuple):
    """That a request was answered, or fenced.

    `response` is None where the answer is gone, `institution_id` where it was not kept whose
    request it was, and empty where it was no institution's. `acts` are what it did of
    settlements of the institution that asks, where the answer does not tell any more.
    """

    request_id: str
    method: str
    answer_time: dt.datetime
    institution_id: str | None
    response: bytes | None
    acts: Sequence[DayAct] = ()

    @property
    def is_fence(self) -> bool:
        """Whether nothing was booked, and nothing will be."""
        return self.method == FENCED_METHOD


class Made(NamedTuple):
    """What a request made, by their ids; `institution_id` is whose it is, empty if not told."""

    institution_id: str = ""
    settlement_id: str = ""
    reversal_id: str = ""
    refund_id: str = ""
    hold_id: str = ""
    visit_id: str = ""


class RequestOutcome(NamedTuple):
    """What became of a request; `made` is None where nothing was booked.

    `outcome_time` is when it was booked, or from when on it is fenced.
    """

    request_id: str
    outcome_time: dt.datetime
    method: str = ""
    made: Made | None = None
