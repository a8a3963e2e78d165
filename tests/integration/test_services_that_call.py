"""What only a service may call, only the services that are named for it may.

And what anybody may send to an agency is refused where nobody would read it.
"""

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.message_factory import GetMessageClass
from support.both_services import CALL_SECONDS, BothServices, both_services, outcome, refusal_of
from support.databases import SqliteDatabases
from support.offsite_beside import offsite_beside
from support.settlement_world import HOSPITAL, REGION

from docs.generate_reference.examples import examples_of
from yibao.offsite.v1.registration_pb2 import APPLICATION_CHANNEL_HOSPITAL
from yibao_common.keys.dev_ca import Leaf
from yibao_common.rpc.access import methods_of
from yibao_common.values.caller import EVERY_ROLE, Role
from yibao_common.values.ids import new_id
from yibao_identity import access as identity_access
from yibao_identity.main import DESCRIPTORS as IDENTITY
from yibao_offsite import access as offsite_access
from yibao_offsite.main import DESCRIPTORS as OFFSITE
from yibao_settlement import access as settlement_access
from yibao_settlement.servicers import DESCRIPTORS as SETTLEMENT

NOWHERE = "654321"
DENIED = (grpc.StatusCode.PERMISSION_DENIED, "OUT_OF_SCOPE")
SERVED = {
    "identity": (identity_access.ACCESS, IDENTITY),
    "offsite": (offsite_access.ACCESS, OFFSITE),
    "settlement": (settlement_access.ACCESS, SETTLEMENT),
}
# Of the services that may call something, each that may not call a method.
OTHERS = {
    "ListEnrolmentChanges": ("gateway", "identity"),
    "RegisterDisease": ("gateway", "identity", "settlement"),
    "EndDisease": ("gateway", "identity", "settlement"),
    "ListDiseases": ("gateway", "identity", "settlement"),
    "ListOffsiteChanges": ("gateway", "identity", "offsite"),
    "RecordDeemedRegistration": ("gateway", "identity", "offsite"),
    "ValidateFirstUse": ("gateway", "offsite", "settlement"),
    "GetAccountRecord": ("gateway", "offsite", "settlement"),
}

# What anybody but a region's agency begins there, and why it is refused where the region
# is served: nobody is known there; nothing where it is not refused.
SENT_TO_AGENCIES = {
    "ApplyForQualification": "PERSON_NOT_FOUND",
    "BeginUpload": "PERSON_NOT_FOUND",
    "CreateRegistration": "REFERRAL_NOT_ENTITLED",
    "DeclareAdmission": "REGISTRATION_NOT_FOUND",
    "FileComplaint": "",
    "OpenTicket": "",
}


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BothServices]:
    """Runs all three services, with certificates for each and for one that is none of them."""
    folder = tmp_path_factory.mktemp("three")
    databases = SqliteDatabases(folder)
    with both_services(folder / "files", databases) as both, offsite_beside(both) as running:
        names = ("gateway", "identity", "offsite", "settlement")
        running.files.issue(*(Leaf(f"as-{name}", f"service/{name}") for name in names))
        yield running
    databases.close()


def test_every_method_for_services_is_in_the_table() -> None:
    for_services = {
        method.name
        for access, descriptors in SERVED.values()
        for path, method in methods_of(descriptors).items()
        if Role.SERVICE in access.roles(path) and access.roles(path) != EVERY_ROLE
    }
    assert for_services == set(OTHERS)


def example_call(
    three: BothServices, name: str, *, caller: str, region: str
) -> tuple[Callable[..., object], Any]:
    """Returns the example call of a method by a caller's certificate, of a region."""
    service, path, method = next(
        (service, path, method)
        for service, (_, descriptors) in SERVED.items()
        for path, method in methods_of(descriptors).items()
        if method.name == name
    )
    assert method.containing_service is not None
    example = examples_of(method.containing_service.full_name)[name]
    request: Any = json_format.ParseDict(dict(example), GetMessageClass(method.input_type)())
    request.region = region
    call = three.channel(service, caller).unary_unary(
        path,
        request_serializer=type(request).SerializeToString,
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    return call, request


@pytest.mark.parametrize("name", OTHERS)
def test_no_other_service_calls_it(three: BothServices, name: str) -> None:
    for other in OTHERS[name]:
        call, request = example_call(three, name, caller=f"as-{other}", region=REGION)
        assert outcome(refusal_of(call, request)) == DENIED, other


@pytest.mark.parametrize("name", sorted(SENT_TO_AGENCIES))
def test_nothing_is_sent_to_an_agency_that_is_none(three: BothServices, name: str) -> None:
    call, request = example_call(three, name, caller="hospital", region=NOWHERE)
    request.request_id = new_id()
    if name == "CreateRegistration":
        request.referral.institution_id = HOSPITAL
        request.application_channel = APPLICATION_CHANNEL_HOSPITAL
    if name == "ApplyForQualification":
        request.institution_id = HOSPITAL
    refusal = refusal_of(call, request)
    assert outcome(refusal) == (grpc.StatusCode.FAILED_PRECONDITION, "REGION_NOT_SERVED")
    assert refusal.metadata == {"region": NOWHERE}
    # Under the same id at the right one: nothing was stored of the refusal.
    request.region = REGION
    if expected := SENT_TO_AGENCIES[name]:
        assert outcome(refusal_of(call, request))[1] == expected
    else:
        assert call(request, timeout=CALL_SECONDS)
