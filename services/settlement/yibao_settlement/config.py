"""The configuration of the settlement service; `config.example.toml` documents each key."""

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field
from pydantic import model_validator as check_after

from yibao_common.process.config import (
    BatchConfig,
    FileName,
    FollowedConfig,
    Region,
    Regions,
    Section,
    ServiceConfig,
)
from yibao_settlement.application.reference import LineTerms
from yibao_settlement.rules.declaration.share import DEPOSIT_RATIO_MAX_PPM
from yibao_settlement.rules.elsewhere.cover import CategoryAsOf
from yibao_settlement.rules.elsewhere.registered import Benefit
from yibao_settlement.rules.elsewhere.terms import ElsewhereTerms
from yibao_settlement.rules.finding import RetiredCadres
from yibao_settlement.rules.institution.points import PointsTerms
from yibao_settlement.rules.presentation import RESOLVED_FOR_MAX
from yibao_settlement.rules.restating import OwnDebts

# Configuration is read strictly, where a word is no value of ours yet.
OwnDebtsWord = Annotated[OwnDebts, Field(strict=False)]
CategoryAsOfWord = Annotated[CategoryAsOf, Field(strict=False)]
BenefitWord = Literal["outpatient", "chronic", "pharmacy"]
PersonClass = Annotated[str, Field(pattern=r"^[0-9]{1,4}$")]
DustFen = Annotated[int, Field(ge=0, le=100_000)]
DepositRatioPpm = Annotated[int, Field(ge=0, le=DEPOSIT_RATIO_MAX_PPM)]
LimitFen = Annotated[int, Field(ge=1, le=100_000_000)]
InsuranceType = Annotated[str, Field(pattern=r"^[0-9]{3}$")]


class IdentityConfig(FollowedConfig):
    """Where identity is, what is learnt from it and which root its trust rests on."""

    # The pinned root of trust: `root-1.cose` of the key ceremony, or a later one.
    root_file: FileName
    # Keeps what codes are verified against over a restart, and what must never go back.
    trust_folder: FileName | None = None
    # How often that is renewed: a killed key is known here after so long.
    trust_seconds: float = Field(default=60, ge=0.1, le=3600)


class VisitsConfig(Section):
    """What regions ask of visits beyond what all do."""

    # Where the last bill of a stay is settled after its discharge alone.
    discharge_required_in: Regions | None = None


class AccountsConfig(Section):
    """What regions say of personal accounts."""

    # Where an account pays of earlier years' money first, unless a policy says otherwise.
    carried_first_in: Regions | None = None
    # Where nobody pays money of the own into an account (I-29).
    no_recharge_in: Regions | None = None
    # By region: nobody is asked for a difference of less, see `DIFFERENCE_DUST_FEN`.
    difference_dust_fen: dict[Region, DustFen] | None = None
    # By region: a credit of more takes effect once a second person confirms it.
    second_person_above_fen: dict[Region, LimitFen] | None = None


class CatalogueConfig(Section):
    """What regions say of the catalogue."""

    # Where ceilings and first self-pay shares come as versions alone, which a second operator
    # approves (T-07): a direct import of items with them is refused.
    approval_required_in: Regions | None = None
    # Where diagnoses, operations and diseases that visits tell must be in the dictionaries.
    terms_checked_in: Regions | None = None


class RefundsConfig(Section):
    """What regions say of what is returned."""

    # Where cash goes back before what the account had paid.
    cash_first_in: Regions | None = None
    # Where the own account gets back before those of relatives.
    own_first_in: Regions | None = None
    # Where an institution takes bills back from the newest on, while later ones would move.
    newest_first_in: Regions | None = None
    # By region: what becomes of an institution's own later bills that it would leave unpaid.
    own_debts: dict[Region, OwnDebtsWord] | None = None


class DeclarationsConfig(Section):
    """What regions say of declared months."""

    # By region: what is withheld as a deposit of what funds are to pay; nothing in others.
    deposit_ratio_ppm: dict[Region, DepositRatioPpm] | None = None


class HoldsConfig(Section):
    """For how long bills are held."""

    # Unless the institution says otherwise; a day at most.
    valid_for_seconds: int = Field(default=1_800, ge=1, le=86_400)

    @property
    def valid_for(self) -> dt.timedelta:
        """For how long, as a span."""
        return dt.timedelta(seconds=self.valid_for_seconds)


