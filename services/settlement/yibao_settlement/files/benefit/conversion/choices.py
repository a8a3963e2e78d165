"""What a clerk decides of a conversion, and what cannot be converted."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason


class CapScope(enum.Enum):
    """What a limit of the year counts: the step's own payments, or all of its fund."""

    OWN = "own"
    FUND = "fund"


@dataclass(frozen=True, slots=True)
class Choices:
    """Decisions that the file does not say.

    With `by_stay`, what was of each bill is of each stay, as was meant; without, amounts of
    every bill stay the same. `caps` says what the limits of steps count, by step id.
    """

    by_stay: bool = False
    caps: Mapping[str, CapScope] = field(default_factory=dict)


def cannot_convert(step_id: str, why: str) -> RuleError:
    """Makes the refusal of a file that a person must convert, or decide of."""
    return RuleError(Reason.POLICY_FILE_INVALID, f"step {step_id} cannot be converted: {why}")
