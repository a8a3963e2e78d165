"""The offsite service with keys for papers, on loopback."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from support.services import run_service
from support.serving import open_test_log

from yibao_common.keys.dev_ca import DevCertificates, Leaf, issue_dev_certificates
from yibao_common.values.clock import Clock, system_clock
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.main import OffsiteService

REGION = "330100"
PERSON = "0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c3e"
HOLDER = "0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c40"
LEAVES = (
    Leaf("server", "service/offsite", is_server=True),
    Leaf("agency", f"agency/{REGION}/wang"),
    Leaf("auditor", f"agency/{REGION}/auditor"),
    Leaf("other-agency", "agency/500100/li"),
    Leaf("channel", "channel/wallet"),
    Leaf("other-channel", "channel/bank"),
    Leaf("hospital", "institution/H50011200001"),
    Leaf("holder", f"holder/{HOLDER}"),
    Leaf("supervisor", f"supervisor/{REGION}/zhao"),
    Leaf("other-supervisor", "supervisor/500000/sun"),
)


def issue(folder: Path) -> DevCertificates:
    """Makes certificates and the keys of papers."""
    (folder / "encryption.hex").write_text("ab" * 32)
    (folder / "hash.hex").write_text("cd" * 32)
    return issue_dev_certificates(folder, LEAVES)


@contextlib.asynccontextmanager
async def serving(
    issued: DevCertificates,
    url: str,
    *,
    has_keys: bool = True,
    clock: Clock = system_clock,
    **materials: Any,
) -> AsyncIterator[int]:
    """Gives the port of the running service."""
    folder = issued.ca_file.parent
    tables: dict[str, Any] = {
        "server": {
            "address": "127.0.0.1:0",
            "certificate_file": issued.leaves["server"].certificate_file,
            "key_file": issued.leaves["server"].key_file,
            "client_ca_file": issued.ca_file,
        },
        "database": {"url": url},
        "materials": {"evidence_readers": [f"agency/{REGION}/auditor"], **materials},
    }
    if has_keys:
        tables["personal_data"] = {
            "encryption_key_files": [folder / "encryption.hex"],
            "hash_key_file": folder / "hash.hex",
        }
    log, _ = open_test_log()
    service = OffsiteService(OffsiteConfig.model_validate(tables), log=log, clock=clock)
    async with run_service(service) as port:
        yield port
