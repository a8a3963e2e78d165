"""The page of the sandbox tells of the persons and refusals that there are."""

from support.contracts import ROOT

from yibao_cli.loading import read_regions
from yibao_cli.samples.persons import PIN, persons_table, sample_persons
from yibao_cli.samples.refusals import NATURAL, magic_text, refusals_table
from yibao_cli.samples.region import HOME, sample_institutions, with_samples
from yibao_common.rpc.sandbox_refusals import magic_reason
from yibao_common.values.reasons import Reason

PAGE = (ROOT / "docs" / "coding" / "sandbox.md").read_text(encoding="utf-8")


def test_the_page_has_the_tables_of_persons_and_refusals() -> None:
    assert persons_table(with_samples(read_regions())) in PAGE
    assert refusals_table() in PAGE
    assert f"`{PIN}`" in PAGE


def test_the_home_region_has_institutions_of_every_level_and_a_pharmacy() -> None:
    (home,) = (each for each in with_samples(read_regions()) if each.region == HOME)
    levels = {each.institution_level for each in home.institutions if each.end_date is None}
    assert levels == {str(level) for level in range(1, 15)}
    assert any(each.institution_id.startswith("P") for each in home.institutions)
    assert all(f"{each.institution_id[:-2]}" in PAGE for each in sample_institutions())


def test_no_two_persons_have_a_number_or_a_label_of_a_region() -> None:
    persons = [each for region in with_samples(read_regions()) for each in sample_persons(region)]
    assert len({each.certificate_number for each in persons}) == len(persons)
    assert len({(each.region, each.label) for each in persons}) == len(persons)
    assert not [each for each in persons if PIN in each.certificate_number]


def test_each_reason_has_one_way_and_a_text_that_fields_can_hold() -> None:
    assert len({each.reason for each in NATURAL}) == len(NATURAL)
    for reason in Reason:
        text = magic_text(reason)
        assert len(text) <= 32
        assert magic_reason(text) is reason