class TokensConfig(Section):
    """For how long tokens stand for codes that were resolved."""

    valid_for_seconds: int = Field(default=300, ge=1, le=int(RESOLVED_FOR_MAX.total_seconds()))

    @property
    def valid_for(self) -> dt.timedelta:
        """For how long, as a span."""
        return dt.timedelta(seconds=self.valid_for_seconds)


class ChangesConfig(Section):
    """How changes of settlements are streamed."""

    # How many streams a process has open, and how many of them are of one party.
    most_streams: int = Field(default=500, ge=1, le=10_000)
    most_streams_of_party: int = Field(default=4, ge=1, le=100)
    # After how long a stream says that there was nothing.
    heartbeat_seconds: float = Field(default=20, ge=0.1, le=300)


class ElsewhereConfig(Section):
    """What regions say of care that their persons take in other regions."""

    # Where who has no registration is paid on reduced terms, and not refused.
    unregistered_reduced_in: Regions | None = None
    # By region: what it pays elsewhere without a registration that opens it, beside stays.
    opened: dict[Region, list[BenefitWord]] | None = None
    # By region: which category counts where it changed during a stay.
    category_as_of: dict[Region, CategoryAsOfWord] | None = None
    # Where accounts of long-term persons pay outpatients and pharmacies elsewhere (O-04).
    account_in: Regions | None = None
    # Where a mark of an emergency counts although offsite revoked what it has on record of it.
    revoked_emergency_paid_in: Regions | None = None

    @check_after(mode="after")
    def _opens_for_somebody(self) -> "ElsewhereConfig":
        # Who is registered is paid by the registration, whatever is opened.
        if set(self.opened or ()) - set(self.unregistered_reduced_in or ()):
            raise ValueError("opened must have regions of unregistered_reduced_in alone")
        for region, words in (self.opened or {}).items():
            if len(set(words)) < len(words):
                raise ValueError(f"opened of {region} must name each benefit once")
        return self

    def terms_in(self, region: str, *, max_news_age: dt.timedelta | None) -> ElsewhereTerms:
        """What a region says; `max_news_age` is None where no offsite is followed."""
        words = (self.opened or {}).get(region, ())
        return ElsewhereTerms(
            region in (self.unregistered_reduced_in or ()),
            frozenset(Benefit[word.upper()] for word in words),
            (self.category_as_of or {}).get(region, CategoryAsOf.BY_CATEGORY),
            region in (self.account_in or ()),
            region in (self.revoked_emergency_paid_in or ()),
            max_news_age,
        )


class ReviewConfig(Section):
    """By which codes a region knows whose bills are reviewed (T-14)."""

    retired_cadre_person_classes: list[PersonClass] = Field(["13"])
    retired_cadre_insurance_types: list[InsuranceType] = Field(["340"])

    @property
    def retired_cadres(self) -> RetiredCadres:
        """Whom the codes are of."""
        return RetiredCadres(
            frozenset(self.retired_cadre_person_classes),
            frozenset(self.retired_cadre_insurance_types),
        )


class MappingsConfig(Section):
    """What regions say of institutions' own codes."""

    # Where the agency decides on mappings before lines take them.
    review_in: Regions | None = None
    # Where a line whose own code is mapped to nothing is the person's own cost, and not refused.
    own_cost_in: Regions | None = None


class SuspensionsConfig(Section):
    """What regions say of who is suspended, and which points of doctors bring that."""

    # Where what they ordered is the institution's own cost, and not refused to be corrected.
    borne_by_institution_in: Regions | None = None
    suspend_from_points: int = Field(default=9, ge=1, le=1_000)
    suspend_months: int = Field(default=3, ge=1, le=120)
    end_from_points: int = Field(default=12, ge=1, le=1_000)
    end_years: int = Field(default=1, ge=1, le=50)
    end_at_once_years: int = Field(default=3, ge=1, le=50)

    @check_after(mode="after")
    def _suspends_before_it_ends(self) -> "SuspensionsConfig":
        # Nobody would ever be suspended, since the qualification ends first.
        if self.suspend_from_points >= self.end_from_points:
            raise ValueError("suspend_from_points must be less than end_from_points")
        return self

    @property
    def points_terms(self) -> PointsTerms:
        """What points bring."""
        return PointsTerms(
            self.suspend_from_points,
            self.suspend_months,
            self.end_from_points,
            self.end_years,
            self.end_at_once_years,
        )


