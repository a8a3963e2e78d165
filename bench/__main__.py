"""Runs every benchmark: `python -m bench [--rounds 5] [--seconds 3] [--json FILE]`.

The rounds are interleaved, so that a machine that slows down slows every figure. Each
load is checked: every answer must be OK and the ledger must be without drift.
"""

import argparse
import contextlib
import itertools
import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from bench.echo import ADDRESS_VARIABLE
from bench.echo import METHOD as ECHO_METHOD
from bench.engine import EngineBench, simulated_per_second
from bench.load import Load, Target, run_load
from bench.persons import certificates_of, issue_requests
from bench.postgres import Postgres
from bench.report import Results, machine, print_report, write_json
from bench.requests import Patient, SettleRequests, seed
from bench.reversal import reversals_per_second
from bench.verify import VerifyBench, one_core, openssl_verifies_per_second
from bench.writer import measure
from yibao_cli.parties import CHANNEL, parties_of
from yibao_cli.ports import HOST, choose_ports
from yibao_cli.regions import load_region, regions_folder
from yibao_cli.sandbox_keys import SandboxKeys
from yibao_cli.stack import Stack
from yibao_common.db.database import Database
from yibao_common.keys.key_file import read_key
from yibao_identity.rules.trust.published import KeyUse
from yibao_identity.storage.trust.signing import TokenSigner
from yibao_settlement.ledger_check import check_ledger

_REGION = "999019"
# Of the format before: a run by it can be compared with those of before there was another.
_FORMER_POLICY = (
    Path(__file__).parents[1] / "tests" / "vectors" / "former" / f"{_REGION}-resident-2014.yaml"
)
_SETTLE = "/yibao.settlement.v1.SettlementService/SettleBill"
_BULK = "/yibao.settlement.v1.SettlementService/SubmitBills"
_ISSUE = "/yibao.identity.v1.CertificateService/IssueQrCode"
_BULK_SIZE = 100
_BATCH_SIZE = 128
_WRITER_PATIENTS = 6_000
_HOT_PERSONS = 500
# Patients a round of whom a first bill is reversed, half of them before more bills.
_REVERSED = 6
_LONG_BILL = 2_000
# More than there are codes in a second: each gets one a second.
_CERTIFICATES = 2_500
# More than a client can send in a second on two cores, whatever the RPC.
_MOST_PER_SECOND = 9_000


