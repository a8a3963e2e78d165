"""Rounding, amounts and ratios as a policy writes them."""

import datetime as dt
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from .refusals import Refused
from .tables import Facts

PPM = 1_000_000


def half_up(value: Fraction) -> int:
    """Returns the nearest whole number, the upper one of two."""
    return (value + Fraction(1, 2)).__floor__()


def rounded(fen: Fraction, rounding: Mapping[str, Any]) -> int:
    """Returns `fen` rounded to the unit of `rounding`, in whole fen."""
    unit = rounding.get("unit_fen", 1)
    units = fen / unit
    whole = units.__floor__() if rounding.get("mode") == "down" else half_up(units)
    return int(unit * whole)


def amount(written: Any, value_of: Callable[[str], int]) -> int:
    """Returns an AMOUNT in fen; `value_of` tells what a name in `of` is worth."""
    if not isinstance(written, dict):
        return int(written)
    fen = half_up(Fraction(value_of(written["of"]) * written.get("ppm", PPM), PPM))
    fen = max(fen, written.get("least_fen", fen))
    return int(min(fen, written.get("most_fen", fen)))


def ratio_ppm(written: Any, facts: Facts) -> int:
    """Returns a RATIO before any adjustment."""
    if not isinstance(written, dict):
        return int(written)
    each = written["each"]
    ppm = written["ppm"] + int(facts.of(each["fact"])) * each["ppm"]
    return int(min(max(ppm, written.get("least_ppm", 0)), written.get("most_ppm", PPM)))


def adjusted_ppm(ppm: int, rows: list[Mapping[str, Any]]) -> int:
    """Returns the ratio after each row of `adjust` in turn, between 0 and 100 %."""
    for row in rows:
        ppm = half_up(Fraction(ppm * row.get("factor_ppm", PPM), PPM)) + row.get("points_ppm", 0)
    return max(0, min(PPM, ppm))


def parameter_fen(name: str, values: list[Mapping[str, Any]], day: dt.date) -> int:
    """Returns the value of a parameter that is in force on `day`."""
    begun = [value for value in values if value["from"] <= day]
    if not begun:
        raise Refused("PARAMETER_NOT_IN_FORCE", f"{name} on {day}")
    return int(max(begun, key=lambda value: value["from"])["fen"])
