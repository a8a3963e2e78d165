"""Versions of lists: brought, approved, settled by, followed and taken back."""

import datetime as dt
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.catalogue_versions import LONG_AGO, Desk, ceiling, insured, list_row, refusal, share
from support.databases import Databases
from support.settlement_parts import transactions_of
from support.settlement_world import NOW, POLICY_FILE, REGION, TODAY, World

from yibao_common.db.audit_chain import check_chain
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.catalogue import Catalogue, ImportItems, SentRow
from yibao_settlement.application.catalogue_version.approve import ApproveVersion
from yibao_settlement.application.catalogue_version.rows import VersionWish
from yibao_settlement.application.catalogue_version.terms import Terms
from yibao_settlement.ledger_check.check import check_ledger
from yibao_settlement.rules.bill import Bill, CatalogueItem, ChargedLine, LineDetails
from yibao_settlement.rules.care_facts import CareFacts, Diagnosis
from yibao_settlement.rules.catalogue_version.row import Layer
from yibao_settlement.rules.catalogue_version.timeline import SaidRow
from yibao_settlement.rules.catalogue_version.version import VersionState
from yibao_settlement.storage import tables
from yibao_settlement.storage.reference import ReferenceCache, read_epoch

DAY = dt.timedelta(days=1)
TOMORROW, YESTERDAY = TODAY + DAY, TODAY - DAY
# A policy that takes the share of class B from the item.
ASKING = POLICY_FILE.read_bytes().replace(
    b'prepay_ppm: {"01": 0, "02": 30_000}', b'prepay_ppm: {"01": 0}\n          by_item: ["02"]'
)


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world.database, REGION, world.clock)


def item(world: World, code: str, day: dt.date = TODAY) -> CatalogueItem | None:
    """Returns what bills of a day are settled by."""
    with world.database.read() as connection:
        epoch = read_epoch(connection, REGION)
        return ReferenceCache().view(connection, REGION, [code], epoch=epoch).item(code, day)


def price_of(world: World, code: str, day: dt.date = TODAY) -> str | None:
    found = item(world, code, day)
    return None if found is None else found.ceiling_at("5")


def bill(world: World, visit: str, code: str, *, day: dt.date = TODAY) -> Bill:
    """Returns a bill of one line of 100.00, charged on a day."""
    line = ChargedLine(1, code, "100.00", "1", 10_000, LineDetails(charge_date=day))
    return world.bill(visit, lines=(line,), total_fen=10_000)


def over_limit_fen(world: World, code: str, *, day: dt.date = TODAY) -> int:
    """Settles a line of 100.00 and returns what of it exceeds the ceiling."""
    (person,) = world.enrol()
    visit = world.register(person, start_date=YESTERDAY)
    settled = world.settle(visit, person, bill=bill(world, visit, code, day=day))
    return settled.lines[0].over_limit_fen


def test_bills_are_settled_by_each_version_on_its_days(world: World, desk: Desk) -> None:
    # T-07, T-30: a ceiling that rises tomorrow, is taken back, and a late charge day.
    desk.put(Layer.INSURANCE, LONG_AGO, insured("X1", "01"), insured("X2", "01"))
    first = desk.put(Layer.CEILING, LONG_AGO, ceiling("X1", "2", "60.00"))
    world.clock.now = NOW
    assert over_limit_fen(world, "X1") == 0, "the hospital is of level 2, which is 3A"
    desk.put(Layer.CEILING, LONG_AGO, ceiling("X1", "3", "60.00"))
    assert over_limit_fen(world, "X1") == 4_000
    assert over_limit_fen(world, "X2") == 0
    higher = desk.put(Layer.CEILING, TOMORROW, ceiling("X1", "3", "90.00"))
    assert over_limit_fen(world, "X1") == 4_000
    world.clock.now = NOW + DAY
    (person,) = world.enrol()
    visit = world.register(person, start_date=TODAY)
    lines = tuple(
        ChargedLine(number, "X1", "100.00", "1", 10_000, LineDetails(charge_date=day))
        for number, day in ((1, TODAY), (2, TOMORROW))
    )
    both = world.bill(visit, lines=lines, total_fen=20_000, service_date=TOMORROW)
    settled = world.settle(visit, person, bill=both)
    assert [line.over_limit_fen for line in settled.lines] == [4_000, 1_000]
    desk.approve(desk.roll_back(higher, TOMORROW))
    other = world.register(world.enrol()[0], start_date=TODAY)
    again = world.settle(
        other, world.persons[-1], bill=both._replace(visit_id=other, bill_number="back")
    )
    assert [line.over_limit_fen for line in again.lines] == [4_000, 4_000]
    # What was settled by the version that was taken back stays, and comes out the same.
    assert check_ledger(world.database).drifts == []
    assert first != higher


