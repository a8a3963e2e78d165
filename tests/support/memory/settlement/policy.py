"""Policies in memory."""

import dataclasses
import datetime as dt

from yibao_settlement.application.policy import PolicyPlace, PolicyRows, PolicyWish
from yibao_settlement.application.reference import DatedPolicy
from yibao_settlement.files.policy.any_file import load_any_policy
from yibao_settlement.rules.policy.version import PolicyState, PolicyVersion, SettledBills


@dataclasses.dataclass
class MemoryPolicies(PolicyRows):
    """Policies of one region by version."""

    rows: dict[str, PolicyVersion] = dataclasses.field(default_factory=dict)
    # What stands settled, of whichever days.
    settlement_ids: list[str] = dataclasses.field(default_factory=list)

    def find(self, policy_version: str) -> PolicyVersion | None:
        return self.rows.get(policy_version)

    def active(self, insurance_type: str) -> list[PolicyVersion]:
        return [
            each
            for each in self.rows.values()
            if each.state is PolicyState.ACTIVE and each.insurance_type == insurance_type
        ]

    def settled(self, policy: PolicyVersion, *, most_ids: int) -> SettledBills:
        return SettledBills(len(self.settlement_ids), tuple(self.settlement_ids[:most_ids]))

    def page(
        self, wish: PolicyWish, *, after: PolicyPlace | None, limit: int
    ) -> list[PolicyVersion]:
        last = dt.date.max
        found = [
            each
            for each in self.rows.values()
            if wish.insurance_type in (None, each.insurance_type)
            and (each.approve_time is not None or not wish.is_approved)
            and wish.state in (None, each.state)
            and wish.is_ended in (None, (each.end_date or last) < wish.today)
            and (wish.day is None or each.start_date <= wish.day <= (each.end_date or last))
        ]
        found.sort(key=_place_of, reverse=True)
        return [each for each in found if after is None or _place_of(each) < after][:limit]

    def dated(self) -> list[DatedPolicy]:
        """Returns those in force, compiled."""
        return [
            DatedPolicy(load_any_policy(each.policy_file, name=""), each.start_date, each.end_date)
            for each in self.rows.values()
            if each.state is PolicyState.ACTIVE
        ]

    def insert(self, draft: PolicyVersion) -> None:
        assert draft.policy_version not in self.rows
        self.rows[draft.policy_version] = draft

    def update(self, policy: PolicyVersion) -> None:
        assert policy.policy_version in self.rows
        self.rows[policy.policy_version] = policy


def _place_of(version: PolicyVersion) -> PolicyPlace:
    return PolicyPlace(version.start_date, version.policy_version)
