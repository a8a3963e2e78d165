"""A settlement database whose region settles by `yibao-policy/2`."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from support.databases import Databases
from support.settlement_parts import transactions_of
from support.settlement_world import AGENCY, HOSPITAL, NOW, REGION, FakeClock, World

from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao_common.values.caller import parse_caller
from yibao_settlement.application.settlement.find import find_explained
from yibao_settlement.application.settlement.trial import trial
from yibao_settlement.application.work import Work
from yibao_settlement.files.policy.any_file import load_any_policy
from yibao_settlement.rules.bill import Bill, ChargedLine, LineDetails
from yibao_settlement.rules.care_facts import CareFacts, Diagnosis
from yibao_settlement.rules.policy.version import approve, draft_of
from yibao_settlement.servicer.encode import fill_settlement

# A deductible of each stay by its number in the year, brackets over the year, a limit of the
# year, a limit of each day, and what the hospital and the account bear.
POLICY = """\
format: yibao-policy/2
policy_id: second
title: Second format
title_zh: 第二种格式
region: "{region}"
insurance_type: "390"
start_date: {start}
sources:
  page: {{title: 某文件, url: "https://example.cn/1"}}
care_groups:
  inpatient: ["2*"]
  outpatient: ["*"]
windows:
  stay: {stay}
  year: {year}
counts:
  stays: {{of: stay, in: year, care_groups: [inpatient]}}
steps:
  - classify:
      id: S1
      title: Classes
      title_zh: 目录类别
      rows:
        - shares: {{"01": 0, "02": 100_000, "03": own_cost}}
  - given:
      id: G1
      title: Paid already
      title_zh: 其他保险已付
      fund_types: ["630100"]
      base: [eligible]
  - deductible:
      id: D1
      title: Deductible
      title_zh: 起付标准
      base: [eligible]
      window: stay
      by: [care_group, count.stays]
      rows:
        - when: {{care_group: inpatient, count.stays: 1}}
          amount: 100_000
        - when: {{care_group: inpatient, count.stays: {{from: 2}}}}
          amount: 50_000
        - when: otherwise
          amount: 5_000
  - tiers:
      id: P1
      title: Pool
      title_zh: 统筹基金
      base: [D1.rest]
      fund_type: "390100"
      window: year
      rows:
        - brackets:
            - {{over_fen: 0, upto_fen: 500_000, ratio_ppm: 333_333}}
            - {{over_fen: 500_000, ratio_ppm: 700_000}}
  - tiers:
      id: H1
      title: The hospital
      title_zh: 医院
      base: [P1.copay]
      payer: hospital
      rows:
        - brackets:
            - {{over_fen: 0, ratio_ppm: 10_000}}
  - tiers:
      id: T1
      title: The treasury
      title_zh: 财政
      base: [P1.copay]
      payer: treasury
      rows:
        - brackets:
            - {{over_fen: 0, ratio_ppm: 20_000}}
  - account:
      id: Z1
      title: The account
      title_zh: 个人账户
      base: [D1.paid, P1.copay, P1.overflow, prepay]
counters:
  pool:
    title: Limit of the year
    title_zh: 年度最高支付限额
    window: year
    limits: [P1.paid]
    rows:
      - limit: 2_000_000
  daily:
    title: Limit of the day
    title_zh: 每日限额
    window: day
    limits: [P1.covered]
    rows:
      - limit: 3_000_000
"""
DIAGNOSES = (Diagnosis("J18.900", "肺炎", True),)


def policy_text(*, start: str = "2014-01-01", stay: str = "{}", year: str = "{}") -> str:
    """Returns the policy with its windows as a file says them."""
    return POLICY.format(region=REGION, start=start, stay=stay, year=year)


def given_behind_the_deductible() -> str:
    """Returns the policy where others pay of what the deductible leaves.

    So a bill may ask for more than is left once it is an earlier one.
    """
    text = policy_text()
    start, end = text.index("  - given:"), text.index("  - deductible:")
    given = text[start:end].replace("base: [eligible]", "base: [D1.rest]")
    return (text[:start] + text[end:]).replace(
        "  - tiers:\n      id: P1", given + "  - tiers:\n      id: P1"
    )


def benefit_world(databases: Databases, *, text: str = "", **windows: str) -> World:
    """Returns a world that settles by `text`, or by the policy with these windows."""
    contents = text or policy_text(**windows)
    return World(databases.open("yibao_settlement"), policy_file=contents.encode())


def at(world: World, day: dt.date) -> None:
    """Moves the clock to noon of a day."""
    assert isinstance(world.clock, FakeClock)
    world.clock.now = dt.datetime.combine(day, dt.time(4), dt.UTC)


def stay_bill(
    world: World,
    visit_id: str,
    day: dt.date,
    *amounts: int,
    dates: Mapping[int, dt.date] | None = None,
    **changes: Any,
) -> Bill:
    """Returns a bill of class A items; lines by their numbers may be of other days."""
    lines = tuple(
        ChargedLine(
            number,
            "A1",
            f"{fen / 100:.2f}",
            "1",
            fen,
            LineDetails(charge_date=dates[number]) if dates and number in dates else None,
        )
        for number, fen in enumerate(amounts, 1)
    )
    values = {"service_date": day, "lines": lines, "total_fen": sum(amounts), **changes}
    return world.bill(visit_id, **values)


def admit(world: World, person_id: str, day: dt.date, **changes: Any) -> str:
    """Registers a stay of which everything is told."""
    return world.register(
        person_id, start_date=day, facts=CareFacts(diagnoses=DIAGNOSES), **changes
    )


def put_policy(world: World, text: str) -> None:
    """Puts a policy in force behind those that are."""
    contents = text.encode()
    policy = load_any_policy(contents, name="policy")
    draft = draft_of(policy, contents, maker="agency/maker", now=NOW)

    def put(work: Work) -> None:
        active = work.policies.active(draft.insurance_type)
        approval = approve(draft, active, checker="agency/checker", now=NOW)
        work.policies.insert(draft)
        for each in (*approval.ended, approval.approved):
            work.policies.update(each)
        work.reference.raise_epoch()

    transactions_of(world.database).change(REGION, put)


def tried(world: World, bill: Bill) -> Settlement:
    """Returns what a trial of a bill at the hospital tells."""
    found = trial(world.queries, REGION, bill, institution_id=HOSPITAL, now=world.clock.now)
    message = Settlement()
    fill_settlement(message, found.record)
    return message


def amounts(settlement: Settlement) -> dict[str, object]:
    """Returns all that a trial and its settlement have in common."""
    told = Settlement()
    told.CopyFrom(settlement)
    for name in ("settlement_id", "state", "settle_time", "entries", "review_id", "review_kinds"):
        told.ClearField(name)
    return {field.name: value for field, value in told.ListFields()}


def explained(world: World, settlement_id: str) -> list[str]:
    """Returns the formula of each step of a settlement that is derived again."""
    caller = parse_caller(AGENCY)
    record, trace, figures = find_explained(world.queries, REGION, settlement_id, caller)
    assert sum(line.amount_fen for line in figures.lines) == record.total_fen
    assert sum(group.amount_fen for group in figures.groups) == record.total_fen
    return [node.formula for node in trace]
