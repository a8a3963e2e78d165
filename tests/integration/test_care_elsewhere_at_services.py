"""A person of one region treated at a hospital of another, at services of a sandbox."""

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from yibao.errors import error_of
from yibao.offsite.v1.registration_pb2 import OFFSITE_TERMS_EMERGENCY
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao.settlement.v1 import visit_service_pb2 as visits_pb
from yibao.settlement.v1.elsewhere_pb2 import OUTPATIENT_KIND_EMERGENCY, CareMarks
from yibao.settlement.v1.settlement_service_pb2_grpc import SettlementServiceStub
from yibao.settlement.v1.visit_service_pb2_grpc import VisitServiceStub
from yibao_cli.demo.steps import CALL_SECONDS, StepLog
from yibao_cli.loading import import_region, read_regions
from yibao_cli.parties import institution_leaf
from yibao_cli.policy.sample_visit import SampleVisit
from yibao_cli.stack import Stack
from yibao_common.rpc.wire import from_date
from yibao_common.values.clock import system_clock
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason

HOME, PLACE = "330100", "330200"
THERE = "H33020099901"


@pytest.fixture
def stack(sandbox_keys: Path, tmp_path: Path) -> Iterator[Stack]:
    """Runs the services with two regions of a province in force."""
    sandbox = Path(shutil.copytree(sandbox_keys, tmp_path / "sandbox"))
    regions = [each for each in read_regions() if each.region in (HOME, PLACE)]
    with Stack.start(sandbox, regions) as started:
        for region in regions:
            import_region(started, region)
        yield started


def test_an_emergency_in_another_city_is_settled_there_by_the_policy_of_home(stack: Stack) -> None:
    # Rules I-30 and O-03.
    (home,) = [each for each in read_regions() if each.region == HOME]
    bill = replace(home.sample_bill, institution_id=THERE)
    visit = SampleVisit.of(
        stack,
        home,
        bill,
        clock=system_clock,
        choose=random.Random(1),
        log=StepLog(lambda _title: None),
    )
    with pytest.raises(grpc.RpcError) as refused:
        visit.register()
    refusal = error_of(refused.value)
    assert refusal.reason == Reason.OFFSITE_NOT_REGISTERED.wire_name
    assert refusal.metadata["treatment_region"] == PLACE

    hospital = stack.channel("settlement", institution_leaf(home, THERE))
    registered = VisitServiceStub(hospital).RegisterVisit(
        visits_pb.RegisterVisitRequest(
            request_id=new_id(),
            region=HOME,
            presentation=visit.shown("01101"),
            provider_visit_number="V1",
            care_type="13",
            start_date=from_date(visit.today),
            marks=CareMarks(outpatient_kind=OUTPATIENT_KIND_EMERGENCY),
        ),
        timeout=CALL_SECONDS,
    )
    assert registered.visit.elsewhere.terms == OFFSITE_TERMS_EMERGENCY
    settled = visit.settle(visit.message(registered.visit.visit_id))
    assert settled.fund_total_fen > 0
    request = pb.ExplainSettlementRequest(region=HOME, settlement_id=settled.settlement_id)
    explained = SettlementServiceStub(hospital).ExplainSettlement(request, timeout=CALL_SECONDS)
    assert explained.elsewhere.care.treatment_region == PLACE
    # The policy tells nothing of emergencies elsewhere apart from those at home.
    assert [each.sentence_id for each in explained.elsewhere.sentences] == ["OFF6", "OFF4"]
