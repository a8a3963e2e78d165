"""The process that reads a picture: `python -m yibao_cli.qr.reader FILE`.

Prints the text of the first QR code on stdout, or why there is none on stderr.
"""

import importlib.util
import sys
from pathlib import Path

MAX_PIXELS = 4_000_000
MAX_FILE_BYTES = 16 * 1024 * 1024

FOUND = 0
# Not 1 and 2, with which Python itself ends on a failure.
NOTHING_FOUND = 10
UNUSABLE = 11
NO_READER = 12

_EXTRA = "reading pictures needs the Python packages zxing-cpp and pillow"


def main() -> int:
    """Reads one picture."""
    (name,) = sys.argv[1:]
    if any(importlib.util.find_spec(module) is None for module in ("zxingcpp", "PIL")):
        return _tell(NO_READER, _EXTRA)
    import zxingcpp
    from PIL import Image, UnidentifiedImageError

    try:
        if Path(name).stat().st_size > MAX_FILE_BYTES:
            return _tell(UNUSABLE, f"{name} is larger than {MAX_FILE_BYTES // 2**20} MiB")
        # Opening reads the head alone, so that a large picture is never unpacked.
        with Image.open(name, formats=("PNG",)) as picture:
            width, height = picture.size
            if width * height > MAX_PIXELS:
                return _tell(UNUSABLE, f"{name} has more than {MAX_PIXELS:,} pixels")
            # What is transparent would turn black.
            paper = Image.new("RGBA", picture.size, "white")
            paper.alpha_composite(picture.convert("RGBA"))
    except UnidentifiedImageError:
        return _tell(UNUSABLE, f"{name} is not a PNG picture")
    except Image.DecompressionBombError:
        return _tell(UNUSABLE, f"{name} has more than {MAX_PIXELS:,} pixels")
    except (OSError, ValueError, SyntaxError) as error:
        # Of the system, what it says alone: its text names the file once more.
        problem = getattr(error, "strerror", None) or f"the picture is damaged ({error})"
        return _tell(UNUSABLE, f"{name}: cannot be read: {problem}")
    found = zxingcpp.read_barcodes(
        paper.convert("L"),
        formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCodeModel2),
        text_mode=zxingcpp.TextMode.Plain,
    )
    if not found:
        return _tell(NOTHING_FOUND, f"{name} shows no QR code")
    print(found[0].text)
    return FOUND


def _tell(code: int, message: str) -> int:
    print(message, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
