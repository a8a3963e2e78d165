"""The shape of a policy file; `policies/README.md` tells authors what the keys mean."""

import datetime as dt
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from yibao_common.files.yaml_model import DAY, StrictModel, code, text, whole
from yibao_common.values.money import PPM
from yibao_settlement.rules.policy.step import (
    AccountStep,
    ClassifyStep,
    DeductibleStep,
    Step,
    TiersStep,
)

MAX_FEN = 100_000_000_000

Fen = Annotated[int, whole(0, MAX_FEN)]
PositiveFen = Annotated[int, whole(1, MAX_FEN)]
Ppm = Annotated[int, whole(0, PPM)]
Day = Annotated[dt.date, DAY]
Title = Annotated[str, text(200)]
Long = Annotated[str, text(1000)]
Name = Annotated[str, code("[a-z][a-z0-9_]{0,39}", "a name of small letters, digits and _")]
PolicyId = Annotated[
    str, code("[a-z0-9][a-z0-9.-]{0,79}", "a name of small letters, digits, points and hyphens")
]
StepId = Annotated[str, code("[A-Z][A-Za-z0-9_]{0,19}", "a step id such as D1 or P1")]
Region = Annotated[str, code("[1-9][0-9]{5}", "a region of 6 digits")]
InsuranceType = Annotated[str, code("[0-9]{3}", "an insurance type of 3 digits")]
FundType = Annotated[str, code("[0-9]{6}", "a fund type of 6 digits")]
CarePattern = Annotated[
    str, code(r"[0-9]{0,6}\*|[0-9]{1,6}", "a care type, or its beginning and *")
]
ClassCode = Annotated[str, code("0[123]", "a catalogue class: 01, 02 or 03")]
AmountName = Annotated[str, text(60)]
Basis = Literal["per_bill", "per_year"]


class SourceModel(StrictModel):
    """A document that values of the policy come from."""

    title: Long
    url: Long | None = None
    note: Long | None = None


class CitationModel(StrictModel):
    """Where in which source a value stands."""

    source: Name
    clause: Long


class RowModel(StrictModel):
    """What every row has."""

    when: dict[str, object] = Field(default_factory=dict)
    cites: CitationModel | None = None


class StepModel(StrictModel):
    """What every step has; `makes` is what it is compiled to."""

    makes: ClassVar[type[Step]]

    id: StepId
    title: Title
    title_zh: Title
    cites: CitationModel
    applies: dict[str, object] = Field(default_factory=dict)
    by: list[Annotated[str, text(60)]] = Field(default_factory=list)


class SumModel(StrictModel):
    """Named amounts added less named amounts subtracted."""

    add: Annotated[list[AmountName], Field(min_length=1, max_length=20)]
    subtract: list[AmountName] = Field(default_factory=list, max_length=20)


class ClassifyRowModel(RowModel):
    """First self-pay shares by class."""

    prepay_ppm: dict[ClassCode, Ppm]
    by_item: list[ClassCode] = Field(default_factory=list)
    own_cost: list[ClassCode] = Field(default_factory=list)


class ClassifyModel(StepModel):
    """Step `classify`."""

    makes = ClassifyStep

    rows: Annotated[list[ClassifyRowModel], Field(min_length=1, max_length=500)]


class DeductibleRowModel(RowModel):
    """A deductible."""

    amount_fen: Fen
    annual_cap_fen: PositiveFen | None = None


class DeductibleModel(StepModel):
    """Step `deductible`."""

    makes = DeductibleStep

    basis: Basis
    base: SumModel = SumModel(add=["eligible"])
    accumulator: Annotated[
        str, code(r"deductible(\.[a-z][a-z0-9_]{0,39})?", "deductible, or deductible.<name>")
    ] = "deductible"
    rows: Annotated[list[DeductibleRowModel], Field(min_length=1, max_length=500)]


class BracketModel(StrictModel):
    """A bracket."""

    over_fen: Fen
    upto_fen: PositiveFen | None = None
    ratio_ppm: Ppm


class TiersRowModel(RowModel):
    """Brackets with threshold and cap."""

    threshold_fen: Fen = 0
    cap_fen: PositiveFen | None = None
    brackets: Annotated[list[BracketModel], Field(min_length=1, max_length=50)]


class TiersModel(StepModel):
    """Step `tiers`."""

    makes = TiersStep

    fund_type: FundType
    base: SumModel
    axis: Literal["covered_fee", "above_threshold"]
    deductible: StepId | None = None
    accumulates: Basis = "per_bill"
    cap_basis: Basis | None = None
    rows: Annotated[list[TiersRowModel], Field(min_length=1, max_length=500)]


class AccountRowModel(RowModel):
    """The parts of the personal cost that the account may pay."""

    pays: list[Literal["copay", "deductible", "prepay", "over_limit", "excluded"]]


class AccountModel(StepModel):
    """Step `account`."""

    makes = AccountStep

    rows: Annotated[list[AccountRowModel], Field(min_length=1, max_length=500)]


class PolicyModel(StrictModel):
    """A policy file; its steps are read one by one."""

    format: Literal["yibao-policy/1"]
    policy_id: PolicyId
    title: Title
    title_zh: Title
    region: Region
    insurance_type: InsuranceType
    start_date: Day
    end_date: Day | None = None
    sources: Annotated[dict[Name, SourceModel], Field(min_length=1, max_length=200)]
    care_groups: dict[Name, Annotated[list[CarePattern], Field(min_length=1)]] = Field(
        default_factory=dict
    )
    steps: Annotated[list[object], Field(min_length=1, max_length=100)]


AnyStepModel = ClassifyModel | DeductibleModel | TiersModel | AccountModel
STEP_MODELS: dict[str, type[AnyStepModel]] = {
    "classify": ClassifyModel,
    "deductible": DeductibleModel,
    "tiers": TiersModel,
    "account": AccountModel,
}
