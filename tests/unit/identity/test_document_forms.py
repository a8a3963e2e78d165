"""Identity documents: which numbers are of their form, what they tell, what is shown."""

import datetime as dt

import pytest

from yibao_common.values.citizen_number import Gender
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.document import (
    DocumentFacts,
    ShownDocument,
    check_document,
    check_shown,
    normalised,
)

NOTHING = DocumentFacts(None, None)
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def checked(body: str) -> str:
    """Returns 17 digits with their check character."""
    total = sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


CITIZEN = checked("50010119900307123")
FACTS = DocumentFacts(dt.date(1990, 3, 7), Gender.MALE)


@pytest.mark.parametrize(
    ("certificate_type", "number", "facts"),
    [
        ("01", CITIZEN, FACTS),
        # Published examples of GB 11643.
        ("01", "11010519491231002X", DocumentFacts(dt.date(1949, 12, 31), Gender.FEMALE)),
        ("01", "440524188001010014", DocumentFacts(dt.date(1880, 1, 1), Gender.MALE)),
        ("02", "军字第1234567号", NOTHING),
        ("02", "1234", NOTHING),
        ("03", "武" * 20, NOTHING),
        ("04", "H12345678", NOTHING),
        ("05", "M1234567890", NOTHING),
        ("06", "12345678", NOTHING),
        ("06", "1234567890", NOTHING),
        ("06", "1234567890B", NOTHING),
        ("07", "USA123456789012", NOTHING),
        ("07", checked("91184019900307123"), DocumentFacts(dt.date(1990, 3, 7), None)),
        ("08", "A1234", NOTHING),
        ("08", "A12345678901234", NOTHING),
        ("09", CITIZEN + "43", FACTS),
        ("10", "A", NOTHING),
        ("15", "A-" * 16, NOTHING),
        ("16", "E12345678", NOTHING),
        ("16", "EA1234567", NOTHING),
        ("16", "G1234567", NOTHING),
        ("17", checked("81000019900307123"), FACTS),
        ("17", checked("83000019900307124"), DocumentFacts(dt.date(1990, 3, 7), Gender.FEMALE)),
        ("90", "A12345678", NOTHING),
        ("99", "X-1", NOTHING),
        ("990201", "A123456789", NOTHING),
    ],
)
def test_a_number_of_its_form_tells_what_it_says(
    certificate_type: str, number: str, facts: DocumentFacts
) -> None:
    assert check_document(certificate_type, number) == facts


@pytest.mark.parametrize(
    ("certificate_type", "number"),
    [
        ("01", CITIZEN[:-1]),
        ("01", CITIZEN + "0"),
        ("01", "0" + CITIZEN[1:]),
        # I-28: numbers of residence permits and of foreigners' cards are theirs alone.
        ("01", checked("81000019900307123")),
        ("01", checked("82000019900307123")),
        ("01", checked("83000019900307124")),
        ("01", checked("91184019900307123")),
        ("01", CITIZEN[:16] + "٣" + CITIZEN[17]),  # a digit, but not an ASCII one
        ("02", "123"),
        ("03", "武" * 21),
        ("04", "C12345678"),
        ("04", "H1234567"),
        ("05", "M123456789"),
        ("06", "1234567"),
        ("06", "123456789"),
        ("06", "12345678B"),
        ("07", "USA12345678901"),
        ("07", "US1234567890123"),
        ("07", checked("50010119900307123")),
        # No province issued it.
        ("07", checked("99000019900307123")),
        ("08", "A123"),
        ("08", "A123456789012345"),
        ("08", "A12-45"),
        ("09", CITIZEN),
        ("09", CITIZEN + "4"),
        ("10", ""),
        ("15", "A" * 33),
        ("16", "12345678"),
        ("16", "E123456"),
        ("16", "E123456789"),
        ("17", checked("84000019900307123")),
        ("90", "A1234567"),
        ("99", "汉字"),
        ("99", "-"),
        ("10", "---"),
        ("990201", "A12345678"),
        ("990201", "1234567890"),
    ],
)
def test_a_number_of_another_form_is_refused_without_repeating_it(
    certificate_type: str, number: str
) -> None:
    with pytest.raises(RuleError) as caught:
        check_document(certificate_type, number)
    assert caught.value.reason is Reason.FIELD_MALFORMED
    assert [fault.field for fault in caught.value.faults] == ["certificate_number"]
    assert not number or number not in str(caught.value)


@pytest.mark.parametrize(
    ("certificate_type", "number"),
    [
        ("01", CITIZEN[:-1] + ("0" if CITIZEN[-1] != "0" else "1")),
        ("01", checked("50010119900230123")),
        ("07", checked("91184019901307123")),
        ("09", CITIZEN[:-1] + ("0" if CITIZEN[-1] != "0" else "1") + "43"),
        ("17", checked("81000019900431123")),
    ],
)
def test_checksum_and_birth_date_of_citizen_numbers_are_verified(
    certificate_type: str, number: str
) -> None:
    with pytest.raises(RuleError) as caught:
        check_document(certificate_type, number, fields=("type", "number"))
    assert caught.value.reason is Reason.CITIZEN_NUMBER_INVALID
    assert [fault.field for fault in caught.value.faults] == ["number"]


@pytest.mark.parametrize(
    ("body", "is_taken"),
    [
        ("11010119900307123", True),
        ("65400119900307123", True),
        ("71000019900307123", True),
        # Of the sample regions.
        ("99901919900307123", True),
        ("99000019900307123", False),
        ("10000019900307123", False),
        ("16000019900307123", False),
        ("30000019900307123", False),
        ("72000019900307123", False),
    ],
)
@pytest.mark.parametrize(("certificate_type", "ends"), [("01", ""), ("09", "43")])
def test_a_number_begins_with_a_province(
    certificate_type: str, ends: str, body: str, is_taken: bool
) -> None:
    number = checked(body) + ends
    if is_taken:
        assert check_document(certificate_type, number).birth_date == dt.date(1990, 3, 7)
        return
    with pytest.raises(RuleError, match="does not begin with a province") as caught:
        check_document(certificate_type, number)
    assert caught.value.reason is Reason.CITIZEN_NUMBER_INVALID
    assert [fault.field for fault in caught.value.faults] == ["certificate_number"]


@pytest.mark.parametrize("certificate_type", ["00", "18", "89", "91", "990202"])
def test_an_unknown_type_is_refused(certificate_type: str) -> None:
    with pytest.raises(RuleError) as caught:
        check_document(certificate_type, CITIZEN)
    assert caught.value.reason is Reason.FIELD_OUT_OF_RANGE
    assert [fault.field for fault in caught.value.faults] == ["certificate_type"]


@pytest.mark.parametrize("typed", ["e1234 5678", " E12345678\t", "Ｅ１２３４５６７８", "E12345678"])
def test_a_number_is_the_same_however_it_is_typed(typed: str) -> None:
    assert normalised(typed) == "E12345678"


def test_a_document_has_to_be_shown_and_be_the_holders() -> None:
    """I-14, I-15, I-24: counters look at the holder's identity document."""
    shown = ShownDocument("01", CITIZEN)
    check_shown(shown, is_holders=True)
    with pytest.raises(RuleError) as caught:
        check_shown(shown, is_holders=False)
    assert caught.value.reason is Reason.ID_MISMATCH
    with pytest.raises(RuleError) as caught:
        check_shown(None, is_holders=False)
    assert caught.value.reason is Reason.ID_REQUIRED


def test_a_shown_document_is_not_printed() -> None:
    assert CITIZEN not in repr(ShownDocument("01", CITIZEN))
