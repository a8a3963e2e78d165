"""Care elsewhere: `python -m bench.elsewhere [--rounds 3] [--seconds 3] [--stored 1000000]`.

How fast who needs no papers is registered, beside a bare echo; what a bill by an attestation costs
beside one at home; how fast registrations are listed among very many, beside few.
"""

import argparse
import contextlib
import itertools
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from bench.attested import Counters
from bench.echo import ADDRESS_VARIABLE
from bench.echo import METHOD as ECHO_METHOD
from bench.listing import Stored, pages_per_second
from bench.load import Target, run_load
from bench.postgres import Postgres
from bench.registered import fill
from bench.registering import know_persons, registration_requests
from bench.report import Results, machine, print_report, write_json
from yibao_cli.loading import import_region
from yibao_cli.parties import parties_of
from yibao_cli.ports import HOST, choose_ports
from yibao_cli.regions import load_region, regions_folder
from yibao_cli.stack import Stack
from yibao_common.db import migrations
from yibao_common.db.database import Database
from yibao_settlement.ledger_check import check_ledger

_HOME, _PLACE, _THERE = "330100", "330200", "H33020099901"
_CREATE = "/yibao.offsite.v1.RegistrationService/CreateRegistration"
# More than a client can send in a second on two cores, whatever the RPC.
_MOST_PER_SECOND = 9_000
_PAIRS = 60
_FEW = 10_000
_LIST_ROUNDS = 5
_PAGES = 20


def measure_services(
    results: Results, folder: Path, postgres: Postgres, *, rounds: int, seconds: float
) -> None:
    """Measures registrations and bills at services that run."""
    regions = [load_region(regions_folder() / name) for name in (_HOME, _PLACE)]
    urls = {name: postgres.create(name) for name in ("identity", "settlement", "offsite")}
    (echo_port,) = choose_ports((None,))
    unlimited = {"YIBAO_SERVER__RATE_PER_SECOND": "0"}
    root = str(Path(__file__).parents[1])
    echo = {ADDRESS_VARIABLE: f"{HOST}:{echo_port}", "PYTHONPATH": root}
    stack = Stack.start(
        folder / "sandbox",
        regions,
        database_urls=urls,
        processes={"offsite": 2},
        modules={"offsite": "bench.offsite_server"},
        environment={
            **dict.fromkeys(("identity", "settlement"), unlimited),
            "offsite": {**unlimited, **echo},
        },
    )
    with stack:
        for region in regions:
            import_region(stack, region)
        counters = Counters(stack, regions[0], regions[1], _THERE)
        for _ in range(rounds):
            for name, (by_time, by_cpu) in counters.pairs_per_second(count=_PAIRS).items():
                results.add(name, by_time)
                results.add(f"{name}_cpu", by_cpu)
        enough = int(seconds * _MOST_PER_SECOND)
        with contextlib.closing(Database(urls["offsite"])) as database:
            # A region that registers has registrations: an empty table is planned for otherwise.
            fill(database, _FEW)
            persons = know_persons(database, region=_HOME, count=enough * rounds)
        requests = registration_requests(persons, region=_HOME, treatment_region=_PLACE)
        for _ in range(rounds):
            sent = list(itertools.islice(requests, enough))
            for name, method, address in (
                ("offsite_echo", ECHO_METHOD, f"{HOST}:{echo_port}"),
                ("register", _CREATE, stack.addresses["offsite"]),
            ):
                leaf = stack.sandbox.certificates.leaves[parties_of(regions[0]).maker]
                files = (stack.sandbox.certificates.ca_file, leaf.certificate_file, leaf.key_file)
                load = run_load(Target(address, *files, method), sent, seconds=seconds)
                results.add(name, load.per_second, load)
    with contextlib.closing(Database(urls["settlement"])) as database:
        report = check_ledger(database)
    results.settlements_checked = report.settlements
    results.drift = [str(drift) for drift in report.drifts]


def measure_lists(results: Results, folder: Path, postgres: Postgres, *, stored: int) -> None:
    """Measures lists among few and among many, on both kinds of databases."""
    for kind in ("sqlite", "postgresql"):
        with contextlib.ExitStack() as opened:
            stores = {}
            for name, count in (("few", _FEW), ("many", stored)):
                url = f"sqlite:///{folder / name}.sqlite"
                if kind == "postgresql":
                    url = postgres.create(f"listed_{name}")
                _migrate(url)
                database = opened.enter_context(contextlib.closing(Database(url)))
                fill(database, count)
                stores[name] = Stored.of(database, count)
            for _ in range(_LIST_ROUNDS):
                for (search, name), pages in pages_per_second(stores, times=_PAGES).items():
                    results.add(f"list_{kind}_{search}_{name}", pages.per_second)
                    results.add(f"rows_{kind}_{search}_{name}", pages.rows)


def _migrate(url: str) -> None:
    with contextlib.closing(Database(url)) as database:
        migrations.upgrade(database, "yibao_offsite")


@contextlib.contextmanager
def _postgres() -> Iterator[tuple[Path, Postgres]]:
    with (
        tempfile.TemporaryDirectory(prefix="yibao-bench-") as folder,
        Postgres(has_pgbench=False) as postgres,
    ):
        yield Path(folder), postgres


def main() -> int:
    """Runs the benchmarks; returns 1 where the ledger drifted."""
    parser = argparse.ArgumentParser(prog="python -m bench.elsewhere", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each load of a round")
    parser.add_argument("--stored", type=int, default=1_000_000, help="registrations listed")
    parser.add_argument("--json", type=Path, default=Path("var/bench-elsewhere.json"))
    arguments = parser.parse_args()
    # Children find this package as this process did.
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
    console = Console()
    with _postgres() as (folder, postgres):
        results = Results(machine=machine(postgres.version()))
        if arguments.rounds:
            measure_services(
                results, folder, postgres, rounds=arguments.rounds, seconds=arguments.seconds
            )
        if arguments.stored:
            measure_lists(results, folder, postgres, stored=arguments.stored)
    print_report(results, console)
    write_json(results, arguments.json)
    console.print(f"written to {arguments.json}")
    return 1 if results.drift else 0


if __name__ == "__main__":
    sys.exit(main())
