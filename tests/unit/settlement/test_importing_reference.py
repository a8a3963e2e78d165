"""What application decides of imports, without a database."""

import dataclasses
import datetime as dt
import itertools
import json
from collections.abc import Sequence

import pytest
from support.benefit_doubts_text import CLEAR
from support.benefit_text import load
from support.memory.settlement.work import REGION, MemoryWork, request
from support.policies import head, policy_data

from yibao_common.values.errors import FieldFault, RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.catalogue import (
    Catalogue,
    ImportInstitutions,
    ImportItems,
    SentRow,
)
from yibao_settlement.application.reference import DatedPolicy
from yibao_settlement.files.policy.file import load_policy
from yibao_settlement.rules.bill import CatalogueItem, LevelPriceCeiling
from yibao_settlement.rules.visit import Institution

NOW = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)
SINCE = dt.date(2024, 1, 1)
ITEMS = [CatalogueItem(code, code, "01", None, "", SINCE, None) for code in ("A1", "A2")]
HOSPITAL = Institution("H99901900001", "示例医院", "2", True, SINCE, None)


@pytest.fixture
def kept() -> MemoryWork:
    return MemoryWork()


def stored(refusals: Sequence[RuleError | None]) -> bytes:
    return b"%d" % sum(refusal is None for refusal in refusals)


def import_items(kept: MemoryWork, request_id: str, items: list[CatalogueItem]) -> bytes:
    catalogue = Catalogue(kept, clock=lambda: NOW)
    rows = [SentRow(item) for item in items]
    command = ImportItems(request("ImportCatalogueItems", request_id), rows)
    return catalogue.import_items(command, stored)


def test_items_are_stored_seen_by_all_and_put_on_record(kept: MemoryWork) -> None:
    assert import_items(kept, "i", ITEMS) == b"2"
    assert list(kept.catalogue.items.values()) == ITEMS
    assert kept.epoch == 1
    (entry,) = kept.work.audit.entries
    assert (entry.method, entry.caller) == ("ImportCatalogueItems", f"agency/{REGION}/maker")
    digest = request("ImportCatalogueItems", "i").digest
    assert entry.detail == {"rows": "2", "digest": digest.hex()}
    assert (entry.subject_ids, entry.outcome, entry.request_id) == ((), "OK", "i")


def test_an_import_that_comes_twice_is_carried_out_once(kept: MemoryWork) -> None:
    assert import_items(kept, "i", ITEMS) == import_items(kept, "i", ITEMS)
    assert (kept.epoch, len(kept.work.audit.entries)) == (1, 1)


def test_institutions_are_stored_seen_by_all_and_put_on_record(kept: MemoryWork) -> None:
    command = ImportInstitutions(request("ImportInstitutions", "i"), [SentRow(HOSPITAL)])
    catalogue = Catalogue(kept, clock=lambda: NOW)
    assert catalogue.import_institutions(command, stored) == b"1"
    assert kept.catalogue.institutions == {HOSPITAL.institution_id: HOSPITAL}
    assert kept.epoch == 1
    (entry,) = kept.work.audit.entries
    assert (entry.method, entry.detail["rows"]) == ("ImportInstitutions", "1")


def asking_for_shares() -> DatedPolicy:
    """Returns a policy that takes the share of class 02 from the item."""
    rows = [{"prepay_ppm": {"01": 0}, "by_item": ["02"], "own_cost": ["03"]}]
    data = policy_data({"classify": {**head("S1"), "rows": rows}}, region=REGION)
    policy = load_policy(json.dumps(data).encode(), name="x")
    return DatedPolicy(policy, policy.start_date, policy.end_date)


@pytest.mark.parametrize("share", ["by_item", "30_000"])
def test_a_policy_of_the_second_format_asks_items_for_shares_too(
    kept: MemoryWork, share: str
) -> None:
    assert '"02": 30_000' in CLEAR
    policy = load(CLEAR.replace('"02": 30_000', f'"02": {share}'))
    kept.reference.active.append(DatedPolicy(policy, policy.start_date, policy.end_date))
    missing = [("first_self_pay_ratio_ppm", Reason.FIRST_SELF_PAY_RATIO_INVALID)]
    told = [missing if share == "by_item" else []]
    assert refusals_of(kept, item(catalogue_class="02")) == told


