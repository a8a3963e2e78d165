"""Own codes of institutions, as tests of storage map, charge and bar them."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from support.settlement_parts import transactions_of
from support.settlement_world import HOSPITAL, REGION, TODAY, World

from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.work import BatchWork
from yibao_settlement.application.institution.registry import (
    AddPoints,
    ImportStaff,
    InstitutionRegistry,
    LiftSuspension,
    SentStaff,
    StaffRow,
    Suspend,
)
from yibao_settlement.application.mapping.book import (
    CancelMapping,
    DecideMappings,
    MappingBook,
    SentMapping,
    UploadMappings,
)
from yibao_settlement.application.reference import LineTerms
from yibao_settlement.rules.bill import ChargedLine, LineDetails, LineOrigin
from yibao_settlement.rules.institution.points import POINTS_TERMS, DoctorPoints
from yibao_settlement.rules.institution.scope import InstitutionScope
from yibao_settlement.rules.institution.staff import Department, Doctor
from yibao_settlement.rules.institution.suspension import SuspendedKind, Suspension
from yibao_settlement.rules.mapping import CodeMapping, MappingRow
from yibao_settlement.storage.batch.transaction import SettlementTransactions
from yibao_settlement.storage.reading import StoredReads
from yibao_settlement.storage.reference import ReferenceCache

SINCE = dt.date(2026, 1, 1)
LI = "D999019000001"
Outcome = CodeMapping | RuleError


def row(code: str, item: str, start: dt.date = SINCE, **changes: Any) -> MappingRow:
    return MappingRow(code, f"院内 {code}", "101", item, start)._replace(**changes)


def book_of(world: World) -> MappingBook:
    transactions = transactions_of(world.database, clock=world.clock)
    return MappingBook(transactions, clock=world.clock, ids=new_id)


def registry_of(world: World) -> InstitutionRegistry:
    transactions = transactions_of(world.database, clock=world.clock)
    return InstitutionRegistry(transactions, clock=world.clock, ids=new_id)


def map_codes(
    world: World, *rows: MappingRow, institution_id: str = HOSPITAL, is_reviewed: bool = False
) -> list[Outcome]:
    """Uploads mappings and returns what became of each row."""
    told: list[Outcome] = []

    def encode(outcomes: Sequence[Outcome], stored: int) -> bytes:
        told[:] = outcomes
        return str(stored).encode()

    asked = world.request("UploadMappings", institution_id=institution_id)
    sent = [SentMapping(each) for each in rows]
    book_of(world).upload(UploadMappings(asked, sent, is_reviewed, encode))
    return told


def mapped(world: World, *rows: MappingRow, **changes: Any) -> list[str]:
    """Uploads mappings of which none is refused; returns their ids."""
    outcomes = map_codes(world, *rows, **changes)
    assert not [each for each in outcomes if isinstance(each, RuleError)], outcomes
    return [each.mapping_id for each in outcomes if isinstance(each, CodeMapping)]


def cancel_mapping(
    world: World, mapping_id: str, last: dt.date | None = None, **asked: Any
) -> CodeMapping:
    told: list[CodeMapping] = []

    def encode(mapping: CodeMapping) -> bytes:
        told.append(mapping)
        return b"cancelled"

    request = world.request("CancelMapping", **asked)
    book_of(world).cancel(CancelMapping(request, mapping_id, last, "entered wrongly", encode))
    return told[0]


def decide_mappings(
    world: World, *mapping_ids: str, is_approved: bool = True, **asked: Any
) -> list[Outcome]:
    told: list[Outcome] = []

    def encode(outcomes: Sequence[Outcome]) -> bytes:
        told[:] = outcomes
        return b"decided"

    request = world.request("DecideMappings", **{"institution_id": None, **asked})
    book_of(world).decide(DecideMappings(request, mapping_ids, is_approved, "read", encode))
    return told


def suspend(world: World, kind: SuspendedKind, first: dt.date, **changes: Any) -> Suspension:
    """Suspends somebody."""
    told: list[Suspension] = []

    def encode(suspension: Suspension) -> bytes:
        told.append(suspension)
        return b"suspended"

    values = {"institution_id": "", "code": "", "end_date": None, **changes}
    request = world.request("Suspend", institution_id=None)
    command = Suspend(request, kind, start_date=first, reason="points", encode=encode, **values)
    registry_of(world).suspend(command)
    return told[0]


def own(code: str, yuan: int = 100, *, line_id: str = "", **changes: Any) -> ChargedLine:
    """Returns a line of one unit that carries an own code alone; changes are of its details."""
    origin = changes.pop("origin", LineOrigin())._replace(provider_item_code=code)
    details = LineDetails(line_id, origin=origin, **changes)
    return ChargedLine(1, "", str(yuan), "1", yuan * 100, details)


def on_terms(world: World, **terms: bool) -> World:
    """Has the world decide as a region that says such things of lines."""
    said = {REGION: LineTerms(**terms)}
    world.work = BatchWork(
        SettlementTransactions(world.database, ReferenceCache(said)), clock=world.clock, ids=new_id
    )
    world.queries = StoredReads(world.database, ReferenceCache(said), clock=world.clock)
    return world


def imported(
    world: World, *rows: StaffRow, institution_id: str | None = None
) -> list[Reason | None]:
    """Imports rows and returns why each was refused."""
    told: list[Reason | None] = []

    def encode(refusals: object) -> bytes:
        told[:] = [each and each.reason for each in refusals]  # type: ignore[attr-defined]
        return b"imported"

    request = world.request("ImportDoctors", institution_id=institution_id)
    command = ImportStaff(request, [SentStaff(each) for each in rows], encode)
    registry_of(world).import_rows(command)
    return told


def points(world: World, count: int, day: dt.date = TODAY) -> tuple[int, Suspension | None]:
    """Adds points, and returns those of the year and what they brought."""
    told: list[tuple[int, Suspension | None]] = []

    def encode(given: DoctorPoints, total: int, brought: Suspension | None) -> bytes:
        told.append((total, brought))
        return b"added"

    request = world.request("AddDoctorPoints", institution_id=None)
    command = AddPoints(request, LI, count, day, "overcharged", None, POINTS_TERMS, encode)
    registry_of(world).add_points(command)
    return told[0]


def lift(world: World, suspension_id: str, last: dt.date | None = None) -> Suspension:
    told: list[Suspension] = []

    def encode(suspension: Suspension) -> bytes:
        told.append(suspension)
        return b"lifted"

    request = world.request("LiftSuspension", institution_id=None)
    registry_of(world).lift(LiftSuspension(request, suspension_id, last, "appeal", encode))
    return told[0]


def suspend_and_lift(world: World) -> None:
    """Imports a doctor and what the hospital is for; gives points, suspends and lifts that."""
    scope = InstitutionScope(HOSPITAL, SINCE, "1", (), False, True)
    imported(world, Doctor(HOSPITAL, LI, "李医生", "", SINCE))
    imported(world, Department(HOSPITAL, "K1", "心内科", "", SINCE))
    imported(world, scope)
    imported(world, scope)
    _, brought = points(world, 12)
    assert brought is not None
    lift(world, brought.suspension_id)
