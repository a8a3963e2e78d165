"""Puts together what answers of qualifications, and what carries them to identity."""

import grpc

from yibao_common.commands.background import BackgroundTask
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.transactions import Transactions
from yibao_common.process.config import StartError
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_offsite.application.qualification.apply import QualificationApplications
from yibao_offsite.application.qualification.carry import QualificationErrands
from yibao_offsite.application.qualification.decide import QualificationDecisions
from yibao_offsite.application.qualification.find import QualificationBook
from yibao_offsite.application.work import Work
from yibao_offsite.config import ChronicConfig
from yibao_offsite.files.qualification.read import load_disease_lists
from yibao_offsite.rules.qualification.listed import DiseaseLists
from yibao_offsite.servicer.qualification.calls import QualificationServicer
from yibao_offsite.servicer.qualification.carrying import QualificationCarrier, carrying_task


def read_disease_lists(config: ChronicConfig) -> DiseaseLists:
    """Returns what regions qualify for.

    Raises:
        StartError: a file cannot be used, with every mistake in it.
    """
    try:
        return load_disease_lists([(str(each), each.read_bytes()) for each in config.files])
    except OSError as error:
        raise StartError(f"chronic.files: {error}") from None
    except RuleError as error:
        told = [f"{each.field} {each.message}" for each in error.faults] or [error.message]
        raise StartError("chronic.files: " + "; ".join(told)) from None


class QualificationParts:
    """What answers of qualifications, and what carries them."""

    def __init__(
        self,
        lists: DiseaseLists,
        transactions: Transactions[Work],
        blocking: Blocking,
        *,
        clock: Clock,
        ids: Ids,
    ) -> None:
        """Takes what regions qualify for, and what begins transactions."""
        self._lists = lists
        self._transactions = transactions
        self._blocking = blocking
        self._clock = clock
        self._ids = ids

    def servicer(self) -> QualificationServicer:
        """Returns the servicer of QualificationService."""
        transactions, lists, clock, ids = self._transactions, self._lists, self._clock, self._ids
        return QualificationServicer(
            QualificationApplications(transactions, lists, clock=clock, ids=ids),
            QualificationDecisions(transactions, lists, clock=clock, ids=ids),
            QualificationBook(transactions, lists, clock=clock),
            self._blocking,
        )

    def carrying(
        self,
        channel: grpc.aio.Channel,
        *,
        regions: tuple[str, ...],
        seconds: float,
        metrics: Metrics,
        log: Log,
    ) -> BackgroundTask:
        """Returns the task that carries qualifications to identity; it has not started."""
        errands = QualificationErrands(self._transactions, clock=self._clock, ids=self._ids)
        carrier = QualificationCarrier(channel, errands, self._blocking, metrics=metrics, log=log)
        return carrying_task(
            carrier, regions=regions, seconds=seconds, metrics=metrics, clock=self._clock, log=log
        )
