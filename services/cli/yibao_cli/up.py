"""`yibao up`: every service on this machine, until Ctrl-C."""

import json
import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from yibao_cli.command_line import INTERRUPTED
from yibao_cli.console import asked_to_end, ends_on_signals, err, undisturbed
from yibao_cli.contexts.file import read_contexts
from yibao_cli.loading import import_region, read_regions
from yibao_cli.log_view import LogView
from yibao_cli.output import is_json, print_document
from yibao_cli.parties import CHANNEL, SERVICES, parties_of
from yibao_cli.ports import wanted_ports
from yibao_cli.regions import Region
from yibao_cli.samples.loading import LoadedPerson, load_samples
from yibao_cli.samples.refusals import refusal_documents
from yibao_cli.samples.region import HOME, institution_documents, with_samples
from yibao_cli.sandbox import SAMPLES_FILE
from yibao_cli.sandbox_contexts import write_sandbox_contexts
from yibao_cli.stack import Stack
from yibao_common.commands.sandbox import SandboxClock
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


def run_up(
    console: Console,
    folder: Path,
    *,
    keep_data: bool,
    log_level: str,
    ports: Mapping[str, int | None],
    clock: Clock,
    has_movable_clock: bool = False,
) -> int:
    """Runs the sandbox in `folder` until a signal; returns the exit code.

    `ports` are the fixed ones by service, None where any will do. A program gets one document
    once all services serve, and the logs on stderr.

    Raises:
        StartError: a port is taken, the folder cannot be used, or a service does not start.
    """
    began = time.monotonic()
    wanted = wanted_ports(ports)
    talk = Console(quiet=True) if is_json() else console
    with ends_on_signals():
        try:
            regions = with_samples(read_regions())
            talk.print(f"Starting identity, settlement and offsite in {_shown(folder)} ...")
            stack = Stack.start(
                folder,
                regions,
                ports=wanted,
                reflection=True,
                keep_data=keep_data,
                poll_seconds=1.0,
                is_to_try=True,
                has_movable_clock=has_movable_clock,
                log_level="debug" if log_level == "debug" else "info",
                on_line=LogView(err if is_json() else console, least=log_level).show,
            )
        except KeyboardInterrupt:
            return INTERRUPTED
        try:
            later = [each.region for each in regions if each not in stack.sandbox.regions]
            regions = list(stack.sandbox.regions)
            for region in regions:
                import_region(stack, region)
            folder = stack.sandbox.folder
            of_services = SandboxClock(folder) if has_movable_clock else clock
            loaded = load_samples(stack, regions, clock=of_services)
            contexts_file = write_sandbox_contexts(stack.sandbox, stack.addresses)
            # Idle, they would tell of their end in the middle of the logs.
            stack.close_channels()
            with asked_to_end() as is_asked:
                if is_json():
                    seconds = time.monotonic() - began
                    document = _document(stack, contexts_file, loaded, seconds=seconds)
                    print_document(console, document)
                _show_ready(talk, stack, regions, seconds=time.monotonic() - began)
                _show_samples(talk, stack, loaded, has_movable_clock=has_movable_clock)
                _show_later(talk, later)
                _show_calls(talk, stack, regions[0], contexts_file, clock=of_services)
                talk.print(f"\nLogs from here on, {log_level} and worse. Ctrl-C stops everything.")
                return _watch(talk, stack, is_asked)
        except KeyboardInterrupt:
            talk.print(_STOPPING)
            return 0
        finally:
            with undisturbed():
                stack.close()
            talk.print("All services are stopped.")


def _document(
    stack: Stack, contexts_file: Path, loaded: Sequence[LoadedPerson], *, seconds: float
) -> dict[str, object]:
    sandbox = stack.sandbox
    return {
        "services": {service: stack.addresses[service] for service in SERVICES},
        "folder": str(sandbox.folder),
        "ca_file": str(sandbox.certificates.ca_file),
        "root_file": str(sandbox.root_file),
        "contexts_file": str(contexts_file),
        "contexts": list(read_contexts(contexts_file).contexts),
        "config_files": {service: str(path) for service, path in sandbox.config_files.items()},
        "regions": [region.region for region in sandbox.regions],
        "home_region": HOME,
        "institutions": [
            document for region in sandbox.regions for document in institution_documents(region)
        ],
        "persons": [asdict(each) for each in loaded],
        "refusals": refusal_documents(),
        "seconds": round(seconds, 1),
        "pid": os.getpid(),
    }


def _show_samples(
    console: Console,
    stack: Stack,
    loaded: Sequence[LoadedPerson],
    *,
    has_movable_clock: bool,
) -> None:
    file = stack.sandbox.folder / SAMPLES_FILE
    console.print(
        f"Persons loaded: {len(loaded)}, of every class, with e-certificates; in {HOME} cards\n"
        f"and hospitals of every level too. Who they are: {_shown(file)}.\n"
        "Inputs that are refused, for every reason: docs/coding/sandbox.md, yibao up --json.",
        markup=False,
        soft_wrap=True,
    )
    if has_movable_clock:
        console.print("Time is moved by: yibao clock +1mo", markup=False)
    console.print()


def _show_later(console: Console, regions: Sequence[str]) -> None:
    if regions:
        console.print(
            f"Not in this sandbox, which is older than they are: {', '.join(regions)}; "
            "--fresh begins anew with them.\n"
        )


def _show_calls(
    console: Console, stack: Stack, region: Region, contexts_file: Path, *, clock: Clock
) -> None:
    """Prints how the services are called from another terminal, which works as it stands."""
    request = json.dumps(_item_request(region, clock=clock), separators=(",", ":"))
    yibao = _beside("yibao")
    lines = (
        f"  export YIBAO_CONTEXTS={shlex.quote(_shown(contexts_file))}",
        f"  {yibao} context list",
        f"  {yibao} call GetCatalogueItem {shlex.quote(request)}",
        "\nor with any other client of gRPC:\n",
        call_line(stack, region, clock=clock),
    )
    console.print("\n".join(lines), soft_wrap=True, markup=False)


def _item_request(region: Region, *, clock: Clock) -> dict[str, object]:
    today = shanghai_day(clock())
    return {
        "region": region.region,
        "item_code": region.items[0].item_code,
        "date": {"year": today.year, "month": today.month, "day": today.day},
    }


def call_line(stack: Stack, region: Region, *, clock: Clock) -> str:
    """Returns a shell line that reads a catalogue item as the region's hospital."""
    certificates = stack.sandbox.certificates
    hospital = certificates.leaves[parties_of(region).hospital]
    request = _item_request(region, clock=clock)
    # The certificates name localhost too, but another service may own it on IPv6.
    url = f"https://{stack.addresses['settlement']}"
    words = [
        _beside("buf"),
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


def _beside(program: str) -> str:
    """Returns how to call a program: the one beside this Python, else the one on the path."""
    beside = Path(sys.executable).with_name(program)
    if beside.exists() and shutil.which(program) != str(beside):
        return _shown(beside)
    return program


def _shown(path: Path) -> str:
    """Returns a path as short as it can be written from here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
