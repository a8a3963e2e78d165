import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from support.serving import GET_METHOD, ID, SETTLEMENT

from yibao.common.v1.date_pb2 import Date
from yibao.settlement.v1 import (
    bill_pb2,
    charge_service_pb2,
    clearing_service_pb2,
    day_pb2,
    policy_service_pb2,
)
from yibao.settlement.v1 import settlement_service_pb2 as settlement
from yibao_common.process.metrics import Metrics
from yibao_common.rpc.admission import Admission, Limits
from yibao_common.rpc.calls import Call, Method
from yibao_common.rpc.peers import CertificatePeers
from yibao_common.rpc.rates import RateLimits
from yibao_common.values.caller import Role
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
HOSPITAL = "spiffe://yibao.dev/institution/H50011200001"
AGENCY = "spiffe://yibao.dev/agency/500100/wang"
RAW = settlement.GetSettlementRequest(
    region="500100", settlement_id="0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c3e"
).SerializeToString()


class FakeContext:
    """A call over a connection with the certificate `pem`, shown with others in `chain`."""

    def __init__(
        self, pem: bytes | None, remaining: float | None = None, *, chain: bytes = b""
    ) -> None:
        self._pem = pem
        self._chain = chain
        self._remaining = remaining

    def auth_context(self) -> dict[str, list[bytes]]:
        shown = {"x509_pem_cert": self._pem, "x509_pem_cert_chain": self._chain}
        return {name: [pem] for name, pem in shown.items() if pem}

    def time_remaining(self) -> float | None:
        return self._remaining


def certificate(*names: x509.GeneralName, ends: dt.datetime = NOW + dt.timedelta(days=1)) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - dt.timedelta(days=1))
        .not_valid_after(ends)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    made = builder.sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


def uri(text: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(text)


def peers(*, rate_per_second: float = 0, burst: int = 1) -> CertificatePeers:
    return CertificatePeers(
        trust_domain="yibao.dev",
        rates=RateLimits(rate_per_second=rate_per_second, burst=burst),
        revoked=None,
        clock=lambda: NOW,
        monotonic=lambda: 0,
    )


def refused(context: Any) -> str:
    with pytest.raises(RuleError) as refusal:
        peers().of(context)
    assert refusal.value.reason is Reason.CALLER_UNKNOWN
    return refusal.value.message


@pytest.mark.parametrize(
    "names",
    [
        (),
        (x509.DNSName("hospital.cn"),),
        # A name of another kind is no URI, whatever it says.
        (x509.DNSName(HOSPITAL),),
        (uri(HOSPITAL), uri(AGENCY)),
        (uri(AGENCY), uri(HOSPITAL)),
        (uri(HOSPITAL), uri("https://hospital.cn")),
    ],
)
def test_a_certificate_must_have_exactly_one_uri(names: tuple[x509.GeneralName, ...]) -> None:
    message = refused(FakeContext(certificate(*names)))
    assert message == "the client certificate must have exactly one URI name"


def test_names_of_other_kinds_beside_the_uri_do_no_harm() -> None:
    pem = certificate(x509.DNSName("hospital.cn"), uri(HOSPITAL))
    context: Any = FakeContext(pem)
    assert peers().of(context).caller.id == "H50011200001"


def test_a_call_without_a_certificate_has_no_caller() -> None:
    assert refused(FakeContext(None)) == "the call came without a client certificate"


@pytest.mark.parametrize(("left", "passes"), [(1, True), (0, False), (-1, False)])
def test_a_certificate_counts_until_the_second_it_ends(left: int, passes: bool) -> None:
    context: Any = FakeContext(certificate(uri(HOSPITAL), ends=NOW + dt.timedelta(seconds=left)))
    if passes:
        assert peers().of(context).caller.role is Role.INSTITUTION
    else:
        assert refused(context) == "the client certificate has expired"


class ShownCa:
    """A CA whose certificate callers show beside their own."""

    def __init__(self, name: str, issuer: "ShownCa | None" = None) -> None:
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self._issuer = issuer or self

    def pem(self, ends: dt.datetime) -> bytes:
        return self._issuer.issue(self.name, self.key, ends)

    def caller(self, ends: dt.datetime) -> bytes:
        key = ec.generate_private_key(ec.SECP256R1())
        return self.issue(x509.Name([]), key, ends, uri(HOSPITAL))

    def issue(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        ends: dt.datetime,
        *names: x509.GeneralName,
    ) -> bytes:
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - dt.timedelta(days=1))
            .not_valid_after(ends)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


