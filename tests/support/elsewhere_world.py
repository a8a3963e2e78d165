"""Two regions in one database: persons of one are treated at a hospital of the other."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from support.benefit_world import DIAGNOSES
from support.databases import Databases
from support.former_policies import former_policy
from support.settlement_parts import put_reference, transactions_of
from support.settlement_world import NOW, REGION, World

from yibao_common.commands.feed import FeedPosition
from yibao_common.db.database import Database
from yibao_common.db.feed import StoredPosition
from yibao_common.db.rows import insert_rows
from yibao_common.values.ids import new_id
from yibao_settlement.application.batch.work import BatchWork
from yibao_settlement.application.work import Work
from yibao_settlement.rules.care_facts import CareFacts
from yibao_settlement.rules.elsewhere.registered import DEEMED, AuditHold, Benefit, RegisteredCare
from yibao_settlement.rules.elsewhere.terms import ElsewhereTerms
from yibao_settlement.rules.institution.scope import InstitutionScope
from yibao_settlement.rules.visit import Institution
from yibao_settlement.storage.batch.transaction import SettlementTransactions
from yibao_settlement.storage.elsewhere.tables import (
    audit_hold,
    deemed_registration,
    offsite_feed_position,
    registered_care,
)
from yibao_settlement.storage.reading import StoredReads
from yibao_settlement.storage.reference import ReferenceCache

PLACE = "999029"
THERE = "H99902900001"
# Not networked for persons of other regions.
ALONE = "H99902900002"
PHARMACY_THERE = "P99902900003"
SINCE = dt.date(2014, 1, 1)
START = dt.date(2026, 11, 1)

# 80 % of what is above 1,000.00 a stay; less by terms.
POLICY = """\
format: yibao-policy/2
policy_id: elsewhere
title: Care elsewhere
title_zh: 异地就医
region: "{region}"
insurance_type: "390"
start_date: 2014-01-01
sources:
  page: {{title: 某文件, url: "https://example.cn/1"}}
care_groups:
  inpatient: ["2*"]
  outpatient: ["*"]
steps:
  - classify:
      id: S1
      title: Classes
      title_zh: 目录类别
      rows:
        - shares: {{"01": 0, "02": 100_000, "03": own_cost}}
  - deductible:
      id: D1
      title: Deductible
      title_zh: 起付标准
      base: [eligible]
      window: stay
      by: [care_group]
      rows:
        - {{when: {{care_group: inpatient}}, amount: 100_000}}
        - {{when: {{care_group: outpatient}}, amount: 0}}
  - tiers:
      id: P1
      title: Pool
      title_zh: 统筹基金
      base: [D1.rest]
      fund_type: "390100"
      adjust:
        - by: [offsite]
          rows:
            - {{when: {{offsite: [local, long_term]}}}}
            - {{when: {{offsite: [referral, emergency]}}, points_ppm: -100_000}}
            - {{when: {{offsite: temporary}}, points_ppm: -200_000}}
            - {{when: {{offsite: unregistered}}, points_ppm: -300_000}}
      rows:
        - brackets:
            - {{over_fen: 0, ratio_ppm: 800_000}}
  - account:
      id: Z1
      title: The account
      title_zh: 个人账户
      base: [D1.paid, P1.copay, prepay]
