"""Registrations and the rules of regions for them, put together."""

from collections.abc import Collection, Sequence

import grpc

from yibao.offsite.v1 import registration_service_pb2 as registration_pb
from yibao.offsite.v1 import registration_service_pb2_grpc as registration_rpc
from yibao.offsite.v1 import rules_service_pb2 as rules_pb
from yibao.offsite.v1 import rules_service_pb2_grpc as rules_rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.transactions import Transactions
from yibao_common.db.batcher import Batcher
from yibao_common.process.config import BatchConfig
from yibao_common.process.metrics import BatchMetrics, Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_offsite.application.evaluation.cases import require_evaluated
from yibao_offsite.application.following import OnPersons
from yibao_offsite.application.medical_history import end_files
from yibao_offsite.application.region_rules import RulesOfRegions
from yibao_offsite.application.registration.creating import CreateRegistration, CreateWork
from yibao_offsite.application.registration.ending import end_by_person
from yibao_offsite.application.registration.orders import Registering
from yibao_offsite.application.registration.reading import RegistrationReading
from yibao_offsite.application.registration.recording import DeemedRegistrations
from yibao_offsite.application.registration.steps import Steps
from yibao_offsite.application.work import Work
from yibao_offsite.files.national import national_rules
from yibao_offsite.rules.person import KnownPerson
from yibao_offsite.servicer.region_rules import RulesServicer
from yibao_offsite.servicer.registration.messages import created
from yibao_offsite.servicer.registration.service import RegistrationServicer

DESCRIPTORS = (
    registration_pb.DESCRIPTOR.services_by_name["RegistrationService"],
    rules_pb.DESCRIPTOR.services_by_name["RulesService"],
)


class Registrations:
    """What answers for registrations and for the rules that they are decided by.

    `start` and `close` are for the queue of applications.
    """

    def __init__(
        self,
        transactions: Transactions[Work],
        blocking: Blocking,
        batch: BatchConfig,
        *,
        served: Collection[str],
        metrics: Metrics,
        clock: Clock,
        ids: Ids,
    ) -> None:
        """Puts it together; the national rules hold where a region has approved none.

        See `rules.served` of `served`.
        """
        rules, file = national_rules()
        self._creating: Batcher[CreateRegistration, bytes] = Batcher(
            CreateWork(transactions, created, national=rules, clock=clock, ids=ids, served=served),
            party_of=lambda command: command.request.caller.party,
            max_size=batch.max_size,
            linger_seconds=batch.linger_ms / 1000,
            max_queue=batch.max_queue,
            observer=BatchMetrics(metrics, "registration"),
        )
        self._registrations = RegistrationServicer(
            self._creating,
            Registering(transactions, national=rules, clock=clock, ids=ids),
            Steps(transactions, national=rules, require_evaluated=require_evaluated, clock=clock),
            DeemedRegistrations(transactions, national=rules, clock=clock, ids=ids),
            RegistrationReading(transactions, clock=clock),
            blocking,
        )
        self._rules = RulesServicer(
            RulesOfRegions(transactions, national=file, clock=clock), blocking
        )

    def register(self, server: grpc.aio.Server) -> None:
        """Adds the servicers."""
        registration_rpc.add_RegistrationServiceServicer_to_server(self._registrations, server)
        rules_rpc.add_RulesServiceServicer_to_server(self._rules, server)

    def start(self, supervisor: Supervisor) -> None:
        """Starts the queue, inside the event loop."""
        self._creating.start(supervisor)

    async def close(self) -> None:
        """Carries out what waits and stops; no call may come any more."""
        await self._creating.close()


def registrations_end(clock: Clock, ids: Ids) -> OnPersons:
    """Returns what ends registrations and files by what identity tells of their persons."""

    def end(work: Work, persons: Sequence[KnownPerson]) -> None:
        end_by_person(work, persons, now=clock(), ids=ids)
        end_files(work, persons)

    return end
