"""Loads the sample persons into services that run, over the RPCs that agencies and banks call.

It may be repeated, also after it was cut short: each call has the same request id in every run, so
that what is there already is answered as it was.
"""

import json
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import grpc

from yibao.errors import error_of
from yibao.identity.v1 import (
    card_pb2,
    card_service_pb2,
    certificate_pb2,
    certificate_service_pb2,
    death_messages_pb2,
    loss_messages_pb2,
    misuse_messages_pb2,
    misuse_pb2,
    person_pb2,
    person_service_pb2,
    pin_messages_pb2,
)
from yibao.identity.v1.card_service_pb2_grpc import CardServiceStub
from yibao.identity.v1.certificate_service_pb2_grpc import CertificateServiceStub
from yibao.identity.v1.person_service_pb2_grpc import PersonServiceStub
from yibao.settlement.v1 import account_service_pb2
from yibao.settlement.v1.account_service_pb2_grpc import AccountServiceStub
from yibao_cli.loading import CALL_SECONDS
from yibao_cli.parties import BANK_CODE, CHANNEL, parties_of
from yibao_cli.regions import Region
from yibao_cli.samples.persons import (
    PIN,
    WRONG_PIN,
    CardMatter,
    SamplePerson,
    card_numbers,
    sample_persons,
)
from yibao_cli.samples.region import HOME
from yibao_cli.sandbox import SAMPLES_FILE
from yibao_cli.stack import Stack
from yibao_common.rpc.wire import from_date, from_instant
from yibao_common.values.clock import Clock
from yibao_common.values.reasons import Reason

# What is in the personal account of who has one and is all right, in the home region.
CREDIT_FEN = 120_000
_ALL_TRIES = 5
# What is expected of a wrong PIN; of a try of an earlier run, whose chip was read then.
_WRONG = {
    each.wire_name for each in (Reason.PIN_INCORRECT, Reason.PIN_LOCKED, Reason.REQUEST_ID_REUSED)
}
# Each waits for the disk at every step, and they can wait together.
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class LoadedPerson:
    """A person that a sandbox holds, as programs are told; empty where there is none."""

    region: str
    label: str
    person_id: str
    person_name: str
    certificate_number: str
    insurance_type: str
    person_class: str
    entitlement_groups: list[str]
    certificate_id: str
    card_serial: str
    chip_number: str
    pin: str
    card_matter: str


def load_samples(stack: Stack, regions: Iterable[Region], *, clock: Clock) -> list[LoadedPerson]:
    """Loads the persons of regions, or reads what an earlier run loaded; returns them.

    `clock` is the sandbox's.

    Raises:
        grpc.RpcError: identity refused something.
    """
    path = stack.sandbox.folder / SAMPLES_FILE
    if path.exists():
        return [LoadedPerson(**each) for each in json.loads(path.read_text(encoding="utf-8"))]
    wanted = [(region, person) for region in regions for person in sample_persons(region)]
    loaders = {region.region: _Loader(stack, region, clock=clock) for region, _ in wanted}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        loaded = list(pool.map(lambda each: loaders[each[0].region].load(each[1]), wanted))
    _write(path, loaded)
    return loaded


def _write(path: Path, loaded: list[LoadedPerson]) -> None:
    whole = path.with_suffix(".new")
    text = json.dumps([asdict(each) for each in loaded], ensure_ascii=False, indent=1)
    whole.write_text(text, encoding="utf-8")
    whole.replace(path)