ROOT = ShownCa("Root")
UPPER = ShownCa("Upper", ROOT)
LOWER = ShownCa("Lower", UPPER)
LATER = NOW + dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("chain", "passes"),
    [
        ([LOWER.pem(LATER), UPPER.pem(LATER)], True),
        ([LOWER.pem(NOW), UPPER.pem(LATER)], False),
        ([LOWER.pem(LATER), UPPER.pem(NOW)], False),
        ([UPPER.pem(NOW), LOWER.pem(LATER)], False),
        # One that was renewed stands beside the former.
        ([LOWER.pem(NOW), LOWER.pem(LATER), UPPER.pem(LATER)], True),
        # Roots are ours, and others of a name have issued nothing.
        ([LOWER.pem(LATER), ROOT.pem(NOW)], True),
        ([ShownCa("Lower", UPPER).pem(LATER), LOWER.pem(NOW)], False),
        ([ShownCa("Lower", UPPER).pem(NOW), LOWER.pem(LATER)], True),
        ([], True),
    ],
)
def test_a_ca_that_was_shown_counts_until_the_second_it_ends(
    chain: list[bytes], passes: bool
) -> None:
    context: Any = FakeContext(LOWER.caller(LATER), chain=b"".join(chain))
    if passes:
        assert peers().of(context).caller.role is Role.INSTITUTION
    else:
        assert refused(context).endswith(", above the client certificate, has expired")


def test_the_same_certificate_over_another_chain_is_another_peer() -> None:
    found, own = peers(), LOWER.caller(LATER)
    good: Any = FakeContext(own, chain=LOWER.pem(LATER))
    ended: Any = FakeContext(own, chain=LOWER.pem(NOW))
    assert found.of(good).caller.role is Role.INSTITUTION
    with pytest.raises(RuleError, match="CN=Lower"):
        found.of(ended)


def test_a_certificate_is_read_once() -> None:
    found = peers()
    context: Any = FakeContext(certificate(uri(HOSPITAL)))
    assert found.of(context) is found.of(context)
    other: Any = FakeContext(certificate(uri(AGENCY)))
    assert found.of(other).caller.path == "agency/500100/wang"
    assert found.of(context).caller.path == "institution/H50011200001"


def method() -> Method:
    return Method(
        GET_METHOD,
        roles=frozenset({Role.INSTITUTION}),
        descriptor=SETTLEMENT.methods_by_name["GetSettlement"],
        metrics=Metrics().method(GET_METHOD),
    )


def admit(door: Admission, call: Call, raw: bytes, parse: Any, context: Any) -> None:
    """Lets a call pass as the gate does: first its caller, then its request."""
    door.admit(call, raw, parse, context, door.find_caller(call, context))


def admission() -> Admission:
    limits = Limits(max_message_bytes=1_000, max_deadline_seconds=30)
    return Admission(limits=limits, peers=peers(), monotonic=lambda: 0)


@pytest.mark.parametrize(
    ("remaining", "limit"), [(None, 30), (0.001, None), (30.0, None), (31.0, None)]
)
def test_the_servers_limit_is_set_where_the_caller_set_none(
    remaining: float | None, limit: float | None
) -> None:
    call = Call(method())
    context: Any = FakeContext(certificate(uri(HOSPITAL)), remaining)
    admit(admission(), call, RAW, settlement.GetSettlementRequest.FromString, context)
    assert call.limit_seconds == limit


@pytest.mark.parametrize("remaining", [31.01, 600.0, 1e9])
def test_a_deadline_beyond_the_limit_is_refused(remaining: float) -> None:
    context: Any = FakeContext(certificate(uri(HOSPITAL)), remaining)
    with pytest.raises(RuleError) as refusal:
        admit(admission(), Call(method()), RAW, settlement.GetSettlementRequest.FromString, context)
    assert refusal.value.reason is Reason.DEADLINE_INVALID


