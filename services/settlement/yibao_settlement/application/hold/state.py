"""A hold, and what a batch knows and writes of holds."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from yibao_settlement.application.settlement.record import Adjustment, SettlementRecord
from yibao_settlement.rules.hold import (
    HoldState,
    Reserved,
    hold_confirmed,
    hold_expired,
    hold_released,
)
from yibao_settlement.rules.review import Finding
from yibao_settlement.rules.stay import StandingBill


class Hold(NamedTuple):
    """A held bill.

    `record` is what its bill was decided to cost, under the id of the hold, which is its place
    too; its adjustment is what moved since, which is not posted before it is confirmed.
    `holder_id` is who holds the account of the record's person by now. `findings` open a case
    once it is settled. What ended it is None while it is HELD; `settlement_id` is what it
    became.
    """

    record: SettlementRecord
    holder_id: str
    expire_time: dt.datetime
    findings: tuple[Finding, ...] = ()
    state: HoldState = HoldState.HELD
    end_time: dt.datetime | None = None
    end_reason: str | None = None
    ended_by: str | None = None
    settlement_id: str | None = None

    @property
    def hold_id(self) -> str:
        """Its id."""
        return self.record.settlement_id

    @property
    def reserved(self) -> Reserved:
        """What it reserves of the account."""
        record = self.record
        return Reserved(record.account_fen, record.carried.paid_fen, record.settle_time)

    @property
    def standing_bill(self) -> StandingBill:
        """How its bill stands for others of the visit and of the person."""
        record = self.record
        return StandingBill(
            self.hold_id,
            record.service_date,
            record.is_interim,
            record.total_fen,
            record.marks.lines,
            record.marks.items,
        )

    def has_run_out(self, now: dt.datetime) -> bool:
        """Tells whether its time is over."""
        return self.expire_time <= now

    def check_held(self, now: dt.datetime) -> None:
        """Raises RuleError HOLD_EXPIRED, HOLD_RELEASED or HOLD_CONFIRMED where it is not."""
        if self.settlement_id is not None:
            raise hold_confirmed(self.hold_id, self.settlement_id)
        if self.state is HoldState.RELEASED:
            raise hold_released(self.hold_id)
        if self.state is HoldState.EXPIRED or self.has_run_out(now):
            raise hold_expired(self.hold_id, self.expire_time)

    def moved(self, adjustment: Adjustment) -> "Hold":
        """Returns it with another effective column."""
        return self._replace(record=self.record._replace(adjustment=adjustment))


class HoldRequest(NamedTuple):
    """What became of a request of an institution to hold a bill.

    It made a hold; or it was released before it came, by whom and why.
    """

    request_id: str
    institution_id: str
    hold_id: str | None = None
    release_time: dt.datetime | None = None
    release_reason: str | None = None
    released_by: str | None = None


@dataclass(slots=True)
class Holds:
    """The holds of persons that the batch concerns, and those that commands named."""

    by_id: dict[str, Hold] = field(default_factory=dict)
    # Those that are new, those of before that changed, and persons whose first hold runs out
    # at another time.
    new: list[str] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    holder_ids: set[str] = field(default_factory=set)
    # By institution and request; and those that are new.
    requests: dict[tuple[str, str], HoldRequest] = field(default_factory=dict)
    new_requests: list[tuple[str, str]] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.by_id)

    def put(self, hold: Hold) -> None:
        """Keeps a hold as it is now."""
        if hold.hold_id not in self.by_id:
            self.new.append(hold.hold_id)
        elif hold.hold_id not in self.new:
            self.changed.add(hold.hold_id)
        self.by_id[hold.hold_id] = hold

    def put_request(self, request: HoldRequest) -> None:
        """Keeps what became of a request that is new."""
        key = request.institution_id, request.request_id
        self.requests[key] = request
        self.new_requests.append(key)

    def held(self) -> Iterable[Hold]:
        """Yields those that are HELD."""
        return (each for each in self.by_id.values() if each.state is HoldState.HELD)

    def of(self, holder_id: str) -> list[Hold]:
        """Returns those of a person that are HELD."""
        return [each for each in self.held() if each.holder_id == holder_id]

    def run_out(self, now: dt.datetime) -> list[Hold]:
        """Returns those that are HELD and whose time is over, the first one first."""
        found = [each for each in self.held() if each.has_run_out(now)]
        return sorted(found, key=lambda each: (each.expire_time, each.hold_id))
