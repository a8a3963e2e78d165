"""`yibao qr show`: a code in the terminal, or in a picture."""

from pathlib import Path

from rich.console import Console

from yibao_cli.output import is_json, print_document
from yibao_cli.qr.drawing import PNG_SCALE, QUIET_ZONE, draw, make_code, misfit, print_code
from yibao_cli.whole_file import whole_file
from yibao_common.process.config import StartError


def run_show(out: Console, text: str, *, png: Path | None) -> int:
    """Draws a code, or writes its picture; returns 0.

    Raises:
        StartError: the text is too long, or the terminal too narrow for its code.
        OSError: the picture cannot be written.
    """
    try:
        drawing, code = draw(text), make_code(text)
    except ValueError:
        raise StartError("the text is too long for a QR code") from None
    if png is not None:
        with whole_file(png, "wb") as file:
            code.save(file, kind="png", scale=PNG_SCALE, border=QUIET_ZONE)
        if is_json():
            print_document(out, {"file": str(png)})
        else:
            out.print(f"{png} is the code.", markup=False, soft_wrap=True)
        return 0
    if is_json():
        rows = [[int(module) for module in row] for row in code.matrix_iter(border=0)]
        print_document(out, {"text": text, "modules": rows})
        return 0
    problem = misfit(drawing, out)
    if problem:
        raise StartError(f"{problem}, or write a picture: --png FILE")
    print_code(out, drawing)
    return 0
