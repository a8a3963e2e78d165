"""Reference data as bills are decided by it: institutions, catalogue and policies of a region."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.bill import CatalogueItem, item_on
from yibao_settlement.rules.elsewhere.place import place_of
from yibao_settlement.rules.elsewhere.terms import NO_TERMS, ElsewhereTerms
from yibao_settlement.rules.institution.scope import InstitutionScope, scope_on
from yibao_settlement.rules.institution.suspension import NOBODY_SUSPENDED, Suspended
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.visit import Institution

# Bills are of the last days; late ones are few.
_DAYS_MAX = 32


class ReferenceRows(Protocol):
    """The mark of a region's reference data, as one transaction that changes them moves it."""

    def raise_epoch(self) -> None:
        """Raises the region's epoch, so that every process reads the data again.

        Locks it until the transaction ends.
        """
        ...

    def policies(self) -> "Sequence[DatedPolicy]":
        """Returns every active policy of the region."""
        ...


@dataclass(frozen=True, slots=True)
class DatedPolicy:
    """An active policy and the service dates that it decides, both ends included."""

    policy: AnyPolicy
    start_date: dt.date
    end_date: dt.date | None


class LineTerms(NamedTuple):
    """What a region says of lines that nothing can be paid for.

    `unmapped_is_own_cost`: a line whose own code is mapped to nothing is the person's own cost,
    and not refused. `suspended_is_borne`: what somebody suspended ordered is the institution's
    own cost, and not refused to be corrected.
    """

    unmapped_is_own_cost: bool = False
    suspended_is_borne: bool = False


NO_LINE_TERMS = LineTerms()


class Served(NamedTuple):
    """The regions that are served: at institutions of each, persons of the others are treated."""

    regions: tuple[str, ...] = ()

    def place_of(self, institution_id: str) -> str | None:
        """Returns the region of which an institution is by its code, or None where none is."""
        return place_of(institution_id, self.regions)


SERVES_NONE = Served()


@dataclass(slots=True)
class Reference:
    """The reference data of one region at one epoch.

    `rows_by_code` are the catalogue's rows of the codes that were asked for so far. Where
    `has_versions` some are of versions of the lists.
    """

    epoch: int
    policies: Mapping[str, Sequence[DatedPolicy]]
    institutions: Mapping[str, Institution]
    rows_by_code: dict[str, tuple[CatalogueItem, ...]] = field(default_factory=dict)
    # Whether a close of accounts counted anything of persons, so that bills have to ask.
    has_counted: bool = False
    items_by_day: dict[dt.date, dict[str, CatalogueItem | None]] = field(default_factory=dict)
    has_versions: bool = False
    scopes: Mapping[str, Sequence[InstitutionScope]] = field(default_factory=dict)
    suspended: Suspended = NOBODY_SUSPENDED
    line_terms: LineTerms = NO_LINE_TERMS
    elsewhere: ElsewhereTerms = NO_TERMS
    served: Served = SERVES_NONE

    def place_of(self, institution_id: str, *, today: dt.date) -> str | None:
        """Returns the region that is served of which an institution is by its code, or None.

        Where this region has an agreement with it today, it is treated as its own.
        """
        own = self.institutions.get(institution_id)
        if own is not None and own.start_date <= today <= (own.end_date or today):
            return None
        return self.served.place_of(institution_id)

    def institution(self, institution_id: str) -> Institution | None:
        """Returns the institution, or None where the region has no agreement with it."""
        return self.institutions.get(institution_id)

    def scope(self, institution_id: str, day: dt.date) -> InstitutionScope | None:
        """Returns what an institution is for on `day`, None where nothing was said."""
        return scope_on(self.scopes.get(institution_id, ()), day)

    def policy(self, insurance_type: str, day: dt.date) -> AnyPolicy | None:
        """Returns the active policy that decides `day`, or None."""
        for dated in self.policies.get(insurance_type, ()):
            if dated.start_date <= day and (dated.end_date is None or day <= dated.end_date):
                return dated.policy
        return None

    @property
    def has_benefit_policies(self) -> bool:
        """Whether any active policy is of the second format."""
        return any(
            isinstance(dated.policy, BenefitPolicy)
            for each in self.policies.values()
            for dated in each
        )

    def joins_transfers(self, day: dt.date) -> bool:
        """Whether a visit can go on with the stay of another, by a policy of `day`."""
        return any(
            policy.windows.joins_transfers_within_days is not None
            for policy in self.benefit_policies(day)
        )

    def benefit_policies(self, day: dt.date) -> list[BenefitPolicy]:
        """Returns the active policies of the second format that decide `day`."""
        return [
            dated.policy
            for each in self.policies.values()
            for dated in each
            if isinstance(dated.policy, BenefitPolicy)
            and dated.start_date <= day
            and (dated.end_date is None or day <= dated.end_date)
        ]

    def item(self, code: str, day: dt.date) -> CatalogueItem | None:
        """Returns the row in force on `day` of a code that was asked for, or None."""
        return item_on(self.rows_by_code.get(code, ()), day)

    def items(self, codes: Iterable[str], day: dt.date) -> Mapping[str, CatalogueItem | None]:
        """Returns the rows in force on `day`, at least those of `codes`; None if unknown."""
        found = self.items_by_day.get(day)
        if found is None:
            if len(self.items_by_day) >= _DAYS_MAX:
                self.items_by_day.clear()
            found = self.items_by_day[day] = {}
        for code in codes:
            if code not in found:
                found[code] = self.item(code, day)
        return found
