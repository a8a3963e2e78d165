"""Rows of lists: messages to values, and back."""

import hashlib
from collections.abc import Iterable, Sequence

from yibao.common.v1 import item_error_pb2
from yibao.settlement.v1 import catalogue_version_pb2 as messages
from yibao.settlement.v1 import catalogue_version_service_pb2 as pb
from yibao.settlement.v1.catalogue_service_pb2 import ImportResult
from yibao_common.rpc.status import fault_zh, item_errors
from yibao_common.rpc.validation import Validator
from yibao_common.rpc.wire import from_date
from yibao_common.values.errors import FieldFault, RuleError, refusal_of
from yibao_common.values.reasons import Reason
from yibao_settlement.application.catalogue_version.bring import SentListRow
from yibao_settlement.application.catalogue_version.rows import Chunk, RowFaults
from yibao_settlement.rules.catalogue_version.row import Layer, ListRow, RowContent, subkey_of
from yibao_settlement.rules.catalogue_version.timeline import SaidRow
from yibao_settlement.servicer.rows import form_faults_of, row_days

_VALIDATOR = Validator(messages.CatalogueRow.DESCRIPTOR, refuse_unknown=True)


class SentRows:
    """The rows of a chunk as they were sent, read once: whichever layer they are of."""

    def __init__(self, sent: Iterable[messages.CatalogueRow]) -> None:
        """Checks the form of every row, which puts its texts into canonical form."""
        self._rows = []
        digest = hashlib.sha256()
        for message in sent:
            faults, total = form_faults_of(_VALIDATOR, message)
            self._rows.append((message, faults, total))
            digest.update(message.SerializeToString(deterministic=True))
            digest.update(b"\n")
        self.digest = digest.hexdigest()

    def of_layer(self, layer: Layer) -> Sequence[SentListRow]:
        """Returns the rows as those of a layer."""
        return [
            SentListRow(row_from(layer, message), faults, total)
            for message, faults, total in self._rows
        ]


def row_from(layer: Layer, message: messages.CatalogueRow) -> ListRow:
    """Returns the row in a message; a day that there is not limits nothing."""
    content = RowContent(
        message.name,
        message.insurance_code,
        message.list_type,
        message.catalogue_class,
        message.item_group,
        message.is_limited_use,
        message.limited_use_text,
        message.level_type,
        message.price_ceiling,
        message.person_type,
        message.share_type,
        message.first_self_pay_ratio_ppm if message.HasField("first_self_pay_ratio_ppm") else None,
        message.price_from,
        message.channel,
    )
    return ListRow(
        message.row_number,
        message.code,
        subkey_of(layer, content),
        *row_days(message),
        content,
    )


def row_message(row: ListRow) -> messages.CatalogueRow:
    """Returns a row as it is told."""
    message = messages.CatalogueRow(
        row_number=row.row_number, code=row.code, start_date=from_date(row.start_date)
    )
    if row.end_date is not None:
        message.end_date.CopyFrom(from_date(row.end_date))
    if row.content is None:
        # Its key alone is left of it.
        _fill_key(message, row.subkey)
        return message
    for name, value in zip(RowContent._fields, row.content, strict=True):
        if value not in ("", None, False) or (name == "first_self_pay_ratio_ppm" and value == 0):
            setattr(message, name, value)
    return message


def change_message(said: SaidRow) -> messages.CatalogueChange:
    """Returns a row of an approved version as it is told."""
    return messages.CatalogueChange(
        version_number=said.version_number,
        version_start_date=from_date(said.since),
        row=row_message(said.row),
        is_ended=said.row.content is None,
        replaces_later=said.replaces_later,
    )


def fault_message(faults: RowFaults) -> messages.CatalogueRowFault:
    """Returns why a row was refused."""
    return messages.CatalogueRowFault(
        row_number=faults.row_number,
        fault_count=faults.faults_total,
        field_faults=[
            item_error_pb2.FieldFault(
                field=each.field,
                reason=each.reason.wire_name,
                message=each.message,
                message_zh=fault_zh(each),
            )
            for each in _field_faults(faults)
        ],
    )


def chunk_response(chunk: Chunk, refused: Sequence[RowFaults]) -> bytes:
    """Returns the answer to a chunk: a result a row, in their order."""
    refusals: list[RuleError | None] = [None] * (chunk.row_count + chunk.refused_count)
    for each in refused:
        refusals[each.place] = refusal_of(_field_faults(each), total=each.faults_total)
    results = [
        ImportResult(stored=True) if error is None else ImportResult(error=error)
        for error in item_errors(refusals)
    ]
    return pb.UploadCatalogueRowsResponse(
        stored=chunk.row_count, refused=chunk.refused_count, results=results
    ).SerializeToString()


def _field_faults(faults: RowFaults) -> list[FieldFault]:
    return [
        FieldFault(each.field, Reason[each.reason], each.message, each.message_zh)
        for each in faults.faults
    ]


def _fill_key(message: messages.CatalogueRow, subkey: str) -> None:
    parts = subkey.split("/")
    if len(parts) == 3:
        message.person_type, message.share_type, message.price_from = parts
    elif len(subkey) == 1:
        message.level_type = subkey
    elif subkey:
        message.channel = subkey