def test_a_share_is_that_of_the_persons_type(world: World, desk: Desk) -> None:
    desk.put(
        Layer.SHARE,
        LONG_AGO,
        share("Y1", 100_000, "310"),
        share("Y1", 200_000, "390"),
        share("Y1", 300_000),
    )
    desk.put(Layer.INSURANCE, LONG_AGO, insured("Y1"))
    found = item(world, "Y1")
    assert found is not None
    shares = [found.share_of(each, "1") for each in ("310", "390", "330", "99")]
    assert shares == [100_000, 200_000, 300_000, 300_000]
    (resident,) = world.enrol()
    visit = world.register(resident, start_date=YESTERDAY)
    settled = world.settle(visit, resident, bill=bill(world, visit, "Y1"))
    assert settled.lines[0].first_self_pay_fen == 2_000


def test_mapped_items_have_ceilings_standards_and_limits_of_the_insurance_list(
    world: World, desk: Desk
) -> None:
    # T-01: what is on no insurance list is everybody's own cost.
    medical = [
        list_row(Layer.MEDICAL, code, name=f"示例药 {code}", list_type="101")
        for code in ("XZ99ZZ1", "XZ99ZZ2", "XZ99ZZ3")
    ]
    desk.put(Layer.MEDICAL, LONG_AGO, *medical)
    assert item(world, "XZ99ZZ1") is None, "without an insurance list nothing is settled by others"
    mapping = [
        list_row(Layer.MAPPING, code, insurance_code="H1") for code in ("XZ99ZZ1", "XZ99ZZ2")
    ]
    desk.put(Layer.MAPPING, LONG_AGO, *mapping)
    text = list_row(Layer.LIMITED_USE, "H1", limited_use_text="限二级及以上医疗机构")
    desk.put(Layer.LIMITED_USE, LONG_AGO, text)
    _, changed = desk.approve(desk.bring(Layer.INSURANCE, LONG_AGO, insured("H1", "01")))
    assert changed == 4
    _, changed = desk.approve(
        desk.bring(
            Layer.PAYMENT_STANDARD,
            TOMORROW,
            list_row(Layer.PAYMENT_STANDARD, "H1", price_ceiling="50.00"),
        )
    )
    assert changed == 3, "both mapped items, and the code of the list itself"
    desk.put(Layer.CEILING, LONG_AGO, ceiling("H1", "2", "80"), ceiling("H1", "1", "40"))
    found, unlisted = item(world, "XZ99ZZ2"), item(world, "XZ99ZZ3")
    assert found is not None
    assert unlisted is not None
    assert (found.item_name, found.is_limited_use, unlisted.catalogue_class) == (
        *("示例药 XZ99ZZ2", True),
        "03",
    )
    ceilings = [
        [each.ceiling_at(level) for level in ("2", "5", "8")]
        for day in (TODAY, TOMORROW)
        if (each := item(world, "XZ99ZZ1", day))
    ]
    assert ceilings == [["", "80", "40"], ["50.00", "50.00", "40"]]


