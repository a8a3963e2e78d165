"""What of a person's name and number a paper shows: the rule is that of the paper.

The sheet that is signed carries both in full, as its reader must know whom it is about. A
copy for others, such as an employer or an insurer, shows as much as a fiscal bill does.
What came masked is not masked again, so that no character is taken for another.
"""

import enum

_MASK = "*"
# A citizen number (GB 11643) on fiscal bills: region and last four.
_CITIZEN_NUMBER_LENGTH, _SHOWN_FIRST, _SHOWN_LAST = 18, 6, 4
_NAME_SHOWN_LAST = 2


class Paper(enum.IntEnum):
    """Which paper is printed, and so for whom."""

    SIGNED = 1
    COPY = 2


def name_on(paper: Paper, name: str) -> str:
    """Returns a person's name as `paper` shows it: 欧阳小明 -> `**小明`, 王芳 -> `*芳`."""
    if paper is Paper.SIGNED or _MASK in name or not name:
        return name
    shown = min(_NAME_SHOWN_LAST, len(name) - 1)
    return _MASK * (len(name) - shown) + name[len(name) - shown :]


def number_on(paper: Paper, number: str) -> str:
    """Returns the number of an identity document as `paper` shows it.

    Of a citizen number the first six and the last four characters, of any other the first
    and the last.
    """
    if paper is Paper.SIGNED or _MASK in number or not number:
        return number
    if len(number) == _CITIZEN_NUMBER_LENGTH:
        first, last = _SHOWN_FIRST, _SHOWN_LAST
    else:
        first, last = (1, 1) if len(number) > 2 else (0, len(number) - 1)
    return number[:first] + _MASK * (len(number) - first - last) + number[len(number) - last :]
