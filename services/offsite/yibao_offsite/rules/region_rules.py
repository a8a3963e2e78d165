"""What a region asks for care elsewhere (备案规则), as data: see `files/region_rules.py`."""

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass

from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.registration.kinds import Basis, Benefit, Category, Channel, Terms

# What both databases tell apart.
_NEXT = dt.timedelta(microseconds=1)


class Places(enum.Enum):
    """Whether a person may be registered at several places at once."""

    ALWAYS = "always"
    WITH_PROOF = "with_proof"
    NEVER = "never"


class Until(enum.Enum):
    """How long cover lasts where it lasts no number of months."""

    CHANGED = "until_changed"
    VISIT = "visit"


@dataclass(frozen=True, slots=True)
class BasisRules:
    """What is asked on one basis, and what it gives.

    Of each of `papers`, kinds that stand for each other, one is asked. `cover` are months.
    Changing and cancelling by wish is barred for `change_after_months`.
    """

    papers: tuple[tuple[str, ...], ...]
    cover: Until | int
    change_after_months: int


@dataclass(frozen=True, slots=True)
class CategoryRules:
    """What a region asks for one category, and what it gives.

    A stay lasts longer than `least_stay_months`, 0 where it may be of any length. Cover
    begins at most `late_days` before the day of application, `urgent_late_days` where a
    referral is urgent. By the channels of `second_operator` a second person decides; what
    is granted at once by those of `checked_after` is checked afterwards.
    """

    category: Category
    terms: Terms
    benefits: tuple[Benefit, ...]
    bases: Mapping[Basis, BasisRules]
    least_stay_months: int
    late_days: int
    urgent_late_days: int
    channels: frozenset[Channel]
    second_operator: frozenset[Channel]
    checked_after: frozenset[Channel]
    several_places: Places
    needs_pre_evaluation: bool
    needs_history_file: bool


@dataclass(frozen=True, slots=True)
class RegionRules:
    """What a region asks of registrations; `version` is the SHA-256 of its file."""

    version: str
    categories: Mapping[Category, CategoryRules]
    excluded_provinces: frozenset[str]
    self_service_limit_months: int
    check_days: int
    decision_days: int
    expiry_notice_days: int
    referring_institutions: frozenset[str]

    @property
    def several_places(self) -> Mapping[Category, Places]:
        """Whether a person may be registered at several places at once, by category."""
        return {category: each.several_places for category, each in self.categories.items()}


@dataclass(frozen=True, slots=True)
class StoredRules:
    """A file of rules of a region, submitted by a maker and approved by a checker."""

    region: str
    rules_version: str
    effective_date: dt.date
    contents: bytes
    maker: str
    submit_time: dt.datetime
    checker: str | None = None
    approve_time: dt.datetime | None = None


def check_submitted_again(known: StoredRules, *, effective_date: dt.date) -> None:
    """Checks that what is submitted again is still a draft for the same day.

    Raises:
        RuleError: OFFSITE_RULES_STATE.
    """
    if known.approve_time is not None or known.effective_date != effective_date:
        raise _state(known)


def approve_rules(
    draft: StoredRules | None,
    rules_version: str,
    *,
    checker: str,
    now: dt.datetime,
    last_time: dt.datetime | None,
) -> StoredRules:
    """Returns a draft, approved behind all that were: `last_time` is when the last ones were.

    Of rules of one first day those count that were approved last. Some that were approved by a
    clock ahead would else outrank their correction for good.

    Raises:
        RuleError: OFFSITE_RULES_NOT_FOUND, OFFSITE_RULES_STATE, SAME_MAKER_AND_CHECKER.
    """
    if draft is None:
        raise rules_not_found(rules_version)
    if draft.approve_time is not None:
        raise _state(draft)
    check_another(draft.maker, checker)
    return StoredRules(
        draft.region,
        draft.rules_version,
        draft.effective_date,
        draft.contents,
        draft.maker,
        draft.submit_time,
        checker,
        now if last_time is None else max(now, last_time + _NEXT),
    )


def check_another(maker: str, checker: str) -> None:
    """Raises RuleError SAME_MAKER_AND_CHECKER where the two are one."""
    if is_same_operator(maker, checker):
        raise RuleError(Reason.SAME_MAKER_AND_CHECKER, "maker and checker are the same")


def rules_not_found(rules_version: str) -> RuleError:
    """Returns the refusal of unknown rules."""
    return RuleError(
        Reason.OFFSITE_RULES_NOT_FOUND,
        f"rules {rules_version} do not exist",
        rules_version=rules_version,
    )


def _state(rules: StoredRules) -> RuleError:
    effective = rules.effective_date.isoformat()
    return RuleError(
        Reason.OFFSITE_RULES_STATE,
        f"rules {rules.rules_version} are submitted for {effective} already",
        rules_version=rules.rules_version,
        effective_date=effective,
    )
