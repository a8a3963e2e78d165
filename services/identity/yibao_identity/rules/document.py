"""Identity documents (psn_cert_type): the form of their numbers, and what these tell."""

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from yibao_common.values.citizen_number import Gender, parse_citizen_number, with_check_character
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason

RESIDENT_ID = "01"
BIRTH_CERTIFICATE = "990201"

_CITIZEN = "[1-9][0-9]{16}[0-9X]"
_PROVINCE = "(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5])"
# Numbers that other documents have to themselves: residence permits of Hong Kong, Macao and
# Taiwan (17), and foreigners' permanent residence cards (07), which name a province second.
_OF_OTHERS = f"8[123]|9{_PROVINCE}"
_HAN = "\u4e00-\u9fff"
_OFFICER = f"[{_HAN}A-Z0-9]{{4,20}}"
_HOME_RETURN = "[HM][0-9]{8}(?:[0-9]{2})?"
# Groups parted by dashes, but not dashes alone.
_OTHER = "(?=-*[A-Z0-9])[A-Z0-9-]{1,32}"

# The list of types is that of the national interface specification; it fixes no forms.
# Standards are 01 and 17 (GB 11643), 07 (15 characters before December 2023, 18 digits
# since), 16, and the length of 990201. The others are what is printed as of 2025, drawn
# wide enough that a genuine document passes: a form that is too narrow keeps a person out.
_FORMS: Mapping[str, re.Pattern[str]] = {
    RESIDENT_ID: re.compile(f"(?!{_OF_OTHERS}){_CITIZEN}"),
    # Officers of the army and of the armed police: characters and a number.
    "02": re.compile(_OFFICER),
    "03": re.compile(_OFFICER),
    # Home-return permits: holder's number, and until 2013 two digits of the issue.
    "04": re.compile(_HOME_RETURN),
    "05": re.compile(_HOME_RETURN),
    # Taiwan pass: eight digits, formerly ten with a letter behind.
    "06": re.compile("[0-9]{8}|[0-9]{10}[A-Z]?"),
    "07": re.compile(f"[A-Z]{{3}}[0-9]{{12}}|9{_PROVINCE}[0-9]{{14}}[0-9X]"),
    "08": re.compile("[A-Z0-9]{5,15}"),
    # Disability certificate: citizen number, kind and degree.
    "09": re.compile(f"{_CITIZEN}[0-9]{{2}}"),
    **{f"{type_number}": re.compile(_OTHER) for type_number in range(10, 16)},
    "16": re.compile("[A-Z][0-9]{7,8}|[A-Z]{2}[0-9]{7}"),
    "17": re.compile("8[123][0-9]{15}[0-9X]"),
    # Social security card.
    "90": re.compile("[A-Z0-9]{9}"),
    "99": re.compile(_OTHER),
    BIRTH_CERTIFICATE: re.compile("[A-Z][0-9]{9}"),
}
# Types whose numbers may be citizen numbers, or begin with one, and may be something else.
TYPES_OF_SHARED_NUMBERS = ("02", "03", "07", "08", "09", *map(str, range(10, 16)), "17", "99")
# A citizen number alone, or with the two digits of a disability certificate behind.
_SHARED_NUMBER = re.compile(f"({_CITIZEN})(?:[0-9]{{2}})?")
# The same among letters and characters, which some write before it.
_NUMBER_WITHIN = re.compile(f"(?<![0-9])({_CITIZEN})(?:[0-9]{{2}})?(?![0-9])")
# And among other digits.
_NUMBER_ANYWHERE = re.compile(f"(?=({_CITIZEN}))")
# Of before 1999: without the century and without a check character.
_SHORT_NUMBER = re.compile(r"(?<![0-9])([1-9][0-9]{5})([0-9]{6}[0-9]{3})(?![0-9])")
_LIKE_CITIZEN_NUMBERS = frozenset({RESIDENT_ID, "07", "09", "17"})
_CITIZEN_NUMBER_CHARACTERS = 18
_ISSUED_BY_DIVISIONS = frozenset({RESIDENT_ID, "09"})
# GB/T 2260, the first two digits. Which divisions a province has comes and goes.
_PROVINCES = re.compile("1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]")
_FOREIGNERS = re.compile(f"9{_PROVINCE}")
# Of the sample regions 999019 and 999029, which are nowhere.
_SAMPLE_DIVISIONS = "9990"
_FIELDS = ("certificate_type", "certificate_number")


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """What the number of a document tells of its holder; None where it does not."""

    birth_date: dt.date | None
    gender: Gender | None


@dataclass(frozen=True, slots=True, repr=False)
class ShownDocument:
    """A document as shown at a counter; never printed."""

    certificate_type: str
    certificate_number: str


