"""Which characters names have: of persons, and of what institutions call theirs.

Whoever opens a list in a spreadsheet should find a name and no formula, and whoever prints it
no picture and no stack of marks that covers the lines around it. Real names pass: of every
script, with the middle dot of Chinese translations, the hyphens, apostrophes and commas of
passports, and characters of Unicode blocks that are newer than this program.
"""

import re
import unicodedata

# Marks of Latin, Greek and Cyrillic: in form NFC no orthography has three on one letter.
_GENERAL_MARKS = re.compile(
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{3}"
)
# Unicode's own limit for texts of which somebody sees only a part (UAX 15). More marks in a row
# are put into their order in a time that grows with the square of their number; no text has them.
MOST_MARKS_IN_A_ROW = 30
# Tibetan writes consonants and vowels below and above one another, six at the most.
_MOST_MARKS = 6
_APOSTROPHES = "'\u2018\u2019`\u00b4"
_HYPHENS = "-\u2010\u2011\u2013\u2014"
# With the points of Tibetan between syllables and of Hebrew and Armenian initials.
_OF_SCRIPTS = "\u0f0b\u0f0c\u05f3\u05f4\u055a"
_IN_NAMES = frozenset(
    f" .,/()\uff08\uff09\uff0c\uff0e\u3001\u00b7{_APOSTROPHES}{_HYPHENS}{_OF_SCRIPTS}"
)
_FORMULA_SIGNS = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
# Dingbats and the planes' blocks of pictures, with what paints their skin.
_PICTURES = re.compile("[\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]")


def stacked_in(text: str) -> str | None:
    """Returns the first mark of `text` that lies on more others than any script has, or None."""
    if text.isascii():
        return None
    found = _GENERAL_MARKS.search(text)
    if found is not None:
        return text[found.end() - 1]
    marks = row = 0
    for each in text:
        category = unicodedata.category(each)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        row = row + 1 if category[0] == "M" else 0
        if marks > _MOST_MARKS or row > MOST_MARKS_IN_A_ROW:
            return each
    return None


def foreign_in_name(name: str) -> str | None:
    """Returns the first character that no name of a person has, there or at all, or None."""
    for place, each in enumerate(name):
        kind = unicodedata.category(each)[0]
        begins = kind in "LN" or each in _APOSTROPHES or is_new_ideograph(each)
        if not begins and (place == 0 or (kind != "M" and each not in _IN_NAMES)):
            return each
    return None


def foreign_in_label(label: str) -> str | None:
    """Returns the first character that is not in what anything is called, or None.

    Pictures are not, nor at the beginning a mark, or a sign that spreadsheets calculate by.
    """
    first = label[:1]
    if first in _FORMULA_SIGNS or unicodedata.category(first or "a")[0] == "M":
        return first
    found = _PICTURES.search(label)
    return None if found is None else found[0]


def is_new_ideograph(character: str) -> bool:
    """Tells whether a character is one of the ideographs that Unicode keeps two planes for.

    Newer ones (extensions H and on) stand in names, and programs do not know them yet.
    """
    return "\U00020000" <= character <= "\U0003fffd" and character[-1] not in "\U0002fffe\U0002ffff"