def test_a_whole_list_ends_what_it_leaves_out_and_is_told_before(world: World, desk: Desk) -> None:
    items = [insured(code, "01") for code in ("A1", "K1", "K2")]
    desk.put(Layer.INSURANCE, LONG_AGO, *items)
    again = [insured("K1", "01"), insured("K3", "03")]
    version = desk.bring(Layer.INSURANCE, TOMORROW, *again, is_whole=True)
    told = [
        (each.key.code, each.day, bool(each.before), bool(each.after and each.after.content))
        for each in desk.differences(version)
    ]
    assert told == [
        ("A1", TOMORROW, True, False),
        ("K2", TOMORROW, True, False),
        ("K3", TOMORROW, False, True),
    ]
    _, changed = desk.approve(version)
    assert changed == 3, "what it says again as it was is not made anew"
    # A1 was imported directly before: the list goes before that, and ends it.
    found = [(item(world, code), item(world, code, TOMORROW)) for code in ("A1", "K2", "K3")]
    assert [(bool(today), bool(then)) for today, then in found] == [
        *((True, False), (True, False), (False, True)),
    ]
    desk.approve(desk.roll_back(version, TOMORROW + DAY))
    days = [bool(item(world, "K2", TOMORROW + DAY * more)) for more in (0, 1)]
    assert days == [False, True]
    assert bool(item(world, "K3", TOMORROW + DAY)) is False


def test_rows_are_refused_one_by_one_with_the_numbers_of_the_sheet(desk: Desk) -> None:
    # Cases M3 and M5.
    version = desk.begin(Layer.INSURANCE, LONG_AGO)
    good = [insured(f"G{number}", "01") for number in range(100)]
    repeated = [each._replace(row_number=1_000 + at) for at, each in enumerate(good[:3])]
    bad = insured("BAD", "09", end=LONG_AGO - DAY)._replace(row_number=2_000)
    desk.upload(version, *good, bad)
    desk.upload(version, *repeated, number=2)
    found = desk.versions.faults(REGION, version, after=None, limit=10)
    assert [(each.row_number, [fault.reason for fault in each.faults]) for each in found] == [
        *((1_000 + at, ["ROW_REPEATED"]) for at in range(3)),
        (2_000, ["FIELD_OUT_OF_RANGE", "FIELD_OUT_OF_RANGE"]),
    ]
    assert refusal(desk.submit, version, 103) is Reason.CATALOGUE_VERSION_INCOMPLETE
    assert refusal(desk.submit, version, 104) is Reason.CATALOGUE_ROWS_REFUSED
    desk.submit(version, 104, leaves_out=True)
    assert desk.told is not None
    assert (desk.told.row_count, desk.told.refused_count) == (100, 4)


def test_a_chunk_is_taken_once(desk: Desk) -> None:
    version = desk.begin(Layer.INSURANCE, LONG_AGO)
    desk.upload(version, insured("C1", "01"), digest="one")
    first = desk.chunk
    desk.upload(version, insured("C1", "01"), digest="one")
    assert first is not None
    assert desk.chunk is not None
    assert desk.chunk[0] == first[0]
    changed = refusal(desk.upload, version, insured("C2", "01"), digest="other")
    assert changed is Reason.CATALOGUE_CHUNK_CHANGED
    desk.submit(version, 1)


