"""Stays of a person: refused, ended, and what they miss."""

import datetime as dt

from support.settlement_world import HOSPITAL, REGION, World

from yibao.settlement.v1 import visit_pb2
from yibao.settlement.v1.visit_service_pb2 import DischargeVisitResponse
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.visit.find import VisitName, find_with_missing
from yibao_settlement.rules.care_facts import CareFacts, Diagnosis, Operation

DAY = dt.timedelta(days=1)
ADMITTED = dt.date(2026, 11, 1)
MAIN = Diagnosis("I10.x00", "特发性高血压", True)
FACTS = CareFacts(
    "心内科",
    "12-3",
    (MAIN, Diagnosis("E11.900", "2型糖尿病", False)),
    (Operation("36.0600x004", "示例手术", ADMITTED + DAY),),
)


def refusal(outcome: bytes | RuleError) -> tuple[Reason, dict[str, str]]:
    assert isinstance(outcome, RuleError), outcome
    return outcome.reason, outcome.metadata


def refused(world: World, command: object) -> tuple[Reason, dict[str, str]]:
    return refusal(world.work(REGION, [command])[0])  # type: ignore[list-item]


def discharged(world: World, visit_id: str, **changes: object) -> visit_pb2.Visit:
    answer = world.run(world.discharge_command(visit_id, diagnoses=(MAIN,), **changes))
    return DischargeVisitResponse.FromString(answer).visit


def missing(world: World, visit_id: str, *, is_required: bool = False) -> tuple[str, ...]:
    caller = parse_caller(f"institution/{HOSPITAL}")
    _, found = find_with_missing(
        world.queries, REGION, VisitName(visit_id), caller, is_discharge_required=is_required
    )
    return found