"""


def elsewhere_world(
    databases: Databases, terms: ElsewhereTerms | None = None, *, text: str = POLICY
) -> World:
    """Returns a world whose region says `terms` of care elsewhere, and settles by `text`."""
    database = databases.open("yibao_settlement")
    contents = text.format(region=REGION) if text == POLICY else text
    world = World(database, policy_file=contents.encode())
    put_reference(
        database,
        PLACE,
        policy_file=former_policy(PLACE).read_bytes(),
        institutions=[
            Institution(THERE, "外地医院", "2", True, SINCE, None),
            Institution(ALONE, "外地小医院", "2", True, SINCE, None),
            Institution(PHARMACY_THERE, "外地药店", "11", True, SINCE, None),
        ],
        items=[],
        now=NOW,
    )
    put_scope(
        world,
        InstitutionScope(THERE, SINCE, "1", (), True, True),
        InstitutionScope(ALONE, SINCE, "1", (), False, True),
        InstitutionScope(PHARMACY_THERE, SINCE, "2", (), True, True),
    )
    world.work = worker(world, terms)
    world.queries = StoredReads(database, cache(terms), clock=world.clock)
    return world


def cache(terms: ElsewhereTerms | None = None, *, others: Sequence[str] = ()) -> ReferenceCache:
    """Returns the reference data of a process that serves both regions, and others."""
    said: Mapping[str, ElsewhereTerms] = {} if terms is None else {REGION: terms}
    return ReferenceCache(None, said, regions=[REGION, PLACE, *others])


def worker(
    world: World, terms: ElsewhereTerms | None = None, *, others: Sequence[str] = ()
) -> BatchWork:
    """Returns work of a process that serves both regions, and others."""
    transactions = SettlementTransactions(world.database, cache(terms, others=others))
    return BatchWork(transactions, clock=world.clock, ids=new_id)


def put_scope(world: World, *scopes: InstitutionScope) -> None:
    """Stores what institutions of the other region are for."""

    def put(work: Work) -> None:
        work.institutions.put_scopes(scopes)
        work.reference.raise_epoch()

    transactions_of(world.database).change(PLACE, put)


def tell_registered(
    world: World, person_id: str, terms: str, *, region: str = REGION, **changes: Any
) -> RegisteredCare:
    """Has settlement know a registration, as the feed of offsite tells it."""
    told = RegisteredCare(
        new_id(), person_id, 4, PLACE, terms, tuple(Benefit), START, None
    )._replace(**changes)
    put_registered(world.database, told, region=region)
    return told


def put_registered(database: Database, told: RegisteredCare, *, region: str) -> None:
    """Stores a registration in place of what was told of it, as the feed of offsite does."""
    columns = ("region", *RegisteredCare._fields, "reading")
    benefits = msgspec.json.encode([int(each) for each in told.benefits]).decode()
    row = (region, *told._replace(benefits=benefits), 1)  # type: ignore[arg-type]
    with database.write() as connection:
        connection.execute(
            registered_care.delete().where(
                registered_care.c.region == region,
                registered_care.c.registration_id == told.registration_id,
            )
        )
        insert_rows(connection, registered_care, columns, [row])


def hear_offsite(world: World, at: dt.datetime | None, *, region: str = REGION) -> None:
    """Has all that offsite had be known at a time, or never."""
    with world.database.write() as connection:
        position = StoredPosition(connection, offsite_feed_position, region)
        position.lock()
        position.move(FeedPosition(new_id(), 1, 1, "m", 1, None, at))


def put_on_record(world: World, visit_id: str, person_id: str) -> RegisteredCare:
    """Has offsite put a visit's emergency on record, as its answer and its feed tell."""
    told = tell_registered(world, person_id, "emergency", category=6, origin=DEEMED, version=1)
    column = deemed_registration.c
    with world.database.write() as connection:
        connection.execute(
            deemed_registration.update()
            .where(column.region == REGION, column.visit_id == visit_id)
            .values(tell_time=world.clock.now, registration_id=told.registration_id)
        )
    return told


def put_audit_hold(world: World, visit_id: str, person_id: str) -> AuditHold:
    """Has an audit hold a visit, as the feed of offsite tells it."""
    hold = AuditHold(new_id(), person_id, visit_id, new_id(), is_lifted=False, version=1)
    columns = ("region", *AuditHold._fields, "attestation", "reading")
    with world.database.write() as connection:
        insert_rows(connection, audit_hold, columns, [(REGION, *hold, b"", 1)])
    return hold


def lift(world: World, hold: AuditHold) -> None:
    """Has the audit lift its hold."""
    with world.database.write() as connection:
        connection.execute(
            audit_hold.update().where(audit_hold.c.hold_id == hold.hold_id).values(is_lifted=True)
        )


def admit_there(world: World, person_id: str, **changes: Any) -> str:
    """Registers a stay at the hospital of the other region."""
    told: dict[str, Any] = {
        "institution_id": THERE,
        "start_date": START,
        "facts": CareFacts(diagnoses=DIAGNOSES),
    }
    return world.register(person_id, **{**told, **changes})