def test_two_operators_are_needed_and_states_are_kept(world: World, desk: Desk) -> None:
    version = desk.bring(Layer.CEILING, YESTERDAY, ceiling("X1", "3", "60"))
    other = desk.bring(Layer.CEILING, TOMORROW, ceiling("X1", "3", "70"))
    refused = [
        refusal(desk.upload, version, ceiling("X1", "2", "1")),
        refusal(desk.approve, version, operator="maker"),
        refusal(desk.approve, version, past=False),
        refusal(desk.approve, "00000000-0000-4000-8000-000000000000"),
        refusal(desk.roll_back, version, TOMORROW),
    ]
    assert refused == [
        Reason.CATALOGUE_VERSION_STATE,
        Reason.SAME_MAKER_AND_CHECKER,
        Reason.CATALOGUE_PAST_DAYS,
        Reason.CATALOGUE_VERSION_UNKNOWN,
        Reason.CATALOGUE_VERSION_STATE,
    ]
    desk.approve(version)
    assert refusal(desk.approve, version) is Reason.CATALOGUE_VERSION_STATE
    assert refusal(desk.approve, other) is Reason.CATALOGUE_VERSION_OVERTAKEN
    desk.withdraw(other)
    assert refusal(desk.withdraw, version) is Reason.CATALOGUE_VERSION_STATE
    caller = desk.asked("List").caller
    states = [
        each.state.name
        for each in desk.versions.page(REGION, VersionWish(), caller, after=None, limit=9)
    ]
    assert sorted(states) == ["APPROVED", "WITHDRAWN"]
    with world.database.read() as connection:
        assert check_chain(connection, tables.audit, REGION) is None
        event = tables.audit.event.c
        methods = list(connection.execute(sa.select(event.method)).scalars())
    assert methods == ["Submit", "Submit", "Approve", "Withdraw"]


def test_another_operator_adds_nothing_to_a_draft(desk: Desk) -> None:
    version = desk.begin(Layer.INSURANCE, LONG_AGO)
    asked = desk.asked
    desk.asked = lambda method, **more: asked(method, operator="other")  # type: ignore[method-assign]
    refused = refusal(desk.upload, version, insured("C1"))
    assert refused is Reason.CATALOGUE_VERSION_OF_ANOTHER


def test_institutions_download_what_changed_and_what_holds(desk: Desk) -> None:
    desk.put(Layer.CEILING, LONG_AGO, ceiling("X1", "3", "60"), ceiling("X2", "3", "10"))
    desk.put(Layer.CEILING, TODAY, ceiling("X1", "3", "70"))
    desk.bring(Layer.CEILING, TODAY, ceiling("X1", "3", "99"))
    found: list[SaidRow] = []
    after = None
    while True:
        page = desk.versions.changes(REGION, Layer.CEILING, 0, after=after, limit=2)
        found += page.rows
        after = page.next_place
        if after is None:
            break
    told = [
        (each.version_number, each.row.code, each.row.content and each.row.content.price_ceiling)
        for each in found
    ]
    assert told == [(1, "X1", "60"), (1, "X2", "10"), (2, "X1", "70")]
    assert page.newest_number == 2
    since = desk.versions.changes(REGION, Layer.CEILING, 1, after=None, limit=9)
    assert [each.row.code for each in since.rows] == ["X1"]
    held = desk.versions.in_force(REGION, Layer.CEILING, YESTERDAY, after=None, limit=9)
    prices = [each.row.content and each.row.content.price_ceiling for each in held.rows]
    assert prices == ["60", "10"]


def test_of_versions_of_one_list_approved_at_once_one_comes_in_force(
    world: World, desk: Desk
) -> None:
    same = [desk.bring(Layer.CEILING, TODAY, ceiling("X1", "3", f"{n}0")) for n in range(1, 4)]
    others = [
        desk.bring(
            Layer.MEDICAL, TODAY, list_row(Layer.MEDICAL, "X1", name="示例", list_type="101")
        ),
        desk.bring(
            Layer.LIMITED_USE, TODAY, list_row(Layer.LIMITED_USE, "X1", limited_use_text="示例")
        ),
    ]
    with ThreadPoolExecutor(5) as threads:
        outcomes = list(threads.map(lambda each: refusal(desk.approve, each), [*same, *others]))
    assert sorted(outcomes[:3], key=str) == [None, *[Reason.CATALOGUE_VERSION_OVERTAKEN] * 2]
    assert outcomes[3:] == [None, None]
    caller = desk.asked("List").caller
    wish = VersionWish(state=VersionState.APPROVED)
    found = desk.versions.page(REGION, wish, caller, after=None, limit=9)
    assert sorted(each.version_number for each in found) == [1, 2, 3]


