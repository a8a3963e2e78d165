"""The contexts of a sandbox: a file beside its certificates, with one for each party."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from yibao_cli.contexts.file import Context, Contexts, write_contexts
from yibao_cli.parties import CHANNEL, SERVICES, parties_of
from yibao_cli.regions import Region
from yibao_cli.sandbox import Sandbox

FILE = "contexts.toml"


def write_sandbox_contexts(sandbox: Sandbox, addresses: Mapping[str, str]) -> Path:
    """Writes the contexts of those who call, for where the services are now; returns the file.

    The hospital of the first region is in use.

    Raises:
        StartError: it cannot be written.
    """
    contexts = {
        name: Context(
            region=region.region if region else None,
            ca_file=sandbox.certificates.ca_file,
            certificate_file=sandbox.certificates.leaves[name].certificate_file,
            key_file=sandbox.certificates.leaves[name].key_file,
            **{f"{service}_address": addresses[service] for service in SERVICES},
        )
        for name, region in _callers(sandbox)
    }
    path = sandbox.folder / FILE
    current = parties_of(sandbox.regions[0]).hospital
    write_contexts(path, Contexts(current=current, contexts=contexts))
    return path


def _callers(sandbox: Sandbox) -> Iterator[tuple[str, Region | None]]:
    for region in sandbox.regions:
        parties = parties_of(region)
        for name in (
            parties.hospital,
            parties.maker,
            parties.checker,
            parties.terminal,
            parties.bank,
        ):
            yield name, region
    yield CHANNEL, None
