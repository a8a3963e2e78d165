"""Sends messages at random to both services and judges what they answer and what they store.

The tests send some hundreds; `make fuzz-calls` sends 50,000:
`cd tests && python -m support.call_fuzzing.calls --messages 50000`.
"""

import argparse
import contextlib
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from support.both_services import (
    ADMISSION,
    CALL_SECONDS,
    SETTLE,
    BothServices,
    Patient,
    both_services,
)
from support.call_fuzzing.commits import commits_of
from support.call_fuzzing.messages import Messages
from support.databases import Databases, PostgresDatabases, PostgresServer, SqliteDatabases
from support.settlement_world import HOSPITAL, OTHER_HOSPITAL, POLICY_FILE, REGION

from yibao.errors import error_of
from yibao_common.rpc.access import methods_of
from yibao_common.rpc.calls import READS
from yibao_common.values.caller import Role
from yibao_common.values.ids import new_id
from yibao_identity.access import ACCESS as IDENTITY_ACCESS
from yibao_identity.main import DESCRIPTORS as IDENTITY
from yibao_settlement.access import ACCESS as SETTLEMENT_ACCESS
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.servicers import DESCRIPTORS as SETTLEMENT

# A world of its own for so many messages keeps the look at all that is stored cheap.
MESSAGES_A_WORLD = 1_000
# No answer to whatever is sent may be one of these.
_NEVER = {
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DATA_LOSS,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNAVAILABLE,
}
_CALLERS = {
    Role.INSTITUTION: (*["hospital"] * 8, "other-hospital", "stranger"),
    Role.TERMINAL: ("hospital-terminal",),
    Role.AGENCY: (*["maker", "checker"] * 4, "other-agency"),
    Role.SERVICE: ("settlement-server", "identity-server"),
    Role.CHANNEL: ("channel",),
}
_EVERY_CALLER = tuple(sorted({name for names in _CALLERS.values() for name in names}))
# These come more often than others: what hospitals send all day, but for what ends things.
_ENDING = ("CancelVisit", "ReverseSettlement")
_OFTEN = ("VisitService", "ChargeService", "SettlementService")


@dataclass
class Outcome:
    """What became of the messages: how often each answer came, and what was wrong."""

    answers: Counter[str] = field(default_factory=Counter)
    # Of each method how many were carried out.
    carried_out: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def fuzz(
    messages: int,
    *,
    seed: int,
    identity_share: float = 0.15,
    server: PostgresServer | None = None,
    tell: Callable[[Outcome], object] = lambda _: None,
) -> Outcome:
    """Sends so many messages, to a world of their own for each thousand.

    The worlds lie on SQLite, or on `server` in turn with it. `tell` is told what became of
    the messages so far, after each world.
    """
    outcome = Outcome()
    for number in range(0, messages, MESSAGES_A_WORLD):
        rng = random.Random(f"{seed}/{number}")
        # What one database takes in silence the other may not, such as a number too large.
        is_on_server = server is not None and number // MESSAGES_A_WORLD % 2 == 1
        with _world(server if is_on_server else None) as services:
            sender = _Sender(services, rng, outcome, identity_share=identity_share)
            for _ in range(min(MESSAGES_A_WORLD, messages - number)):
                sender.send()
            for drift in check_ledger(services.database).drifts:
                outcome.wrong.append(f"the ledger drifts: {drift}")
            sender.close()
        tell(outcome)
    return outcome


@contextlib.contextmanager
def _world(server: PostgresServer | None) -> Iterator[BothServices]:
    with tempfile.TemporaryDirectory() as folder:
        databases: Databases = SqliteDatabases(Path(folder))
        if server is not None:
            databases = PostgresDatabases(server)
        with both_services(Path(folder) / "files", databases) as services:
            yield services
        databases.close()


