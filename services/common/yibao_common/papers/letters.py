"""The font of papers, and texts broken into lines that fit.

A character that the font has not, such as a rare one of a name, is drawn as □ (虚缺号), to
be written by hand.
"""

import functools
import re
import threading
from collections.abc import Iterator
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

FONT = "WenQuanYiMicroHei"
_FONT_FILE = Path(__file__).parent / "fonts" / "wqy-microhei.ttc"
_MISSING = "□"
# A line does not begin with one of these.
_CLOSING = "，。；：、）！？”’》%％"
# Nor does one end with one of these.
_OPENING = "（“‘《"
_WORD_OR_CHARACTER = re.compile(r"[A-Za-z0-9.%:/-]+|.", re.DOTALL)

_lock = threading.Lock()


@functools.cache
def _read_font() -> TTFont:
    font = TTFont(FONT, str(_FONT_FILE), subfontIndex=0)
    pdfmetrics.registerFont(font)
    return font


def load_font() -> TTFont:
    """Returns the font, which is read once in a process: papers share what is read of it."""
    with _lock:
        return _read_font()


def wrapped(text: str, size: float, width: float) -> str:
    """Returns a text broken into lines that are no wider than `width`.

    Figures and Latin words are not broken, unless one alone is wider. What must not begin a line
    takes the piece before it along, and what must not end one goes to the next.
    """
    font = load_font()
    text = "".join(each if ord(each) in font.face.charToGlyph else _MISSING for each in text)
    lines: list[str] = []
    line: list[str] = []
    used = 0.0
    for piece in _pieces(font, text, size, width):
        wide = font.stringWidth(piece, size)
        if line and used + wide > width:
            taken: list[str] = []
            may_not_begin = piece in _CLOSING and line[-1] not in _CLOSING
            if len(line) > 1 and (may_not_begin or line[-1] in _OPENING):
                taken = [line.pop()]
            lines.append("".join(line))
            line = taken
            used = sum(font.stringWidth(each, size) for each in line)
            if line and used + wide > width:
                lines.append("".join(line))
                line, used = [], 0.0
        line.append(piece)
        used += wide
    return "\n".join((*lines, "".join(line)))


def _pieces(font: TTFont, text: str, size: float, width: float) -> Iterator[str]:
    """Yields what stays on one line: words where they fit on one, else characters."""
    for piece in _WORD_OR_CHARACTER.findall(text):
        if font.stringWidth(piece, size) > width:
            yield from piece
        else:
            yield piece
