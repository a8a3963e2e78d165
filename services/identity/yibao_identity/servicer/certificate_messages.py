"""E-certificates, devices and cases as messages of the contract."""

from collections.abc import Mapping
from typing import TypeVar

from yibao.identity.v1 import certificate_pb2, device_pb2, misuse_pb2
from yibao_common.rpc.wire import from_instant
from yibao_identity.application.devices import SignedCertificate
from yibao_identity.rules.certificate import Certificate, CertificateState, ProofingMethod
from yibao_identity.rules.device import Device, DeviceState, KeyAlgorithm
from yibao_identity.rules.misuse import CaseState, MisuseCase, MisuseKind
from yibao_identity.servicer.person_requests import refuse_unknown

Value = TypeVar("Value")

_CERTIFICATE_STATES = {
    CertificateState.ACTIVE: certificate_pb2.CERTIFICATE_STATE_ACTIVE,
    CertificateState.SUSPENDED: certificate_pb2.CERTIFICATE_STATE_SUSPENDED,
    CertificateState.CLOSED: certificate_pb2.CERTIFICATE_STATE_CLOSED,
}
_DEVICE_STATES = {
    DeviceState.ACTIVE: device_pb2.DEVICE_STATE_ACTIVE,
    DeviceState.REVOKED: device_pb2.DEVICE_STATE_REVOKED,
    DeviceState.CLONE_SUSPECTED: device_pb2.DEVICE_STATE_CLONE_SUSPECTED,
}
_CASE_STATES = {
    CaseState.REPORTED: misuse_pb2.CASE_STATE_REPORTED,
    CaseState.SUSPENDED: misuse_pb2.CASE_STATE_SUSPENDED,
    CaseState.CLOSED: misuse_pb2.CASE_STATE_CLOSED,
}
_KINDS = {
    MisuseKind.LENT: misuse_pb2.MISUSE_KIND_LENT,
    MisuseKind.COPIED: misuse_pb2.MISUSE_KIND_COPIED,
    MisuseKind.FRAUD: misuse_pb2.MISUSE_KIND_FRAUD,
    MisuseKind.OTHER: misuse_pb2.MISUSE_KIND_OTHER,
}
_ALGORITHMS = {
    KeyAlgorithm.ED25519: device_pb2.KEY_ALGORITHM_ED25519,
    KeyAlgorithm.P256: device_pb2.KEY_ALGORITHM_P256,
}

PROOFING_METHODS: Mapping[int, ProofingMethod] = {
    certificate_pb2.PROOFING_METHOD_FACE: ProofingMethod.FACE,
    certificate_pb2.PROOFING_METHOD_COUNTER: ProofingMethod.COUNTER,
    certificate_pb2.PROOFING_METHOD_GUARDIAN: ProofingMethod.GUARDIAN,
}
ALGORITHMS: Mapping[int, KeyAlgorithm] = {wire: value for value, wire in _ALGORITHMS.items()}
CASE_STATES: Mapping[int, CaseState] = {wire: value for value, wire in _CASE_STATES.items()}
KINDS: Mapping[int, MisuseKind] = {wire: value for value, wire in _KINDS.items()}


def known(values: Mapping[int, Value], wire: int, *, field: str, what: str) -> Value:
    """Returns what a number of an open enum stands for.

    Raises:
        RuleError: FIELD_OUT_OF_RANGE; it is of a newer contract.
    """
    value = values.get(wire)
    if value is None:
        refuse_unknown(field, what)
    assert value is not None
    return value


def certificate_message(certificate: Certificate) -> certificate_pb2.Certificate:
    """Returns an e-certificate."""
    message = certificate_pb2.Certificate(
        certificate_id=certificate.certificate_id,
        person_id=certificate.person_id,
        region=certificate.region,
        subject=certificate.subject,
        state=_CERTIFICATE_STATES[certificate.state],
        activate_time=from_instant(certificate.activate_time),
        suspension_case_id=certificate.suspension_case_id or "",
    )
    if certificate.close_time is not None:
        message.close_time.CopyFrom(from_instant(certificate.close_time))
    return message


def device_message(device: Device) -> device_pb2.Device:
    """Returns a device."""
    message = device_pb2.Device(
        device_id=device.device_id,
        certificate_id=device.certificate_id,
        device_name=device.device_name,
        algorithm=_ALGORITHMS[device.algorithm],
        public_key=device.public_key,
        state=_DEVICE_STATES[device.state],
        enrol_time=from_instant(device.enrol_time),
    )
    if device.revoke_time is not None:
        message.revoke_time.CopyFrom(from_instant(device.revoke_time))
    return message


def device_certificate_message(signed: SignedCertificate) -> device_pb2.DeviceCertificate:
    """Returns a device certificate."""
    facts = signed.facts
    return device_pb2.DeviceCertificate(
        certificate=signed.certificate,
        device_certificate_id=facts.device_certificate_id,
        issue_time=from_instant(facts.issue_time),
        expire_time=from_instant(facts.expire_time),
        renew_time=from_instant(facts.renew_time),
    )


def case_message(case: MisuseCase, *, with_description: bool) -> misuse_pb2.MisuseCase:
    """Returns a case; what the reporter saw is for the agency alone."""
    message = misuse_pb2.MisuseCase(
        case_id=case.case_id,
        region=case.region,
        person_id=case.person_id,
        subject=case.subject,
        kind=_KINDS[case.suspicion.kind],
        state=_CASE_STATES[case.state],
        description=case.suspicion.description if with_description else "",
        evidence_reference=case.suspicion.evidence_reference,
        reporter=case.reporter,
        report_time=from_instant(case.report_time),
        decider=case.decider,
        decision_note=case.decision_note,
    )
    if case.decide_time is not None:
        message.decide_time.CopyFrom(from_instant(case.decide_time))
    return message
