"""The regions that come with the product, and what is told of mistakes in their files."""

import shutil
from pathlib import Path

import pytest

from yibao_cli import regions
from yibao_cli.loading import published_stays, read_regions
from yibao_cli.regions import load_region, regions_folder
from yibao_common.values.errors import RuleError
from yibao_settlement.files.benefit.file import load_benefit_policy

REGIONS = sorted(path.name for path in regions_folder().iterdir() if path.is_dir())
STAYS = ["500112", "999019", "999029"]


def test_a_sandbox_has_every_region() -> None:
    assert [region.region for region in read_regions()] == REGIONS
    assert {region.policy_format for region in read_regions()} == {"yibao-policy/2"}


def test_the_demo_walks_the_published_stays() -> None:
    assert [region.region for region in published_stays()] == STAYS


@pytest.mark.parametrize("name", REGIONS)
def test_a_region_agrees_with_its_folder_and_policy(name: str) -> None:
    region = load_region(regions_folder() / name)
    policy = load_benefit_policy(region.policy_file, name=region.policy_name)
    assert region.region == policy.region == name
    assert region.sample_bill.person.insurance_type == policy.insurance_type
    assert policy.end_date is None
    assert (policy.start_date.month, policy.start_date.day) == (1, 1)


@pytest.mark.parametrize("name", REGIONS)
def test_sample_codes_have_the_national_structure(name: str) -> None:
    region = load_region(regions_folder() / name)
    lengths = {"X": 23, "C": 20}
    for item in region.items:
        assert len(item.item_code) == lengths.get(item.item_code[0], 15)
    assert {item.catalogue_class for item in region.items} == {"01", "02", "03"}
    assert all(name in place.institution_id for place in region.institutions)


def copy_of_region(tmp_path: Path, name: str = "500112") -> Path:
    return Path(shutil.copytree(regions_folder() / name, tmp_path / name))


def test_an_item_says_its_group_limited_use_and_ceilings_of_levels(tmp_path: Path) -> None:
    folder = copy_of_region(tmp_path)
    path = folder / "catalogue.yaml"
    text = path.read_text(encoding="utf-8")
    said = """    item_group: implant
    is_limited_use: true
    level_price_ceilings:
      - {institution_levels: ["1", "2"], price_ceiling: "200"}
"""
    place = text.index("    start_date:")
    path.write_text(text[:place] + said + text[place:], encoding="utf-8")
    item, other = load_region(folder).items[:2]
    assert (item.item_group, item.is_limited_use) == ("implant", True)
    assert item.level_price_ceilings == (regions.LevelPriceCeiling(("1", "2"), "200"),)
    assert (other.item_group, other.is_limited_use, other.level_price_ceilings) == ("", False, ())


@pytest.mark.parametrize(
    ("file", "old", "new", "field", "message"),
    [
        (
            "bill.yaml",
            "amount_fen: 1_200_000",
            "amount_fen: 1_200_001",
            "lines[6].amount_fen",
            "expected unit_price x quantity = 1200000, got 1200001",
        ),
        (
            "bill.yaml",
            "total_fen: 5_200_000\nexpected",
            "total_fen: 5_200_001\nexpected",
            "total_fen",
            "expected the sum of the lines, 5200000, got 5200001",
        ),
        (
            "bill.yaml",
            'unit_price: "105.6"',
            "unit_price: 105.6.1",
            "lines[4].unit_price",
            "expected yuan with at most 6 decimals, in quotes, got '105.6.1'",
        ),
        (
            "bill.yaml",
            "C5001120100000000007",
            "C5001120100000000070",
            "lines[6].item_code",
            "expected an item of catalogue.yaml, got 'C5001120100000000070'",
        ),
        (
            "bill.yaml",
            "H50011299901",
            "H50011299902",
            "visit.institution_id",
            "expected one of institutions.yaml (H50011299901)",
        ),
        (
            "institutions.yaml",
            "ecert_supported: true",
            "ecert_supported: yes",
            "institutions[0].ecert_supported",
            "expected true or false, got 'yes'",
        ),
        (
            "catalogue.yaml",
            "first_self_pay_ratio_ppm: 100_000",
            "first_self_pay_ratio_ppm: 10%",
            "items[9].first_self_pay_ratio_ppm",
            "expected an integer from 0 to 1000000, got '10%'",
        ),
    ],
)
def test_a_mistake_in_a_file_of_a_region_is_told(
    tmp_path: Path, file: str, old: str, new: str, field: str, message: str
) -> None:
    folder = copy_of_region(tmp_path)
    contents = (folder / file).read_text(encoding="utf-8")
    assert contents.count(old) == 1
    (folder / file).write_text(contents.replace(old, new), encoding="utf-8")
    line = contents[: contents.index(old)].count("\n") + 1
    with pytest.raises(RuleError) as raised:
        load_region(folder)
    told = [(fault.field, fault.message) for fault in raised.value.faults]
    assert told == [(f"policies/500112/{file}:{line} {field}", message)]


def test_a_mistake_in_a_further_bill_is_told(tmp_path: Path) -> None:
    path = copy_of_region(tmp_path, "110000") / "bills" / "pharmacy.yaml"
    contents = path.read_text(encoding="utf-8")
    path.write_text(contents.replace("total_fen: 12_210\nexp", "total_fen: 12_211\nexp"))
    with pytest.raises(RuleError) as raised:
        load_region(tmp_path / "110000")
    (fault,) = raised.value.faults
    assert fault.field.startswith("policies/110000/bills/pharmacy.yaml:")
    assert fault.message == "expected the sum of the lines, 12210, got 12211"


@pytest.mark.parametrize("missing", ["catalogue.yaml", "institutions.yaml", "bill.yaml"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    folder = copy_of_region(tmp_path)
    (folder / missing).unlink()
    with pytest.raises(RuleError, match=missing):
        load_region(folder)


@pytest.mark.parametrize("count", [0, 2])
def test_a_region_has_exactly_one_policy(tmp_path: Path, count: int) -> None:
    folder = copy_of_region(tmp_path)
    if count:
        shutil.copy(folder / "resident-2023.yaml", folder / "resident-2024.yaml")
    else:
        (folder / "resident-2023.yaml").unlink()
    with pytest.raises(RuleError, match="expected one policy file"):
        load_region(folder)


def test_an_installed_wheel_has_the_regions_beside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regions, "__file__", str(tmp_path / "yibao_cli" / "regions.py"))
    (tmp_path / "yibao_cli" / "policies").mkdir(parents=True)
    assert regions_folder() == tmp_path / "yibao_cli" / "policies"
