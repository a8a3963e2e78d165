"""Cards as messages of the contract, and what callers tell of cards as values."""

from google.protobuf.message import Message

from yibao.identity.v1 import card_pb2, person_pb2
from yibao_common.commands.request import Request
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.wire import from_date, from_instant, to_instant
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_identity.rules.card import (
    ActivationChannel,
    Card,
    CardState,
)
from yibao_identity.rules.card_loss import (
    LossPapers,
    Replacement,
)
from yibao_identity.rules.card_use import CardTransaction, ChipRead
from yibao_identity.rules.document import ShownDocument
from yibao_identity.rules.pin import PinState

_STATE = {
    CardState.ISSUED: card_pb2.CARD_STATE_ISSUED,
    CardState.ACTIVE: card_pb2.CARD_STATE_ACTIVE,
    CardState.RESTRICTED: card_pb2.CARD_STATE_RESTRICTED,
    CardState.LOST: card_pb2.CARD_STATE_LOST,
    CardState.REPLACED: card_pb2.CARD_STATE_REPLACED,
    CardState.CLOSED: card_pb2.CARD_STATE_CLOSED,
}
_CHANNEL = {
    None: card_pb2.ACTIVATION_CHANNEL_UNSPECIFIED,
    ActivationChannel.BANK: card_pb2.ACTIVATION_CHANNEL_BANK,
    ActivationChannel.SERVICE_CENTRE: card_pb2.ACTIVATION_CHANNEL_SERVICE_CENTRE,
    ActivationChannel.HOSPITAL: card_pb2.ACTIVATION_CHANNEL_HOSPITAL,
    ActivationChannel.PHARMACY: card_pb2.ACTIVATION_CHANNEL_PHARMACY,
}
_PIN_STATE = {
    PinState.NOT_SET: card_pb2.PIN_STATE_NOT_SET,
    PinState.SET: card_pb2.PIN_STATE_SET,
    PinState.LOCKED: card_pb2.PIN_STATE_LOCKED,
    PinState.REPORTED_LOST: card_pb2.PIN_STATE_REPORTED_LOST,
}


def card_message(card: Card) -> card_pb2.Card:
    """Returns a card; nothing of its PIN but whether it can be used."""
    message = card_pb2.Card(
        card_id=card.card_id,
        region=card.region,
        person_id=card.person_id,
        subject=card.subject,
        card_serial=card.card_serial,
        chip_number=card.chip_number,
        standard_version=card.standard_version,
        bank_code=card.bank_code,
        state=_STATE[card.state],
        issue_time=from_instant(card.issue_time),
        activation_deadline_date=from_date(card.activation_deadline_date),
        activation_channel=_CHANNEL[card.activation_channel],
        replaces_card_id=card.replaces_card_id or "",
        suspension_case_id=card.suspension_case_id or "",
        pin_state=_PIN_STATE[card.pin_state],
        transactions_since_print=card.transactions_since_print,
    )
    if card.activate_time is not None:
        message.activate_time.CopyFrom(from_instant(card.activate_time))
    if card.loss_report_time is not None:
        message.loss_report_time.CopyFrom(from_instant(card.loss_report_time))
    if card.replacement is not None:
        message.replacement.CopyFrom(_replacement_message(card.replacement))
    return message


def _replacement_message(replacement: Replacement) -> card_pb2.Replacement:
    return card_pb2.Replacement(
        order_time=from_instant(replacement.order_time),
        ready_date=from_date(replacement.ready_date),
        card_id=replacement.card_id or "",
    )


def transaction_message(transaction: CardTransaction) -> card_pb2.CardTransaction:
    """Returns a transaction."""
    return card_pb2.CardTransaction(
        sequence=transaction.sequence,
        authorize_time=from_instant(transaction.authorize_time),
        institution_id=transaction.institution_id,
        terminal=transaction.terminal,
        audience=transaction.audience,
        code_id=transaction.code_id,
    )


def chip_of(message: Message, field: str = "chip") -> ChipRead | None:
    """Returns what was read from the chip, or None where no card was put in."""
    if not message.HasField(field):
        return None
    chip: card_pb2.ChipRead = getattr(message, field)
    return ChipRead(chip.card_serial, chip.chip_number, to_instant(chip.read_time))


def document_of(message: Message, field: str = "document") -> ShownDocument | None:
    """Returns the identity document that was shown, or None."""
    if not message.HasField(field):
        return None
    shown: person_pb2.ShownDocument = getattr(message, field)
    return ShownDocument(shown.certificate_type, shown.certificate_number)


def papers_of(papers: card_pb2.LossPapers) -> LossPapers:
    """Returns the papers about a loss; all empty where none were given."""
    return LossPapers(papers.employer_letter_reference, papers.office_confirmation_reference)


def request_of(method: str, region: str, request_id: str, content: Message) -> Request:
    """Returns who asks for a change, in a region that the caller may act in.

    `content` is the request, or a copy in which hashes stand for PINs.

    Raises:
        RuleError: OUT_OF_SCOPE.
    """
    caller = current_caller()
    caller.require_region(region)
    return Request.of(
        caller,
        method=method,
        region=region,
        request_id=request_id,
        contents=content.SerializeToString(),
    )


def refuse_field(field: str, reason: Reason, message: str) -> None:
    """Refuses a request for one of its fields."""
    refuse_faults([FieldFault(field, reason, message)])
