"""Versions and their differences as they are told."""

from collections.abc import Callable
from typing import TypeVar

from google.protobuf.message import Message

from yibao.settlement.v1 import catalogue_version_pb2 as messages
from yibao.settlement.v1 import catalogue_version_service_pb2 as pb
from yibao_common.rpc.wire import from_date, from_instant
from yibao_settlement.application.catalogue_version.find import Difference
from yibao_settlement.application.catalogue_version.look_up import ItemAnswer
from yibao_settlement.rules.catalogue_version.version import CatalogueVersion
from yibao_settlement.servicer.catalogue_version.rows import row_message

MessageT = TypeVar("MessageT", bound=Message)


def version_encoder(
    response: Callable[..., MessageT], region: str
) -> Callable[[CatalogueVersion], bytes]:
    """Returns what encodes an answer that is a version."""
    return lambda version: response(version=version_message(region, version)).SerializeToString()


def version_message(region: str, version: CatalogueVersion) -> messages.CatalogueVersion:
    """Returns a version as it is told."""
    message = messages.CatalogueVersion(
        version_id=version.version_id,
        region=region,
        layer=messages.CatalogueLayer.ValueType(version.layer),
        state=messages.CatalogueVersionState.ValueType(version.state),
        title=version.title,
        start_date=from_date(version.start_date),
        is_whole=version.is_whole,
        issuing_authority=messages.IssuingAuthority.ValueType(version.issuing_authority),
        authority_document=version.authority_document,
        row_count=version.row_count,
        refused_count=version.refused_count,
        version_number=version.version_number,
        maker=version.maker,
        begin_time=from_instant(version.begin_time),
        checker=version.checker,
        rolled_back_version_id=version.rolled_back_version_id,
    )
    if version.submit_time is not None:
        message.submit_time.CopyFrom(from_instant(version.submit_time))
    if version.close_time is not None:
        message.close_time.CopyFrom(from_instant(version.close_time))
    return message


def difference_message(difference: Difference) -> messages.CatalogueDifference:
    """Returns how a version differs of a key."""
    message = messages.CatalogueDifference(date=from_date(difference.day))
    for name, piece in (("before", difference.before), ("after", difference.after)):
        if piece is not None and piece.content is not None:
            getattr(message, name).CopyFrom(row_message(piece.row))
    return message


def answer_message(found: ItemAnswer) -> pb.DescribeItemResponse:
    """Returns what the catalogue says of an item."""
    item, told = found.item, found.told
    return pb.DescribeItemResponse(
        item_code=item.item_code,
        item_name=item.item_name,
        insurance_code=told.insurance_code,
        catalogue_class=item.catalogue_class,
        first_self_pay_ratio_ppm=found.first_self_pay_ratio_ppm,
        price_ceiling=found.price_ceiling,
        payment_standard=told.payment_standard,
        is_limited_use=item.is_limited_use,
        limited_use_text=told.limited_use_text,
        channels=told.channels,
        insurance_type=found.insurance_type,
        institution_level=found.institution_level,
        version_number=item.version_number,
    )
