"""Regions with their policy, sample catalogue, institutions and bills.

The demo imports them over the services' own RPCs; here they are only read and checked.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from yibao_cli.region_schema import BillModel, CatalogueModel, InstitutionsModel
from yibao_common.files.yaml_file import YamlFile, parse_yaml
from yibao_common.files.yaml_model import Model, read_model
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.money import line_amount_fen
from yibao_common.values.reasons import Reason

# In place of the number of an example.
_DERIVED = "derived"
_BESIDE = ("catalogue.yaml", "institutions.yaml", "bill.yaml", "offsite.yaml")


@dataclass(frozen=True, slots=True)
class LevelPriceCeiling:
    """A price ceiling in yuan at some levels of institution."""

    institution_levels: tuple[str, ...]
    price_ceiling: str


@dataclass(frozen=True, slots=True)
class CatalogueItem:
    """An item; `price_ceiling` is in yuan and empty where there is none, as `item_group` is."""

    item_code: str
    item_name: str
    catalogue_class: str
    first_self_pay_ratio_ppm: int | None
    price_ceiling: str
    level_price_ceilings: tuple[LevelPriceCeiling, ...]
    item_group: str
    is_limited_use: bool
    start_date: dt.date
    end_date: dt.date | None


@dataclass(frozen=True, slots=True)
class Institution:
    """A designated institution (定点医药机构)."""

    institution_id: str
    institution_name: str
    institution_level: str
    ecert_supported: bool
    start_date: dt.date
    end_date: dt.date | None


@dataclass(frozen=True, slots=True)
class SamplePerson:
    """The person of a bill."""

    person_name: str
    insurance_type: str
    person_class: str
    entitlement_groups: tuple[str, ...]
    age: int


@dataclass(frozen=True, slots=True)
class SampleLine:
    """A charged line; unit price in yuan and quantity as decimals."""

    line_number: int
    item_code: str
    unit_price: str
    quantity: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class ExpectedPayment:
    """What a step of the policy makes a fund pay."""

    step_id: str
    fund_type: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class ExpectedSplit:
    """What is published of a split or follows from it, by the names of the contract."""

    total_fen: int
    excluded_fen: int
    over_limit_fen: int
    first_self_pay_fen: int
    eligible_fen: int
    deductible_fen: int
    fund_payments: tuple[ExpectedPayment, ...]
    fund_total_fen: int
    personal_total_fen: int
    account_fen: int
    cash_fen: int


@dataclass(frozen=True, slots=True)
class SampleBill:
    """A bill with what it must cost whom.

    `example` is its number where it is published, else `derived`: calculated by hand from
    the policy. `source_url` is empty where the page's address is not known in full.
    """

    example: str
    source_title: str
    source_url: str
    person: SamplePerson
    institution_id: str
    care_type: str
    account_used: bool
    lines: tuple[SampleLine, ...]
    total_fen: int
    expected: ExpectedSplit

    @property
    def is_published(self) -> bool:
        """Whether a page prints what it costs whom."""
        return self.example != _DERIVED


@dataclass(frozen=True, slots=True)
class Region:
    """A pooling region (统筹区).

    `policy_name` is how messages call the policy file, `policy_format` what that says of
    its format, such as `yibao-policy/2`. The demo walks the `sample_bill`; `further_bills`
    are of other kinds of care.
    """

    region: str
    policy_file: bytes
    policy_name: str
    policy_format: str
    items: tuple[CatalogueItem, ...]
    institutions: tuple[Institution, ...]
    sample_bill: SampleBill
    further_bills: tuple[SampleBill, ...]


def regions_folder() -> Path:
    """Returns the folder of all regions: beside this package in an installed wheel, at
    the top of the tree in a checkout.
    """
    installed = Path(__file__).parent / "policies"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "policies"


def load_region(path: Path) -> Region:
    """Returns the region in a folder; the policy itself is asked for its format alone.

    Raises:
        RuleError: POLICY_FILE_INVALID, with file, line, key and what was expected of
            every mistake in its files, or where one is missing.
    """
    policy = _only_policy(path)
    policy_file, policy_name = policy.read_bytes(), _name_of(path, policy.name)
    catalogue, faults = _read(CatalogueModel, path, "catalogue.yaml")
    institutions, more = _read(InstitutionsModel, path, "institutions.yaml")
    faults += more
    bills, more = _read_bills(path, catalogue, institutions)
    faults += more
    refuse_faults(faults)
    assert catalogue is not None
    assert institutions is not None
    sample, *others = bills
    return Region(
        region=sample.region,
        policy_file=policy_file,
        policy_name=policy_name,
        policy_format=format_of(policy_file, name=policy_name),
        items=tuple(
            CatalogueItem(
                item_code=item.item_code,
                item_name=item.item_name,
                catalogue_class=item.catalogue_class,
                first_self_pay_ratio_ppm=item.first_self_pay_ratio_ppm,
                price_ceiling=item.price_ceiling or "",
                level_price_ceilings=tuple(
                    LevelPriceCeiling(tuple(each.institution_levels), each.price_ceiling)
                    for each in item.level_price_ceilings or ()
                ),
                item_group=item.item_group or "",
                is_limited_use=item.is_limited_use,
                start_date=item.start_date,
                end_date=item.end_date,
            )
            for item in catalogue.items
        ),
        institutions=tuple(
            Institution(
                institution_id=institution.institution_id,
                institution_name=institution.institution_name,
                institution_level=institution.institution_level,
                ecert_supported=institution.ecert_supported,
                start_date=institution.start_date,
                end_date=institution.end_date,
            )
            for institution in institutions.institutions
        ),
        sample_bill=_sample_bill(sample),
        further_bills=tuple(_sample_bill(each) for each in others),
    )


def format_of(contents: bytes, *, name: str) -> str:
    """Returns the format that a policy file says it has, empty where it says none.

    Raises:
        RuleError: POLICY_FILE_INVALID, where it cannot be parsed.
    """
    data = parse_yaml(contents, name=name, reason=Reason.POLICY_FILE_INVALID).data
    said = data.get("format") if isinstance(data, dict) else None
    return said if isinstance(said, str) else ""


def _read_bills(
    path: Path, catalogue: CatalogueModel | None, institutions: InstitutionsModel | None
) -> tuple[list[BillModel], list[FieldFault]]:
    """Returns `bill.yaml` and those of `bills/`, as far as they can be read, and mistakes."""
    bills: list[BillModel] = []
    faults: list[FieldFault] = []
    further = sorted(file.name for file in (path / "bills").glob("*.yaml"))
    for name in ("bill.yaml", *(f"bills/{each}" for each in further)):
        file = _parse(path, name)
        bill, more = read_model(BillModel, file, file.data)
        faults += [*file.faults, *more]
        if bill is not None:
            bills.append(bill)
            if catalogue is not None and institutions is not None:
                faults += _check_bill(file, bill, catalogue, institutions)
    return bills, faults


def _sample_bill(bill: BillModel) -> SampleBill:
    person, expected = bill.person, bill.expected
    return SampleBill(
        example=bill.example,
        source_title=bill.source.title,
        source_url=bill.source.url or "",
        person=SamplePerson(
            person_name=person.person_name,
            insurance_type=person.insurance_type,
            person_class=person.person_class,
            entitlement_groups=tuple(person.entitlement_groups),
            age=person.age,
        ),
        institution_id=bill.visit.institution_id,
        care_type=bill.visit.care_type,
        account_used=bill.account_used,
        lines=tuple(SampleLine(**line.model_dump()) for line in bill.lines),
        total_fen=bill.total_fen,
        expected=ExpectedSplit(
            **expected.model_dump(exclude={"fund_payments"}),
            fund_payments=tuple(
                ExpectedPayment(**payment.model_dump()) for payment in expected.fund_payments
            ),
        ),
    )


def _check_bill(
    file: YamlFile, bill: BillModel, catalogue: CatalogueModel, institutions: InstitutionsModel
) -> Iterable[FieldFault]:
    """Yields what in the bill does not add up or does not agree with its neighbours."""
    known = {item.item_code for item in catalogue.items}
    total = 0
    for index, line in enumerate(bill.lines):
        at = ("lines", index)
        amount = line_amount_fen(line.unit_price, line.quantity)
        total += amount
        if line.amount_fen != amount:
            message = f"expected unit_price x quantity = {amount}, got {line.amount_fen}"
            yield file.fault((*at, "amount_fen"), message)
        if line.item_code not in known:
            message = f"expected an item of catalogue.yaml, got '{line.item_code}'"
            yield file.fault((*at, "item_code"), message)
    if bill.total_fen != total:
        message = f"expected the sum of the lines, {total}, got {bill.total_fen}"
        yield file.fault(("total_fen",), message)
    ids = [institution.institution_id for institution in institutions.institutions]
    if bill.visit.institution_id not in ids:
        message = f"expected one of institutions.yaml ({', '.join(ids)})"
        yield file.fault(("visit", "institution_id"), message)
    for neighbour in (catalogue, institutions):
        if neighbour.region != bill.region:
            message = f"expected the region of its neighbours, {neighbour.region}"
            yield file.fault(("region",), message)


def _only_policy(path: Path) -> Path:
    found = sorted(file for file in path.glob("*.yaml") if file.name not in _BESIDE)
    if len(found) != 1:
        names = ", ".join(file.name for file in found) or "none"
        raise RuleError(
            Reason.POLICY_FILE_INVALID,
            f"{path}: expected one policy file beside {', '.join(_BESIDE)}; got {names}",
        )
    return found[0]


def _name_of(folder: Path, file: str) -> str:
    """Returns a file's name for messages: `policies/<region>/<file>`."""
    return f"policies/{folder.name}/{file}"


def _parse(folder: Path, name: str) -> YamlFile:
    try:
        contents = (folder / name).read_bytes()
    except FileNotFoundError:
        raise RuleError(Reason.POLICY_FILE_INVALID, f"{folder / name} is missing") from None
    return parse_yaml(contents, name=_name_of(folder, name), reason=Reason.POLICY_FILE_INVALID)


def _read(model: type[Model], folder: Path, name: str) -> tuple[Model | None, list[FieldFault]]:
    file = _parse(folder, name)
    read, faults = read_model(model, file, file.data)
    return read, [*file.faults, *faults]
