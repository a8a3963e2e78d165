"""The agency at which the person of an example enrols, with an account where it holds something."""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import grpc
from support.both_services import CALL_SECONDS
from support.examples_told.elsewhere import tell_registrations
from support.examples_told.history import Example
from support.examples_told.person import birth_date, periods
from support.examples_told.region import Places
from support.examples_told.running import MAKER, REGION, Running
from support.identity_world import activation, checked_number, registration

from yibao.errors import error_of
from yibao.identity.v1 import disease_messages_pb2 as disease_pb
from yibao.identity.v1 import enrolment_messages_pb2 as enrolments_pb
from yibao.identity.v1 import person_pb2
from yibao.identity.v1.certificate_service_pb2_grpc import CertificateServiceStub
from yibao.identity.v1.person_service_pb2_grpc import PersonServiceStub
from yibao.settlement.v1 import account_service_pb2 as account_pb
from yibao.settlement.v1.account_service_pb2_grpc import AccountServiceStub
from yibao_common.rpc.wire import from_date
from yibao_common.values.ids import new_id

Answer = TypeVar("Answer")
# When days have passed at once, what settlement knows is too old until it has asked again;
# and on a loaded machine nobody may have answered it in time.
_STALE = ("QR_STALE_TRUST", "FEED_STALE", "ENROLMENT_UNCONFIRMED")
_SECONDS = 20.0


PURSES = {
    "current_year": account_pb.ACCOUNT_PURSE_CURRENT_YEAR,
    "carried": account_pb.ACCOUNT_PURSE_CARRIED,
}


@dataclass(slots=True)
class Patient:
    """The person of an example, what shows codes, and visits by their names."""

    person_id: str
    certificate_id: str
    visits: dict[str, str] = field(default_factory=dict)


class Office:
    """Calls of an agency for persons of the region."""

    def __init__(self, running: Running, places: Places) -> None:
        """Takes under which insurance types examples take place."""
        self._running = running
        self._places = places
        self._numbers = itertools.count(1)

    def enrol(self, example: Example) -> Patient:
        """Registers the person of an example with every period of cover, and an account.

        Settlement knows what it is registered for elsewhere.
        """
        persons = PersonServiceStub(self._running.channel("identity", MAKER))
        first, *others = periods(example)
        birth = birth_date(example)
        of_type = {"region": REGION, "insurance_type": self._places.insurance_type(example)}
        request = registration(
            checked_number(f"999019{birth:%Y%m%d}{next(self._numbers):03d}"),
            **of_type,
            **first.terms,
            start_date=from_date(first.start),
            end_date=None if first.end is None else from_date(first.end),
        )
        person_id = persons.RegisterPerson(request, timeout=CALL_SECONDS).person.person_id
        for period in others:
            added = enrolments_pb.AddEnrolmentRequest(
                request_id=new_id(),
                **of_type,
                person_id=person_id,
                terms=enrolments_pb.EnrolmentTerms(
                    **period.terms,
                    status=person_pb2.ENROLMENT_STATUS_NORMAL,
                ),
                start_date=from_date(period.start),
                end_date=None if period.end is None else from_date(period.end),
            )
            persons.AddEnrolment(added, timeout=CALL_SECONDS)
        for disease_code in sorted({code for each in example.said for code in each.diseases}):
            persons.RegisterDisease(
                disease_pb.RegisterDiseaseRequest(
                    request_id=new_id(),
                    region=REGION,
                    person_id=person_id,
                    disease_code=disease_code,
                    start_date=from_date(birth),
                ),
                timeout=CALL_SECONDS,
            )
        certificates = CertificateServiceStub(self._running.channel("identity", "channel"))
        active = certificates.ActivateCertificate(
            activation(person_id, region=REGION), timeout=CALL_SECONDS
        )
        patient = Patient(person_id, active.certificate.certificate_id)
        tell_registrations(self._running, example, person_id)
        for purse, amount_fen in example.purses.items():
            if amount_fen:
                self._credit(patient, amount_fen, PURSES[purse])
        return patient

    def _credit(
        self, patient: Patient, amount_fen: int, purse: account_pb.AccountPurse.ValueType
    ) -> None:
        request = account_pb.CreditAccountRequest(
            request_id=new_id(),
            region=REGION,
            person_id=patient.person_id,
            amount_fen=amount_fen,
            source=account_pb.CREDIT_SOURCE_ALLOCATION,
            purse=purse,
        )
        known(lambda: self._accounts.CreditAccount(request, timeout=CALL_SECONDS))

    def account_of(self, patient: Patient) -> account_pb.Account:
        """Returns account and year of a person as they are now."""
        request = account_pb.GetAccountRequest(region=REGION, person_id=patient.person_id)
        return self._accounts.GetAccount(request, timeout=CALL_SECONDS).account

    @property
    def _accounts(self) -> AccountServiceStub:
        return AccountServiceStub(self._running.channel("settlement", MAKER))


def reason_of(error: grpc.RpcError) -> str:
    """Returns why a call was refused, without the prefix."""
    return error_of(error).reason.removeprefix("ERROR_REASON_")


def known(call: Callable[[], Answer]) -> Answer:
    """Calls again while settlement has yet to hear of keys and persons."""
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            return call()
        except grpc.RpcError as error:
            if reason_of(error) not in _STALE or time.monotonic() > deadline:
                raise
        time.sleep(0.02)
