"""The shape of a region's files beside its policy; `policies/README.md` describes them."""

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field

from yibao_common.files.yaml_model import DAY, StrictModel, code, text, whole
from yibao_common.values.money import PPM

Day = Annotated[dt.date, DAY]
Fen = Annotated[int, whole(0, 100_000_000_000)]
Text = Annotated[str, text(200)]
RegionCode = Annotated[str, code("[1-9][0-9]{5}", "a region of 6 digits")]
ItemCode = Annotated[str, code("[A-Za-z0-9._:/-]{1,50}", "an item code of 1 to 50 characters")]
InstitutionId = Annotated[str, code("[HP][0-9]{11}", "H or P and 11 digits")]
Yuan = Annotated[
    str, code(r"[0-9]{1,10}(\.[0-9]{1,6})?", "yuan with at most 6 decimals, in quotes")
]
Quantity = Annotated[
    str, code(r"[0-9]{1,8}(\.[0-9]{1,4})?", "a quantity with at most 4 decimals, in quotes")
]


def _digits(count: str, what: str) -> object:
    return code(f"[0-9]{{{count}}}", f"{what} of digits, in quotes")


_Level = Annotated[str, code("[1-9]|1[0-4]", "an institution level from '1' to '14'")]


class LevelPriceCeilingModel(StrictModel):
    """A price ceiling at some levels of institution."""

    institution_levels: Annotated[list[_Level], Field(min_length=1, max_length=14)]
    price_ceiling: Yuan


class ItemModel(StrictModel):
    """An item of the catalogue."""

    item_code: ItemCode
    item_name: Text
    catalogue_class: Annotated[str, code("0[123]", "a catalogue class: 01, 02 or 03")]
    first_self_pay_ratio_ppm: Annotated[int, whole(0, PPM)] | None = None
    price_ceiling: Yuan | None = None
    level_price_ceilings: Annotated[list[LevelPriceCeilingModel], Field(max_length=14)] | None = (
        None
    )
    item_group: Annotated[str, code("[A-Za-z0-9._:/-]{1,50}", "a group of items")] | None = None
    is_limited_use: bool = False
    start_date: Day
    end_date: Day | None = None


class CatalogueModel(StrictModel):
    """`catalogue.yaml`."""

    format: Literal["yibao-catalogue/1"]
    region: RegionCode
    items: Annotated[list[ItemModel], Field(min_length=1, max_length=5000)]


class InstitutionModel(StrictModel):
    """A designated institution."""

    institution_id: InstitutionId
    institution_name: Text
    institution_level: _Level
    ecert_supported: bool
    start_date: Day
    end_date: Day | None = None


class InstitutionsModel(StrictModel):
    """`institutions.yaml`."""

    format: Literal["yibao-institutions/1"]
    region: RegionCode
    institutions: Annotated[list[InstitutionModel], Field(min_length=1, max_length=5000)]


class BillSourceModel(StrictModel):
    """The page that publishes the bill, or what it is calculated by."""

    title: Annotated[str, text(1000)]
    url: Annotated[str, text(1000)] | None = None


class PersonModel(StrictModel):
    """The person of the bill."""

    person_name: Text
    insurance_type: Annotated[str, _digits("3", "an insurance type")]
    person_class: Annotated[str, _digits("2,6", "a person class")]
    entitlement_groups: list[Annotated[str, _digits("2,6", "an entitlement group")]]
    age: Annotated[int, whole(0, 150)]


class BillVisitModel(StrictModel):
    """Where the person was treated, and how."""

    institution_id: InstitutionId
    care_type: Annotated[str, _digits("1,6", "a care type")]


class BillLineModel(StrictModel):
    """A charged line."""

    line_number: Annotated[int, whole(1, 999_999)]
    item_code: ItemCode
    unit_price: Yuan
    quantity: Quantity
    amount_fen: Fen


class ExpectedPaymentModel(StrictModel):
    """What a step of the policy makes a fund pay."""

    step_id: Text
    fund_type: Annotated[str, _digits("6", "a fund type")]
    amount_fen: Fen


class ExpectedModel(StrictModel):
    """The split, as it is published or follows."""

    total_fen: Fen
    excluded_fen: Fen
    over_limit_fen: Fen
    first_self_pay_fen: Fen
    eligible_fen: Fen
    deductible_fen: Fen
    fund_payments: list[ExpectedPaymentModel]
    fund_total_fen: Fen
    personal_total_fen: Fen
    account_fen: Fen
    cash_fen: Fen


class BillModel(StrictModel):
    """`bill.yaml`, and each of `bills/`."""

    format: Literal["yibao-bill/1"]
    region: RegionCode
    example: Text
    source: BillSourceModel
    person: PersonModel
    visit: BillVisitModel
    account_used: bool
    lines: Annotated[list[BillLineModel], Field(min_length=1, max_length=2000)]
    total_fen: Fen
    expected: ExpectedModel
