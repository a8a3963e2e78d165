"""The batch writer alone: lock, read, write and commit batches whose outcome is known.

Two processes, one a core, as the service runs. What is decided beforehand is decided by
the service's own code, so that the ledger checker finds the books right afterwards.
"""

import datetime as dt
import json
import subprocess
import sys
import time
from collections.abc import Sequence

from bench.requests import Patient
from yibao_common.commands.request import Request
from yibao_common.db.database import Database
from yibao_common.process.running import collect_garbage_seldom
from yibao_common.values.caller import parse_caller
from yibao_common.values.clock import system_clock
from yibao_common.values.ids import new_id
from yibao_settlement.application.batch.work import carry_out
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.settlement.settle import SettleBill
from yibao_settlement.rules.bill import Bill, ChargedLine
from yibao_settlement.rules.presentation import PresentedCode
from yibao_settlement.servicer.encode import settled
from yibao_settlement.storage.batch.transaction import SettlementTransactions
from yibao_settlement.storage.reference import ReferenceCache


def commands_of(patients: Sequence[Patient], *, region: str, hospital_id: str) -> list[SettleBill]:
    """Returns a settle command of a ten-line bill for each patient."""
    now = dt.datetime.now(dt.UTC)
    today = now.date()
    hospital = parse_caller(f"institution/{hospital_id}")
    lines = tuple(ChargedLine(n + 1, f"BENCH{n}", "12.50", "4", 5_000) for n in range(10))
    return [
        SettleBill(
            Request(region, new_id(), new_id().encode()[:32], "SettleBill", hospital),
            PresentedCode(
                region, patient.subjects[0], new_id()[-12:].rjust(16, "0"), now, now, "T1"
            ),
            Bill(patient.visit_id, new_id()[:32], today, lines, 50_000, True),
            settled,
        )
        for patient in patients
    ]


def write_batches(
    url: str, *, region: str, hospital_id: str, patients: list[Patient], batch_size: int
) -> tuple[int, float]:
    """Settles one bill a patient; returns how many and the seconds that writing took.

    Every patient is used once, so that nothing decided before depends on what is written.
    """
    database = Database(url)
    transactions = SettlementTransactions(database, ReferenceCache())
    commands = commands_of(patients, region=region, hospital_id=hospital_id)
    batches = [commands[at : at + batch_size] for at in range(0, len(commands), batch_size)]
    decided: list[WorkingSet] = []
    for batch in batches:
        with transactions.begin(region, system_clock) as transaction:
            working_set = transaction.load(batch)
        for command in batch:
            carry_out(command, working_set, new_id)
        decided.append(working_set)
    # As the service does: the collector would look through all that was decided beforehand,
    # a third of the time of a round that it happens to fall into.
    collect_garbage_seldom()
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    for batch, working_set in zip(batches, decided, strict=True):
        with transactions.begin(region, system_clock) as transaction:
            loaded = transaction.load(batch)
            assert not loaded.changes.answers
            transaction.store(working_set)
    seconds = time.perf_counter() - began
    database.close()
    return len(commands), seconds


def measure(
    url: str, *, region: str, hospital_id: str, patients: list[Patient], batch_size: int
) -> float:
    """Runs two writers on halves of the patients; returns settlements per second."""
    writers = []
    half = len(patients) // 2
    for part in (patients[:half], patients[half:]):
        writer = subprocess.Popen(
            [sys.executable, "-m", "bench.writer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdin is not None
        task = {
            "url": url,
            "region": region,
            "hospital_id": hospital_id,
            "patients": [[patient.subjects, patient.visit_id] for patient in part],
            "batch_size": batch_size,
        }
        writer.stdin.write(json.dumps(task) + "\n")
        writer.stdin.flush()
        writers.append(writer)
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n", "a writer did not start"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    rate = 0.0
    for writer in writers:
        printed, _ = writer.communicate(timeout=120)
        count, seconds = json.loads(printed)
        rate += count / seconds
    return rate


def main() -> None:
    """Runs one writer."""
    task = json.loads(sys.stdin.readline())
    task["patients"] = [
        Patient(tuple(subjects), visit_id) for subjects, visit_id in task["patients"]
    ]
    print(json.dumps(write_batches(**task)))


if __name__ == "__main__":
    main()
