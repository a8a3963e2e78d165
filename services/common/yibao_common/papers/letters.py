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

    Figures and Latin words are not broken, unless one alone is wider.
    """
    font = load_font()
    text = "".join(each if ord(each) in font.face.charToGlyph else _MISSING for each in text)
    lines, line, used = [], "", 0.0
    for piece in _pieces(font, text, size, width):
        wide = font.stringWidth(piece, size)
        if line and used + wide > width and piece not in _CLOSING:
            lines.append(line)
            line, used = "", 0.0
        line += piece
        used += wide
    return "\n".join((*lines, line))


def _pieces(font: TTFont, text: str, size: float, width: float) -> Iterator[str]:
    """Yields what stays on one line: words where they fit on one, else characters."""
    for piece in _WORD_OR_CHARACTER.findall(text):
        if font.stringWidth(piece, size) > width:
            yield from piece
        else:
            yield piece
