"""Text files that people edit, as editors on Windows save them: with a byte order mark."""

import codecs

_MARK = codecs.BOM_UTF8


def unmarked(contents: bytes) -> bytes:
    """Returns the bytes of a text in UTF-8 without the byte order mark before it.

    Raises:
        ValueError: it is in UTF-16 or UTF-32; the text follows the name of the file.
    """
    # Of ASCII every other byte is NUL in UTF-16 without a mark; other files have few, or no others.
    is_half_nul = len(contents) < contents.count(0) * 4 <= len(contents) * 3
    if contents.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or is_half_nul:
        raise ValueError('is in UTF-16 ("Unicode"): save it as UTF-8')
    return contents.removeprefix(_MARK)