class _Sender:
    """Sends messages to one world, of which it knows some persons, visits and lines."""

    def __init__(
        self, services: BothServices, rng: random.Random, outcome: Outcome, *, identity_share: float
    ) -> None:
        self._services, self._rng, self._outcome = services, rng, outcome
        self._identity_share = identity_share
        self._methods = {
            "settlement": _weighted(methods_of(SETTLEMENT)),
            "identity": list(methods_of(IDENTITY).items()),
        }
        # Each once, whatever the dice say.
        self._not_sent = list(methods_of(SETTLEMENT).items())
        rng.shuffle(self._not_sent)
        self._messages = Messages(rng, now=services.clock)
        self._patients: list[Patient] = []
        for _ in range(10):
            self._new_patient()
        self._teach()
        self._commits = commits_of(services.database)
        self._version = self._commits.count()
        self._stored = services.contents()

    def close(self) -> None:
        """Closes what watches the database."""
        self._commits.close()

    def send(self) -> None:
        """Sends one message and judges what came of it."""
        is_identitys = self._rng.random() < self._identity_share
        service = "identity" if is_identitys else "settlement"
        name, method = self._rng.choice(self._methods[service])
        if self._not_sent and not is_identitys and self._rng.random() < 0.5:
            name, method = self._not_sent.pop()
        request = self._request(method)
        caller = self._caller(service, name)
        self._outcome.sent[name] += 1
        try:
            answers = self._answers(self._services.channel(service, caller), name, method, request)
        except grpc.RpcError as error:
            refusal = error_of(error)
            told = refusal.reason.removeprefix("ERROR_REASON_") or refusal.code.name
            self._outcome.answers[told] += 1
            if refusal.code in _NEVER or not refusal.reason:
                self._wrong(f"{told} of {name} by {caller}", request)
            self._check_unchanged(f"{told} of {name}", request)
            return
        self._outcome.answers["OK"] += 1
        self._outcome.carried_out[name] += 1
        for answer in answers[:5]:
            self._messages.learn_from(answer)
        if not method.name.startswith(READS):
            self._look_anew()
        else:
            self._check_unchanged(f"{name}, which only reads,", request)

    @staticmethod
    def _answers(
        channel: grpc.Channel, name: str, method: MethodDescriptor, request: Any
    ) -> list[Any]:
        """Returns what a call answers, which is more than one message where it streams."""
        writing = type(request).SerializeToString
        reading = GetMessageClass(method.output_type).FromString
        if method.server_streaming:
            stream = channel.unary_stream(
                name, request_serializer=writing, response_deserializer=reading
            )
            return list(stream(request, timeout=CALL_SECONDS))
        call = channel.unary_unary(name, request_serializer=writing, response_deserializer=reading)
        return [call(request, timeout=CALL_SECONDS)]

    def _wrong(self, what: str, request: Any) -> None:
        self._outcome.wrong.append(f"{what}: {request!s:.2000}")

    def _check_unchanged(self, what: str, request: Any) -> None:
        """Checks that settlement holds what it held before a call; background tasks aside."""
        version = self._commits.count()
        if version == self._version:
            return
        self._version = version
        found = self._services.contents()
        changed = [name for name in found if found[name] != self._stored[name]]
        # What identity told meanwhile is read by settlement in its own time.
        changed = [name for name in changed if name not in _FED]
        if changed:
            self._wrong(f"{what} left something in {changed}", request)
        self._stored = found

    def _look_anew(self) -> None:
        self._version, self._stored = self._commits.count(), self._services.contents()

    def _caller(self, service: str, name: str) -> str:
        access = SETTLEMENT_ACCESS if service == "settlement" else IDENTITY_ACCESS
        roles = [role for role in _CALLERS if role in access.roles(name)]
        if not roles or self._rng.random() < 0.03:
            return self._rng.choice(_EVERY_CALLER)
        return self._rng.choice(_CALLERS[self._rng.choice(roles)])

    def _request(self, method: MethodDescriptor) -> Any:
        request = self._messages.make(method.input_type)
        fields = method.input_type.fields_by_name
        if "bill" in fields:
            self._put_right(request)
        if "lines" in fields and self._rng.random() < 0.9:
            for line in request.lines:
                _price(line, self._rng)
        if "presentation" in fields and self._rng.random() < 0.5:
            audience = ADMISSION if method.name == "RegisterVisit" else SETTLE
            # The bill of a correction names no visit.
            visit_id = getattr(request.bill, "visit_id", "") if "bill" in fields else ""
            request.presentation.CopyFrom(self._presentation(audience, visit_id))
        if "page_token" in fields and self._rng.random() < 0.8:
            request.ClearField("page_token")
        if "diagnoses" in fields and self._rng.random() < 0.8:
            for place, diagnosis in enumerate(request.diagnoses):
                diagnosis.is_main = place == 0
        if method.name == "CancelLines" and self._rng.random() < 0.8:
            # One or the other, mostly, and not so many lines that one of them is unknown.
            request.all_unsettled = self._rng.random() < 0.5
            del request.line_ids[0 if request.all_unsettled else 1 :]
        if "wait_milliseconds" in fields:
            request.wait_milliseconds = self._rng.choice((0, 0, 1, -1))
        if method.name == "ImportInstitutions" and self._rng.random() < 0.9:
            # The others go on only where the hospital stays what it is.
            for item in request.items:
                item.institution_id = f"H999019{self._rng.randrange(10**5):05d}"
        return request

    def _presentation(self, audience: str, visit_id: str) -> Any:
        """Returns a new code, mostly of the visit's person, or none where that is no more."""
        patient = self._rng.choice(self._patients)
        of_visit = [each for each in self._patients if each.visit_id == visit_id]
        if of_visit and self._rng.random() < 0.8:
            patient = of_visit[0]
        try:
            text = self._services.code(patient.certificate_id, audience)
        except grpc.RpcError:
            # A message has closed the certificate, or the person's life, before.
            text = "none"
            if len(self._patients) > 1:
                self._patients.remove(patient)
        return self._services.presentation(text)

    def _put_right(self, request: Any) -> None:
        """Makes a bill add up, mostly."""
        rng, bill = self._rng, request.bill
        if rng.random() < 0.6:
            bill.ClearField("uploaded")
        else:
            bill.ClearField("lines")
            bill.uploaded.SetInParent()
        if rng.random() < 0.9:
            for number, line in enumerate(bill.lines, start=1):
                line.line_number = number
                _price(line, rng)
            bill.total_fen = sum(line.amount_fen for line in bill.lines)
        if rng.random() < 0.8:
            for name in {"expected"}.intersection(request.DESCRIPTOR.fields_by_name):
                request.ClearField(name)

    def _new_patient(self) -> None:
        patient = self._services.patient()
        self._patients.append(patient)
        self._messages.learn("visit_id", patient.visit_id)
        self._messages.learn("person_id", patient.person_id)
        self._messages.learn("certificate_id", patient.certificate_id)

    def _teach(self) -> None:
        teach = self._messages.learn
        teach("region", *[REGION] * 20, "999029", "500100")
        teach("institution_id", HOSPITAL, OTHER_HOSPITAL)
        teach("item_code", "A1", "A1", "B1", "C1", "B2", "OLD", "NOPE")
        for name in ("line_id", "line_ids", "returned_line_id"):
            teach(name, *(f"L{number}" for number in range(8)))
        teach("charge_batch_id", "D1", "D2", "")
        teach("care_type", "2101", "2101", "11", "2102", "14", "28")
        teach("insurance_type", "390", "310")
        teach("transfer_from_visit_id", self._patients[0].visit_id)
        for patient in self._patients[::2]:
            request = self._services.settle_request(patient)
            settled = self._services.settlements().SettleBill(request, timeout=CALL_SECONDS)
            teach("settlement_id", settled.settlement.settlement_id)
            teach("bill_number", request.bill.bill_number)
        teach("operation_code", "47.0100", "36.0600x004")
        teach("diagnosis_code", "I10.x00", "E11.900")
        teach("policy_file", POLICY_FILE.read_bytes(), b"format: yibao-policy/2\n", b"\xff")
        for name in ("policy_version", "before_policy_version", "after_policy_version"):
            teach(name, "none")
        for name in ("card_id", "case_id", "merge_id", "link_id", "enrolment_id", "device_id"):
            teach(name, new_id())
        teach("page_token", "", "AAAA")


