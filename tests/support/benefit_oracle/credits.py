"""Credits to the personal account: `yibao-credit/1`."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from .amounts import PPM, half_up
from .tables import Facts, row_of


def credit_fen(written: Mapping[str, Any], facts: Mapping[str, Any], base_fen: int) -> int:
    """Returns what all credits of a file give for one month."""
    fen = 0
    for credit in written["credits"]:
        row = row_of(credit, Facts(dict(facts)), credit["id"])
        bounds = credit.get("base") or {}
        base = max(base_fen, bounds.get("least_fen", base_fen))
        base = min(base, bounds.get("most_fen", base))
        fen += (
            row["amount_fen"]
            if "amount_fen" in row
            else half_up(Fraction(base * row["ratio_ppm"], PPM))
        )
    return fen
