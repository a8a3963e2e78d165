"""A warning about a policy: what it is, where it stands, in English and Chinese."""

import enum
from collections.abc import Iterator
from typing import NamedTuple

from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.benefit.steps import (
    AccountStep,
    AnyStep,
    ClassifyStep,
    DeductibleStep,
    GivenStep,
    TiersStep,
)

# Keys and positions from the top of the file: ("steps", 2, "tiers", "rows", 0, "brackets").
Place = tuple[str | int, ...]

KEYS: dict[type[AnyStep], str] = {
    ClassifyStep: "classify",
    GivenStep: "given",
    DeductibleStep: "deductible",
    TiersStep: "tiers",
    AccountStep: "account",
}


class DoubtKind(enum.Enum):
    """What can be doubtful, by the number under which warnings are shown."""

    SMALL_RATIO = "W1"
    FALLING_RATIO = "W2"
    UNKNOWN_FUND = "W3"
    NO_ROW = "W4"
    PART_OF_A_PAID_BASE = "W5"
    BRACKET_BELOW_DEDUCTIBLE = "W6"
    LIMIT_OUT_OF_REACH = "W7"
    ROUNDED_BRACKETS = "W8"
    SHARED_LIMIT = "W9"
    GROWING_DEDUCTIBLE = "W10"
    DEDUCTIBLE_WITHOUT_EFFECT = "W11"
    HIDDEN_CARE_GROUP = "W12"
    FUND_OF_OTHER_INSURANCE = "W13"
    UNKNOWN_INSURANCE = "W14"
    REFUSED_BILL = "W15"
    NOTHING_IN_BASE = "W16"
    SMALL_AMOUNT = "W17"
    UNNAMED_CARE = "W18"


class Doubt(NamedTuple):
    """A warning; `owner` is the id of a step or the name of a counter, empty for the policy."""

    kind: DoubtKind
    owner: str
    place: Place
    message: str
    message_zh: str


def placed_steps(policy: BenefitPolicy) -> Iterator[tuple[AnyStep, Place]]:
    """Yields the steps with the places of their mappings in the file."""
    for index, step in enumerate(policy.steps):
        yield step, ("steps", index, KEYS[type(step)])
