"""The canonical form of texts and ids that people and scanners write in more than one way.

A text is compared, stored and digested in one form only, so that the same number typed,
scanned and sent again is the same number.
"""

import re
import unicodedata

from yibao_common.values.names import MOST_MARKS_IN_A_ROW, is_new_ideograph

_HEX = "[0-9a-f]"
_DASHED = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_BODY = f"({_DASHED}|{_HEX}{{32}})"
# How systems write a UUID: bare, without dashes, in braces or parentheses, as a URN.
_UUID_FORMS = re.compile(
    rf"{_BODY}|\{{{_BODY}\}}|\({_BODY}\)|urn:uuid:{_BODY}", re.ASCII | re.IGNORECASE
)
# What `str.isprintable` takes for printable and nobody sees: joiners, fillers, selectors of
# a glyph, blank braille; U+FFFC and U+FFFD, which stand where something was lost.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\ufffc\ufffd"
    "\U000e0100-\U000e01ef]"
)
# Of these, what names of drugs and phones have: joiners and selectors of a glyph.
_OF_GLYPHS = re.compile("[\u180b-\u180d\u180f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]")
# Middle dots that keyboards and other systems write between the parts of a name.
# One is as good as several, with a space around or without.
_DOTS = re.compile("(?: ?[\u00b7\u2022\u2027\u2219\u22c5\u30fb\uff65\u16eb\u2e31\u2e33\ua78f])+ ?")
_SPACES = re.compile(" +")


def canonical_uuid(text: str) -> str:
    """Returns a UUID in its form of 36 lower-case characters; any other text as it is."""
    found = _UUID_FORMS.fullmatch(text.strip())
    if found is None:
        return text
    digits = found[found.lastindex or 0].replace("-", "").lower()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def canonical_text(text: str) -> str:
    """Returns `text` in Unicode form NFC and without white space around it.

    A text with more marks in a row than any has stays in the form that it has.
    """
    return _composed(text.strip())


def canonical_name(text: str) -> str:
    """Returns a person's name in the one form: NFC, single spaces, U+00B7 as the middle dot."""
    # Spaces first: where dots are looked for, a run of them costs the square of its length.
    spaced = _SPACES.sub(" ", _composed(text))
    return _DOTS.sub("\u00b7", spaced).strip()


def _composed(text: str) -> str:
    if text.isascii() or _has_row_of_marks(text):
        return text
    return unicodedata.normalize("NFC", text)


def _has_row_of_marks(text: str) -> bool:
    marks = 0
    for each in text:
        marks = marks + 1 if unicodedata.category(each)[0] == "M" else 0
        if marks > MOST_MARKS_IN_A_ROW:
            return True
    return False


def named_character(character: str) -> str:
    """Returns what tells a character to who cannot see it, such as U+200B ZERO WIDTH SPACE."""
    return f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()


def unprintable_in(text: str) -> str | None:
    """Returns the first character of `text` that no reader sees, or None.

    Such are control, zero-width, direction (bidi) and private characters, line ends and
    spaces other than the plain one, U+FFFC and U+FFFD.
    """
    if text.isprintable() and not _UNSEEN.search(text):
        return None
    return next((each for each in text if not _is_seen(each)), None)


def misleading_in(text: str) -> str | None:
    """Returns the first character of `text` that hides something or turns it round, or None.

    As `unprintable_in`, but spaces of any width and what joins or selects a glyph are seen.
    """
    if unprintable_in(text) is None:
        return None
    return next((each for each in text if unprintable_in(each) and not _is_layout(each)), None)


def _is_seen(character: str) -> bool:
    if _UNSEEN.match(character):
        return False
    return character.isprintable() or is_new_ideograph(character)


def _is_layout(character: str) -> bool:
    return unicodedata.category(character) == "Zs" or bool(_OF_GLYPHS.match(character))
