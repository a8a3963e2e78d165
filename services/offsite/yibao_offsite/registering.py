"""Registrations and the rules of regions for them, put together."""

from collections.abc import Sequence

import grpc

from yibao.offsite.v1 import registration_service_pb2 as registration_pb
from yibao.offsite.v1 import registration_service_pb2_grpc as registration_rpc
from yibao.offsite.v1 import rules_service_pb2 as rules_pb
from yibao.offsite.v1 import rules_service_pb2_grpc as rules_rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_offsite.application.evaluation.cases import require_evaluated
from yibao_offsite.application.following import OnPersons
from yibao_offsite.application.medical_history import end_files
from yibao_offsite.application.region_rules import RulesOfRegions
from yibao_offsite.application.registration.ending import end_by_person
from yibao_offsite.application.registration.orders import Registering
from yibao_offsite.application.registration.reading import RegistrationReading
from yibao_offsite.application.registration.recording import DeemedRegistrations
from yibao_offsite.application.registration.steps import Steps
from yibao_offsite.application.work import Work
from yibao_offsite.files.national import national_rules
from yibao_offsite.rules.person import KnownPerson
from yibao_offsite.servicer.region_rules import RulesServicer
from yibao_offsite.servicer.registration.service import RegistrationServicer

DESCRIPTORS = (
    registration_pb.DESCRIPTOR.services_by_name["RegistrationService"],
    rules_pb.DESCRIPTOR.services_by_name["RulesService"],
)


class Registrations:
    """What answers for registrations and for the rules that they are decided by."""

    def __init__(
        self,
        transactions: Transactions[Work],
        blocking: Blocking,
        *,
        clock: Clock,
        ids: Ids,
    ) -> None:
        """Puts it together; the national rules hold where a region has approved none."""
        rules, file = national_rules()
        self._registrations = RegistrationServicer(
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


def registrations_end(clock: Clock, ids: Ids) -> OnPersons:
    """Returns what ends registrations and files by what identity tells of their persons."""

    def end(work: Work, persons: Sequence[KnownPerson]) -> None:
        end_by_person(work, persons, now=clock(), ids=ids)
        end_files(work, persons)

    return end
