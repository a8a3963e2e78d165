"""Who asks for many trials waits for itself: another hospital's has its turn."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support.both_services import ADMISSION, CALL_SECONDS, BothServices
from support.settlement_world import OTHER_HOSPITAL, REGION

from yibao.settlement.v1.settlement_service_pb2 import TrialBillRequest
from yibao_settlement.application.settlement.trial import trial

# More than there are threads.
FLOOD = 12
THREADS = 4


def test_trials_of_one_hospital_do_not_keep_anothers_waiting(
    services: BothServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = services.patient()
    _, certificate_id, _ = services.person()
    request = services.visit_request(services.code(certificate_id, ADMISSION))
    visit = services.visits("other-hospital").RegisterVisit(request, timeout=CALL_SECONDS).visit
    begun: list[str] = []
    gate = threading.Event()

    def waiting(*asked: Any, **named: Any) -> Any:
        begun.append(named["institution_id"])
        gate.wait(CALL_SECONDS)
        return trial(*asked, **named)

    monkeypatch.setattr("yibao_settlement.servicer.settlement.trial", waiting)

    def try_bill(name: str, visit_id: str) -> None:
        bill = services.bill(visit_id)
        asked = TrialBillRequest(region=REGION, bill=bill)
        services.settlements(name).TrialBill(asked, timeout=CALL_SECONDS)

    with ThreadPoolExecutor(FLOOD + 1) as callers:
        running = [callers.submit(try_bill, "hospital", patient.visit_id) for _ in range(FLOOD)]
        # All of them wait, and only then the other one comes.
        time.sleep(1)
        running.append(callers.submit(try_bill, "other-hospital", visit.visit_id))
        time.sleep(0.5)
        gate.set()
        for each in running:
            each.result()
    assert len(begun) == FLOOD + 1
    assert begun.index(OTHER_HOSPITAL) <= THREADS + 1