@pytest.mark.parametrize(("remaining", "limit"), [(None, 600), (600.0, None), (602.0, None)])
def test_a_call_that_answers_more_than_once_may_take_longer(
    remaining: float | None, limit: float | None
) -> None:
    simulate = policy_service_pb2.DESCRIPTOR.services_by_name["PolicyService"].methods_by_name[
        "SimulatePolicy"
    ]
    name = "/yibao.settlement.v1.PolicyService/SimulatePolicy"
    metrics = Metrics().method(name)
    streams = Method(name, roles=frozenset({Role.AGENCY}), descriptor=simulate, metrics=metrics)
    day = Date(year=2026, month=1, day=1)
    raw = policy_service_pb2.SimulatePolicyRequest(
        region="500100", start_date=day, end_date=day
    ).SerializeToString()
    call, context = Call(streams), FakeContext(certificate(uri(AGENCY)), remaining)
    asked: Any = context
    parse = policy_service_pb2.SimulatePolicyRequest.FromString
    if remaining == 602.0:
        with pytest.raises(RuleError) as refusal:
            admit(admission(), call, raw, parse, asked)
        assert refusal.value.reason is Reason.DEADLINE_INVALID
    else:
        admit(admission(), call, raw, parse, asked)
        assert call.limit_seconds == limit


def test_a_closed_door_refuses_with_a_reason_that_asks_to_come_again() -> None:
    door = admission()
    door.is_closed = True
    context: Any = FakeContext(certificate(uri(HOSPITAL)))
    with pytest.raises(RuleError) as refusal:
        admit(door, Call(method()), RAW, settlement.GetSettlementRequest.FromString, context)
    assert refusal.value.reason is Reason.OVERLOADED


def test_who_may_not_call_learns_nothing_about_the_request() -> None:
    context: Any = FakeContext(certificate(uri(AGENCY)), 600)
    with pytest.raises(RuleError) as refusal:
        admit(
            admission(),
            Call(method()),
            b"\xff" * 2_000,
            settlement.GetSettlementRequest.FromString,
            context,
        )
    assert refusal.value.reason is Reason.CALLER_NOT_ALLOWED


def weighing(service: ServiceDescriptor, name: str, request: Message) -> Callable[[], object]:
    """Returns how a hospital that may call ten times at once calls a method."""
    path = f"/{service.full_name}/{name}"
    asked = Method(
        path,
        roles=frozenset({Role.INSTITUTION}),
        descriptor=service.methods_by_name[name],
        metrics=Metrics().method(path),
    )
    door = Admission(
        limits=Limits(max_message_bytes=1_000_000, max_deadline_seconds=30),
        peers=peers(rate_per_second=1, burst=10),
        monotonic=lambda: 0,
    )
    context: Any = FakeContext(certificate(uri(HOSPITAL)))
    raw, parse = request.SerializeToString(), type(request).FromString
    return lambda: admit(door, Call(asked), raw, parse, context)


UPLOADS = charge_service_pb2.DESCRIPTOR.services_by_name["ChargeService"]
DAYS = clearing_service_pb2.DESCRIPTOR.services_by_name["ClearingService"]
LINE = bill_pb2.BillLine(
    line_number=1, item_code="A1", unit_price="1", quantity="1", amount_fen=100
)
ACT = day_pb2.DayLine(request_id=ID, act_kind=day_pb2.DAY_ACT_KIND_SETTLED)


@pytest.mark.parametrize(("rows", "admitted"), [(19, 10), (20, 5), (199, 1), (2_000, 1)])
@pytest.mark.parametrize("is_upload", [True, False])
def test_rows_count_twenty_a_call(rows: int, admitted: int, is_upload: bool) -> None:
    """Ten calls at once, of which one with 199 rows is ten and one with more is a full burst."""
    upload = charge_service_pb2.UploadLinesRequest(
        request_id=ID, region="500100", visit_id=ID, lines=[LINE] * rows
    )
    day = clearing_service_pb2.CompareDayRequest(
        region="500100", act_date=Date(year=2026, month=11, day=29), acts=[ACT] * rows
    )
    call = (
        weighing(UPLOADS, "UploadLines", upload) if is_upload else weighing(DAYS, "CompareDay", day)
    )
    for _ in range(admitted):
        call()
    with pytest.raises(RuleError) as refusal:
        call()
    assert refusal.value.reason is Reason.RATE_LIMITED