@pytest.mark.parametrize("is_approved_meanwhile", [False, True])
def test_rows_are_judged_before_the_region_is_locked(
    kept: MemoryWork, is_approved_meanwhile: bool
) -> None:
    """And again where a policy was approved in between."""
    policies: list[DatedPolicy] = []
    kept.reference.approved = lambda: policies
    epochs: list[int] = []

    def encode(refusals: Sequence[RuleError | None]) -> bytes:
        epochs.append(kept.epoch)
        if is_approved_meanwhile and not policies:
            policies.append(asking_for_shares())
        return stored(refusals)

    rows = [SentRow(dataclasses.replace(ITEMS[0], catalogue_class="02"))]
    command = ImportItems(request("ImportCatalogueItems", "i"), rows)
    answer = Catalogue(kept, clock=lambda: NOW).import_items(command, encode)
    if is_approved_meanwhile:
        assert (answer, epochs, kept.catalogue.items) == (b"0", [0, 1], {})
    else:
        assert (answer, epochs, len(kept.catalogue.items)) == (b"1", [0], 1)


def test_an_id_of_another_import_is_refused_and_stores_nothing(kept: MemoryWork) -> None:
    import_items(kept, "i", ITEMS)
    command = ImportInstitutions(request("ImportInstitutions", "i"), [SentRow(HOSPITAL)])
    with pytest.raises(RuleError) as raised:
        Catalogue(kept, clock=lambda: NOW).import_institutions(command, stored)
    assert raised.value.reason is Reason.REQUEST_ID_REUSED
    assert (kept.epoch, kept.catalogue.institutions) == (1, {})


def refusals_of(kept: MemoryWork, *rows: SentRow[CatalogueItem]) -> list[list[tuple[str, Reason]]]:
    """Imports rows; returns field and reason of every fault, row by row."""
    told: list[list[tuple[str, Reason]]] = []

    def encode(refusals: Sequence[RuleError | None]) -> bytes:
        told.extend(
            [] if each is None else [(fault.field, fault.reason) for fault in each.faults]
            for each in refusals
        )
        return b""

    command = ImportItems(request("ImportCatalogueItems", str(len(kept.answers))), rows)
    Catalogue(kept, clock=lambda: NOW).import_items(command, encode)
    return told


def item(code: str = "A1", **changes: object) -> SentRow[CatalogueItem]:
    return SentRow(dataclasses.replace(ITEMS[0], item_code=code, **changes))  # type: ignore[arg-type]


def test_a_refused_row_leaves_the_others_and_is_told_all_its_faults(kept: MemoryWork) -> None:
    bad = item("B1", catalogue_class="09", end_date=SINCE - dt.timedelta(days=1))
    out = Reason.FIELD_OUT_OF_RANGE
    assert refusals_of(kept, item(), bad, item("A2")) == [
        [],
        [("catalogue_class", out), ("end_date", out)],
        [],
    ]
    assert sorted(code for code, _ in kept.catalogue.items) == ["A1", "A2"]
    (entry,) = kept.work.audit.entries
    assert (entry.detail["rows"], entry.detail["refused"]) == ("2", "1")


def test_faults_of_the_form_and_of_the_contents_are_told_together(kept: MemoryWork) -> None:
    of_form = FieldFault("price_ceiling", Reason.FIELD_MALFORMED, "is no price")
    of_class = FieldFault("catalogue_class", Reason.FIELD_LENGTH, "too short")
    row = item(catalogue_class="9", end_date=dt.date(1999, 1, 1)).row
    assert refusals_of(kept, SentRow(row, (of_form, of_class))) == [
        [
            ("price_ceiling", Reason.FIELD_MALFORMED),
            ("catalogue_class", Reason.FIELD_LENGTH),
            ("end_date", Reason.FIELD_OUT_OF_RANGE),
        ]
    ]


def test_of_rows_with_one_key_none_is_stored(kept: MemoryWork) -> None:
    """The same row twice, or two prices for one day: which was meant is not known."""
    later = item(start_date=SINCE + dt.timedelta(days=1))
    repeated = [("item_code", Reason.ROW_REPEATED)]
    rows = (item(), item("A2"), item(price_ceiling="9.00"), later)
    assert refusals_of(kept, *rows) == [repeated, [], repeated, []]
    assert sorted(kept.catalogue.items) == [("A1", later.row.start_date), ("A2", SINCE)]


def test_rows_whose_key_cannot_be_read_are_not_repeated(kept: MemoryWork) -> None:
    fault = FieldFault("item_code", Reason.FIELD_REQUIRED, "is required")
    row = SentRow(item("").row, (fault,))
    assert refusals_of(kept, row, row) == [[("item_code", Reason.FIELD_REQUIRED)]] * 2


