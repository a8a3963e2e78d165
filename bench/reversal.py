"""Reversing a person's first bill, with many later ones to decide again: batch and commit."""

import datetime as dt
import secrets
import statistics
import time
from collections.abc import Sequence

from bench.requests import Patient
from yibao.settlement.v1.settlement_service_pb2 import SettleBillResponse
from yibao_common.commands.request import Request
from yibao_common.db.database import Database
from yibao_common.values.caller import parse_caller
from yibao_common.values.clock import system_clock
from yibao_common.values.ids import new_id
from yibao_settlement.application.batch.work import BatchWork
from yibao_settlement.application.settlement.reverse import ReverseSettlement
from yibao_settlement.application.settlement.settle import SettleBill
from yibao_settlement.rules.bill import Bill, ChargedLine
from yibao_settlement.rules.presentation import PresentedCode
from yibao_settlement.servicer.encode import reversed_, settled
from yibao_settlement.storage.batch.transaction import SettlementTransactions
from yibao_settlement.storage.reference import ReferenceCache

_AT_ONCE = 64
_LINES = 10


def reversals_per_second(
    database: Database, *, region: str, hospital_id: str, patients: Sequence[Patient], later: int
) -> float:
    """Returns how many reversals a second it would be at the median one of the patients.

    Each patient gets `later` bills behind a first one, which is then reversed.
    """
    work = BatchWork(
        SettlementTransactions(database, ReferenceCache()), clock=system_clock, ids=new_id
    )
    bench = _Bench(work, region, hospital_id)
    return 1 / statistics.median(bench.seconds(patient, later) for patient in patients)


class _Bench:
    def __init__(self, work: BatchWork, region: str, hospital_id: str) -> None:
        self._work = work
        self._region = region
        self._hospital = parse_caller(f"institution/{hospital_id}")

    def seconds(self, patient: Patient, later: int) -> float:
        """Settles a patient's bills and returns how long the reversal of the first one takes."""
        commands = [self._settle(patient, number) for number in range(later + 1)]
        first = ""
        for at in range(0, len(commands), _AT_ONCE):
            for answer in self._work(self._region, commands[at : at + _AT_ONCE]):
                assert isinstance(answer, bytes), answer
                settlement = SettleBillResponse.FromString(answer).settlement
                first = first or settlement.settlement_id
        command = ReverseSettlement(self._request("ReverseSettlement"), first, "bench", reversed_)
        began = time.perf_counter()
        (answer,) = self._work(self._region, [command])
        seconds = time.perf_counter() - began
        assert isinstance(answer, bytes), answer
        return seconds

    def _settle(self, patient: Patient, number: int) -> SettleBill:
        now = dt.datetime.now(dt.UTC)
        # A code of a later second each: an older one pays nothing.
        issued = now + dt.timedelta(seconds=number)
        code = PresentedCode(
            self._region, patient.subjects[0], secrets.token_hex(8), issued, now, "T1"
        )
        # Bills of a visit have lines of their own: prices differ below a fen.
        lines = tuple(
            ChargedLine(line + 1, f"BENCH{line}", f"12.50{number:04d}", "1", 1_250)
            for line in range(_LINES)
        )
        bill = Bill(patient.visit_id, new_id()[:32], now.date(), lines, 1_250 * _LINES, False)
        return SettleBill(self._request("SettleBill"), code, bill, settled)

    def _request(self, method: str) -> Request:
        return Request(self._region, new_id(), new_id().encode()[:32], method, self._hospital)