class Bench:
    """The running services, their seeded data and what is measured of them."""

    def __init__(
        self,
        folder: Path,
        postgres: Postgres,
        *,
        persons: int,
        rounds: int,
        seconds: float,
        is_former: bool,
    ) -> None:
        """Starts the services: two processes of identity and of settlement."""
        self.results = Results(machine=machine(postgres.version()))
        self._seconds = seconds
        self._postgres = postgres
        self._region = load_region(regions_folder() / _REGION)
        self._parties = parties_of(self._region)
        self._echo_ports = choose_ports((None, None))
        self._urls = {name: postgres.create(name) for name in ("identity", "settlement")}
        root = str(Path(__file__).parents[1])
        self.stack = Stack.start(
            folder / "sandbox",
            [self._region],
            database_urls=self._urls,
            processes={"identity": 2, "settlement": 2},
            modules={"identity": "bench.identity_server", "settlement": "bench.settlement_server"},
            environment={
                name: {
                    ADDRESS_VARIABLE: f"{HOST}:{port}",
                    "PYTHONPATH": root,
                    # All load comes from one hospital: the limit of a party is not measured.
                    "YIBAO_SERVER__RATE_PER_SECOND": "0",
                }
                for name, port in zip(("identity", "settlement"), self._echo_ports, strict=True)
            },
            # Persons are seeded in the database; identity knows others.
            poll_seconds=3_600,
        )
        policy_file = _FORMER_POLICY.read_bytes() if is_former else self._region.policy_file
        patients = self._seed(persons + rounds * (_WRITER_PATIENTS + _REVERSED), policy_file)
        self._spread = SettleRequests(
            self._signer(), region=_REGION, patients=patients[:persons], bill_prefix="S"
        )
        self._hot = SettleRequests(
            self._signer(), region=_REGION, patients=patients[:_HOT_PERSONS], bill_prefix="H"
        )
        self._long = SettleRequests(
            self._signer(),
            region=_REGION,
            patients=patients[:persons],
            bill_prefix="L",
            lines=_LONG_BILL,
        )
        self._writer_patients = iter(patients[persons : len(patients) - rounds * _REVERSED])
        self._reversed_patients = iter(patients[len(patients) - rounds * _REVERSED :])
        certificates = certificates_of(self.stack, self._region, count=_CERTIFICATES)
        self._issue_requests = issue_requests(_REGION, certificates)
        self._verify = VerifyBench()
        self._engine = EngineBench()

    def _seed(self, persons: int, policy_file: bytes) -> list[Patient]:
        database = Database(self._urls["settlement"])
        with contextlib.closing(database):
            return seed(
                database,
                region=_REGION,
                hospital_id=self._parties.hospital_id,
                policy_file=policy_file,
                persons=persons,
                hot_persons=_HOT_PERSONS,
            )

    def _signer(self) -> TokenSigner:
        keys = SandboxKeys(self.stack.sandbox.folder / "keys")
        passphrase = keys.passphrase_file.read_bytes()
        key = read_key(keys.private_key_file(KeyUse.TOKEN), passphrase=passphrase)
        return TokenSigner(key)

    def _target(self, service: str, party: str, method: str) -> Target:
        echo = dict(zip(("identity", "settlement"), self._echo_ports, strict=True))
        certificates = self.stack.sandbox.certificates
        leaf = certificates.leaves[party]
        address = self.stack.addresses[service]
        if method == ECHO_METHOD:
            address = f"{HOST}:{echo[service]}"
        return Target(address, certificates.ca_file, leaf.certificate_file, leaf.key_file, method)

    def round(self) -> None:
        """Measures everything once."""
        hospital = self._parties.hospital
        enough = int(self._seconds * _MOST_PER_SECOND)
        settles = self._spread.unary(enough)
        self._load("settlement_echo", self._target("settlement", hospital, ECHO_METHOD), settles)
        self._load("settle", self._target("settlement", hospital, _SETTLE), settles)
        self.results.add(
            "pgbench_32", self._postgres.transactions_per_second(clients=32, seconds=3)
        )
        self.results.add("pgbench_8", self._postgres.transactions_per_second(clients=8, seconds=2))
        bulk = self._spread.bulk(enough * 2 // _BULK_SIZE, size=_BULK_SIZE)
        load = run_load(
            self._target("settlement", hospital, _BULK),
            bulk,
            seconds=self._seconds,
            connections=4,
            in_flight=2,
        )
        self.results.add("bulk", load.per_second * _BULK_SIZE, load)
        self._load(
            "settle_hot", self._target("settlement", hospital, _SETTLE), self._hot.unary(enough)
        )
        patients = list(itertools.islice(self._writer_patients, _WRITER_PATIENTS))
        self.results.add(
            "writer",
            measure(
                self._urls["settlement"],
                region=_REGION,
                hospital_id=self._parties.hospital_id,
                patients=patients,
                batch_size=_BATCH_SIZE,
            ),
        )
        issues = list(itertools.islice(self._issue_requests, enough * 2))
        self._load("identity_echo", self._target("identity", CHANNEL, ECHO_METHOD), issues)
        self._load("qr_issue", self._target("identity", CHANNEL, _ISSUE), issues)
        with one_core():
            self._measure_verify()
        self._measure_engine()
        # Last, because the process has to be started again.
        self.stack.kill("settlement", 1)
        one = self._spread.unary(enough)
        self._load("settle_one_process", self._target("settlement", hospital, _SETTLE), one)
        self.stack.restart("settlement")

    def _load(self, name: str, target: Target, requests: list[bytes]) -> Load:
        load = run_load(target, requests, seconds=self._seconds)
        self.results.add(name, load.per_second, load)
        return load

    def _measure_verify(self) -> None:
        limit = openssl_verifies_per_second(seconds=1)
        if limit is not None:
            self.results.add("openssl", limit)
            verify = self._verify
            self.results.add("verify", verify.codes_per_second(seconds=1))
            new = verify.new_presentations_per_second(seconds=1)
            self.results.add("verify_new_device", new)
            known = verify.known_presentations_per_second(seconds=1)
            self.results.add("verify_known_device", known)

    def _measure_engine(self) -> None:
        # Before bills of thousands of lines are among those that a policy is tried on.
        with one_core():
            self.results.add("adjudicate", self._engine.adjudications_per_second(seconds=1))
            database = Database(self._urls["settlement"])
            with contextlib.closing(database):
                simulated = simulated_per_second(
                    database, region=_REGION, policy_file=self._region.policy_file
                )
            self.results.add("simulate", simulated)
            for later in (50, 300):
                patients = list(itertools.islice(self._reversed_patients, _REVERSED // 2))
                self.results.add(f"reverse_{later}", self._reversals(patients, later))
        # One bill at a time, on a machine that does nothing else.
        long = run_load(
            self._target("settlement", self._parties.hospital, _SETTLE),
            self._long.unary(int(self._seconds * 100)),
            seconds=self._seconds,
            connections=1,
            in_flight=1,
            processes=1,
        )
        self.results.add("settle_long", long.per_second, long)

    def _reversals(self, patients: list[Patient], later: int) -> float:
        database = Database(self._urls["settlement"])
        with contextlib.closing(database):
            return reversals_per_second(
                database,
                region=_REGION,
                hospital_id=self._parties.hospital_id,
                patients=patients,
                later=later,
            )

    def check(self) -> None:
        """Proves that the books are right after all that."""
        database = Database(self._urls["settlement"])
        with contextlib.closing(database):
            report = check_ledger(database)
        self.results.settlements_checked = report.settlements
        self.results.drift = [str(drift) for drift in report.drifts]


def main() -> int:
    """Runs the benchmarks; returns 1 where the ledger drifted."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each load of a round")
    parser.add_argument("--persons", type=int, default=20_000)
    parser.add_argument("--former", action="store_true", help="bills by yibao-policy/1")
    parser.add_argument("--json", type=Path, default=Path("var/bench.json"))
    arguments = parser.parse_args()
    console = Console()
    # Children find this package as this process did.
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
    with tempfile.TemporaryDirectory(prefix="yibao-bench-") as folder, Postgres() as postgres:
        console.print("starting two processes of each service, seeding …")
        bench = Bench(
            Path(folder),
            postgres,
            persons=arguments.persons,
            rounds=arguments.rounds,
            seconds=arguments.seconds,
            is_former=arguments.former,
        )
        with bench.stack:
            for number in range(arguments.rounds):
                console.print(f"round {number + 1} of {arguments.rounds}")
                bench.round()
        bench.check()
    print_report(bench.results, console)
    write_json(bench.results, arguments.json)
    console.print(f"written to {arguments.json}")
    return 1 if bench.results.drift else 0


if __name__ == "__main__":
    sys.exit(main())