@pytest.mark.parametrize(
    ("catalogue_class", "share", "is_refused"),
    [
        ("01", None, False),
        ("01", 0, False),
        ("01", 1, True),
        ("02", None, False),
        ("02", 0, False),
        ("02", 1_000_000, False),
        ("03", None, False),
        ("03", 1_000_000, False),
        ("03", 999_999, True),
        ("03", 0, True),
    ],
)
def test_a_class_and_a_share_that_exclude_each_other_are_refused(
    kept: MemoryWork, catalogue_class: str, share: int | None, is_refused: bool
) -> None:
    row = item(catalogue_class=catalogue_class, first_self_pay_ratio_ppm=share)
    faults = (
        [("first_self_pay_ratio_ppm", Reason.FIRST_SELF_PAY_RATIO_INVALID)] if is_refused else []
    )
    assert refusals_of(kept, row) == [faults]


@pytest.mark.parametrize(
    ("price_ceiling", "is_refused"),
    [("", False), ("0.01", False), ("100", False), ("0", True), ("0.000000", True)],
)
def test_a_ceiling_of_nothing_is_refused(
    kept: MemoryWork, price_ceiling: str, is_refused: bool
) -> None:
    faults = [("price_ceiling", Reason.FIELD_OUT_OF_RANGE)] if is_refused else []
    assert refusals_of(kept, item(price_ceiling=price_ceiling)) == [faults]


@pytest.mark.parametrize(
    ("ceilings", "faulty"),
    [
        ([(("1", "2"), "10"), (("3",), "9")], []),
        (
            [(("1", "15"), "10"), (("01",), "9")],
            ["[0].institution_levels[1]", "[1].institution_levels[0]"],
        ),
        ([(("1", "2"), "10"), (("3", "2"), "9")], ["[1].institution_levels[1]"]),
        ([(("1", "1"), "10")], ["[0].institution_levels[1]"]),
        ([(("1",), "0.00")], ["[0].price_ceiling"]),
    ],
)
def test_of_ceilings_each_level_has_one(
    kept: MemoryWork, ceilings: list[tuple[tuple[str, ...], str]], faulty: list[str]
) -> None:
    rows = tuple(itertools.starmap(LevelPriceCeiling, ceilings))
    out = Reason.FIELD_OUT_OF_RANGE
    faults = [(f"level_price_ceilings{each}", out) for each in faulty]
    assert refusals_of(kept, item(level_price_ceilings=rows)) == [faults]


def test_an_item_brings_its_share_where_a_policy_takes_it_from_the_item(kept: MemoryWork) -> None:
    """Else it would be refused at the counter, whenever it is charged."""
    rows = [{"prepay_ppm": {"01": 0}, "by_item": ["02"], "own_cost": ["03"]}]
    step = {"classify": {**head("S1"), "rows": rows}}
    contents = json.dumps(policy_data(step, region=REGION)).encode()
    policy = load_policy(contents, name="policy_file")
    kept.reference.active.append(DatedPolicy(policy, dt.date(2025, 1, 1), dt.date(2025, 12, 31)))
    missing = [("first_self_pay_ratio_ppm", Reason.FIRST_SELF_PAY_RATIO_INVALID)]
    assert refusals_of(kept, item(catalogue_class="02")) == [missing]
    assert refusals_of(kept, item(catalogue_class="02", first_self_pay_ratio_ppm=0)) == [[]]
    before = item("B2", catalogue_class="02", end_date=dt.date(2024, 12, 31))
    after = item("B3", catalogue_class="02", start_date=dt.date(2026, 1, 1))
    assert refusals_of(kept, before, after) == [[], []]


@pytest.mark.parametrize("level", ["0", "00", "01", "15", "99", ""])
def test_a_level_that_no_institution_has_is_refused(kept: MemoryWork, level: str) -> None:
    hospital = dataclasses.replace(HOSPITAL, institution_level=level)
    ended = dataclasses.replace(HOSPITAL, end_date=SINCE - dt.timedelta(days=1))
    told: list[RuleError | None] = []

    def encode(refusals: Sequence[RuleError | None]) -> bytes:
        told.extend(refusals)
        return b""

    catalogue = Catalogue(kept, clock=lambda: NOW)
    for number, rows in enumerate(([hospital], [ended], [HOSPITAL, HOSPITAL], [HOSPITAL])):
        asked = request("ImportInstitutions", str(number))
        command = ImportInstitutions(asked, [SentRow(each) for each in rows])
        catalogue.import_institutions(command, encode)
    assert [each and each.faults[0].field for each in told] == [
        "institution_level",
        "end_date",
        "institution_id",
        "institution_id",
        None,
    ]
    assert list(kept.catalogue.institutions.values()) == [HOSPITAL]
