"""The parts of the offsite service: each serves, and runs what it needs in the background."""

from dataclasses import dataclass
from typing import Protocol

import grpc

from yibao.common.v1 import server_service_pb2_grpc
from yibao.offsite.v1 import (
    attestation_service_pb2,
    form_service_pb2,
    material_service_pb2,
    offsite_feed_service_pb2,
    qualification_service_pb2,
)
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.transactions import Transactions
from yibao_common.db.database import Database
from yibao_common.files.calendar_file import read_calendar
from yibao_common.keys.vault import Vault
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.rpc import sandbox, server_info
from yibao_common.rpc.server_info import ServerInfoServicer
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_offsite import audit_parts, medical_files, registering
from yibao_offsite.application.following import all_follow
from yibao_offsite.application.work import Work
from yibao_offsite.attestation_parts import AttestationParts
from yibao_offsite.audit_parts import AuditParts
from yibao_offsite.calendar_watch import CalendarWatch
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.feeds import Feeds
from yibao_offsite.material_parts import Materials
from yibao_offsite.medical_files import MedicalFiles
from yibao_offsite.qualifying import Qualifying, qualifications_end
from yibao_offsite.registering import Registrations, registrations_end
from yibao_offsite.rules.qualification.listed import DiseaseLists

SERVICE = "offsite"
DESCRIPTORS = (
    *registering.DESCRIPTORS,
    offsite_feed_service_pb2.DESCRIPTOR.services_by_name["OffsiteFeedService"],
    attestation_service_pb2.DESCRIPTOR.services_by_name["AttestationService"],
    material_service_pb2.DESCRIPTOR.services_by_name["MaterialService"],
    *medical_files.DESCRIPTORS,
    form_service_pb2.DESCRIPTOR.services_by_name["FormService"],
    qualification_service_pb2.DESCRIPTOR.services_by_name["QualificationService"],
    *audit_parts.DESCRIPTORS,
    server_info.DESCRIPTOR,
    sandbox.DESCRIPTOR,
)


class Part(Protocol):
    """What adds its servicers and runs in the background."""

    def register(self, server: grpc.aio.Server) -> None:
        """Adds its servicers."""
        ...

    def start(self, supervisor: Supervisor) -> None:
        """Begins what runs in the background."""
        ...

    async def close(self) -> None:
        """Ends that."""
        ...


@dataclass(frozen=True, slots=True)
class Means:
    """What every part is made with."""

    config: OffsiteConfig
    database: Database
    vault: Vault | None
    transactions: Transactions[Work]
    blocking: Blocking
    metrics: Metrics
    clock: Clock
    ids: Ids
    log: Log


class Serving:
    """All parts, made inside the event loop; nothing runs before `start`."""

    def __init__(self, means: Means, lists: DiseaseLists) -> None:
        """Takes what parts are made with, and which diseases regions qualify persons for.

        Raises:
            StartError: a calendar, the keys or the pinned root cannot be used.
        """
        self._means = means
        attestations = AttestationParts(
            *(means.config, means.transactions, means.blocking),
            metrics=means.metrics,
            clock=means.clock,
            log=means.log,
        )
        self.feeds = Feeds(
            means.config,
            means.transactions,
            on_persons=all_follow(
                registrations_end(means.clock, means.ids),
                qualifications_end(means.clock, means.ids),
            ),
            attest_hold=attestations.attest_hold,
            database=means.database,
            metrics=means.metrics,
            clock=means.clock,
            log=means.log,
        )
        # In this order they start, and the last one ends first.
        self._parts: tuple[Part, ...] = (
            _registrations(means),
            attestations,
            *_sealed_parts(means),
            self._audits(attestations),
            self._qualifying(lists),
            _calendar_watch(means),
        )

    def register(self, server: grpc.aio.Server) -> None:
        """Adds every servicer."""
        means = self._means
        self.feeds.register(server)
        for part in self._parts:
            part.register(server)
        info = ServerInfoServicer(
            means.config,
            service_name=SERVICE,
            regions=self.feeds.regions,
            known=self.feeds.known,
            clock=means.clock,
        )
        server_service_pb2_grpc.add_ServerServiceServicer_to_server(info, server)
        sandbox.register(server, means.clock)

    def start(self, supervisor: Supervisor) -> None:
        """Begins what runs in the background."""
        self.feeds.start(supervisor)
        for part in self._parts:
            part.start(supervisor)

    async def close(self) -> None:
        """Ends that."""
        for part in reversed(self._parts):
            await part.close()
        await self.feeds.close()

    def _audits(self, attestations: AttestationParts) -> AuditParts:
        means = self._means
        return AuditParts(
            *(means.config, means.transactions, means.blocking),
            database=means.database,
            signer=attestations.signer,
            keeps_papers=means.vault is not None,
            ids=means.ids,
            metrics=means.metrics,
            clock=means.clock,
            log=means.log,
        )

    def _qualifying(self, lists: DiseaseLists) -> Qualifying:
        means = self._means
        return Qualifying(
            *(means.config.chronic, lists, means.transactions, means.blocking),
            identity=self.feeds.channel,
            regions=self.feeds.regions,
            ids=means.ids,
            metrics=means.metrics,
            clock=means.clock,
            log=means.log,
        )


def _registrations(means: Means) -> Registrations:
    return Registrations(
        *(means.transactions, means.blocking, means.config.batch),
        served=means.config.regions,
        metrics=means.metrics,
        clock=means.clock,
        ids=means.ids,
    )


def _calendar_watch(means: Means) -> CalendarWatch:
    file = means.config.calendar.file
    return CalendarWatch(
        read_calendar(file),
        name="national" if file is None else file.name,
        is_sandbox=means.config.sandbox.folder is not None,
        metrics=means.metrics,
        clock=means.clock,
        log=means.log,
    )


def _sealed_parts(means: Means) -> tuple[Part, ...]:
    """Returns what needs the keys of personal data."""
    files = MedicalFiles(
        *(means.config, means.vault),
        database=means.database,
        blocking=means.blocking,
        ids=means.ids,
        metrics=means.metrics,
        clock=means.clock,
        log=means.log,
    )
    papers = Materials(
        *(means.config.materials, means.vault),
        served=means.config.regions,
        database=means.database,
        blocking=means.blocking,
        ids=means.ids,
        metrics=means.metrics,
        clock=means.clock,
        log=means.log,
    )
    return papers, files
