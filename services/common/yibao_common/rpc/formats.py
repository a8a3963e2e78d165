"""The forms of string fields (`yibao.common.v1.Format`): what fits, and what is wrong.

Each form has a test that is a C function, for the many values that fit, a `find_fault`
that explains the few that do not, and `canonical`, which may mend those. Explanations
never repeat the value: it may be an identity number.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from yibao.common.v1 import validation_pb2 as pb
from yibao_common.values.citizen_number import parse_citizen_number
from yibao_common.values.errors import RuleError
from yibao_common.values.names import (
    foreign_in_label,
    foreign_in_name,
    is_new_ideograph,
    stacked_in,
)
from yibao_common.values.reasons import Reason
from yibao_common.values.texts import (
    canonical_name,
    canonical_text,
    canonical_uuid,
    misleading_in,
    named_character,
    unprintable_in,
)

# The reason and the English explanation of a fault, and what the counter is told in the place of
# the reason's sentence, where that would not do: nobody finds a character that is not seen.
Fault = tuple[Reason, str] | tuple[Reason, str, str]

_UNIT_PRICE = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,6})?")
_QUANTITY = re.compile(r"(?=[0-9.]*[1-9])[0-9]{1,8}(?:\.[0-9]{1,4})?")
# No character of form NFC is more than four in another form; and around a text are some spaces.
_MOST_SPELLING, _MOST_AROUND = 4, 100
_SIGNED_DECIMAL = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")


@dataclass(frozen=True, slots=True)
class Form:
    """A form: whether a text fits, why not, and in which one way it is written.

    `fits` may say no to a text that has no fault, never yes to one that has. `canonical`
    leaves a text without a fault as it is.
    """

    fits: Callable[[str], object]
    find_fault: Callable[[str], Fault | None]
    # What a scanner or a reader of cards adds around a text is no part of it.
    canonical: Callable[[str], str] = str.strip


def _of_pattern(
    pattern: str, expected: str, canonical: Callable[[str], str] = str.strip
) -> Callable[[int, int | None], Form]:
    """Returns what makes the form of `pattern` (of one character) with length limits."""

    def make(least: int, most: int | None) -> Form:
        limits = f"{{{least},{'' if most is None else most}}}"
        fits = re.compile(pattern + limits, re.DOTALL).fullmatch
        whole = re.compile(f"{pattern}*", re.DOTALL).fullmatch

        def find_fault(text: str) -> Fault | None:
            if not whole(text):
                return Reason.FIELD_MALFORMED, expected
            if fits(text):
                return None
            return length_fault(least, most, "characters")

        return Form(fits, find_fault, canonical)

    return make


def _in_capitals(text: str) -> str:
    """Returns a text of ASCII in capitals; what else has capitals is no letter of a serial."""
    return text.strip().upper() if text.isascii() else text.strip()


def _text(
    least: int,
    most: int | None,
    *,
    unseen_in: Callable[[str], str | None] = unprintable_in,
) -> Form:
    """Returns the form of texts that people read, with length limits in characters.

    `unseen_in` returns the first character of a text that has no place in it.
    """
    # These alone are the same in every Unicode form; other texts are looked at one by one.
    common = re.compile(f"(?! )[ -~\u4e00-\u9fff]{{{least},{'' if most is None else most}}}(?<! )")

    def find_fault(text: str) -> Fault | None:
        unseen = unseen_in(text)
        if unseen is not None:
            told = f"must be of printable characters, which {named_character(unseen)} is not"
            return Reason.FIELD_MALFORMED, told, _has_zh(unseen)
        stacked = stacked_in(text)
        if stacked is not None:
            told = f"must have no stacks of marks, as with {named_character(stacked)}"
            return Reason.FIELD_MALFORMED, told, _has_zh(stacked)
        if text != canonical_text(text):
            return Reason.FIELD_MALFORMED, "must be in Unicode form NFC, without spaces around it"
        if len(text) < least or (most is not None and len(text) > most):
            return length_fault(least, most, "characters")
        return None

    return Form(common.fullmatch, find_fault, canonical_text)


def _remark(least: int, most: int | None) -> Form:
    """Returns the form of remarks, and of names that nothing is found by."""
    return _text(least, most, unseen_in=misleading_in)


def _name(least: int, most: int | None) -> Form:
    """Returns the form of names of persons: texts of which each is written in one way."""
    text = _text(least, most)
    limits = f"{{{least},{'' if most is None else most}}}"
    common = re.compile(f"[A-Za-z\u4e00-\u9fff]{limits}").fullmatch

    def find_fault(name: str) -> Fault | None:
        fault = text.find_fault(name)
        foreign = foreign_in_name(name)
        if fault is None and foreign is not None:
            where = "begins with" if foreign == name[0] else "has"
            message = f"no name of a person {where} {named_character(foreign)}"
            return Reason.FIELD_MALFORMED, message, _foreign_zh(foreign, name)
        if fault is None and name != canonical_name(name):
            message = "must have single spaces and U+00B7 as the middle dot"
            return Reason.FIELD_MALFORMED, message
        if fault is None and not _has_letter(name):
            return Reason.FIELD_MALFORMED, "must contain a letter or a Chinese character"
        return fault

    return Form(common, find_fault, canonical_name)


def _has_zh(character: str) -> str:
    return f"含有不可用的字符（U+{ord(character):04X}）"


def _foreign_zh(foreign: str, text: str) -> str:
    if foreign == text[0]:
        return f"不能以该字符开头（U+{ord(foreign):04X}）"
    return _has_zh(foreign)


def _has_letter(name: str) -> bool:
    return any(each.isalpha() or is_new_ideograph(each) for each in name)


def _label(least: int, most: int | None) -> Form:
    """Returns the form of what institutions, departments and doctors are called."""
    # Lists that are imported have full-width spaces.
    text = _text(least, most, unseen_in=misleading_in)
    limits = f"{{{least},{'' if most is None else most}}}"
    common = re.compile(f"(?![ =+@-])[ -~\u4e00-\u9fff]{limits}(?<! )").fullmatch

    def find_fault(label: str) -> Fault | None:
        fault = text.find_fault(label)
        foreign = foreign_in_label(label)
        if fault is None and foreign is not None:
            where = "begin with" if foreign == label[0] else "have"
            told = f"must not {where} {named_character(foreign)}"
            return Reason.FIELD_MALFORMED, told, _foreign_zh(foreign, label)
        return fault

    return Form(common, find_fault, canonical_text)


def length_fault(least: int, most: int | None, unit: str) -> Fault:
    """Explains a wrong length or number of items."""
    if most is None:
        limits = f"at least {least}"
    else:
        limits = f"{least}" if least == most else f"{least} to {most}"
    return Reason.FIELD_LENGTH, f"must have {limits} {unit}"


def _of_whole(pattern: str, expected: str, canonical: Callable[[str], str] = str.strip) -> Form:
    fits = re.compile(pattern).fullmatch

    def find_fault(text: str) -> Fault | None:
        return None if fits(text) else (Reason.FIELD_MALFORMED, expected)

    return Form(fits, find_fault, canonical)


def _citizen_number_fault(text: str) -> Fault | None:
    try:
        parse_citizen_number(text)
    except RuleError as error:
        return error.reason, error.message
    return None


def _decimal_fault(text: str, *, whole_digits: int, places: int) -> Fault | None:
    match = _SIGNED_DECIMAL.fullmatch(text)
    if match is None:
        return Reason.FIELD_MALFORMED, "must be a plain decimal, such as 12.5"
    sign, whole, fraction = match.groups(default="")
    if sign:
        return Reason.DECIMAL_NEGATIVE, "must not be negative"
    if len(fraction) > places:
        return Reason.DECIMAL_TOO_PRECISE, f"must have at most {places} decimals"
    if len(whole) > whole_digits:
        return (
            Reason.FIELD_OUT_OF_RANGE,
            f"must have at most {whole_digits} digits before the point",
        )
    return None


def unit_price_fault(text: str) -> Fault | None:
    """Explains what keeps `text` from being a unit price."""
    if _UNIT_PRICE.fullmatch(text):
        return None
    return _decimal_fault(text, whole_digits=10, places=6)


def quantity_fault(text: str) -> Fault | None:
    """Explains what keeps `text` from being a quantity."""
    if _QUANTITY.fullmatch(text):
        return None
    fault = _decimal_fault(text, whole_digits=8, places=4)
    return fault or (Reason.FIELD_OUT_OF_RANGE, "must be greater than zero")


def signed_quantity_fault(text: str) -> Fault | None:
    """Explains what keeps `text` from being a quantity or, with `-`, what is returned."""
    return quantity_fault(text.removeprefix("-"))


class _Fitting(dict[str, bool]):
    """The texts seen so far that have no fault; prices and quantities repeat.

    Faulty ones are not kept: they may be of any length, and whoever sends them chooses it.
    """

    _MOST = 65_536

    def __init__(self, find_fault: Callable[[str], Fault | None]) -> None:
        super().__init__()
        self._find_fault = find_fault

    def __missing__(self, text: str) -> bool:
        if self._find_fault(text) is not None:
            return False
        if len(self) >= self._MOST:
            self.clear()
        self[text] = True
        return True


def _memorised(find_fault: Callable[[str], Fault | None]) -> Form:
    """Returns a form that remembers the texts that fit."""
    return Form(_Fitting(find_fault).__getitem__, find_fault)


_SIZED = {
    pb.FORMAT_UNSPECIFIED: _remark,
    pb.FORMAT_TEXT: _text,
    pb.FORMAT_NAME: _name,
    pb.FORMAT_LABEL: _label,
    pb.FORMAT_DIGITS: _of_pattern("[0-9]", "must be digits"),
    pb.FORMAT_CODE: _of_pattern(r"[A-Za-z0-9._:/-]", "must be letters, digits and - _ . : / only"),
    pb.FORMAT_SERIAL: _of_pattern(
        r"[A-Z0-9._:/-]", "must be letters, digits and - _ . : / only", _in_capitals
    ),
}
_WHOLE = {
    pb.FORMAT_UUID: _of_whole(
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "must be a UUID, such as 0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c3e",
        canonical_uuid,
    ),
    pb.FORMAT_REGION: _of_whole("[1-9][0-9]{5}", "must be the six digits of a region"),
    pb.FORMAT_CITIZEN_NUMBER: Form(
        lambda text: _citizen_number_fault(text) is None, _citizen_number_fault
    ),
    pb.FORMAT_INSTITUTION: _of_whole("[HP][0-9]{11}", "must be H or P and eleven digits"),
    pb.FORMAT_UNIT_PRICE: _memorised(unit_price_fault),
    pb.FORMAT_QUANTITY: _memorised(quantity_fault),
    pb.FORMAT_SIGNED_QUANTITY: _memorised(signed_quantity_fault),
}


def form_of(rules: pb.FieldRules) -> Form:
    """Returns the form that a string field's rules demand of a text that is not empty."""
    least = max(rules.min_length, 1)
    most = rules.max_length if rules.HasField("max_length") else None
    whole = _WHOLE.get(rules.format)
    if whole is not None:
        assert not rules.HasField("max_length"), "the form decides the length"
        return whole
    form = _SIZED[rules.format](least, most)
    return form if most is None else _of_bounded(form, least, most)


def _of_bounded(form: Form, least: int, most: int) -> Form:
    """Returns a form that does not read a text which is too long however it is written.

    Whoever sends it chose its length, and a look at each character keeps others waiting.
    """
    longest = most * _MOST_SPELLING + _MOST_AROUND

    def find_fault(text: str) -> Fault | None:
        if len(text) > longest:
            return length_fault(least, most, "characters")
        return form.find_fault(text)

    def canonical(text: str) -> str:
        return text if len(text) > longest else form.canonical(text)

    return Form(form.fits, find_fault, canonical)
