"""Papers as they are sent, and what is asked of them as values."""

import datetime as dt
from collections.abc import Collection

from google.protobuf.timestamp_pb2 import Timestamp

from yibao.offsite.v1 import material_pb2 as messages
from yibao.offsite.v1 import material_service_pb2 as pb
from yibao_common.rpc.wire import from_instant, known, to_instant
from yibao_offsite.rules.material.kinds import stored_kind
from yibao_offsite.rules.material.material import Material, MediaType, Owner, PhotoFacts, Told
from yibao_offsite.rules.material.parts import missing, part_count, told_missing
from yibao_offsite.rules.material.states import State

_MEDIA_TYPES = {int(each): each for each in MediaType}
OWNERS = {int(each): each for each in Owner}
STATES = {int(each): each for each in State}


def told_of(request: pb.BeginUploadRequest) -> Told:
    """Returns what a request tells of a file. Raises RuleError FIELD_OUT_OF_RANGE."""
    media_type = known(_MEDIA_TYPES, request.media_type, field="media_type", what="type of file")
    photo = None
    if request.HasField("photo"):
        told = request.photo
        photo = PhotoFacts(to_instant(told.taken_time), told.author, told.place)
    return Told(request.size_bytes, media_type, request.content_sha256, photo)


def message(
    material: Material, *, may_read: bool, stored: Collection[int] = ()
) -> messages.Material:
    """Returns a paper as sent; hash and photo for who may read it, `stored` while it comes in."""
    told, kind = material.told, stored_kind(material.kind)
    sent = messages.Material(
        material_id=material.material_id,
        region=material.region,
        person_id=material.person_id,
        kind=kind.code,
        kind_name=kind.name_zh,
        state=messages.MaterialState.ValueType(material.state),
        is_restricted=kind.is_restricted,
        begun_by=material.begun_by,
        begin_time=from_instant(material.begin_time),
        finish_time=_optional(material.finish_time),
        uses=[
            messages.MaterialUse(
                owner=messages.MaterialOwner.ValueType(use.owner),
                owner_id=use.owner_id,
                is_ended=use.end_date is not None,
            )
            for use in material.uses
        ],
        reason=material.reason,
        changed_by=material.changed_by,
        change_time=_optional(material.change_time),
        replaces_material_id=material.replaces_id or "",
        replaced_by_material_id=material.replaced_by_id or "",
        remove_time=_optional(material.remove_time),
    )
    if told is None:
        return sent
    sent.media_type = messages.MediaType.ValueType(told.media_type)
    sent.size_bytes = told.size_bytes
    sent.part_count = part_count(told.size_bytes)
    if material.state is State.UPLOADING:
        sent.missing_parts.extend(told_missing(missing(told.size_bytes, stored)))
    if may_read:
        sent.content_sha256 = told.sha256
        if told.photo is not None:
            photo = told.photo
            sent.photo.taken_time.CopyFrom(from_instant(photo.taken_time))
            sent.photo.author, sent.photo.place = photo.author, photo.place
    return sent


def _optional(instant: dt.datetime | None) -> Timestamp | None:
    return None if instant is None else from_instant(instant)
