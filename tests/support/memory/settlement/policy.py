"""Policies in memory."""

import dataclasses

from yibao_settlement.application.policy import PolicyRows
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
