"""How long a list takes from the file to its approval: `python -m bench.catalogue --help`.

The services run on PostgreSQL as `yibao up` starts them, with two processes of settlement; the
commands are those of an agency's two operators.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.postgres import Postgres
from yibao_cli.loading import read_regions
from yibao_cli.parties import SERVICES, parties_of
from yibao_cli.stack import Stack

_COLUMNS = ("code", "name", "catalogue_class", "start_date")
_SINCE = "2026-01-01"


def write_rows(file: Path, rows: int) -> None:
    """Writes an insurance list of so many rows."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(_COLUMNS)
        for number in range(rows):
            own_class = "01" if number % 3 else "03"
            writer.writerow((f"X{number:09d}", f"示例项目 {number}", own_class, _SINCE))


def timed(stack: Stack, party: str, *words: str) -> tuple[float, str]:
    """Runs a command of `yibao catalogue`; returns its seconds and what it printed."""
    folder = stack.sandbox.folder / "certificates"
    region = stack.sandbox.regions[0].region
    address = stack.addresses["settlement"]
    at = ["--region", region, "--address", address, "--ca", str(folder / "ca.pem")]
    files = ["--cert", str(folder / f"{party}.pem"), "--key", str(folder / f"{party}.key")]
    program = str(Path(sys.executable).with_name("yibao"))
    command = [program, "catalogue", *words, *at, *files]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    # A diff ends with 1 where there is one.
    assert done.returncode == (words[0] == "diff"), done.stdout + done.stderr
    return seconds, done.stdout


def main() -> None:
    """Makes a list up, brings, compares and approves it, and prints how long each took."""
    parser = argparse.ArgumentParser(prog="python -m bench.catalogue", description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="yibao-bench-list-") as folder:
        file = Path(folder) / "list.csv"
        write_rows(file, options.rows)
        with Postgres(has_pgbench=False) as server:
            urls = {service: server.create(service) for service in SERVICES}
            regions = read_regions()[:1]
            processes = {"settlement": 2}
            with Stack.start(
                Path(folder) / "sandbox", regions, database_urls=urls, processes=processes
            ) as stack:
                _measure(stack, file, options.rows)


def _measure(stack: Stack, file: Path, rows: int) -> None:
    parties = parties_of(stack.sandbox.regions[0])
    words = ("--layer", "insurance", "--start-date", _SINCE)
    brought, told = timed(stack, parties.maker, "import", str(file), *words, "--json")
    version_id = told.split('"version_id": "', 1)[1].split('"', 1)[0]
    compared, _ = timed(stack, parties.checker, "diff", version_id)
    approved, _ = timed(stack, parties.checker, "approve", version_id, "--past-days")
    print(f"{rows} rows: imported and submitted in {brought:.1f} s, ", end="")
    print(f"compared in {compared:.1f} s, approved in {approved:.1f} s")


if __name__ == "__main__":
    main()