def normalised(number: str) -> str:
    """Returns a number in the one form that is hashed, stored and compared."""
    return "".join(unicodedata.normalize("NFKC", number).upper().split())


def normalised_document(document: ShownDocument) -> ShownDocument:
    """Returns a document with its number in the one form; see `normalised`."""
    return ShownDocument(document.certificate_type, normalised(document.certificate_number))


def person_key(document: ShownDocument) -> ShownDocument:
    """Returns what a person is found by, whichever document shows it (I-28).

    That is the 18-digit number by itself, and the whole document where there is none.
    """
    document = normalised_document(document)
    if document.certificate_type in TYPES_OF_SHARED_NUMBERS:
        # Some write a number in groups.
        shared = _shared_number(document.certificate_number.replace("-", ""))
        if shared is not None:
            return ShownDocument(RESIDENT_ID, shared)
    return document


def _shared_number(number: str) -> str | None:
    """Returns the citizen number that a number is, or that stands in it, or None.

    What only stands in another number has to be valid: 18 digits in a row may be anything.
    One of 15 digits is that of 18 which took its place, of somebody born in the 20th century.
    """
    whole = _SHARED_NUMBER.fullmatch(number)
    if whole is not None and _issued_by(whole[1]) is not None:
        return whole[1]
    within = (each[1] for each in _NUMBER_WITHIN.finditer(number))
    anywhere = (each[1] for each in _NUMBER_ANYWHERE.finditer(number))
    lengthened = (
        with_check_character(f"{each[1]}19{each[2]}") for each in _SHORT_NUMBER.finditer(number)
    )
    told = next((each for each in within if _issued_by(each) is not None), None)
    found = told or next(
        (each for each in (*anywhere, *lengthened) if _is_of_a_division(each)), None
    )
    return whole[1] if found is None and whole is not None else found


def _issued_by(number: str) -> str | None:
    """Returns the first six digits of a valid citizen number; None of any other."""
    try:
        return parse_citizen_number(number).region
    except RuleError:
        return None


def _is_of_a_division(number: str) -> bool:
    """Tells whether a number is valid and of a division, or a foreigner's, who names one second.

    So many digits in a row are seldom both by chance.
    """
    region = _issued_by(number)
    return region is not None and (_is_division(region) or bool(_FOREIGNERS.match(region)))


def check_document(
    certificate_type: str, number: str, *, fields: tuple[str, str] = _FIELDS
) -> DocumentFacts:
    """Returns what a normalised number tells; `fields` are the paths of type and number.

    Raises:
        RuleError: FIELD_OUT_OF_RANGE, an unknown type; FIELD_MALFORMED, another form than
            that of the type; CITIZEN_NUMBER_INVALID. No message repeats the number.
    """
    type_field, number_field = fields
    form = _FORMS.get(certificate_type)
    if form is None:
        message = "is no type of identity document that is taken"
        refuse_faults([FieldFault(type_field, Reason.FIELD_OUT_OF_RANGE, message)])
    assert form is not None
    if not form.fullmatch(number):
        message = f"is not of the form of documents of type {certificate_type}"
        if certificate_type == RESIDENT_ID:
            message = "must be 17 digits followed by a digit or a capital X"
        refuse_faults([FieldFault(number_field, Reason.FIELD_MALFORMED, message)])
    if certificate_type not in _LIKE_CITIZEN_NUMBERS or number[0].isalpha():
        return DocumentFacts(None, None)
    try:
        facts = parse_citizen_number(number[:_CITIZEN_NUMBER_CHARACTERS])
    except RuleError as error:
        refuse_faults([FieldFault(number_field, error.reason, error.message)])
        raise
    if certificate_type in _ISSUED_BY_DIVISIONS and not _is_division(facts.region):
        message = "does not begin with a province"
        refuse_faults([FieldFault(number_field, Reason.CITIZEN_NUMBER_INVALID, message)])
    # What the 17th digit of a foreigner's number says is not published.
    gender = None if certificate_type == "07" else facts.gender
    return DocumentFacts(facts.birth_date, gender)


def _is_division(region: str) -> bool:
    return bool(_PROVINCES.match(region)) or region.startswith(_SAMPLE_DIVISIONS)


def check_shown(document: ShownDocument | None, *, is_holders: bool) -> None:
    """Refuses where no document was shown, or another than the holder's (I-14, I-15, I-24).

    Raises:
        RuleError: ID_REQUIRED, ID_MISMATCH.
    """
    if document is None:
        raise RuleError(Reason.ID_REQUIRED, "the holder's identity document has to be shown")
    if not is_holders:
        raise RuleError(Reason.ID_MISMATCH, "the identity document is not that of the holder")
