"""Amounts: integer fen, ratios in parts per million, and every rounding by name."""

import functools

from yibao_common.values.errors import InvariantError

PPM = 1_000_000
_PRICE_PLACES = 6
_QUANTITY_PLACES = 4


def divide_half_up(numerator: int, denominator: int) -> int:
    """Returns `numerator / denominator`, half rounded up; both not negative."""
    if numerator < 0 or denominator <= 0:
        raise InvariantError("only what is not negative is divided, by what is positive")
    return (2 * numerator + denominator) // (2 * denominator)


def share_half_up_fen(amount_fen: int, *, ratio_ppm: int) -> int:
    """Returns `ratio_ppm` of `amount_fen`, half a fen rounded up."""
    if amount_fen < 0 or not 0 <= ratio_ppm <= PPM:
        raise InvariantError("a share is a part of an amount that is not negative")
    return (2 * amount_fen * ratio_ppm + PPM) // (2 * PPM)


def parse_decimal(text: str, *, places: int) -> int:
    """Returns a plain decimal as an integer of `10 ** -places`: ("1.5", 4) -> 15000.

    `text` has digits and at most one point with at most `places` digits behind it;
    the caller has checked that.
    """
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(places, "0"))


def decimal_text(value: int, *, places: int) -> str:
    """Returns an integer of `10 ** -places` as a plain decimal: (15000, 4) -> "1.5"."""
    whole, fraction = divmod(value, 10**places)
    return f"{whole}.{fraction:0{places}d}".rstrip("0").rstrip(".") if fraction else str(whole)


# Hospitals charge the same prices and quantities again and again.
@functools.lru_cache(maxsize=65_536)
def line_amount_fen(unit_price: str, quantity: str, /) -> int:
    """Returns price (yuan, 6 decimals) x quantity (4 decimals), rounded half up to fen."""
    price = parse_decimal(unit_price, places=_PRICE_PLACES)
    count = parse_decimal(quantity, places=_QUANTITY_PLACES)
    # 10 decimals of yuan; a fen is 2 of them.
    return divide_half_up(price * count, 10 ** (_PRICE_PLACES + _QUANTITY_PLACES - 2))


def yuan(amount_fen: int) -> str:
    """Returns an amount in yuan for people: 1234567 -> `12345.67`."""
    sign = "-" if amount_fen < 0 else ""
    return f"{sign}{abs(amount_fen) // 100}.{abs(amount_fen) % 100:02d}"
