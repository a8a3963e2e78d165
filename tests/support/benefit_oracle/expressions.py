"""The expressions by which examples say what must come out."""

from collections.abc import Callable
from fractions import Fraction

from .amounts import half_up


def value(expression: str, amount_of: Callable[[str], int]) -> Fraction:
    """Returns the worth of names joined by `+`, `-` and `/`, read from the left."""
    words = expression.split()
    result = Fraction(amount_of(words[0]))
    for sign, name in zip(words[1::2], words[2::2], strict=True):
        operand = amount_of(name)
        if sign == "/":
            result /= operand
        else:
            result += operand if sign == "+" else -operand
    return result


def told(result: Fraction) -> str:
    """Returns a ratio with four decimals."""
    tenthousandths = half_up(result * 10_000)
    return f"{tenthousandths // 10_000}.{tenthousandths % 10_000:04d}"
