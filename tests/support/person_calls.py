"""Requests about persons of the region, and what answers them."""

from typing import Any

from support.identity_world import REGION, Identity, refusal
from support.serving import reason_in

from yibao.identity.v1 import person_pb2
from yibao.identity.v1 import person_service_pb2 as persons
from yibao_common.values.ids import new_id


def of_region(message: type[Any], **fields: Any) -> Any:
    """Returns a request; a changing one with a new id."""
    if "request_id" in message.DESCRIPTOR.fields_by_name:
        fields.setdefault("request_id", new_id())
    return message(region=REGION, **fields)


def shown(number: str, certificate_type: str = "01") -> person_pb2.ShownDocument:
    return person_pb2.ShownDocument(certificate_type=certificate_type, certificate_number=number)


async def changes(identity: Identity, after: int = 0) -> list[Any]:
    request = persons.ListEnrolmentChangesRequest(region=REGION, after_sequence=after)
    return list((await identity.persons("settlement").ListEnrolmentChanges(request)).changes)


async def reason(call: Any) -> str:
    return reason_in(await refusal(call))
