"""A benefit policy, compiled: what decides bills."""

import datetime as dt
from dataclasses import dataclass

from yibao_settlement.rules.policy.step import PolicyStep
from yibao_settlement.rules.policy.tables import CareGroup


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A benefit policy (待遇政策) of a region and insurance type, for service dates from
    `start_date` to `end_date`, both included.

    Immutable steps refer to amounts by their position in `amount_names`. `version` is the
    SHA-256 of the file in hexadecimal. `counted_groups` are the care groups whose bills some
    table counts. Identity is the object's: two policies are the same if their versions are.
    """

    policy_id: str
    version: str
    region: str
    insurance_type: str
    start_date: dt.date
    end_date: dt.date | None
    title: str
    title_zh: str
    care_groups: tuple[CareGroup, ...]
    counted_groups: tuple[str, ...]
    amount_names: tuple[str, ...]
    steps: tuple[PolicyStep, ...]
    trace_prefix: bytes


def make_trace_prefix(version: str, step_ids: tuple[str, ...]) -> bytes:
    """Returns what ties a `trace_digest` to a policy: its version and its step ids."""
    return "\n".join(("yibao-trace/1", version, *step_ids, "")).encode()
