"""Rows of imports as messages: what is wrong with their form, and their days."""

import datetime as dt
from collections.abc import Sequence

from google.protobuf.message import Message

from yibao_common.rpc.validation import Validator
from yibao_common.rpc.wire import to_optional_date
from yibao_common.values.errors import FieldFault, RuleError


def form_faults_of(validator: Validator, message: Message) -> tuple[Sequence[FieldFault], int]:
    """Returns what is wrong with the form of a row, its texts in canonical form.

    The first faults, and how many there are.
    """
    try:
        validator.check(message)
    except RuleError as refusal:
        return refusal.faults, refusal.faults_total
    return (), 0


def row_days(message: Message) -> tuple[dt.date, dt.date | None]:
    """Returns the first and the last day of a row; one that there is not limits nothing."""
    return row_day(message, "start_date") or dt.date.min, row_day(message, "end_date")


def row_day(message: Message, field: str) -> dt.date | None:
    """Returns a day of a row, None where there is none."""
    # That it does not exist may be a fault behind the hundred that are told.
    try:
        return to_optional_date(message, field)
    except ValueError:
        return None