class _Loader:
    """Loads persons of one region."""

    def __init__(self, stack: Stack, region: Region, *, clock: Clock) -> None:
        self._clock = clock
        parties = parties_of(region)
        agency = stack.channel("identity", parties.maker)
        self._accounts = AccountServiceStub(stack.channel("settlement", parties.maker))
        self._persons = PersonServiceStub(agency)
        self._cards = CardServiceStub(agency)
        self._misuse = CertificateServiceStub(agency)
        self._channel = CertificateServiceStub(stack.channel("identity", CHANNEL))
        self._bank = CardServiceStub(stack.channel("identity", parties.bank))
        self._hospital = CertificateServiceStub(stack.channel("identity", parties.hospital))
        self._terminal = CardServiceStub(stack.channel("identity", parties.terminal))

    def load(self, person: SamplePerson) -> LoadedPerson:
        """Loads a person, and what is the matter with it."""
        person_id = self._register(person)
        certificate_id = self._activate(person, person_id) if person.has_certificate else ""
        serial, chip = card_numbers(person)
        if person.card is not None:
            self._issue_card(person, person_id, person.card)
        if person.label in ("11", "12") and person.region == HOME:
            self._credit(person, person_id)
        if person.has_died:
            request = death_messages_pb2.RecordDeathRequest(
                request_id=_id_of(person, "death"),
                region=person.region,
                person_id=person_id,
                death_date=from_date(person.start_date),
                evidence_reference="sample",
            )
            self._persons.RecordDeath(request, timeout=CALL_SECONDS)
        has_pin = person.card not in (None, CardMatter.NOT_ACTIVATED, CardMatter.NO_PIN)
        return LoadedPerson(
            person.region,
            person.label,
            person_id,
            person.person_name,
            person.certificate_number,
            person.insurance_type,
            person.person_class,
            list(person.entitlement_groups),
            certificate_id,
            serial if person.card is not None else "",
            chip if person.card is not None else "",
            PIN if has_pin else "",
            "" if person.card is None else person.card.value,
        )

    def _credit(self, person: SamplePerson, person_id: str) -> None:
        request = account_service_pb2.CreditAccountRequest(
            request_id=_id_of(person, "credit"),
            region=person.region,
            person_id=person_id,
            amount_fen=CREDIT_FEN,
            source=account_service_pb2.CREDIT_SOURCE_ALLOCATION,
        )
        self._accounts.CreditAccount(request, timeout=CALL_SECONDS)

    def _register(self, person: SamplePerson) -> str:
        request = person_service_pb2.RegisterPersonRequest(
            request_id=_id_of(person, "register"),
            region=person.region,
            certificate_type="01",
            certificate_number=person.certificate_number,
            person_name=person.person_name,
            insurance_type=person.insurance_type,
            person_class=person.person_class,
            entitlement_groups=person.entitlement_groups,
            start_date=from_date(person.start_date),
        )
        if person.end_date is not None:
            request.end_date.CopyFrom(from_date(person.end_date))
        return self._persons.RegisterPerson(request, timeout=CALL_SECONDS).person.person_id

    def _activate(self, person: SamplePerson, person_id: str) -> str:
        request = certificate_service_pb2.ActivateCertificateRequest(
            request_id=_id_of(person, "ecert"),
            region=person.region,
            person_id=person_id,
            proofing_method=certificate_pb2.PROOFING_METHOD_FACE,
            proofing_reference="sample",
        )
        answer = self._channel.ActivateCertificate(request, timeout=CALL_SECONDS)
        return answer.certificate.certificate_id

    def _issue_card(self, person: SamplePerson, person_id: str, matter: CardMatter) -> None:
        serial, chip = card_numbers(person)
        issued = card_service_pb2.IssueCardRequest(
            request_id=_id_of(person, "card"),
            region=person.region,
            person_id=person_id,
            card_serial=serial,
            chip_number=chip,
            standard_version="3",
            bank_code=BANK_CODE,
        )
        card = self._cards.IssueCard(issued, timeout=CALL_SECONDS).card
        card_id = card.card_id
        if matter is CardMatter.NOT_ACTIVATED:
            return
        document = person_pb2.ShownDocument(
            certificate_type="01", certificate_number=person.certificate_number
        )
        activated = card_service_pb2.ActivateCardRequest(
            request_id=_id_of(person, "card-active"),
            region=person.region,
            card_id=card_id,
            counter=card_service_pb2.CounterEvidence(
                is_original_card_shown=True, document=document
            ),
        )
        self._bank.ActivateCard(activated, timeout=CALL_SECONDS)
        if matter is CardMatter.NO_PIN:
            return
        pin = pin_messages_pb2.SetPinRequest(
            request_id=_id_of(person, "pin"),
            region=person.region,
            card_id=card_id,
            pin=PIN,
            is_original_card_shown=True,
            document=document,
        )
        self._bank.SetPin(pin, timeout=CALL_SECONDS)
        self._make_matter(person, card, document, matter)

    def _make_matter(
        self,
        person: SamplePerson,
        card: card_pb2.Card,
        document: person_pb2.ShownDocument,
        matter: CardMatter,
    ) -> None:
        card_id = card.card_id
        request_id, region = _id_of(person, "matter"), person.region
        if matter is CardMatter.LOST:
            lost = loss_messages_pb2.ReportCardLossRequest(
                request_id=request_id, region=region, card_id=card_id
            )
            self._bank.ReportCardLoss(lost, timeout=CALL_SECONDS)
        elif matter is CardMatter.PIN_LOST:
            forgotten = pin_messages_pb2.ReportPinLostRequest(
                request_id=request_id, region=region, card_id=card_id, document=document
            )
            self._bank.ReportPinLost(forgotten, timeout=CALL_SECONDS)
        elif matter is CardMatter.CLOSED:
            closed = card_service_pb2.CloseCardRequest(
                request_id=request_id,
                region=region,
                card_id=card_id,
                closing=card_service_pb2.CARD_CLOSING_SURRENDERED,
                is_original_card_shown=True,
                document=document,
            )
            self._bank.CloseCard(closed, timeout=CALL_SECONDS)
        elif matter is CardMatter.SUSPENDED:
            self._suspend(person, card.subject)
        elif matter is CardMatter.PIN_LOCKED:
            self._lock(person)

    def _suspend(self, person: SamplePerson, subject: str) -> None:
        report = misuse_messages_pb2.ReportMisuseRequest(
            request_id=_id_of(person, "misuse"),
            region=person.region,
            subject=subject,
            kind=misuse_pb2.MISUSE_KIND_LENT,
            description="sample",
        )
        case_id = self._hospital.ReportMisuse(report, timeout=CALL_SECONDS).case_id
        suspended = misuse_messages_pb2.SuspendCredentialRequest(
            request_id=_id_of(person, "matter"), region=person.region, case_id=case_id
        )
        self._misuse.SuspendCredential(suspended, timeout=CALL_SECONDS)

    def _lock(self, person: SamplePerson) -> None:
        serial, chip = card_numbers(person)
        for number in range(_ALL_TRIES):
            read = card_pb2.ChipRead(card_serial=serial, chip_number=chip)
            read.read_time.CopyFrom(from_instant(self._clock()))
            tried = pin_messages_pb2.VerifyPinRequest(
                request_id=_id_of(person, f"try-{number}"),
                region=person.region,
                chip=read,
                pin=WRONG_PIN,
            )
            try:
                self._terminal.VerifyPin(tried, timeout=CALL_SECONDS)
            except grpc.RpcError as error:
                if error_of(error).reason not in _WRONG:
                    raise


def _id_of(person: SamplePerson, step: str) -> str:
    name = f"yibao-sample/{person.region}/{person.label}/{step}"
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))