# Tables that the feed fills, whenever identity has news.
_FED = ("person", "enrolment", "credential", "account_payer", "person_standing")


def _weighted(methods: dict[str, MethodDescriptor]) -> list[tuple[str, MethodDescriptor]]:
    often = [
        (name, method)
        for name, method in methods.items()
        if method.containing_service.name in _OFTEN and method.name not in _ENDING
    ]
    return [*methods.items(), *often, *often]


def _price(line: Any, rng: random.Random) -> None:
    """Makes unit price, quantity and amount of a line agree, where it has them."""
    if "unit_price" not in line.DESCRIPTOR.fields_by_name:
        return
    line.unit_price, line.quantity, line.amount_fen = rng.choice(
        (("1", "1", 100), ("100.00", "90", 900_000), ("1.958333", "7", 1_371), ("1", "-1", -100))
    )
    if rng.random() < 0.7:
        line.ClearField("returned_line_id")
        line.quantity = line.quantity.removeprefix("-")
        line.amount_fen = abs(line.amount_fen)
    if rng.random() < 0.7:
        line.ClearField("charge_date")


def _tell(outcome: Outcome) -> None:
    print(f"{outcome.answers.total():>10,} sent, {len(outcome.wrong)} wrong", flush=True)


def main() -> int:
    """Prints what became of the messages; returns 1 where something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    began = time.monotonic()
    server = PostgresServer()
    try:
        outcome = fuzz(arguments.messages, seed=arguments.seed, server=server, tell=_tell)
    finally:
        server.close()
    for name, count in sorted(outcome.sent.items()):
        print(f"{count:>10,} {outcome.carried_out[name]:>8,} carried out  {name}")
    for told, count in outcome.answers.most_common():
        print(f"{count:>10,} {told}")
    print(f"{len(outcome.wrong):>10,} wrong, after {time.monotonic() - began:.0f} s")
    for text in outcome.wrong[:20]:
        print(f"           {text}")
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
