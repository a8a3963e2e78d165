"""Medical-history files, pre-evaluations and tickets, put together from the configuration."""

import grpc
import sqlalchemy as sa

from yibao.offsite.v1 import evaluation_service_pb2 as evaluation_pb
from yibao.offsite.v1 import evaluation_service_pb2_grpc as evaluation_rpc
from yibao.offsite.v1 import medical_history_service_pb2 as history_pb
from yibao.offsite.v1 import medical_history_service_pb2_grpc as history_rpc
from yibao.offsite.v1 import ticket_service_pb2 as ticket_pb
from yibao.offsite.v1 import ticket_service_pb2_grpc as ticket_rpc
from yibao_common.commands.background import BackgroundTask, Duty
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.transactions import Transactions
from yibao_common.db.database import Database
from yibao_common.db.pruning import pruning_time
from yibao_common.db.transactions import StoredTransactions
from yibao_common.files.calendar_file import read_calendar
from yibao_common.keys.vault import Vault
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_offsite.application.evaluation.cases import Evaluations
from yibao_offsite.application.keyless import KeylessTransactions
from yibao_offsite.application.medical_history import MedicalHistories
from yibao_offsite.application.recheck import Rechecks
from yibao_offsite.application.registration.orders import moment_of, rules_in_force
from yibao_offsite.application.ticket import TicketClosing, Tickets
from yibao_offsite.application.work import Work
from yibao_offsite.config import OffsiteConfig, TicketsConfig
from yibao_offsite.files.national import national_rules
from yibao_offsite.rules.registration.kinds import Category
from yibao_offsite.rules.ticket import TicketKind, TicketTimes
from yibao_offsite.servicer.evaluation.calls import EvaluationServicer
from yibao_offsite.servicer.medical_history import MedicalHistoryServicer
from yibao_offsite.servicer.ticket.calls import TicketServicer
from yibao_offsite.storage import tables
from yibao_offsite.storage.work import unit_of_work

DESCRIPTORS = (
    history_pb.DESCRIPTOR.services_by_name["MedicalHistoryService"],
    evaluation_pb.DESCRIPTOR.services_by_name["EvaluationService"],
    ticket_pb.DESCRIPTOR.services_by_name["TicketService"],
)
# A day of Asia/Shanghai is over at an hour; an hour later at most nothing waits any more.
_CLOSE_SECONDS = 3_600.0
_CALLER = "service/offsite"


class MedicalFiles:
    """Their running parts; without a vault each call about them is refused."""

    def __init__(
        self,
        config: OffsiteConfig,
        vault: Vault | None,
        *,
        database: Database,
        blocking: Blocking,
        metrics: Metrics,
        clock: Clock,
        ids: Ids,
        log: Log,
    ) -> None:
        """Puts them together; nothing runs before `start`.

        Raises:
            StartError: the calendar cannot be read.
        """
        self._database = database
        self._blocking = blocking
        self._log = log
        calendar = read_calendar(config.calendar.file)
        transactions = _transactions(database, vault, clock)
        national, _ = national_rules()

        def reads_history_first(work: Work) -> bool:
            rules = rules_in_force(work, national, moment_of(clock))
            return rules.categories[Category.REFERRAL].needs_history_file

        self._histories = MedicalHistories(transactions, clock=clock, ids=ids)
        self._evaluations = Evaluations(
            transactions,
            clock=clock,
            ids=ids,
            calendar=calendar,
            reads_history_first=reads_history_first,
        )
        self._rechecks = Rechecks(transactions, clock=clock, ids=ids)
        times = TicketTimes(calendar, _answer_days(config.tickets), config.tickets.confirm_days)
        self._tickets = Tickets(
            transactions, clock=clock, ids=ids, times=times, served=config.regions
        )
        self._task: BackgroundTask | None = None
        if vault is not None:
            # A ticket that is closed stays so: a clock that is ahead closes none.
            closing = TicketClosing(
                transactions, clock=lambda: pruning_time(database, clock), caller=_CALLER
            )
            duty = Duty(run=self._closes(closing), failure="tickets were not closed")
            self._task = BackgroundTask(
                "ticket-closing",
                [duty],
                seconds=_CLOSE_SECONDS,
                metrics=metrics,
                clock=clock,
                log=log,
            )

    def register(self, server: grpc.aio.Server) -> None:
        """Adds the servicers."""
        blocking = self._blocking
        history_rpc.add_MedicalHistoryServiceServicer_to_server(
            MedicalHistoryServicer(self._histories, blocking), server
        )
        evaluation_rpc.add_EvaluationServiceServicer_to_server(
            EvaluationServicer(self._evaluations, self._rechecks, blocking), server
        )
        ticket_rpc.add_TicketServiceServicer_to_server(
            TicketServicer(self._tickets, blocking), server
        )

    def start(self, supervisor: Supervisor) -> None:
        """Starts to close tickets whose time to confirm is over."""
        if self._task is not None:
            self._task.start(supervisor)

    async def close(self) -> None:
        """Stops that."""
        if self._task is not None:
            await self._task.close()

    def _closes(self, closing: TicketClosing) -> "_Closes":
        return _Closes(closing, self._database, self._blocking, self._log)


class _Closes:
    """The duty that closes tickets in every region that has some."""

    def __init__(
        self, closing: TicketClosing, database: Database, blocking: Blocking, log: Log
    ) -> None:
        self._closing = closing
        self._database = database
        self._blocking = blocking
        self._log = log

    async def __call__(self) -> None:
        closed = await self._blocking.run(self._close_all)
        if closed:
            self._log.info("tickets closed", tickets=closed)

    def _close_all(self) -> int:
        # Whoever opened a ticket has left a row of the audit.
        with self._database.read() as connection:
            regions = connection.execute(sa.select(tables.audit.head.c.region)).scalars().all()
        return sum(self._closing.close_all(region) for region in regions)


def _transactions(database: Database, vault: Vault | None, clock: Clock) -> Transactions[Work]:
    if vault is None:
        return KeylessTransactions()
    # Answers tell what is sealed in the rows, so they are sealed as well.
    return StoredTransactions(
        database,
        answers=tables.answer,
        unit=unit_of_work(vault),
        clock=clock,
        vault=vault,
    )


def _answer_days(config: TicketsConfig) -> dict[TicketKind, int]:
    return {
        TicketKind.REGISTRATION: config.registration_days,
        TicketKind.SYSTEM_FAILURE: config.failure_days,
        TicketKind.OTHER: config.other_days,
    }
