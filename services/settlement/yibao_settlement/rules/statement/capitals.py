"""Amounts in capitals (大写金额), which nobody can alter with a stroke of the pen.

Written as the rules for bills of the People's Bank want it (支付结算办法, 银发〔1997〕393号,
附一): 整 behind yuan and jiao and never behind fen, one 零 for zeros that lie together inside
the number and for a jiao of zero. Without 人民币, since the sheet prints the label 大写.
"""

from yibao_common.values.errors import InvariantError

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_TEN_THOUSAND, _HUNDRED_MILLION = 10**4, 10**8
# A trillion yuan: no bill and no year of bills comes near.
_MOST_FEN = 10**14


def in_capitals(amount_fen: int) -> str:
    """Returns an amount in capitals: 32504 -> `叁佰贰拾伍元零肆分`.

    Raises InvariantError from a trillion yuan on.
    """
    if abs(amount_fen) >= _MOST_FEN:
        raise InvariantError(f"{amount_fen} fen are no amount of a bill")
    sign = "负" if amount_fen < 0 else ""
    yuan, fen = divmod(abs(amount_fen), 100)
    return sign + _whole(yuan, has_fen=fen > 0) + _fraction(fen, of_yuan=yuan > 0)


def _whole(yuan: int, *, has_fen: bool) -> str:
    if yuan == 0:
        return "" if has_fen else "零元"
    return f"{_number(yuan)}元"


def _fraction(fen: int, *, of_yuan: bool) -> str:
    jiao, fen = divmod(fen, 10)
    if not jiao and not fen:
        return "整"
    tenths = f"{_DIGITS[jiao]}角" if jiao else "零" if of_yuan else ""
    return tenths + (f"{_DIGITS[fen]}分" if fen else "整")


def _number(number: int) -> str:
    """Returns a number above zero; one 零 stands for the zeros at the head of what is left."""
    for size, name in ((_HUNDRED_MILLION, "亿"), (_TEN_THOUSAND, "万")):
        if number >= size:
            head, rest = divmod(number, size)
            return f"{_number(head)}{name}{_rest(rest, size=size)}"
    text, zero = "", False
    for place in (3, 2, 1, 0):
        digit = number // 10**place % 10
        if digit:
            text += ("零" if zero and text else "") + _DIGITS[digit] + _PLACES[place]
        zero = digit == 0
    return text


def _rest(rest: int, *, size: int) -> str:
    if not rest:
        return ""
    return ("零" if rest < size // 10 else "") + _number(rest)
