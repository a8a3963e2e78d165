"""Random amounts, ratios, brackets and roundings."""

import random
from typing import Any

from .facts import NUMBERS

PPM = 1_000_000


def fen(chance: random.Random, most: int = 3_000_000) -> int:
    """Returns fen, small as often as large, often not round, and often the same again."""
    if chance.random() < 0.15:
        # Amounts that meet limits, bounds and each other to the fen.
        return min(most, chance.choice((1, 50, 1_000, 20_000, 100_000)))
    size = int(10 ** chance.uniform(0, len(str(most)) - 1))
    some = min(most, chance.randint(size, size * 10))
    return some if chance.random() < 0.5 or some < 1000 else some // 1000 * 1000


def ratio(chance: random.Random) -> int:
    """Returns a ratio in ppm: a usual one, or one that divides badly."""
    usual = (0, PPM, 500_000, 600_000, 700_000, 850_000, 900_000)
    return chance.choice(usual) if chance.random() < 0.5 else chance.randint(10_000, PPM)


def amount(chance: random.Random, names: list[str], parameters: list[str]) -> Any:
    """Returns an AMOUNT of fen, or of an amount or parameter."""
    choices = [*names, *parameters, *parameters]
    if not choices or chance.random() < 0.65:
        return chance.choice((0, fen(chance, 300_000), fen(chance, 300_000)))
    written: dict[str, Any] = {"of": chance.choice(choices)}
    if chance.random() < 0.8:
        written["ppm"] = chance.choice((50_000, 100_000, 123_457, 200_000))
    least = fen(chance, 30_000)
    if chance.random() < 0.3:
        written["least_fen"] = least
    if chance.random() < 0.3:
        written["most_fen"] = least + fen(chance, 300_000)
    return written


def written_ratio(chance: random.Random) -> Any:
    """Returns a RATIO of a bracket."""
    if chance.random() < 0.85:
        return ratio(chance)
    written: dict[str, Any] = {
        "ppm": chance.randint(300_000, 800_000),
        "each": {
            "fact": chance.choice(list(NUMBERS)),
            "ppm": chance.choice((1_000, 7_777, 20_000)),
        },
    }
    if chance.random() < 0.3:
        written["least_ppm"] = chance.randint(300_000, 600_000)
    if chance.random() < 0.5:
        written["most_ppm"] = chance.randint(600_000, PPM)
    return written


def brackets(chance: random.Random) -> list[dict[str, Any]]:
    """Returns contiguous brackets, of which only the last may be open."""
    made = []
    at = 0 if chance.random() < 0.85 else fen(chance, 100_000)
    number = chance.choice((1, 1, 2, 3, 4))
    for index in range(number):
        bracket: dict[str, Any] = {"over_fen": at}
        at += fen(chance, 2_000_000)
        if index < number - 1 or chance.random() < 0.4:
            bracket["upto_fen"] = at
        bracket["ratio_ppm"] = written_ratio(chance)
        made.append(bracket)
    return made


def rounding(chance: random.Random) -> dict[str, Any]:
    """Returns a rounding with some of its keys."""
    written = {
        "each": chance.choice(("step", "bracket")),
        "mode": chance.choice(("half_up", "down")),
        "unit_fen": chance.choice((1, 1, 10, 100)),
    }
    return {key: value for key, value in written.items() if chance.random() < 0.6}
