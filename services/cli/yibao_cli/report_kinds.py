"""What figures are told by, as typed; their numbers are those of the contract."""

import enum


class ActsBy(enum.StrEnum):
    """What acts are told by."""

    DAY = "day"
    MONTH = "month"
    INSTITUTION = "institution"
    INSURANCE_TYPE = "insurance-type"
    CARE_TYPE = "care-type"
    FUND = "fund"


class RefusalsBy(enum.StrEnum):
    """What refusals are told by."""

    REASON = "reason"
    INSTITUTION = "institution"
    METHOD = "method"
    DAY = "day"


def number_of(kind: ActsBy | RefusalsBy) -> int:
    """Returns its number in the contract, where zero is not valid."""
    return list(type(kind)).index(kind) + 1
