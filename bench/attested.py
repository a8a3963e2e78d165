"""A visit and its bill by an attestation elsewhere, beside the same at home, in turns."""

import random
import statistics
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import grpc

from yibao.errors import error_of
from yibao.offsite.v1.attestation_service_pb2 import GetAttestationRequest
from yibao.offsite.v1.attestation_service_pb2_grpc import AttestationServiceStub
from yibao.offsite.v1.registration_pb2 import REGISTRATION_CATEGORY_OTHER_TEMPORARY
from yibao.offsite.v1.registration_service_pb2 import CreateRegistrationRequest
from yibao.offsite.v1.registration_service_pb2_grpc import RegistrationServiceStub
from yibao.settlement.v1.elsewhere_pb2 import ADMISSION_KIND_ORDINARY, CareMarks
from yibao.settlement.v1.settlement_service_pb2 import SettleBillRequest
from yibao.settlement.v1.settlement_service_pb2_grpc import SettlementServiceStub
from yibao.settlement.v1.visit_service_pb2 import RegisterVisitRequest
from yibao.settlement.v1.visit_service_pb2_grpc import VisitServiceStub
from yibao_cli.demo.steps import StepLog
from yibao_cli.parties import institution_leaf, parties_of
from yibao_cli.policy.sample_visit import SampleVisit
from yibao_cli.regions import Region
from yibao_cli.stack import Stack
from yibao_common.rpc.wire import from_date
from yibao_common.values.clock import system_clock
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.care_type import is_stay
from yibao_settlement.rules.visit import registration_audience, settlement_audience

_SECONDS = 20.0
# So that what is told of the first calls is not of their start.
_WARM_UP = 20
_TOLD_SECONDS = 2.0


class Cost(NamedTuple):
    """What a visit and its bill cost: seconds until both answers, and CPU of settlement."""

    seconds: float
    cpu_seconds: float


@dataclass
class Counters:
    """A hospital at home and one of another region, which both bill persons of home."""

    stack: Stack
    home: Region
    place: Region
    # A hospital of the place that is networked for persons of elsewhere.
    there: str

    def pairs_per_second(self, *, count: int) -> dict[str, tuple[float, float]]:
        """Returns pairs a second of time and of CPU, by way; the ways take turns."""
        prepared = {
            "settle_local": [self._local() for _ in range(_WARM_UP + count)],
            "settle_attested": [self._elsewhere(is_attested=True) for _ in range(_WARM_UP + count)],
            "settle_told": [self._elsewhere(is_attested=False) for _ in range(_WARM_UP + count)],
        }
        # Until settlement has been told of all registrations.
        time.sleep(_TOLD_SECONDS)
        costs: dict[str, list[Cost]] = {name: [] for name in prepared}
        for number in range(_WARM_UP + count):
            names = list(prepared)
            first = number % len(names)
            for name in names[first:] + names[:first]:
                costs[name].append(self._pair(*prepared[name][number]))
        return {
            name: (
                1 / statistics.median(each.seconds for each in measured[_WARM_UP:]),
                1 / statistics.median(each.cpu_seconds for each in measured[_WARM_UP:]),
            )
            for name, measured in costs.items()
        }

    def _person(self, institution_id: str) -> SampleVisit:
        bill = replace(self.home.sample_bill, institution_id=institution_id, account_used=False)
        return SampleVisit.of(
            self.stack,
            self.home,
            bill,
            clock=system_clock,
            choose=random.Random(new_id()),
            log=StepLog(lambda _title: None),
        )

    def _local(self) -> tuple[SampleVisit, str]:
        return self._person(parties_of(self.home).hospital_id), ""

    def _elsewhere(self, *, is_attested: bool) -> tuple[SampleVisit, str]:
        """Returns somebody who is registered, with the attestation of that if it is shown."""
        visit = self._person(self.there)
        agency = parties_of(self.home).maker
        registration_id = self._register(visit, agency)
        if not is_attested:
            return visit, ""
        attestations = AttestationServiceStub(self.stack.channel("offsite", agency))
        wanted = GetAttestationRequest(region=self.home.region, registration_id=registration_id)
        return visit, attestations.GetAttestation(wanted, timeout=_SECONDS).text

    def _register(self, visit: SampleVisit, agency: str) -> str:
        registrations = RegistrationServiceStub(self.stack.channel("offsite", agency))
        request = CreateRegistrationRequest(
            request_id=new_id(),
            region=self.home.region,
            person_id=visit.person_id,
            category=REGISTRATION_CATEGORY_OTHER_TEMPORARY,
            treatment_region=self.place.region,
            start_date=from_date(visit.today),
        )
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                made = registrations.CreateRegistration(request, timeout=_SECONDS).registration
            except grpc.RpcError as error:
                # Identity tells offsite of the person a moment later.
                is_unknown = error_of(error).reason == Reason.PERSON_NOT_FOUND.wire_name
                if not is_unknown or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return made.registration_id

    def _pair(self, visit: SampleVisit, attestation: str) -> Cost:
        care_type, is_there = visit.bill.care_type, visit.bill.institution_id == self.there
        marks = CareMarks(is_trauma=False) if is_there else None
        if marks is not None and is_stay(care_type):
            marks.admission_kind = ADMISSION_KIND_ORDINARY
        channel = self.stack.channel(
            "settlement",
            institution_leaf(self.place if is_there else self.home, visit.bill.institution_id),
        )
        register = RegisterVisitRequest(
            request_id=new_id(),
            region=self.home.region,
            presentation=visit.shown(registration_audience(care_type)),
            provider_visit_number=f"V{new_id().replace('-', '')[:20]}",
            care_type=care_type,
            start_date=from_date(visit.today),
            marks=marks,
            registration_attestation=attestation,
        )
        shown = visit.shown(settlement_audience(visit.bill.institution_id))
        visits, settlements = VisitServiceStub(channel), SettlementServiceStub(channel)
        cpu, began = self._cpu_seconds(), time.perf_counter()
        visit_id = visits.RegisterVisit(register, timeout=_SECONDS).visit.visit_id
        settle = SettleBillRequest(
            request_id=new_id(),
            region=self.home.region,
            presentation=shown,
            bill=visit.message(visit_id),
        )
        settlements.SettleBill(settle, timeout=_SECONDS)
        return Cost(time.perf_counter() - began, self._cpu_seconds() - cpu)

    def _cpu_seconds(self) -> float:
        """Returns the CPU time that settlement's threads had, to the nanosecond."""
        return sum(
            int(task.joinpath("schedstat").read_text().split()[0]) / 1e9
            for pid in self.stack.pids("settlement")
            for task in Path(f"/proc/{pid}/task").iterdir()
        )