def test_an_approval_that_is_sent_again_is_answered_as_it_was(desk: Desk) -> None:
    version = desk.bring(Layer.CEILING, TODAY, ceiling("X1", "3", "10"))
    asked = ApproveVersion(desk.asked("Approve", operator="checker"), version, True)
    answers = [
        desk.approving.approve(asked, lambda each, _: str(each.version_number).encode())
        for _ in range(2)
    ]
    assert answers == [b"1", b"1"]


def test_directly_imported_items_and_versions_do_not_mix(world: World, desk: Desk) -> None:
    # T-07: where the region asks, ceilings and shares come as versions alone.
    transactions = transactions_of(world.database)
    desk.put(Layer.INSURANCE, LONG_AGO, insured("KEPT", "01"))
    rows = [
        CatalogueItem("KEPT", "示例", "01", None, "", LONG_AGO, None),
        CatalogueItem("FREE", "示例", "01", None, "9.00", LONG_AGO, None),
        CatalogueItem("PLAIN", "示例", "01", None, "", LONG_AGO, None),
    ]
    told = []
    for regions in ((), (REGION,)):
        catalogue = Catalogue(transactions, clock=world.clock, approval_required_in=regions)
        refusals: list[RuleError | None] = []

        def keep(
            found: Sequence[RuleError | None], kept: list[RuleError | None] = refusals
        ) -> bytes:
            kept[:] = found
            return b""

        command = ImportItems(desk.asked("Import"), [SentRow(row) for row in rows])
        catalogue.import_items(command, keep)
        told.append([each and each.reason for each in refusals])
    in_versions = Reason.CATALOGUE_ITEM_IN_VERSIONS
    assert told == [
        [in_versions, None, None],
        [in_versions, Reason.CATALOGUE_APPROVAL_REQUIRED, None],
    ]


def test_items_without_a_share_that_a_policy_takes_from_them_keep_a_version_out(
    databases: Databases,
) -> None:
    world = World(databases.open("yibao_settlement"), policy_file=ASKING)
    desk = Desk(world.database, REGION, world.clock)
    bare = desk.bring(Layer.INSURANCE, LONG_AGO, insured("S1"), insured("S2", "01"))
    assert refusal(desk.approve, bare) is Reason.CATALOGUE_SHARE_MISSING
    assert item(world, "S1") is None, "a refused approval leaves nothing"
    # That of another type of person does not do; everybody's does.
    desk.put(Layer.SHARE, LONG_AGO, share("S1", 100_000, "310"))
    assert refusal(desk.approve, bare) is Reason.CATALOGUE_SHARE_MISSING
    desk.put(Layer.SHARE, LONG_AGO, share("S1", 100_000))
    assert refusal(desk.approve, bare) is None


def test_codes_that_visits_tell_are_looked_up_where_the_region_asks(
    world: World, desk: Desk
) -> None:
    facts = CareFacts(
        diagnoses=(Diagnosis("U85.x00", "示例诊断", True), Diagnosis("U86.x00", "示例", False)),
        disease_code="M99900",
    )
    terms = Terms(transactions_of(world.database), regions=(REGION,))
    assert terms.asks(REGION)
    assert not Terms(transactions_of(world.database), regions=()).asks(REGION)
    assert terms.faults(REGION, facts, TODAY) == (), "a dictionary that there is not has all"
    row = list_row(Layer.DIAGNOSIS, "U85.x00", name="示例诊断", end=TODAY)
    desk.put(Layer.DIAGNOSIS, LONG_AGO, row)
    found = [terms.faults(REGION, facts, each) for each in (TODAY, TOMORROW)]
    assert [[fault.field for fault in each] for each in found] == [
        ["diagnoses[1].diagnosis_code"],
        ["diagnoses[0].diagnosis_code", "diagnoses[1].diagnosis_code"],
    ]
    (person,) = world.enrol()
    with pytest.raises(RuleError) as refused:
        world.register(person, unknown_terms=found[0])
    assert refused.value.reason is Reason.CATALOGUE_TERM_UNKNOWN
