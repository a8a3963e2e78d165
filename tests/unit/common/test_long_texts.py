"""A text that somebody made long is refused as soon as one that fits is taken.

The gate reads texts in the event loop: whatever takes the square of a length there keeps all
other callers waiting, a message of 1 MB of spaces for more than an hour.
"""

import unicodedata

import pytest

from yibao.common.v1 import validation_pb2 as pb
from yibao.identity.v1.person_service_pb2 import RegisterPersonRequest
from yibao_common.rpc.formats import form_of
from yibao_common.rpc.validation import Validator
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_common.values.texts import canonical_name, canonical_text

# Marks below and above, in the order in which form NFC does not have them; the last three
# kinds are no marks of combining, or none without width, until they are taken apart.
MARKS = ("\u0301\u0316", "\U0001d165\U0001d16d", "\u302e\u302a", "\u0f73\u0f75")
# So many that what takes the square of it does not end before the tests give up, on any machine.
MANY = 1_000_000
SIZED = (pb.FORMAT_UNSPECIFIED, pb.FORMAT_TEXT, pb.FORMAT_NAME, pb.FORMAT_LABEL)


@pytest.mark.parametrize("marks", MARKS)
def test_rows_of_marks_are_not_put_in_order(marks: str) -> None:
    text = "e" + marks * MANY
    assert canonical_text(text) == canonical_name(text) == text


def test_a_row_of_marks_that_is_not_put_in_order_is_refused() -> None:
    """Spacing vowel signs stand beside one another, and would be one text in two forms."""
    row = "\u0995" + "\u09c7\u09be" * 16
    read = form_of(pb.FieldRules(format=pb.FORMAT_NAME, max_length=100))
    for text in (row, unicodedata.normalize("NFC", row)):
        assert (read.find_fault(read.canonical(text)) is None) == (len(text) <= 31)
    assert unicodedata.normalize("NFC", row) != row == canonical_name(row)


def test_marks_are_put_in_order_where_somebody_may_have_written_them() -> None:
    for text in ("e" + "\u0301\u0316" * 15, ("e" + "\u0301\u0316" * 2) * 9):
        assert canonical_text(text) == unicodedata.normalize("NFC", text) != text
    assert canonical_text("e" + "\u0301\u0316" * 15 + "\u0301") == (
        "e" + "\u0301\u0316" * 15 + "\u0301"
    )


def test_spaces_and_dots_of_a_name_take_no_longer_than_other_characters() -> None:
    assert canonical_name(f"A{' ' * MANY}B") == "A B"
    assert canonical_name(f"A{' ·' * MANY}") == "A·"
    assert canonical_name("·" * MANY) == "·"
    assert canonical_name(f"A  {' · ' * MANY}  B") == "A·B"


@pytest.mark.parametrize("form", SIZED)
def test_a_text_that_is_too_long_in_any_spelling_is_not_read(form: pb.Format.ValueType) -> None:
    read = form_of(pb.FieldRules(format=form, max_length=10))
    unseen = "\u200b" * 141
    assert read.find_fault(unseen) == (Reason.FIELD_LENGTH, "must have 1 to 10 characters")
    assert read.canonical(f" {unseen}") == f" {unseen}"
    # One that may be short enough, written otherwise, is.
    fault = read.find_fault(unseen[:140])
    assert fault is not None
    assert fault[0] is Reason.FIELD_MALFORMED
    spelled = "\u1112\u1161\u11ab" * 10
    assert read.find_fault(read.canonical(f"{spelled}{' ' * 100}")) is None


@pytest.mark.parametrize("text", ["e" + "\u0301\u0316" * MANY, " " * MANY, "\u200b" * MANY])
def test_a_request_full_of_it_is_refused_at_once(text: str) -> None:
    validator = Validator(RegisterPersonRequest.DESCRIPTOR, refuse_unknown=True)
    request = RegisterPersonRequest(person_name=text, certificate_number=text)
    with pytest.raises(RuleError):
        validator.check(request)
