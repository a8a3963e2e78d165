"""Puts together what answers of qualifications, and what carries them to identity."""

from collections.abc import Sequence
from pathlib import Path

import grpc

from yibao.offsite.v1 import form_service_pb2_grpc, qualification_service_pb2_grpc
from yibao_common.commands.background import BackgroundTask
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.transactions import Transactions
from yibao_common.process.config import StartError
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.process.plain_file import read_plain_file
from yibao_common.process.supervisor import Supervisor
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_offsite.application.following import OnPersons
from yibao_offsite.application.form import Forms
from yibao_offsite.application.qualification.apply import QualificationApplications
from yibao_offsite.application.qualification.carry import QualificationErrands
from yibao_offsite.application.qualification.decide import QualificationDecisions
from yibao_offsite.application.qualification.ending import end_qualifications
from yibao_offsite.application.qualification.find import QualificationBook
from yibao_offsite.application.work import Work
from yibao_offsite.config import ChronicConfig
from yibao_offsite.files.qualification.read import load_disease_lists
from yibao_offsite.rules.person import KnownPerson
from yibao_offsite.rules.qualification.listed import DiseaseLists
from yibao_offsite.servicer.form import FormServicer
from yibao_offsite.servicer.qualification.calls import QualificationServicer
from yibao_offsite.servicer.qualification.carrying import QualificationCarrier, carrying_task


def read_disease_lists(config: ChronicConfig) -> DiseaseLists:
    """Returns what regions qualify for.

    Raises:
        StartError: a file cannot be used, with every mistake in it.
    """
    files = [(str(each), _read(each)) for each in config.files or ()]
    try:
        return load_disease_lists(files)
    except RuleError as error:
        told = [f"{each.field} {each.message}" for each in error.faults] or [error.message]
        raise StartError("chronic.files: " + "; ".join(told)) from None


def _read(path: Path) -> bytes:
    try:
        return read_plain_file(path)
    except OSError as error:
        raise StartError(f"chronic.files: {path}: cannot be read: {error.strerror}") from None


class Qualifying:
    """The running parts of qualifications: what answers, and what carries them to identity."""

    def __init__(
        self,
        config: ChronicConfig,
        lists: DiseaseLists,
        transactions: Transactions[Work],
        blocking: Blocking,
        *,
        identity: grpc.aio.Channel | None,
        regions: tuple[str, ...],
        metrics: Metrics,
        clock: Clock,
        ids: Ids,
        log: Log,
    ) -> None:
        """Takes the channel to identity, None where nothing is carried there."""
        self._servicer = QualificationServicer(
            QualificationApplications(transactions, lists, clock=clock, ids=ids, served=regions),
            QualificationDecisions(transactions, lists, clock=clock, ids=ids),
            QualificationBook(transactions, lists, clock=clock),
            blocking,
        )
        self._forms = FormServicer(Forms(transactions, clock=clock), blocking)
        self._carrying: BackgroundTask | None = None
        if identity is None:
            return
        errands = QualificationErrands(transactions, clock=clock, ids=ids)
        carrier = QualificationCarrier(identity, errands, blocking, metrics=metrics, log=log)
        self._carrying = carrying_task(
            carrier,
            regions=regions,
            seconds=config.carry_seconds,
            metrics=metrics,
            clock=clock,
            log=log,
        )

    def register(self, server: grpc.aio.Server) -> None:
        """Adds the servicers of qualifications and of forms."""
        qualification_service_pb2_grpc.add_QualificationServiceServicer_to_server(
            self._servicer, server
        )
        form_service_pb2_grpc.add_FormServiceServicer_to_server(self._forms, server)

    def start(self, supervisor: Supervisor) -> None:
        """Starts to carry; call it inside the event loop."""
        if self._carrying is not None:
            self._carrying.start(supervisor)

    async def close(self) -> None:
        """Stops to carry, before the channel is closed."""
        if self._carrying is not None:
            await self._carrying.close()


def qualifications_end(clock: Clock, ids: Ids) -> OnPersons:
    """Returns what ends qualifications by what identity tells of their persons."""

    def end(work: Work, persons: Sequence[KnownPerson]) -> None:
        end_qualifications(work, persons, now=clock(), ids=ids)

    return end