class SettlementConfig(ServiceConfig):
    """Everything that the settlement service reads at its start."""

    batch: BatchConfig = Field(default_factory=lambda: BatchConfig.model_validate({}))
    identity: IdentityConfig
    # Where registrations for care elsewhere are learnt from; without it none are known.
    offsite: FollowedConfig | None = None
    visits: VisitsConfig = Field(default_factory=lambda: VisitsConfig.model_validate({}))
    accounts: AccountsConfig = Field(default_factory=lambda: AccountsConfig.model_validate({}))
    catalogue: CatalogueConfig = Field(default_factory=lambda: CatalogueConfig.model_validate({}))
    refunds: RefundsConfig = Field(default_factory=lambda: RefundsConfig.model_validate({}))
    holds: HoldsConfig = Field(default_factory=lambda: HoldsConfig.model_validate({}))
    tokens: TokensConfig = Field(default_factory=lambda: TokensConfig.model_validate({}))
    changes: ChangesConfig = Field(default_factory=lambda: ChangesConfig.model_validate({}))
    mappings: MappingsConfig = Field(default_factory=lambda: MappingsConfig.model_validate({}))
    suspensions: SuspensionsConfig = Field(
        default_factory=lambda: SuspensionsConfig.model_validate({})
    )
    declarations: DeclarationsConfig = Field(
        default_factory=lambda: DeclarationsConfig.model_validate({})
    )
    elsewhere: ElsewhereConfig = Field(default_factory=lambda: ElsewhereConfig.model_validate({}))
    review: ReviewConfig = Field(default_factory=lambda: ReviewConfig.model_validate({}))

    @property
    def line_terms(self) -> dict[str, LineTerms]:
        """What each region says of lines that nothing can be paid for."""
        own_cost_in = self.mappings.own_cost_in or ()
        borne_in = self.suspensions.borne_by_institution_in or ()
        return {
            region: LineTerms(region in own_cost_in, region in borne_in)
            for region in self.identity.regions
        }

    @property
    def terms(self) -> tuple[dict[str, LineTerms], dict[str, ElsewhereTerms]]:
        """What each region says of lines, and of care elsewhere."""
        followed = self.offsite
        return self.line_terms, {
            each: self.elsewhere.terms_in(
                each,
                max_news_age=(
                    followed.max_feed_age
                    if followed is not None and each in followed.regions
                    else None
                ),
            )
            for each in self.identity.regions
        }

    @check_after(mode="after")
    def _says_things_of_served_regions(self) -> "SettlementConfig":
        """Refuses a region that is not served: what is said of it would be without effect."""
        unserved = [
            key
            for key, regions in (
                ("offsite.regions", self.offsite.regions if self.offsite else None),
                ("visits.discharge_required_in", self.visits.discharge_required_in),
                ("accounts.carried_first_in", self.accounts.carried_first_in),
                ("accounts.no_recharge_in", self.accounts.no_recharge_in),
                ("accounts.difference_dust_fen", self.accounts.difference_dust_fen),
                ("accounts.second_person_above_fen", self.accounts.second_person_above_fen),
                ("catalogue.approval_required_in", self.catalogue.approval_required_in),
                ("catalogue.terms_checked_in", self.catalogue.terms_checked_in),
                ("refunds.cash_first_in", self.refunds.cash_first_in),
                ("refunds.own_first_in", self.refunds.own_first_in),
                ("refunds.newest_first_in", self.refunds.newest_first_in),
                ("refunds.own_debts", self.refunds.own_debts),
                ("mappings.review_in", self.mappings.review_in),
                ("mappings.own_cost_in", self.mappings.own_cost_in),
                (
                    "suspensions.borne_by_institution_in",
                    self.suspensions.borne_by_institution_in,
                ),
                ("declarations.deposit_ratio_ppm", self.declarations.deposit_ratio_ppm),
                ("elsewhere.unregistered_reduced_in", self.elsewhere.unregistered_reduced_in),
                ("elsewhere.opened", self.elsewhere.opened),
                ("elsewhere.category_as_of", self.elsewhere.category_as_of),
                ("elsewhere.account_in", self.elsewhere.account_in),
                (
                    "elsewhere.revoked_emergency_paid_in",
                    self.elsewhere.revoked_emergency_paid_in,
                ),
            )
            if set(regions or ()) - set(self.identity.regions)
        ]
        if unserved:
            keys = " and ".join(unserved)
            raise ValueError(f"{keys} must have regions of identity.regions alone")
        return self
