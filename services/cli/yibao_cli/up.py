"""`yibao up`: every service on this machine, until Ctrl-C."""

import json
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from yibao_cli.console import INTERRUPTED, asked_to_end, ends_on_signals, undisturbed
from yibao_cli.loading import import_region, read_regions
from yibao_cli.log_view import LogView
from yibao_cli.parties import CHANNEL, SERVICES, parties_of
from yibao_cli.ports import USUAL_PORTS
from yibao_cli.regions import Region
from yibao_cli.stack import Stack
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock

_LOOK_SECONDS = 0.2
_LAST_LINES = 5
_STOPPING = "Stopping: running calls finish first ..."
_OFFERS = {
    "identity": "persons, e-certificates, QR codes",
    "settlement": "visits, bills, accounts, policies",
    "offsite": "registrations for care elsewhere",
}


def run_up(console: Console, folder: Path, *, keep_data: bool, log_level: str, clock: Clock) -> int:
    """Runs the sandbox in `folder` until a signal; returns the exit code."""
    began = time.monotonic()
    with ends_on_signals():
        try:
            regions = read_regions()
            console.print(f"Starting identity, settlement and offsite in {_shown(folder)} ...")
            stack = Stack.start(
                folder,
                regions,
                ports=USUAL_PORTS,
                reflection=True,
                keep_data=keep_data,
                poll_seconds=1.0,
                log_level="debug" if log_level == "debug" else "info",
                on_line=LogView(console, least=log_level).show,
            )
        except KeyboardInterrupt:
            return INTERRUPTED
        try:
            later = [each.region for each in regions if each not in stack.sandbox.regions]
            regions = list(stack.sandbox.regions)
            for region in regions:
                import_region(stack, region)
            # Idle, they would tell of their end in the middle of the logs.
            stack.close_channels()
            with asked_to_end() as is_asked:
                _show_ready(console, stack, regions, seconds=time.monotonic() - began)
                if later:
                    console.print(
                        f"Not in this sandbox, which is older than they are: {', '.join(later)}; "
                        "--fresh begins anew with them.\n"
                    )
                call = call_line(stack, regions[0], clock=clock)
                console.print(call, soft_wrap=True, markup=False)
                console.print(
                    f"\nLogs from here on, {log_level} and worse. Ctrl-C stops everything."
                )
                return _watch(console, stack, is_asked)
        except KeyboardInterrupt:
            console.print(_STOPPING)
            return 0
        finally:
            with undisturbed():
                stack.close()
            console.print("All services are stopped.")


def call_line(stack: Stack, region: Region, *, clock: Clock) -> str:
    """Returns a shell line that reads a catalogue item as the region's hospital."""
    certificates = stack.sandbox.certificates
    hospital = certificates.leaves[parties_of(region).hospital]
    today = shanghai_day(clock())
    request = {
        "region": region.region,
        "item_code": region.items[0].item_code,
        "date": {"year": today.year, "month": today.month, "day": today.day},
    }
    # The certificates name localhost too, but another service may own it on IPv6.
    url = f"https://{stack.addresses['settlement']}"
    words = [
        _buf(),
        "curl",
        "--protocol",
        "grpc",
        "--cacert",
        _shown(certificates.ca_file),
        "--cert",
        _shown(hospital.certificate_file),
        "--key",
        _shown(hospital.key_file),
        "-d",
        json.dumps(request, separators=(",", ":")),
        f"{url}/yibao.settlement.v1.CatalogueService/GetCatalogueItem",
    ]
    return shlex.join(words)


def _show_ready(
    console: Console, stack: Stack, regions: Sequence[Region], *, seconds: float
) -> None:
    console.print(f"[bold green]Ready in {seconds:.1f} s.[/bold green]\n")
    services = _two_columns()
    for service in SERVICES:
        services.add_row(service, stack.addresses[service], _OFFERS[service])
    console.print(services)
    names = ", ".join(region.region for region in regions)
    console.print(f"\nRegions loaded, with policy, catalogue and hospital: {names}\n")
    certificates = stack.sandbox.certificates
    folder = certificates.ca_file.parent
    console.print(
        f"Certificates in {_shown(folder)}, from a [bold]development CA[/bold] (ca.pem):\n"
        "for this machine only, never to be trusted anywhere else. Keys beside them: *.key"
    )
    files = _two_columns()
    for region in regions:
        parties = parties_of(region)
        files.add_row(f"{parties.hospital}.pem", f"hospital {parties.hospital_id}")
    first = parties_of(regions[0])
    files.add_row(f"{first.maker}.pem", "agency, who submits; every region has one")
    files.add_row(f"{first.checker}.pem", "agency, who approves; every region has one")
    files.add_row(f"{first.terminal}.pem", "terminal of the hospital; every region has one")
    files.add_row(f"{first.bank}.pem", "bank branch; every region has one")
    files.add_row("institution-….pem", "every other hospital and pharmacy, by its code")
    files.add_row(f"{CHANNEL}.pem", "the app of insured persons")
    console.print(files)
    console.print("\nCall it from another terminal, in this folder:\n")


def _watch(console: Console, stack: Stack, is_asked: Callable[[], bool]) -> int:
    """Waits to be asked to end, or for a process to end, which none should."""
    while (child := stack.ended()) is None:
        if is_asked():
            console.print(_STOPPING)
            return 0
        time.sleep(_LOOK_SECONDS)
    console.print(
        f"[bold red]{child.name} ended with code {child.exit_code}[/bold red]; "
        "the others are stopped as well. Its last lines:"
    )
    for line in list(child.tail)[-_LAST_LINES:]:
        console.print(f"  {line}", soft_wrap=True, markup=False)
    return 1


def _two_columns() -> Table:
    table = Table(box=None, padding=(0, 2, 0, 2), pad_edge=True, show_header=False)
    table.add_column("", style="bold", no_wrap=True)
    return table


def _buf() -> str:
    """Returns how to call `buf`: the one beside this Python, else the one on the path."""
    beside = Path(sys.executable).with_name("buf")
    if beside.exists() and shutil.which("buf") != str(beside):
        return _shown(beside)
    return "buf"


def _shown(path: Path) -> str:
    """Returns a path as short as it can be written from here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
